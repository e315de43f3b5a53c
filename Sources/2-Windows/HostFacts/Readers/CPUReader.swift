public import Quantities

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
        describe(tree.bytes("/proc/cpuinfo").map(CPUInfo.init), &facts)
        let ids = tree.numbered(folder, prefix: "cpu")
        facts.topology = topology(ids, nodes)
        count(&facts)
        facts.smtActive = smt(facts)
        facts.caches = caches(ids)
        facts.governor = governor(ids)
        return facts
    }

    private func describe(_ info: Fact<CPUInfo>, _ facts: inout CPUFacts) {
        func field<Value: Sendable>(_ value: Value?, _ name: String) -> Fact<Value> {
            value.map(Fact.known) ?? .unknown(info.reason ?? Unknown(.missing, source: "/proc/cpuinfo (\(name))"))
        }
        facts.vendor = field(info.value?.vendor, "vendor")
        facts.model = field(info.value?.model, "model")
        facts.microcode = field(info.value?.microcode, "microcode")
        facts.flags = field(info.value?.flags, "flags")
    }

    // MARK: Topology

    private func topology(_ ids: Fact<[Int]>, _ nodes: Fact<[NUMANode]>) -> Fact<[LogicalProcessor]> {
        ids.flatMap { ids in
            var nodeOf: [Int: Int] = [:]
            for node in nodes.value ?? [] { for cpu in node.cpus { nodeOf[cpu] = node.id } }
            var processors: [LogicalProcessor] = []
            for id in ids {
                let place = "\(folder)/cpu\(id)/topology"
                // A CPU that is off has no topology; old kernels have the folder, and nothing in it.
                let socket = number("\(place)/physical_package_id")
                let core = number("\(place)/core_id")
                let siblings = set(
                    place, lists: ["thread_siblings_list", "core_cpus_list"], masks: ["thread_siblings", "core_cpus"])
                guard socket != nil || core != nil || siblings != nil else { continue }
                processors.append(
                    LogicalProcessor(
                        id: id, socket: socket, die: number("\(place)/die_id", invalid: 0xFFFF),
                        cluster: number("\(place)/cluster_id", invalid: 0xFFFF), core: core, siblings: siblings ?? [],
                        node: nodeOf[id],
                        book: number("\(place)/book_id"), drawer: number("\(place)/drawer_id")))
            }
            return processors.isEmpty
                ? .unknown(Unknown(.missing, source: "\(folder)/cpu*/topology")) : .known(processors)
        }
    }

    /// Sockets, cores and threads from the topology.
    ///
    /// A core is told by its set of siblings: its number need not be unique.
    private func count(_ facts: inout CPUFacts) {
        struct Package: Hashable {
            var drawer: Int?
            var book: Int?
            var socket: Int
        }
        let place = "\(folder)/cpu*/topology"
        facts.sockets = facts.topology.flatMap { processors in
            let packages = Set(
                processors.compactMap { cpu in
                    cpu.socket.map { Package(drawer: cpu.drawer, book: cpu.book, socket: $0) }
                })
            if !packages.isEmpty { return .known(packages.count) }
            // Where packages have no numbers (-1), the CPUs beside the first one tell only whether all are in one: kernels that do not know
            // their packages make one of each core.
            let beside = processors.first.flatMap { cpu in
                set(
                    "\(folder)/cpu\(cpu.id)/topology", lists: ["package_cpus_list", "core_siblings_list"],
                    masks: ["package_cpus", "core_siblings"])
            }
            let isOne = beside.map { CPUSet(processors.map(\.id)).isSubset(of: $0) } == true
            return isOne ? .known(1) : .unknown(Unknown(.missing, source: "\(place)/physical_package_id"))
        }
        let groups = facts.topology.flatMap { processors -> Fact<Set<CPUSet>> in
            let groups = Set(processors.map(\.siblings).filter { !$0.isEmpty })
            return groups.isEmpty
                ? .unknown(Unknown(.missing, source: "\(place)/thread_siblings_list")) : .known(groups)
        }
        facts.cores = groups.map(\.count)
        facts.threads = groups.map { $0.reduce(1) { max($0, $1.count) } }
    }

    /// Kernels before 4.19 do not say; there the siblings that are online tell.
    private func smt(_ facts: CPUFacts) -> Fact<Bool> {
        let said = tree.flag("\(folder)/smt/active")
        guard said.isMissing, let online = facts.online.value, let processors = facts.topology.value else {
            return said
        }
        let running = processors.filter { online.contains($0.id) }
        guard !running.isEmpty, running.allSatisfy({ !$0.siblings.isEmpty }) else { return said }
        return .known(running.contains { $0.siblings.intersection(online).count > 1 })
    }

    /// Ids the kernel does not know are -1, in old ones 4294967295; dies and clusters have 65535 for that.
    private func number(_ path: String, invalid: Int = 0xFFFF_FFFF) -> Int? {
        tree.number(path, as: Int.self).value.flatMap { $0 < 0 || $0 >= invalid ? nil : $0 }
    }

    private func set(_ place: String, lists: [String], masks: [String]) -> CPUSet? {
        for name in lists {
            if let set = tree.list("\(place)/\(name)", of: LogicalCPU.self).value, !set.isEmpty { return set }
        }
        for name in masks {
            if let set = tree.parsed("\(place)/\(name)", { CPUSet(mask: $0.trimmed.string) }).value, !set.isEmpty {
                return set
            }
        }
        return nil
    }

    private func governor(_ ids: Fact<[Int]>) -> Fact<String> {
        let source = "\(folder)/cpu*/cpufreq/scaling_governor"
        for id in ids.value ?? [] where tree.exists("\(folder)/cpu\(id)/cpufreq") {
            let fact = tree.text("\(folder)/cpu\(id)/cpufreq/scaling_governor")
            if fact.value?.isEmpty == false || fact.reason?.cause == .denied { return fact }
        }
        // A captured tree may have the policies only.
        for policy in tree.numbered("\(folder)/cpufreq", prefix: "policy").value ?? [] {
            if case .known(let name) = tree.text("\(folder)/cpufreq/policy\(policy)/scaling_governor"), !name.isEmpty {
                return .known(name)
            }
        }
        return .unknown(Unknown(.missing, source: source))
    }

    // MARK: Caches

    private func caches(_ ids: Fact<[Int]>) -> Fact<[CPUCache]> {
        ids.flatMap { ids in
            var caches = Set<CPUCache>()
            for id in ids {
                for index in tree.numbered("\(folder)/cpu\(id)/cache", prefix: "index").value ?? [] {
                    let place = "\(folder)/cpu\(id)/cache/index\(index)"
                    guard let level = tree.number("\(place)/level", as: Int.self).value, level >= 0,
                        let type = tree.text("\(place)/type").value,
                        let cpus = set(place, lists: ["shared_cpu_list"], masks: ["shared_cpu_map"])
                    else { continue }
                    caches.insert(
                        CPUCache(
                            level: level, type: type, size: tree.parsed("\(place)/size", CPUInfo.size).value, cpus: cpus
                        ))
                }
            }
            guard !caches.isEmpty else { return .unknown(Unknown(.missing, source: "\(folder)/cpu*/cache")) }
            return .known(
                caches.sorted { one, other in
                    if one.level != other.level { return one.level < other.level }
                    if one.type != other.type { return one.type < other.type }
                    return one.cpus.members.lexicographicallyPrecedes(other.cpus.members)
                })
        }
    }
}

/// `proc/cpuinfo` on the architectures libvirt runs on.
///
/// What an architecture does not say stays `nil`.
public struct CPUInfo: Sendable, Hashable {
    /// Vendor (`GenuineIntel`, `IBM/S390`), or Arm's number of the implementer.
    public var vendor: String?
    /// Model name.
    public var model: String?
    /// Microcode revision.
    public var microcode: String?
    /// Flags or features of the first CPU.
    public var flags: Set<String>?

    /// Reads the file; the first CPU that says a thing says it for all.
    public init(_ bytes: [UInt8]) {
        for line in bytes.lines {
            guard let (name, rest) = line.cut(at: 0x3A) else { continue }
            let key = name.trimmed
            switch key.string {
            case "vendor_id", "CPU implementer", "vendor": vendor = vendor ?? rest.filled
            case "model name", "cpu", "Processor", "Model Name", "cpu model", "uarch": model = model ?? rest.filled
            // Itanium: `model` is a number in old kernels, and `family` has the name.
            case "family": if rest.trimmed.integer == nil { model = model ?? rest.filled }
            case "microcode": microcode = microcode ?? rest.filled
            case "flags", "Features", "features": flags = flags ?? Set(rest.fields.map(\.string))
            default: break
            }
            // Long before the end of a large host's file; other architectures have no microcode and are read to the end.
            if flags != nil, microcode != nil, model != nil, vendor != nil { return }
        }
    }

    /// `32K`, `1024K`, `8M`, or bytes; `nil` where it is no size, or zero, which a kernel writes that does not know.
    public static func size(_ bytes: [UInt8]) -> ByteCount? {
        let text = bytes.trimmed
        let digits = text.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard let number = digits.decimal, number > 0 else { return nil }
        return ByteCount(number, unit: text.count == digits.count ? "b" : text.dropFirst(digits.count).string)
    }
}

extension ArraySlice<UInt8> {
    /// The text between white space; `nil` where there is none.
    var filled: String? {
        let text = trimmed
        return text.isEmpty ? nil : text.string
    }
}
