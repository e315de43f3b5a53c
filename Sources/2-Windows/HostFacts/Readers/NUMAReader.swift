internal import Quantities

/// `sys/devices/system/node` and the scan parameters of automatic balancing.
struct NUMAReader {
    let tree: HostTree
    private let folder = "/sys/devices/system/node"

    func read() -> NUMAFacts {
        var facts = NUMAFacts()
        facts.nodes = nodes()
        facts.statistics = tree.bytes("/proc/vmstat").map(HostFacts.parseNUMAStatistics)
        facts.balancingScan = scan()
        return facts
    }

    private func nodes() -> Fact<[NUMANode]> {
        tree.numbered(folder, prefix: "node").flatMap { ids in
            ids.isEmpty ? .unknown(Unknown(.missing, source: "\(folder)/node*")) : .known(ids.map(node))
        }
    }

    private func node(_ id: Int) -> NUMANode {
        let place = "\(folder)/node\(id)"
        var cpus: Fact<CPUSet> = tree.list("\(place)/cpulist")
        if cpus.value == nil {
            let mask = tree.parsed("\(place)/cpumap") { CPUSet(mask: $0.trimmed.string) }
            // Some captures have only the links to the CPUs.
            if mask.value != nil {
                cpus = mask
            } else if let links = tree.numbered(place, prefix: "cpu").value, !links.isEmpty {
                cpus = .known(CPUSet(links))
            } else if cpus.isMissing, !mask.isMissing {
                cpus = mask
            }
        }
        let info = tree.parsed("\(place)/meminfo", HostFacts.parseNodeMeminfo)
        func amount(_ key: String) -> Fact<ByteCount> {
            info.flatMap { $0[key].map(Fact.known) ?? .unknown(Unknown(.missing, source: "\(place)/meminfo (\(key))")) }
        }
        var node = NUMANode(
            id: id, cpus: cpus.value ?? [], memory: amount("MemTotal"), free: amount("MemFree"),
            distances: tree.parsed("\(place)/distance", HostFacts.parseDistances),
            hugePages: MemoryReader.pools(tree, "\(place)/hugepages", isHost: false))
        node.unknownCPUs = cpus.reason
        return node
    }

    /// Since kernel 5.13 in debugfs, before in sysctl.
    private func scan() -> Fact<[String: UInt64]> {
        let names = ["scan_delay_ms", "scan_period_min_ms", "scan_period_max_ms", "scan_size_mb"]
        var values: [String: UInt64] = [:]
        var reason: Unknown?
        for prefix in ["/sys/kernel/debug/sched/numa_balancing/", "/proc/sys/kernel/numa_balancing_"] {
            for name in names {
                switch tree.number(prefix + name, as: UInt64.self) {
                case .known(let value): values[name] = value
                case .unknown(let why): if reason == nil || reason?.cause == .missing { reason = reason ?? why }
                }
            }
            if !values.isEmpty { return .known(values) }
        }
        return .unknown(reason ?? Unknown(.missing, source: "/sys/kernel/debug/sched/numa_balancing"))
    }
}
