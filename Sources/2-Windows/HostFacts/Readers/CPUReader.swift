internal import Quantities

/// `sys/devices/system/cpu` and `proc/cpuinfo`.
struct CPUReader {
    let tree: HostTree
    private let folder = "/sys/devices/system/cpu"

    func read(_ nodes: Fact<[NUMANode]>) -> CPUFacts {
        var facts = CPUFacts()
        facts.online = tree.list("\(folder)/online")
        facts.offline = tree.list("\(folder)/offline")
        facts.present = tree.list("\(folder)/present")
        facts.possible = tree.list("\(folder)/possible")
        facts.isolated = tree.list("\(folder)/isolated")
        facts.smtActive = tree.flag("\(folder)/smt/active")
        let info = tree.bytes("/proc/cpuinfo").map { CPUInfo(String(decoding: $0, as: UTF8.self)) }
        apply(info, &facts)
        let ids = tree.numbered(folder, prefix: "cpu")
        topology(ids, nodes, info, &facts)
        caches(ids, &facts)
        return facts
    }

    private func apply(_ info: Fact<CPUInfo>, _ facts: inout CPUFacts) {
        func field(_ value: @escaping @Sendable (CPUInfo) -> String?) -> Fact<String> {
            info.flatMap { info in value(info).map(Fact.known) ?? .unknown(Unknown(.missing, source: "/proc/cpuinfo")) }
        }
        facts.vendor = field(\.vendor)
        facts.model = field(\.model)
        facts.microcode = field(\.microcode)
        facts.flags = info.flatMap { $0.flags.map(Fact.known) ?? .unknown(Unknown(.missing, source: "/proc/cpuinfo")) }
    }

    private func topology(_ ids: Fact<[Int]>, _ nodes: Fact<[NUMANode]>, _ info: Fact<CPUInfo>, _ facts: inout CPUFacts) {
        guard let ids = ids.value else {
            let reason = ids.reason ?? Unknown(.missing, source: folder)
            facts.topology = .unknown(reason)
            facts.sockets = .unknown(reason)
            facts.cores = .unknown(reason)
            facts.threads = .unknown(reason)
            facts.governor = .unknown(reason)
            return
        }
        var nodeOf: [Int: Int] = [:]
        for node in nodes.value ?? [] { for cpu in node.cpus { nodeOf[cpu] = node.id } }
        let online = facts.online.value
        var processors: [LogicalProcessor] = []
        var governor: Fact<String> = .unknown(Unknown(.missing, source: "\(folder)/cpu*/cpufreq/scaling_governor"))
        for id in ids {
            let place = "\(folder)/cpu\(id)/topology"
            if governor.value == nil, case .known(let name) = tree.text("\(folder)/cpu\(id)/cpufreq/scaling_governor") { governor = .known(name) }
            let siblings = set(place, ["core_cpus_list", "thread_siblings_list"], masks: ["core_cpus", "thread_siblings"])
            guard let siblings, online?.contains(id) ?? true else { continue }
            processors.append(
                LogicalProcessor(
                    id: id, socket: number("\(place)/physical_package_id"), die: number("\(place)/die_id"),
                    cluster: number("\(place)/cluster_id"), core: number("\(place)/core_id"), siblings: siblings, node: nodeOf[id]))
        }
        facts.governor = governor
        guard !processors.isEmpty else {
            let reason = Unknown(.missing, source: "\(folder)/cpu*/topology")
            facts.topology = .unknown(reason)
            facts.sockets = .unknown(reason)
            facts.cores = .unknown(reason)
            facts.threads = .unknown(reason)
            return
        }
        facts.topology = .known(processors)
        let packages = Set(processors.compactMap(\.socket))
        let unknown = Unknown(.missing, source: "\(folder)/cpu*/topology/physical_package_id")
        facts.sockets = packages.isEmpty ? .unknown(unknown) : .known(packages.count)
        facts.cores = .known(Set(processors.map(\.siblings)).count)
        facts.threads = .known(processors.map { processor in online.map { processor.siblings.intersection($0).count } ?? processor.siblings.count }.max() ?? 1)
    }

    /// Ids the kernel does not know are -1, or 4294967295 in old ones.
    private func number(_ path: String) -> Int? {
        tree.number(path, as: Int.self).value.flatMap { $0 < 0 || $0 >= 0xFFFF_FFFF ? nil : $0 }
    }

    private func set(_ place: String, _ lists: [String], masks: [String]) -> CPUSet? {
        for name in lists { if let set = tree.list("\(place)/\(name)", of: LogicalCPU.self).value, !set.isEmpty { return set } }
        for name in masks {
            if let text = tree.text("\(place)/\(name)").value, let set = CPUSet(mask: text), !set.isEmpty { return set }
        }
        return nil
    }

    private func caches(_ ids: Fact<[Int]>, _ facts: inout CPUFacts) {
        guard let ids = ids.value else {
            facts.caches = .unknown(ids.reason ?? Unknown(.missing, source: folder))
            return
        }
        var seen: Set<String> = []
        var caches: [CPUCache] = []
        var found = false
        for id in ids {
            for index in tree.numbered("\(folder)/cpu\(id)/cache", prefix: "index").value ?? [] {
                let place = "\(folder)/cpu\(id)/cache/index\(index)"
                guard let level = tree.number("\(place)/level", as: Int.self).value, let type = tree.text("\(place)/type").value else { continue }
                found = true
                guard let cpus = set(place, ["shared_cpu_list"], masks: ["shared_cpu_map"]) else { continue }
                guard seen.insert("\(level) \(type) \(cpus)").inserted else { continue }
                caches.append(CPUCache(level: level, type: type, size: tree.text("\(place)/size").value.flatMap(Self.size), cpus: cpus))
            }
        }
        facts.caches = found ? .known(caches) : .unknown(Unknown(.missing, source: "\(folder)/cpu*/cache"))
    }

    /// `32K`, `1024K`, `8M`.
    static func size(_ text: String) -> ByteCount? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), number > 0 else { return nil }
        return ByteCount(number, unit: text.count == digits.count ? "b" : String(text.dropFirst(digits.count)))
    }
}

/// `proc/cpuinfo` on the architectures libvirt runs on.
public struct CPUInfo: Sendable {
    var processors: [Int] = []
    var vendor: String?
    var model: String?
    var microcode: String?
    var flags: Set<String>?

    /// Reads the file's text; what an architecture does not say stays `nil`.
    public init(_ text: String) {
        for line in text.split(separator: "\n") {
            guard let (name, rest) = line.cut(at: ":") else { continue }
            let key = name.trimmingWhitespace
            let value = rest.trimmingWhitespace
            switch key {
            case "processor":
                if let number = Int(value), number >= 0, number <= CPUSet.limit { processors.append(number) }
            case "vendor_id", "CPU implementer", "vendor": vendor = vendor ?? value
            case "model name", "cpu", "Processor", "Model Name", "cpu model", "uarch", "machine": model = model ?? value
            case "microcode": microcode = microcode ?? value
            case "flags", "Features", "features", "isa": flags = flags ?? Set(value.words.map(String.init))
            default:
                // s390: `processor 0: version = FF, …`.
                if key.hasPrefix("processor "), let number = Int(key.dropFirst(10)), number >= 0, number <= CPUSet.limit { processors.append(number) }
            }
        }
    }
}
