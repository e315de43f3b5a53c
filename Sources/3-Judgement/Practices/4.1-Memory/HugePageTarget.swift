import Changes
import HostFacts
import Inventory
import Quantities

/// How many pages of one size each node is to have, so that all guests together get theirs, now and after a boot.
///
/// Numbers of nodes and the host's own number are two ways to say one thing: whoever writes both takes back with the second what
/// the first gave. So one of them is chosen for all guests.
struct HugePageTarget {
    /// The page size.
    let size: ByteCount
    /// Pages there are now, by node.
    let reserved: [Int: UInt64]
    /// Pages there are to be, by node; `nil` where the host, or a node that a guest is bound to, has none of the size.
    let pages: [Int: UInt64]?
    /// Pages that nobody asks for.
    private(set) var spare: UInt64 = 0
    /// Whether the next boot is known to reserve pages that nobody asks for.
    private(set) var isSpareAtBoot = false
    /// Whether the host's own number is written: nobody asks for pages of one node.
    let isHostWide: Bool
    private let isDefault: Bool
    private let boot: [Int: UInt64]?
    private var now: [Int: UInt64] = [:]
    private var left: [Int: UInt64] = [:]

    /// What the guests need of a size.
    ///
    /// - Parameters:
    ///   - size: the page size.
    ///   - host: the host.
    ///   - memory: what its guests ask for.
    ///   - supply: what is reserved now.
    ///   - boot: what the next boot reserves; `nil` where that is not known.
    init(
        _ size: ByteCount, on host: HostFacts, _ memory: MemoryRelations, reserved supply: HugePageSupply,
        boot: HugePageSupply?
    ) {
        self.size = size
        reserved = supply.byNode(size)
        self.boot = boot?.byNode(size)
        let whole = HugePagesChange(pageKiB: size.kibibytes, node: nil, from: nil, to: 0).target
        // What tmpfiles.d writes comes after what sysctl.d does.
        isDefault = size == supply.defaultSize && host.boot.tmpfiles.value?[whole] == nil
        let isAsked = memory.hugePagesUnasked.isEmpty
        let wantedNow = isAsked ? memory.hugePagesStopped : memory.hugePagesUnasked
        let places = [wantedNow, memory.hugePagesRunning, memory.hugePagesDefined].flatMap {
            $0.pages[size].map { Array($0.keys) } ?? []
        }
        let isWrittenByNode =
            host.boot.tmpfiles.value?.keys.contains {
                guard let file = HugePageFile($0) else { return false }
                return file.size == size && file.node != nil && file.name == "nr_hugepages"
            } ?? false
        isHostWide = places.allSatisfy { $0.nodes == nil } && !isWrittenByNode
        guard !reserved.isEmpty else {
            pages = nil
            return
        }
        let nodes = reserved.keys.sorted().filter { host.numa.node($0)?.memory.value != .zero }
        let free = HugePageSupply.free(on: host).value?.byNode(size) ?? [:]
        let usable = isAsked ? free : reserved
        let grown = Self.grown(usable, for: wantedNow, size, nodes)
        guard let grown else {
            pages = nil
            return
        }
        now = reserved
        for (node, count) in grown { now[node, default: 0] += count - (usable[node] ?? 0) }
        left = now
        let everyone = [memory.hugePagesRunning, memory.hugePagesStopped, memory.hugePagesUnasked]
        if everyone.allSatisfy({ $0.unresolved == .zero }) {
            let wanted = everyone.reduce(0) { $0 &+ $1.count(of: size) }
            (left, spare) = Self.released(now, wanted, free: free, grown: grown, for: wantedNow, size)
        }
        guard let boot = self.boot else {
            pages = now
            return
        }
        // What is written for now holds at the next boot, too; and if that brings too few, then what is there now.
        let defined = memory.hugePagesDefined
        let wanted = defined.count(of: size)
        // A command line that names no nodes gives all of them as many as one needs: large pages cannot be had otherwise.
        let most = boot.keys.map { defined.bound(of: size, toNode: $0) }.max() ?? 0
        let spread = size >= ByteCount(gibibytes: 1) ? most * UInt64(boot.count) : 0
        isSpareAtBoot = Self.sum(boot) > max(wanted + wanted / 50, spread)
        let present = reserved
        let changed = left.filter { $0.value != present[$0.key] ?? 0 }
        var base = isHostWide && !changed.isEmpty ? left : boot.merging(changed) { $1 }
        if !defined.shortage(of: size, in: base).isEmpty {
            base = base.merging(left) { max($0, $1) }
            if isHostWide, !changed.isEmpty || Self.sum(left) > Self.sum(boot) { base = left }
        }
        pages = Self.grown(base, for: defined, size, nodes)
    }

    private static func sum<Key>(_ pages: [Key: UInt64]) -> UInt64 { pages.values.reduce(0, +) }

    /// A supply with as many pages more as guests lack; `nil` where they lack them on nodes that have none of the size.
    private static func grown(
        _ supply: [Int: UInt64], for totals: HugePageTotals, _ size: ByteCount, _ nodes: [Int]
    ) -> [Int: UInt64]? {
        var grown = supply
        for (place, missing) in totals.shortage(of: size, in: supply) {
            let among = place.nodes.map { $0.members.filter { supply[$0] != nil } } ?? nodes
            guard !among.isEmpty else { return nil }
            for (node, more) in HugePageSupply.spread(missing, over: among) { grown[node, default: 0] += more }
        }
        return grown
    }

    /// What remains without the pages that nobody asks for, and how many those are.
    private static func released(
        _ now: [Int: UInt64], _ wanted: UInt64, free: [Int: UInt64], grown: [Int: UInt64], for totals: HugePageTotals,
        _ size: ByteCount
    ) -> (left: [Int: UInt64], spare: UInt64) {
        let all = sum(now)
        // Other programs hold pages as well: only what is free is idle.
        let spare = min(all > wanted ? all - wanted : 0, sum(free))
        // A few spare pages are care, not waste.
        guard spare > wanted / 50 else { return (now, 0) }
        var rest = spare
        var left = now
        var supply = grown
        for node in now.keys.sorted() where rest > 0 {
            let before = supply[node] ?? 0
            var part = min(rest, free[node] ?? 0, before, left[node] ?? 0)
            supply[node] = before - part
            // As many as guests would then lack stay.
            part -= min(part, sum(totals.shortage(of: size, in: supply)))
            supply[node] = before - part
            left[node, default: part] -= part
            rest -= part
        }
        return (left, spare)
    }

    private func change(_ node: Int?, _ from: UInt64, _ to: UInt64) -> any Change {
        if node == nil, isDefault { return SysctlChange("vm.nr_hugepages", from: String(from), to: String(to)) }
        return HugePagesChange(
            pageKiB: size.kibibytes, node: node, from: Int(clamping: from), to: Int(clamping: to))
    }

    /// Changes that reserve what is missing, now and for the next boot.
    var changes: [any Change] {
        guard let pages else { return [] }
        if isHostWide { return [change(nil, Self.sum(reserved), Self.sum(pages))] }
        return pages.sorted { $0.key < $1.key }.compactMap { node, count in
            let there = reserved[node] ?? 0
            let isMissing = now[node] ?? 0 > there
            let isMissingAtBoot = boot.map { count > $0[node] ?? 0 } ?? false
            return isMissing || isMissingAtBoot ? change(node, there, count) : nil
        }
    }

    /// Changes that give spare pages back, but for those that the next boot has to bring.
    var releases: [any Change] {
        guard spare > 0, let pages else { return [] }
        if isHostWide {
            let (there, count) = (Self.sum(reserved), max(Self.sum(left), Self.sum(pages)))
            return count < there ? [change(nil, there, count)] : []
        }
        return left.sorted { $0.key < $1.key }.compactMap { node, count in
            let there = reserved[node] ?? 0
            let count = max(count, pages[node] ?? 0)
            return count < there ? change(node, there, count) : nil
        }
    }
}
