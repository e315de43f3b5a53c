internal import Quantities

/// `sys/devices/system/node` and the scan parameters of automatic balancing.
struct NUMAReader {
    let tree: HostTree
    private let folder = "/sys/devices/system/node"

    func read() -> NUMAFacts {
        var facts = NUMAFacts()
        facts.nodes = nodes()
        facts.statistics = tree.lines("/proc/vmstat").map { lines in
            var values: [String: UInt64] = [:]
            for line in lines where line.hasPrefix("numa_") {
                let words = line.words
                if words.count == 2, let value = UInt64(words[1]) { values[String(words[0])] = value }
            }
            return values
        }
        facts.balancingScan = scan()
        return facts
    }

    private func nodes() -> Fact<[NUMANode]> {
        switch tree.numbered(folder, prefix: "node") {
        case .unknown(let reason): return .unknown(reason)
        case .known(let ids):
            guard !ids.isEmpty else { return .unknown(Unknown(.missing, source: "\(folder)/node*")) }
            return .known(ids.compactMap(node))
        }
    }

    private func node(_ id: Int) -> NUMANode? {
        let place = "\(folder)/node\(id)"
        var cpus: CPUSet? = tree.list("\(place)/cpulist", of: LogicalCPU.self).value
        if cpus == nil { cpus = tree.text("\(place)/cpumap").value.flatMap { CPUSet(mask: $0) } }
        // Old kernels, and some captures, have only the links to the CPUs.
        if cpus == nil, let links = tree.numbered(place, prefix: "cpu").value, !links.isEmpty { cpus = CPUSet(links) }
        let info = tree.lines("\(place)/meminfo").map(Self.meminfo)
        func amount(_ key: String) -> Fact<ByteCount> {
            info.flatMap { $0[key].map(Fact.known) ?? .unknown(Unknown(.missing, source: "\(place)/meminfo")) }
        }
        let distances: Fact<[Int]> = tree.text("\(place)/distance").flatMap { text in
            let words = text.words
            let numbers = words.compactMap { Int($0) }
            return numbers.count == words.count && !numbers.isEmpty
                ? .known(numbers) : .unknown(Unknown(.malformed(String(text.prefix(40))), source: "\(place)/distance"))
        }
        var node = NUMANode(
            id: id, cpus: cpus ?? [], memory: amount("MemTotal"), free: amount("MemFree"), distances: distances,
            hugePages: MemoryReader.pools(tree, "\(place)/hugepages"))
        if cpus == nil { node.unknownCPUs = Unknown(.missing, source: "\(place)/cpulist") }
        return node
    }

    /// `Node 0 MemTotal:  16747124 kB`.
    static func meminfo(_ lines: [Substring]) -> [String: ByteCount] {
        var values: [String: ByteCount] = [:]
        for line in lines {
            let words = line.words
            guard words.count >= 4, words[2].hasSuffix(":"), let number = UInt64(words[3]) else { continue }
            guard words.count >= 5, words[4] == "kB" else { continue }
            values[String(words[2].dropLast())] = ByteCount(kibibytes: number)
        }
        return values
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
                case .unknown(let why): if reason == nil { reason = why }
                }
            }
            if !values.isEmpty { return .known(values) }
        }
        return .unknown(reason ?? Unknown(.missing, source: "/sys/kernel/debug/sched/numa_balancing"))
    }
}
