public import HostFacts
public import Quantities

/// Huge pages a host has, or will have after its next boot, by size and node.
public struct HugePageSupply: Sendable, Hashable {
    /// Pages of one size.
    public struct Pool: Sendable, Hashable {
        /// Pages by node; one entry for node 0 where the host has no NUMA.
        public var byNode: [Int: UInt64]
        /// Pages that could be had beyond, as long as memory is found when a guest asks (`nr_overcommit_hugepages`).
        public var surplusAllowed: UInt64
        /// Pages in all.
        public var total: UInt64 { byNode.values.reduce(0, +) }
        /// A pool.
        public init(byNode: [Int: UInt64], surplusAllowed: UInt64 = 0) {
            self.byNode = byNode
            self.surplusAllowed = surplusAllowed
        }
    }
    /// Pools by page size; a size without pages is there with none.
    public var pools: [ByteCount: Pool]
    /// The default size; `nil` where it is not known.
    public var defaultSize: ByteCount?

    /// Pools.
    public init(pools: [ByteCount: Pool], defaultSize: ByteCount?) {
        self.pools = pools
        self.defaultSize = defaultSize
    }

    /// Pages by node of one size; none where the host has no such size.
    public func byNode(_ size: ByteCount) -> [Int: UInt64] { pools[size]?.byNode ?? [:] }

    /// What is reserved now, in use or not.
    public static func reserved(on host: HostFacts) -> Fact<HugePageSupply> { now(host) { UInt64(max(0, $0.total)) } }
    /// What nobody uses now.
    public static func free(on host: HostFacts) -> Fact<HugePageSupply> { now(host) { UInt64(max(0, $0.free)) } }

    private static func now(_ host: HostFacts, _ count: (HugePagePool) -> UInt64) -> Fact<HugePageSupply> {
        let pools: [HugePagePool]
        switch host.memory.hugePages {
        case .known(let value): pools = value
        case .unknown(let reason):
            // A kernel without hugetlbfs has no such folder.
            guard reason.cause == .missing else { return .unknown(reason) }
            pools = []
        }
        var supply = HugePageSupply(pools: [:], defaultSize: host.memory.defaultHugePageSize.value)
        for pool in pools {
            supply.pools[pool.size] = Pool(
                byNode: [0: count(pool)], surplusAllowed: UInt64(max(0, pool.overcommit - max(0, pool.surplus))))
        }
        switch host.numa.nodes {
        case .known(let nodes):
            guard !nodes.isEmpty else { return .known(supply) }
            for size in supply.pools.keys { supply.pools[size]?.byNode = [:] }
            for node in nodes {
                switch node.hugePages {
                case .known(let pools):
                    for pool in pools where supply.pools[pool.size] != nil {
                        supply.pools[pool.size]?.byNode[node.id] = count(pool)
                    }
                case .unknown(let reason):
                    // A single node has what the host has.
                    if nodes.count == 1 {
                        for pool in pools { supply.pools[pool.size]?.byNode[node.id] = count(pool) }
                    } else if reason.cause != .missing {
                        return .unknown(reason)
                    } else if pools.contains(where: { $0.total > 0 }) {
                        return .unknown(reason)
                    }
                }
            }
            return .known(supply)
        case .unknown(let reason):
            return reason.cause == .missing ? .known(supply) : .unknown(reason)
        }
    }

    /// What the next boot reserves: the kernel command line's pairs in order, then `vm.nr_hugepages` of sysctl.d, then files that tmpfiles.d writes.
    ///
    /// Scripts and units of the administrator are not seen. Pages that name no node are spread evenly, as the kernel does.
    ///
    /// - Source: kernel mm/hugetlb.c `hugepages_setup`; Documentation/admin-guide/mm/hugetlbpage.rst.
    public static func nextBoot(on host: HostFacts) -> Fact<HugePageSupply> {
        let line: KernelCommandLine
        switch host.boot.nextCommandLine {
        case .known(let value): line = value
        case .unknown(let reason): return .unknown(reason)
        }
        let nodes: [Int]
        switch host.numa.nodes {
        case .known(let value): nodes = value.filter { $0.memory.value != .zero }.map(\.id)
        case .unknown(let reason):
            guard reason.cause == .missing else { return .unknown(reason) }
            nodes = [0]
        }
        let parsed = HugePageParameters(line)
        let current = host.memory.defaultHugePageSize.value
        let isWrittenNow = host.kernel.commandLine.value?.has("default_hugepagesz") ?? false
        // Without a word on it the architecture's own default holds, which is also the one of today unless today's was written.
        let defaultSize =
            parsed.defaultSize
            ?? (isWrittenNow ? architectureDefault(host) ?? current : current ?? architectureDefault(host))
        var supply = HugePageSupply(pools: [:], defaultSize: defaultSize)
        for pool in host.memory.hugePages.value ?? [] {
            supply.pools[pool.size] = Pool(
                byNode: Dictionary(nodes.map { ($0, 0) }, uniquingKeysWith: { first, _ in first }))
        }
        for (size, counts) in parsed.counts(defaultSize: defaultSize) {
            supply.pools[size] = Pool(byNode: counts.byNode(nodes))
        }
        switch host.sysctl.configured {
        case .known(let settings):
            if let setting = settings["vm.nr_hugepages"], let count = UInt64(setting.value), let defaultSize {
                supply.pools[defaultSize] = Pool(byNode: spread(count, over: nodes))
            }
            if let setting = settings["vm.nr_overcommit_hugepages"], let count = UInt64(setting.value), let defaultSize
            {
                supply.pools[defaultSize, default: Pool(byNode: [:])].surplusAllowed = count
            }
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        switch host.boot.tmpfiles {
        case .known(let writes):
            // In the order of the files and of their lines: the host's number and a node's may follow each other.
            for (path, write) in writes.sorted(by: { $0.value.isRead(before: $1.value) }) {
                guard let file = HugePageFile(path), file.name == "nr_hugepages", let count = UInt64(write.value) else {
                    continue
                }
                if let node = file.node {
                    supply.pools[file.size, default: Pool(byNode: [:])].byNode[node] = count
                } else {
                    supply.pools[file.size] = Pool(byNode: spread(count, over: nodes))
                }
            }
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        return .known(supply)
    }

    /// A number of pages as the kernel spreads it over nodes: one after the other.
    public static func spread(_ count: UInt64, over nodes: [Int]) -> [Int: UInt64] {
        let nodes = nodes.isEmpty ? [0] : nodes
        let (each, rest) = count.quotientAndRemainder(dividingBy: UInt64(nodes.count))
        var result: [Int: UInt64] = [:]
        for (index, node) in nodes.enumerated() { result[node] = each + (UInt64(index) < rest ? 1 : 0) }
        return result
    }

    /// The default size where nothing is written: a PMD's size; `nil` where the base page decides it and is not known.
    ///
    /// - Source: kernel arch/*/include/asm/{page,hugetlb}.h `HPAGE_SHIFT`.
    public static func architectureDefault(_ host: HostFacts) -> ByteCount? {
        switch host.kernel.architecture.value {
        case "x86_64", "i686", "riscv64": ByteCount(mebibytes: 2)
        case "s390x": ByteCount(mebibytes: 1)
        case "aarch64":
            switch host.memory.pageSize.value?.kibibytes {
            case 4: ByteCount(mebibytes: 2)
            case 16: ByteCount(mebibytes: 32)
            case 64: ByteCount(mebibytes: 512)
            default: nil
            }
        default: nil
        }
    }
}

/// A file of a pool below /sys, told by its path.
public struct HugePageFile: Sendable, Hashable {
    /// The page size.
    public var size: ByteCount
    /// The node; `nil` for the whole host's.
    public var node: Int?
    /// `nr_hugepages`, `nr_overcommit_hugepages`.
    public var name: String

    /// A path such as `/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages`; `nil` for any other.
    public init?(_ path: String) {
        let parts = path.split(separator: "/")
        guard parts.count >= 3, let file = parts.last else { return nil }
        let folder = parts[parts.count - 2]
        guard folder.hasPrefix("hugepages-"), folder.hasSuffix("kB"),
            let size = UInt64(folder.dropFirst(10).dropLast(2))
        else {
            return nil
        }
        self.size = ByteCount(kibibytes: size)
        name = String(file)
        if parts.count >= 4, parts[parts.count - 3] == "hugepages", parts.count >= 5,
            parts[parts.count - 4].hasPrefix("node")
        {
            guard let node = Int(parts[parts.count - 4].dropFirst(4)), node >= 0 else { return nil }
            self.node = node
        }
    }
}

/// Huge pages as a kernel command line reserves them: its pairs, read in order as the kernel does.
///
/// - Source: kernel mm/hugetlb.c `hugepagesz_setup`, `hugepages_setup`, `default_hugepagesz_setup`; lib/cmdline.c `memparse`.
public struct HugePageParameters: Sendable, Hashable {
    /// Pages of one size: a number for all nodes, or one for each.
    public struct Count: Sendable, Hashable {
        /// Pages spread over all nodes; `nil` where each has its own.
        public var total: UInt64?
        /// Pages of single nodes (`0:4,1:4`, since kernel 5.16).
        public var nodes: [Int: UInt64]
        /// Pages in all.
        public var sum: UInt64 { total ?? nodes.values.reduce(0) { $0 &+ min($1, 1 << 40) } }

        func byNode(_ all: [Int]) -> [Int: UInt64] {
            if let total { return HugePageSupply.spread(total, over: all) }
            var result = nodes
            for node in all where result[node] == nil { result[node] = 0 }
            return result
        }
    }
    /// `default_hugepagesz=`; `nil` where it is not written.
    public var defaultSize: ByteCount?
    /// `hugetlb_cma=` as written; `nil` where it is not.
    public var cma: String?
    /// Pages by size, of sizes that were named.
    public private(set) var named: [ByteCount: Count] = [:]
    /// Pages of the default size, from `hugepages=` before any size; it overrules a later pair of that size.
    public private(set) var bare: Count?

    /// Reads a command line.
    public init(_ line: KernelCommandLine) {
        var size: ByteCount?
        var hasSize = false
        var wasCounted = false
        for parameter in line.parameters {
            switch parameter.name {
            case "hugepagesz":
                size = parameter.value.flatMap(Self.size)
                hasSize = true
                wasCounted = false
            case "default_hugepagesz":
                defaultSize = parameter.value.flatMap(Self.size)
                size = defaultSize
                hasSize = true
                wasCounted = false
            case "hugepages":
                guard let count = parameter.value.flatMap(Self.count) else { continue }
                if !hasSize {
                    // A second one without a size between is ignored.
                    if bare == nil { bare = count }
                } else if let size, !wasCounted {
                    // A size given twice keeps its first number.
                    if named[size] == nil { named[size] = count }
                    wasCounted = true
                }
            case "hugetlb_cma": cma = parameter.value
            default: break
            }
        }
    }

    /// Pages by size once the default is known; those of the default size are left out where it is not.
    public func counts(defaultSize: ByteCount?) -> [ByteCount: Count] {
        var counts = named
        if let bare, let size = self.defaultSize ?? defaultSize { counts[size] = bare }
        return counts
    }

    /// Whether pages of a size are reserved here.
    public func reserves(_ size: ByteCount, defaultSize: ByteCount?) -> Bool {
        (counts(defaultSize: defaultSize)[size]?.sum ?? 0) > 0
    }

    /// A size as the kernel reads it: digits and a letter; what follows is ignored (`2MB` is 2 MiB).
    static func size(_ text: String) -> ByteCount? {
        let digits = text.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty, let number = UInt64(String(decoding: digits, as: UTF8.self)) else { return nil }
        guard let unit = text.utf8.dropFirst(digits.count).first else {
            return number > 0 ? ByteCount(bytes: number) : nil
        }
        return ByteCount(number, unit: String(decoding: [unit], as: UTF8.self)).flatMap { $0 > .zero ? $0 : nil }
    }

    /// `8`, or `0:4,1:4`.
    static func count(_ text: String) -> Count? {
        if let total = UInt64(text) { return Count(total: min(total, 1 << 40), nodes: [:]) }
        var nodes: [Int: UInt64] = [:]
        for part in text.split(separator: ",") {
            let pair = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pair.count == 2, let node = Int(pair[0]), (0...1_023).contains(node), let count = UInt64(pair[1])
            else { return nil }
            nodes[node] = min(count, 1 << 40)
        }
        return nodes.isEmpty ? nil : Count(total: nil, nodes: nodes)
    }
}
