public import HostFacts
public import Quantities

/// Host facts for people: grouped, aligned, what is unknown with its reason.
public struct FactsText {
    private var page: Page
    private let say: FactWords

    /// Columns of the labels, two of them before the text.
    private static let margin = 24

    /// The facts as text.
    public static func write(_ facts: HostFacts, language: Language, style: TextStyle) -> [UInt8] {
        var text = FactsText(page: Page(style: style, language: language), say: FactWords(language: language))
        text.system(facts)
        text.boot(facts)
        text.cpu(facts)
        text.memory(facts)
        text.numa(facts)
        text.storage(facts)
        text.guests(facts)
        return Array(text.page.text.utf8)
    }

    // MARK: Rows

    private mutating func heading(_ title: Text) {
        if !page.text.isEmpty { page.line("") }
        page.line(page.style.ink(title[say.language], .bold))
    }

    private mutating func row(_ label: Text, plain words: String, isDim: Bool = false) {
        let width = max(20, page.style.width - Self.margin)
        for (index, line) in Columns.wrapped(Columns.plain(words), to: width).enumerated() {
            let start =
                "  " + Columns.padded(index == 0 ? Columns.plain(label[say.language]) : "", Self.margin - 4) + "  "
            page.line(start + (isDim ? page.style.ink(line, .dim) : line))
        }
    }
    private mutating func row<Value>(_ label: Text, _ fact: Fact<Value>, _ words: (Value) -> String) {
        switch fact {
        case .known(let value): row(label, plain: words(value))
        case .unknown(let reason): row(label, plain: say.unknown(reason), isDim: true)
        }
    }
    private mutating func row(_ label: Text, _ fact: Fact<String>) { row(label, fact) { $0.isEmpty ? "–" : $0 } }
    private mutating func row(_ label: Text, _ fact: Fact<ByteCount>) { row(label, fact, \.description) }
    private mutating func row(_ label: Text, _ fact: Fact<some BinaryInteger & Sendable>) {
        row(label, fact, \.description)
    }
    private mutating func row<Kind>(_ label: Text, _ fact: Fact<IDSet<Kind>>) {
        row(label, fact) { $0.isEmpty ? "–" : $0.description }
    }
    private mutating func row(_ label: Text, _ fact: Fact<Bool>) {
        let language = say.language
        row(label, fact) { ($0 ? Text("yes", "是") : Text("no", "否"))[language] }
    }

    // MARK: Groups

    private mutating func system(_ facts: HostFacts) {
        let say = say
        let language = say.language
        heading(Text("System", "系统"))
        row(Text("host", "主机"), facts.system.hostName)
        row(Text("distribution", "发行版"), facts.system.distribution.map(\.name))
        if facts.system.isTransactional.value == true {
            row(
                Text("root file system", "根文件系统"),
                plain: Text("read-only (transactional-update)", "只读(transactional-update)")[language])
        }
        row(Text("kernel", "内核"), facts.kernel.release)
        row(Text("architecture", "架构"), facts.kernel.architecture)
        row(Text("firmware", "固件"), facts.system.isEFI) { $0 ? "UEFI" : "BIOS" }
        row(Text("up for", "已运行"), facts.system.uptime) { say.duration($0) }
        row(Text("load", "负载"), facts.system.loadAverages) { $0.map { "\($0)" }.joined(separator: " ") }
        row(Text("hypervisors", "虚拟化"), facts.hypervisor.present) { say.joined($0.map(\.rawValue).sorted()) }
        row(Text("runs under", "运行于"), facts.hypervisor.under) { under in
            under.map { $0 == "a hypervisor" ? Text("a hypervisor", "虚拟机监控程序")[language] : $0 }
                ?? Text("no hypervisor", "物理机")[language]
        }
        row(Text("tuned by", "调优工具"), facts.services.owners) { owners in
            owners.isEmpty
                ? say.none
                : say.joined(
                    owners.map { owner in owner.profile.map { "\(owner.tool.rawValue) (\($0))" } ?? owner.tool.rawValue
                    })
        }
    }

    private mutating func boot(_ facts: HostFacts) {
        let say = say
        heading(Text("Boot", "引导"))
        row(Text("boot loader", "引导加载程序"), facts.boot.loader.map(\.rawValue))
        row(Text("command line", "内核命令行"), facts.kernel.commandLine) { say.line($0) }
        row(Text("at the next boot", "下次启动时"), facts.boot.nextCommandLine) { say.line($0) }
        if let source = facts.boot.nextSource { row(Text("from", "来自"), plain: source) }
        row(Text("configured", "已配置"), facts.boot.configured) { $0.parameters.isEmpty ? say.none : say.line($0) }
        if let source = facts.boot.configuredSource { row(Text("in", "位于"), plain: source) }
        if facts.hypervisor.present.value?.contains(.xen) == true {
            row(Text("Xen command line", "Xen 命令行"), facts.hypervisor.xenCommandLine) { say.line($0) }
        }
    }

    private mutating func cpu(_ facts: HostFacts) {
        let say = say
        let language = say.language
        let cpu = facts.cpu
        heading(Text("CPU", "CPU"))
        row(Text("model", "型号"), cpu.model)
        row(Text("online", "在线"), cpu.online)
        row(Text("offline", "离线"), cpu.offline)
        if cpu.isolated.value?.isEmpty != true { row(Text("isolated", "隔离"), cpu.isolated) }
        row(Text("sockets", "插槽"), cpu.sockets)
        row(Text("cores in all", "核心总数"), cpu.cores)
        row(Text("threads of a core", "每核线程数"), cpu.threads)
        row(Text("SMT in force", "SMT 生效"), cpu.smtActive)
        row(Text("caches", "缓存"), cpu.caches) { say.caches($0) }
        row(Text("governor", "调频策略"), cpu.governor)
        let told = ["vmx", "svm", "sie", "ept", "npt", "pse", "pdpe1gb", "hypervisor", "constant_tsc", "nonstop_tsc"]
        row(Text("flags", "标志"), cpu.flags) { flags in
            let count = flags.count
            return Text(
                "\(count), of these \(say.joined(told.filter(flags.contains)))",
                "共 \(count) 个,其中 \(say.joined(told.filter(flags.contains)))")[language]
        }
    }

    private mutating func memory(_ facts: HostFacts) {
        let say = say
        let language = say.language
        let memory = facts.memory
        heading(Text("Memory", "内存"))
        row(Text("total", "总量"), memory.total)
        row(Text("available", "可用"), memory.available)
        row(Text("huge pages", "大页"), memory.hugePages) { say.pools($0) }
        row(Text("THP", "透明大页"), memory.thp.enabled)
        row(Text("THP defrag", "透明大页整理"), memory.thp.defrag)
        row(Text("THP of shared memory", "共享内存透明大页"), memory.thp.shmemEnabled)
        row(Text("KSM", "KSM"), memory.ksm.run) { run in
            switch run {
            case 0: Text("stopped", "已停止")[language]
            case 1: Text("running", "运行中")[language]
            case 2: Text("stopped, pages taken apart", "已停止并取消合并")[language]
            default: "\(run)"
            }
        }
        row(Text("KSM pages saved", "KSM 节省页数"), memory.ksm.pagesSharing)
        if memory.ksm.run.value == 1 {
            row(Text("KSM scan", "KSM 扫描"), memory.ksm.pagesToScan) { pages in
                let pause = say.brief(memory.ksm.sleepMilliseconds) { "\($0) ms" }
                return Text("\(pages) pages every \(pause)", "每 \(pause) 扫描 \(pages) 页")[language]
            }
            row(Text("KSM across nodes", "KSM 跨节点合并"), memory.ksm.mergeAcrossNodes)
        }
        row(Text("swap", "交换区"), memory.swap) { areas in
            areas.isEmpty ? say.none : say.joined(areas.map { "\($0.path) \($0.size)\($0.isZRAM ? " (zram)" : "")" })
        }
        row(Text("vm.swappiness", "vm.swappiness"), facts.sysctl.text("vm.swappiness"))
        if let configured = facts.sysctl.configured.value?["vm.swappiness"] {
            row(Text("at boot", "启动时"), plain: "\(configured.value) (\(configured.file))")
        }
        row(Text("vm.overcommit_memory", "vm.overcommit_memory"), facts.sysctl.text("vm.overcommit_memory"))
    }

    private mutating func numa(_ facts: HostFacts) {
        let say = say
        let language = say.language
        heading(Text("NUMA", "NUMA"))
        switch facts.numa.nodes {
        case .unknown(let reason): row(Text("nodes", "节点"), plain: say.unknown(reason), isDim: true)
        case .known(let nodes):
            for node in nodes {
                let cpus =
                    node.unknownCPUs == nil
                    ? (node.cpus.isEmpty ? "–" : node.cpus.description) : Words.unknown[language]
                let memory = say.brief(node.memory, \.description)
                let free = say.brief(node.free, \.description)
                let distances = say.brief(node.distances) { $0.map(String.init).joined(separator: " ") }
                row(
                    Text("node \(node.id)", "节点 \(node.id)"),
                    plain: Text(
                        "CPUs \(cpus); memory \(memory), free \(free); distances \(distances)",
                        "CPU \(cpus);内存 \(memory),空闲 \(free);距离 \(distances)")[language])
                for reason in [node.unknownCPUs, node.memory.reason, node.distances.reason].compactMap({ $0 }) {
                    row("", plain: say.unknown(reason), isDim: true)
                }
                if let pools = node.hugePages.value?.filter({ $0.total > 0 || $0.surplus > 0 }), !pools.isEmpty {
                    row("", plain: say.pools(pools))
                }
            }
        }
        row(Text("automatic balancing", "自动平衡"), facts.sysctl.text("kernel.numa_balancing"))
    }

    private mutating func storage(_ facts: HostFacts) {
        let say = say
        let language = say.language
        let storage = facts.storage
        heading(Text("Storage and network", "存储与网络"))
        switch storage.disks {
        case .unknown(let reason): row(Text("disks", "磁盘"), plain: say.unknown(reason), isDim: true)
        case .known(let disks):
            if disks.isEmpty { row(Text("disks", "磁盘"), plain: say.none) }
            for disk in disks {
                var words = [say.brief(disk.size, \.description)]
                words.append(
                    say.brief(disk.isRotational) {
                        ($0 ? Text("spinning", "机械") : Text("not spinning", "非机械"))[language]
                    })
                if let scheduler = disk.scheduler.value {
                    words.append(Text("scheduler \(scheduler)", "调度器 \(scheduler)")[language])
                } else if !disk.scheduler.isMissing {
                    words.append(Text("scheduler unknown", "调度器未知")[language])
                }
                if let name = disk.mapperName { words.append(name) }
                if !disk.slaves.isEmpty {
                    words.append(Text("on \(say.joined(disk.slaves))", "位于 \(say.joined(disk.slaves))")[language])
                }
                row(Text(verbatim: disk.name), plain: words.joined(separator: language == .chinese ? "," : ", "))
            }
        }
        if let maps = storage.multipath.value, !maps.isEmpty {
            row(Text("multipath", "多路径"), plain: say.joined(maps.map { "\($0.name) (\(say.joined($0.paths, " ")))" }))
        }
        row(Text("NFS mounts", "NFS 挂载"), storage.mounts) { mounts in
            let nfs = mounts.filter(\.isNFS)
            return nfs.isEmpty ? say.none : say.joined(nfs.map { "\($0.path) (\($0.source))" })
        }
        if !storage.nfsClient.isMissing {
            row(Text("NFS client", "NFS 客户端"), storage.nfsClient) {
                Text(
                    "\($0.calls) calls, \($0.retransmissions) sent again", "\($0.calls) 次调用,重传 \($0.retransmissions) 次")[
                        language]
            }
        }
        if !storage.nfsServer.isMissing {
            row(Text("NFS server", "NFS 服务器"), storage.nfsServer) {
                Text("\($0.threads) threads", "\($0.threads) 个线程")[language]
            }
        }
        row(Text("fs.aio-max-nr", "fs.aio-max-nr"), facts.sysctl.text("fs.aio-max-nr"))
        row(Text("fs.aio-nr", "fs.aio-nr"), facts.sysctl.text("fs.aio-nr"))
        row(Text("IPv4 addresses", "IPv4 地址"), facts.network.ipv4Addresses) { $0.isEmpty ? say.none : say.joined($0) }
    }

    private mutating func guests(_ facts: HostFacts) {
        let say = say
        let language = say.language
        heading(Text("Guests", "客户机"))
        switch facts.processes.qemu {
        case .unknown(let reason): row(Text("QEMU processes", "QEMU 进程"), plain: say.unknown(reason), isDim: true)
        case .known(let processes):
            if processes.isEmpty { row(Text("QEMU processes", "QEMU 进程"), plain: say.none) }
            for process in processes {
                let resident = say.brief(process.resident, \.description)
                let placement = say.brief(process.memoryByNode) { nodes in
                    say.joined(nodes.sorted { $0.key < $1.key }.map { "N\($0.key) \($0.value)" })
                }
                let cpus = say.brief(process.allowedCPUs, \.description)
                row(
                    Text(verbatim: process.name ?? "PID \(process.pid)"),
                    plain: Text(
                        "PID \(process.pid); resident \(resident); by node \(placement); may run on CPUs \(cpus)",
                        "PID \(process.pid);常驻内存 \(resident);按节点 \(placement);可用 CPU \(cpus)")[language])
            }
        }
        row(Text("emulators", "模拟器"), facts.libvirt.emulators) { $0.isEmpty ? say.none : say.joined($0.sorted()) }
        row(Text("started at boot", "随主机启动"), facts.libvirt.autostart) { $0.isEmpty ? say.none : say.joined($0) }
        row(Text("cgroup version", "cgroup 版本"), facts.cgroups.version)
    }
}

/// The words of facts in one language.
private struct FactWords {
    let language: Language

    var none: String { Text("none", "无")[language] }

    func unknown(_ reason: Unknown) -> String {
        Text("\(Words.unknown.english) (\(reason.why.english))", "\(Words.unknown.chinese)(\(reason.why.chinese))")[
            language]
    }

    /// A value among others on a line; the reason, where there is none, stands in a row of its own or in the JSON.
    func brief<Value>(_ fact: Fact<Value>, _ words: (Value) -> String) -> String {
        fact.value.map(words) ?? Words.unknown[language]
    }

    func joined(_ list: some Sequence<String>, _ separator: String = ", ") -> String {
        let text = list.joined(separator: separator)
        return text.isEmpty ? "–" : text
    }

    func line(_ line: KernelCommandLine) -> String {
        line.parameters.map { parameter in parameter.value.map { "\(parameter.name)=\($0)" } ?? parameter.name }.joined(
            separator: " ")
    }

    func duration(_ seconds: Double) -> String {
        guard seconds >= 0, seconds < 1e12 else { return "\(seconds) s" }
        let minutes = Int(seconds) / 60
        let (days, hours) = (minutes / 1440, minutes / 60 % 24)
        if days > 0 { return Text("\(days) d \(hours) h", "\(days) 天 \(hours) 小时")[language] }
        return Text("\(hours) h \(minutes % 60) min", "\(hours) 小时 \(minutes % 60) 分钟")[language]
    }

    func pools(_ pools: [HugePagePool]) -> String {
        guard !pools.isEmpty else { return none }
        return pools.map { pool in
            let surplus = pool.surplus > 0 ? Text(", \(pool.surplus) surplus", ",超额 \(pool.surplus)")[language] : ""
            return Text(
                "\(pool.total) of \(pool.size) (\(pool.free) free\(surplus))",
                "\(pool.size) × \(pool.total)(空闲 \(pool.free)\(surplus))")[language]
        }.joined(separator: language == .chinese ? ";" : ", ")
    }

    /// Each kind and size once, with how many there are.
    func caches(_ caches: [CPUCache]) -> String {
        var names: [String] = []
        var counts: [String: Int] = [:]
        for cache in caches {
            let name =
                "L\(cache.level)\(cache.type == "Data" ? "d" : cache.type == "Instruction" ? "i" : "") \(cache.size?.description ?? "?")"
            if counts[name] == nil { names.append(name) }
            counts[name, default: 0] += 1
        }
        return names.map { "\(counts[$0] ?? 1) × \($0)" }.joined(separator: ", ")
    }
}
