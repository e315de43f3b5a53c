public import Advisor
import DiskImage
import DomainXML
import HostFacts
public import Inventory
import JSONText
public import Quantities

/// One guest: what it is, where it runs, what there is to say of it.
public struct GuestDrawing: Sendable {
    private let guest: Guest
    private let estate: Estate
    private let audit: Audit

    /// A drawing.
    ///
    /// - Parameters:
    ///   - guest: the guest.
    ///   - estate: its host, and the images.
    ///   - audit: what the practices found in it.
    public init(_ guest: Guest, in estate: Estate, audit: Audit) {
        self.guest = guest
        self.estate = estate
        self.audit = audit
    }

    // MARK: For people

    /// Sections: what it has, host nodes with their CPUs, disks with their chains, interfaces, findings.
    public func text(_ style: TextStyle, _ language: Language) -> [UInt8] {
        var page = Page(style: style, language: language)
        let state = guest.state.value.map { Words.state($0)[language] } ?? "?"
        page.line("\(style.ink(Columns.plain(guest.name), .bold))  \(state), \(guest.workload.rawValue)")
        has(&page)
        nodes(&page)
        disks(&page)
        interfaces(&page)
        findings(&page)
        return Array(page.text.utf8)
    }

    private func title(_ text: Text, _ page: inout Page) {
        page.line("")
        page.line(page.style.ink(text[page.language], .bold))
    }

    /// One value where both say the same, or only one is there; else running / next start.
    private func pair(_ value: (DomainDefinition) -> String?) -> String {
        let (running, next) = (guest.live.flatMap(value), guest.persistent.flatMap(value))
        guard let running, let next, running != next else { return running ?? next ?? "?" }
        return "\(running) / \(next)"
    }

    private func has(_ page: inout Page) {
        var hasTwo = false
        func row(_ label: Text, _ value: String) {
            hasTwo = hasTwo || value.contains(" / ")
            page.line("  \(Columns.padded(label[page.language], 14))\(Columns.plain(value))")
        }
        row(Text("Machine", "机器类型"), pair { "\($0.type) \($0.architecture ?? "") \($0.machine ?? "")" })
        row(Text("CPU", "CPU"), pair { $0.cpu.map { $0.model ?? $0.mode ?? "?" } ?? "–" })
        row(
            Text("vCPUs", "vCPU"),
            pair { $0.currentVCPUs == $0.vcpus ? "\($0.vcpus)" : "\($0.currentVCPUs)/\($0.vcpus)" })
        let balloon = guest.statistics.value?.balloonCurrent
        row(
            Text("Memory", "内存"),
            pair { domain in
                let now = guest.live != nil ? balloon ?? domain.currentMemory : domain.currentMemory
                let pages = domain.wantsHugePages ? Text(", huge pages", ",大页")[page.language] : ""
                let most = domain.maxMemory.map { Text(" up to \($0)", ",最多 \($0)")[page.language] } ?? ""
                return
                    "\(now?.description ?? "?")\(now == domain.memory ? "" : "/\(domain.memory?.description ?? "?")")\(most)\(pages)"
            })
        if hasTwo {
            page.paragraph(
                Text("Two values: running / at its next start.", "两个值:运行中 / 下次启动。")[page.language], indent: 2, dim: true
            )
        }
    }

    /// A letter for each host CPU: whose thread is pinned to it alone or with others.
    private func nodes(_ page: inout Page) {
        guard let domain = guest.definition else { return }
        title(Text("Where it runs", "运行位置"), &page)
        guard case .known(let nodes) = estate.host.numa.nodes, !nodes.isEmpty else {
            page.line("  \(Text("the host's nodes are not known", "主机节点未知")[page.language])")
            return
        }
        let everywhere = domain.cpuset
        let bound = domain.numaTuning?.memory
        for node in nodes {
            var cells = ""
            for cpu in node.cpus.members {
                cells += page.style.ink(Self.mark(cpu, domain, everywhere), Self.isPinned(cpu, domain) ? .green : .dim)
            }
            let isBound = bound?.nodes?.contains(node.id) == true
            let memory = isBound ? "  \(Text("memory", "内存")[page.language]): \(bound?.mode ?? "")" : ""
            let free = node.free.value.map { "  \(Text("free", "空闲")[page.language]) \($0)" } ?? ""
            page.line("  \(Text("node", "节点")[page.language]) \(node.id)  \(cells)\(memory)\(free)")
        }
        page.paragraph(
            Text(
                "A mark for each CPU of the host: 0–9, a–z a vCPU that is pinned there, + several, e QEMU's own threads, i an I/O thread, · may run there, – may not.",
                "每个主机 CPU 一个标记:0–9、a–z 为固定在此的 vCPU,+ 为多个,e 为 QEMU 自身线程,i 为 I/O 线程,· 表示可运行,– 表示不可运行。")[page.language],
            indent: 2, dim: true)
    }

    private static func isPinned(_ cpu: Int, _ domain: DomainDefinition) -> Bool {
        domain.vcpuPins.contains { $0.cpus?.contains(cpu) == true }
    }

    private static func mark(_ cpu: Int, _ domain: DomainDefinition, _ everywhere: CPUSet?) -> String {
        let vcpus = domain.vcpuPins.filter { $0.cpus?.contains(cpu) == true }.compactMap(\.thread)
        if vcpus.count > 1 { return "+" }
        if let vcpu = vcpus.first {
            return vcpu < 10 ? "\(vcpu)" : vcpu < 36 ? String(UnicodeScalar(UInt8(0x61 + vcpu - 10))) : "#"
        }
        if domain.emulatorPin?.cpus?.contains(cpu) == true { return "e" }
        if domain.iothreadPins.contains(where: { $0.cpus?.contains(cpu) == true }) { return "i" }
        let areAllPinned = domain.vcpuPins.count >= domain.vcpus
        return areAllPinned || everywhere.map { !$0.contains(cpu) } ?? false ? "–" : "·"
    }

    private func disks(_ page: inout Page) {
        guard let domain = guest.definition, !domain.disks.isEmpty else { return }
        title(Text("Disks", "磁盘"), &page)
        for disk in domain.disks {
            var words = [disk.target, disk.busInForce, disk.device == "disk" ? nil : disk.device, disk.format]
                .compactMap { $0 }
            if let cache = disk.cache { words.append("cache \(cache)") }
            if let io = disk.io { words.append("io \(io)") }
            page.line("  \(Columns.plain(words.joined(separator: "  ")))")
            guard let path = disk.path else { continue }
            var seen: Set<String> = []
            var next: String? = path
            var indent = "    "
            // A chain may lead in a circle.
            while let path = next, seen.insert(path).inserted, seen.count <= 64 {
                let image = estate.images[path]?.value
                let size = image?.virtualSize.value.map { "  \($0)" } ?? ""
                let taken = image?.allocated.value.map { Text(", \($0) taken", ",已占用 \($0)")[page.language] } ?? ""
                let format = image.map { "  \($0.format.rawValue)" } ?? ""
                page.line(indent + Columns.plain("\(seen.count > 1 ? "└ " : "")\(path)\(format)\(size)\(taken)"))
                next = image?.backingFile.map { $0.hasPrefix("/") ? $0 : Self.beside(path, $0) }
                indent += seen.count > 1 ? "  " : ""
            }
        }
    }

    private static func beside(_ path: String, _ name: String) -> String {
        path.lastIndex(of: "/").map { path[...$0] + name } ?? name
    }

    private func interfaces(_ page: inout Page) {
        guard let domain = guest.definition, case let all = domain.devices("interface").map(Interface.init),
            !all.isEmpty
        else { return }
        title(Text("Network", "网络"), &page)
        for interface in all {
            let words = [interface.mac, interface.model, interface.type].compactMap { $0 }
            page.line("  \(Columns.plain(words.joined(separator: "  ")))")
        }
    }

    private func findings(_ page: inout Page) {
        title(Text("Findings", "发现"), &page)
        let entries = audit.results.flatMap(\.findings).filter { $0.waiver == nil }
            .sorted { $0.finding.severity > $1.finding.severity }
        guard !entries.isEmpty else {
            page.line("  \(Text("none", "无")[page.language])")
            return
        }
        for entry in entries {
            let severity = entry.finding.severity
            let word = page.style.severity(severity, Columns.padded(Words.severity(severity)[page.language], 9))
            page.line("  \(word) \(audit.practices[entry.practice].id)")
            page.paragraph(Columns.plain(entry.finding.what[page.language]), indent: 12)
        }
    }

    // MARK: For programs

    /// The same as an object.
    public func json(_ language: Language) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("name", guest.name)
            json.member("state", guest.state.value?.rawValue)
            json.member("workload", guest.workload.rawValue)
            Self.definition("running", guest.live, &json)
            Self.definition("nextStart", guest.persistent, &json)
            json.member("findings", array: audit.results.flatMap(\.findings)) { json, entry in
                json.object { json in
                    json.member("id", audit.practices[entry.practice].id)
                    json.member("severity", entry.finding.severity.rawValue)
                    json.member("what", entry.finding.what[language])
                }
            }
        }
        return json.finished()
    }

    private static func definition(_ name: String, _ domain: DomainDefinition?, _ json: inout JSONWriter) {
        guard let domain else { return json.member(name, nil as String?) }
        json.member(
            name,
            object: { json in
                json.member("type", domain.type)
                json.member("machine", domain.machine)
                json.member("vcpus", domain.currentVCPUs)
                json.member("maximumVCPUs", domain.vcpus)
                json.member("memoryBytes", domain.currentMemory?.rawValue)
                json.member("maximumMemoryBytes", (domain.maxMemory ?? domain.memory)?.rawValue)
                json.member("hugePages", domain.wantsHugePages)
                json.member("memoryNodes", domain.numaTuning?.memory?.nodes?.description)
                json.member("vcpuPins", array: domain.vcpuPins) { json, pin in
                    json.object { json in
                        json.member("vcpu", pin.thread)
                        json.member("cpus", pin.cpus?.description)
                    }
                }
                json.member("disks", array: domain.disks) { json, disk in
                    json.object { json in
                        json.member("target", disk.target)
                        json.member("bus", disk.busInForce)
                        json.member("path", disk.path)
                        json.member("format", disk.format)
                    }
                }
            })
    }
}
