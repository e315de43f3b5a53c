/// How often each cluster of a file is referred to.
///
/// Counters stand in pages, of which only those are there that have something to count: files of petabytes may be mostly holes.
struct ClusterCounts: Sendable {
    /// More clusters, or more of them in use, than are counted in memory.
    struct Excess: Error {}

    /// Counters of a page, of a byte each.
    private static let pageSize: UInt64 = 1 << 16
    /// Most pages: 192 MiB, which are 12 TiB in use at 64 KiB.
    private static let mostPages = 3072
    /// Most pages that may be: 4 PiB at 64 KiB.
    private static let mostPlaces: UInt64 = 1 << 20
    /// What a counter is not above; more are in ``many``.
    private static let most: UInt8 = .max
    /// What is counted no further.
    static let mostReferences: UInt64 = 65_535

    /// Clusters that can be counted.
    private(set) var count: UInt64 = 0
    private var pages: [[UInt8]?] = []
    private var used = 0
    /// Counts that a byte does not hold, by cluster.
    private var many: [UInt64: UInt64] = [:]

    /// Has more clusters counted.
    mutating func grow(to count: UInt64) throws(Excess) {
        let places = count.dividedUp(by: Self.pageSize)
        guard places <= Self.mostPlaces else { throw Excess() }
        self.count = max(self.count, count)
        if pages.count < Int(places) { pages += [[UInt8]?](repeating: nil, count: Int(places) - pages.count) }
    }

    /// How often a cluster is referred to; 65,535 and more are one.
    subscript(cluster: UInt64) -> UInt64 {
        guard cluster < count, let page = pages[Int(cluster / Self.pageSize)] else { return 0 }
        let few = page[Int(cluster % Self.pageSize)]
        return few < Self.most ? UInt64(few) : many[cluster] ?? UInt64(few)
    }

    /// Counts a reference to a cluster that can be counted.
    mutating func add(_ cluster: UInt64) throws(Excess) {
        let index = Int(cluster / Self.pageSize)
        let place = Int(cluster % Self.pageSize)
        if pages[index] == nil {
            guard used < Self.mostPages else { throw Excess() }
            used += 1
            pages[index] = [UInt8](repeating: 0, count: Int(Self.pageSize))
        }
        let few = pages[index]?[place] ?? 0
        if few < Self.most {
            pages[index]?[place] = few + 1
        } else {
            many[cluster] = min(Self.mostReferences, (many[cluster] ?? UInt64(few)) + 1)
        }
    }

    /// The first cluster of a range that something refers to.
    func first(in range: Range<UInt64>) -> UInt64? {
        var cluster = range.lowerBound
        while cluster < min(range.upperBound, count) {
            let index = cluster / Self.pageSize
            let end = min(range.upperBound, count, (index + 1) * Self.pageSize)
            if let page = pages[Int(index)] {
                let first = index * Self.pageSize
                if let place = page[Int(cluster - first)..<Int(end - first)].firstIndex(where: { $0 != 0 }) {
                    return first + UInt64(place)
                }
            }
            cluster = end
        }
        return nil
    }

    /// The last cluster that something refers to.
    var last: UInt64? {
        for index in pages.indices.reversed() {
            if let place = pages[index]?.lastIndex(where: { $0 != 0 }) {
                return UInt64(index) * Self.pageSize + UInt64(place)
            }
        }
        return nil
    }
}
