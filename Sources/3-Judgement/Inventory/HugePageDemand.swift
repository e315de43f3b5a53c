public import DomainXML
public import Quantities

/// Huge pages a guest takes when it starts: how many, of which size, from which nodes of the host.
///
/// libvirt chooses a page size for each cell of the guest and each memory device: the device's own, else the `<page>` entry that names the cell, else the
/// entry that names none; an entry without a size, and `<hugepages/>` alone, take the host's default. A page of the base size is no huge page. QEMU rounds each
/// of these pieces up to whole pages and touches all of it at start; virtio-mem takes what is requested.
///
/// - Source: libvirt src/qemu/qemu_command.c `qemuBuildMemoryBackendProps`; QEMU system/physmem.c `file_ram_alloc`.
public struct HugePageDemand: Sendable, Hashable {
    /// Memory of one cell, of one device, or of a guest without cells.
    public struct Piece: Sendable, Hashable {
        /// `cell 0`, a device's label; empty for a guest without cells.
        public var part: String
        /// The page size; `nil` where it is the host's default and that is not known.
        public var pageSize: ByteCount?
        /// Memory to be held.
        public var memory: ByteCount
        /// Nodes it must come from; `nil` where any will do.
        ///
        /// Only the modes strict and restrictive bind: with the others the kernel goes on to other nodes.
        public var nodes: NodeSet?
        /// Whether it is reached through a mounted hugetlbfs; memfd needs none where the size is written.
        public var needsMount: Bool
        /// Whether the size is written in the definition; else it is the host's default.
        public var isExplicit: Bool

        /// A piece.
        public init(
            part: String, pageSize: ByteCount?, memory: ByteCount, nodes: NodeSet?, needsMount: Bool, isExplicit: Bool
        ) {
            self.part = part
            self.pageSize = pageSize
            self.memory = memory
            self.nodes = nodes
            self.needsMount = needsMount
            self.isExplicit = isExplicit
        }

        /// Pages it takes; `nil` where the size is not known.
        public var pages: UInt64? { pageSize.map { memory.count(of: $0) } }
        /// Whether its memory is no multiple of its page size: part of the last page is wasted, and QEMU ≥ 9.1 refuses it.
        public var isUneven: Bool { pageSize.map { $0 > .zero && memory.rawValue % $0.rawValue != 0 } ?? false }
        /// Whether it is smaller than one page: QEMU does not start with it.
        public var isTooSmall: Bool { pageSize.map { memory < $0 } ?? false }
    }

    /// The pieces, cells before devices; empty where the guest takes none.
    public var pieces: [Piece]
    /// Whether numad chooses the nodes when it starts: then it needs them on nodes nobody knows yet.
    public var isPlacedAutomatically: Bool

    /// Whether the guest takes none.
    public var isEmpty: Bool { pieces.isEmpty }

    /// Pieces put together by hand.
    public init(pages pieces: [Piece], isPlacedAutomatically: Bool = false) {
        self.pieces = pieces
        self.isPlacedAutomatically = isPlacedAutomatically
    }

    /// What one definition takes; nothing for guests that are not QEMU's.
    ///
    /// - Parameters:
    ///   - domain: the definition.
    ///   - defaultSize: the host's default size of huge pages; `nil` where it is not known.
    ///   - baseSize: the host's ordinary page.
    public init(of domain: DomainDefinition, defaultSize: ByteCount?, baseSize: ByteCount = ByteCount(kibibytes: 4)) {
        pieces = []
        isPlacedAutomatically = false
        guard domain.type == "kvm" || domain.type == "qemu" else { return }
        let backing = domain.memoryBacking
        let devices = domain.memoryDevices
        guard backing?.hugepages != nil || devices.contains(where: { $0.pageSize != nil }) else { return }
        let cells = domain.guestCells
        let tuning = domain.numaTuning
        isPlacedAutomatically = domain.isPlacedAutomatically
        let isMemfd = backing?.source == "memfd"

        /// The page size of a cell: known, the host's default, or none.
        func size(ofCell cell: Int?) -> (size: ByteCount?, isExplicit: Bool)? {
            guard let backing, backing.hugepages != nil else { return nil }
            let pages = backing.pages
            guard !pages.isEmpty else { return (defaultSize, false) }
            // Without cells libvirt reads `nodeset='0'` as all of the guest.
            let own = pages.first { page in
                page.element["nodeset"] != nil && (cell.map { page.cells?.contains($0) == true } ?? (page.cells == [0]))
            }
            guard let page = own ?? pages.last(where: { $0.element["nodeset"] == nil }) else { return nil }
            return page.size.map { ($0, true) } ?? (defaultSize, false)
        }
        func nodes(ofCell cell: Int?, own: NodeSet?) -> NodeSet? {
            let policy = cell.flatMap { tuning?.policy(ofCell: $0) } ?? tuning?.memory
            // A device's own mask is bound where nothing loosens it.
            if let own { return policy.map(\.isBinding) ?? true ? own : nil }
            guard let policy, policy.isBinding, policy.placement != "auto" else { return nil }
            return policy.nodes
        }
        func add(_ part: String, _ memory: ByteCount, _ size: (size: ByteCount?, isExplicit: Bool), _ nodes: NodeSet?) {
            if let size = size.size, size <= baseSize { return }
            guard memory > .zero else { return }
            pieces.append(
                Piece(
                    part: part, pageSize: size.size, memory: memory, nodes: nodes,
                    needsMount: !isMemfd || !size.isExplicit,
                    isExplicit: size.isExplicit))
        }

        if cells.isEmpty {
            if let size = size(ofCell: nil), let memory = domain.initialMemory {
                add("", memory, size, nodes(ofCell: nil, own: nil))
            }
        } else {
            for cell in cells {
                guard let size = size(ofCell: cell.id), let memory = cell.memory else { continue }
                add(
                    "cell \(cell.id)", memory.rounded(upTo: domain.memoryStep), size,
                    nodes(ofCell: cell.id, own: nil))
            }
        }
        for device in devices where device.isHostMemory {
            let written: (size: ByteCount?, isExplicit: Bool)? = device.pageSize.map { ($0, true) }
            guard let size = written ?? size(ofCell: device.cell ?? cells.first?.id) else { continue }
            add(
                device.label, device.initial.rounded(upTo: domain.memoryStep), size,
                nodes(ofCell: device.cell, own: device.nodes))
        }
    }

    /// What one definition takes on a host, with its sizes.
    public init(of domain: DomainDefinition, on host: HostPageSizes) {
        self.init(of: domain, defaultSize: host.defaultHuge, baseSize: host.base)
    }

    /// Memory of the guest that lies in huge pages, whole pages counted; memory alone where a size is not known.
    public var memory: ByteCount {
        pieces.reduce(.zero) { sum, piece in
            sum + (piece.pageSize.map { piece.memory.rounded(upTo: $0) } ?? piece.memory)
        }
    }
}

/// Page sizes of a host.
public struct HostPageSizes: Sendable, Hashable {
    /// The default size of huge pages; `nil` where it is not known.
    public var defaultHuge: ByteCount?
    /// The ordinary page: 4 KiB where it is not known.
    public var base: ByteCount
    /// Sizes.
    public init(defaultHuge: ByteCount?, base: ByteCount = ByteCount(kibibytes: 4)) {
        self.defaultHuge = defaultHuge
        self.base = base
    }
}

/// Huge pages of several guests together, by size and by the nodes they must come from.
public struct HugePageTotals: Sendable, Hashable {
    /// Where pages must come from: some nodes, or any (`nil`).
    public struct Place: Sendable, Hashable {
        /// Nodes; `nil` for any.
        public var nodes: NodeSet?
        /// A place.
        public init(_ nodes: NodeSet?) { self.nodes = nodes }
    }
    /// Pages by size and place.
    public private(set) var pages: [ByteCount: [Place: UInt64]] = [:]
    /// Memory wanted in pages of the default size while that is not known.
    public private(set) var unresolved = ByteCount.zero
    /// Whether some guests are placed by numad: their nodes are not known before they start.
    public private(set) var hasAutomaticPlacement = false

    /// None.
    public init() {}

    /// Whether nobody takes any.
    public var isEmpty: Bool { pages.isEmpty && unresolved == .zero }
    /// The sizes, ascending.
    public var sizes: [ByteCount] { pages.keys.sorted() }

    /// Adds a guest.
    public mutating func add(_ demand: HugePageDemand) {
        guard !demand.isEmpty else { return }
        if demand.isPlacedAutomatically { hasAutomaticPlacement = true }
        for piece in demand.pieces {
            if let size = piece.pageSize, let count = piece.pages {
                pages[size, default: [:]][Place(piece.nodes), default: 0] += min(count, 1 << 48)
            } else {
                unresolved += piece.memory
            }
        }
    }

    /// Pages of one size, wherever they are.
    public func count(of size: ByteCount) -> UInt64 {
        pages[size]?.values.reduce(0) { $0 &+ min($1, 1 << 52) } ?? 0
    }

    /// Pages of one size that must come from one node alone.
    public func bound(of size: ByteCount, toNode node: Int) -> UInt64 { pages[size]?[Place([node])] ?? 0 }

    /// Whether all pages of one size can be had from a supply, and what is missing where they cannot.
    ///
    /// Places overlap, so this is a flow from places to nodes; it is exact, whatever the order in which guests start.
    ///
    /// - Parameters:
    ///   - size: the page size.
    ///   - supply: pages by node.
    ///
    /// - Returns: pages that cannot be had, by place; empty where all can.
    public func shortage(of size: ByteCount, in supply: [Int: UInt64]) -> [Place: UInt64] {
        guard let wanted = pages[size] else { return [:] }
        let nodes = supply.keys.sorted()
        // Places with the fewest nodes first: what remains missing is then named where it is bound most.
        let places = wanted.sorted { one, other in
            let left = one.key.nodes?.count ?? Int.max
            let right = other.key.nodes?.count ?? Int.max
            return left != right
                ? left < right
                : (one.key.nodes?.members ?? []).lexicographicallyPrecedes(other.key.nodes?.members ?? [])
        }
        var free = nodes.map { supply[$0] ?? 0 }
        var taken = places.map { _ in nodes.map { _ in UInt64(0) } }
        func allows(_ place: Int, _ node: Int) -> Bool { places[place].key.nodes?.contains(nodes[node]) ?? true }
        var missing: [Place: UInt64] = [:]
        for place in places.indices {
            var rest = places[place].value
            for node in nodes.indices where rest > 0 && allows(place, node) {
                let part = min(rest, free[node])
                free[node] -= part
                taken[place][node] += part
                rest -= part
            }
            // Others move to nodes that are still free, along the shortest way.
            while rest > 0 {
                var came: [Int: (place: Int, from: Int)] = [:]
                var queue = nodes.indices.filter { allows(place, $0) }
                var seen = Set(queue)
                var end: Int?
                var next = 0
                while next < queue.count, end == nil {
                    let node = queue[next]
                    next += 1
                    if free[node] > 0 {
                        end = node
                        break
                    }
                    for other in places.indices where taken[other][node] > 0 {
                        for target in nodes.indices where !seen.contains(target) && allows(other, target) {
                            seen.insert(target)
                            came[target] = (other, node)
                            queue.append(target)
                        }
                    }
                }
                guard let end else { break }
                var part = min(rest, free[end])
                var node = end
                while let step = came[node] {
                    part = min(part, taken[step.place][step.from])
                    node = step.from
                }
                free[end] -= part
                node = end
                while let step = came[node] {
                    taken[step.place][step.from] -= part
                    taken[step.place][node] += part
                    node = step.from
                }
                taken[place][node] += part
                rest -= part
            }
            if rest > 0 { missing[places[place].key] = rest }
        }
        return missing
    }
}
