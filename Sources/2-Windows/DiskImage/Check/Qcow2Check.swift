import Glibc

/// Counts the references to each cluster of a qcow2 image, and compares them with the reference counts the image keeps.
///
/// - Source: QEMU docs/interop/qcow2.txt; block/qcow2-refcount.c `qcow2_check_refcounts` for what counts as a contradiction.
struct Qcow2Check {
    /// Why a check ended early.
    struct Limit: Error {
        let what: String
    }

    /// Bits of table entries.
    enum Entry {
        static let offset: UInt64 = 0x00FF_FFFF_FFFF_FE00
        static let copied: UInt64 = 1 << 63
        static let l1Reserved: UInt64 = 0x7F00_0000_0000_01FF
        static let refcountReserved: UInt64 = 0x1FF
        static let refcountOffset: UInt64 = 0xFFFF_FFFF_FFFF_FE00
        static let bitmapReserved: UInt64 = 0xFF00_0000_0000_01FE
    }

    let file: any HeaderSource
    let header: Qcow2Header
    let geometry: Qcow2Geometry
    /// What is told of each contradiction.
    let report: (String) -> Void
    /// Whether entries count as they are after a repair.
    let countsRepaired: Bool
    /// Whether flags that say "mine alone" are told of, and counted, where they contradict the reference counts.
    let tellsCopied: Bool
    let clusterMask: UInt64
    private let deadline: Double
    /// References found.
    private(set) var references: ClusterCounts
    /// The same without the table and blocks of reference counts themselves.
    private(set) var otherReferences: ClusterCounts
    /// Clusters of what is neither data nor an L2 table.
    private(set) var fixedClusters: Set<UInt64> = []
    /// Contradictions behind which something may lie that nothing else leads to.
    private(set) var losses = 0
    /// Clusters that are counted less often than they are referred to.
    private(set) var lowCounts = 0
    /// What of its table of snapshots is to be written anew: version 3 tells more of them, or there is too much.
    private(set) var snapshotFaults = 0
    /// Its snapshots; `nil` where it has none.
    private(set) var snapshotTable: Qcow2SnapshotTable?
    /// What is to be told of flags that say "mine alone".
    private(set) var copiedFaults: [String] = []
    private(set) var refcountTable: [UInt64] = []
    /// Whether the reference counts can only be written anew.
    private(set) var needsRebuild = false
    var result = ImageCheck()
    /// The block of reference counts read last.
    private var block: (index: Int, table: Qcow2Table)?

    /// A check.
    ///
    /// - Parameters:
    ///   - file: the image's file.
    ///   - header: its header, checked.
    ///   - deadline: when to give up, on the monotonic clock.
    ///   - countsRepaired: whether entries count as they are after a repair.
    ///   - tellsCopied: whether flags that say "mine alone" are told of, and counted.
    ///   - report: told of each contradiction.
    init(
        _ file: any HeaderSource, _ header: Qcow2Header, until deadline: Double = .infinity,
        countsRepaired: Bool = false, tellsCopied: Bool = true, report: @escaping (String) -> Void = { _ in }
    ) {
        self.file = file
        self.header = header
        self.deadline = deadline
        self.countsRepaired = countsRepaired
        self.tellsCopied = tellsCopied
        self.report = report
        geometry = Qcow2Geometry(header)
        clusterMask = header.clusterSize - 1
        references = ClusterCounts()
        otherReferences = ClusterCounts()
    }

    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private var clusterSize: UInt64 { geometry.clusterSize }

    /// Walks all, and fills in what was found.
    ///
    /// - Throws: a ``Limit``, or a `Malformed` where the file cannot be read.
    mutating func run() throws {
        do { try count() } catch is ClusterCounts.Excess {
            throw Limit(
                what:
                    "the file has \(file.size.dividedUp(by: clusterSize)) clusters, of which more are in use than are counted in memory"
            )
        }
    }

    private mutating func count() throws {
        let clusters = file.size.dividedUp(by: clusterSize)
        result.totalClusters = header.size.dividedUp(by: clusterSize)
        // The last cluster may be cut off, or just not written yet.
        try references.grow(to: clusters + 1)
        refcountTable = try table(
            at: header.refcountTableOffset, entries: header.refcountTableClusters * clusterSize / 8)

        try refer(to: 0, length: clusterSize, isFixed: true)
        try walkL1(at: header.l1Offset, entries: header.l1Size, isActive: true)
        try snapshots()
        if let crypto = header.extensions.crypto { try refer(to: crypto.offset, length: crypto.length, isFixed: true) }
        try bitmaps()
        otherReferences = references
        try refer(to: header.refcountTableOffset, length: header.refcountTableClusters * clusterSize)
        try refcountBlocks()
        try compare(clusters)
        if tellsCopied { for fault in copiedFaults { contradiction("ERROR \(fault)") } }
    }

    private mutating func contradiction(_ what: @autoclosure () -> String) {
        result.corruptions += 1
        report(what())
    }

    private mutating func loss(_ what: @autoclosure () -> String) {
        losses += 1
        contradiction(what())
    }

    // MARK: Reading

    private func onTime() throws {
        guard deadline == .infinity || Self.now() < deadline else { throw Limit(what: "it took too long") }
    }

    /// Big-endian numbers at a place, in pieces no larger than is read at once.
    private func table(at offset: UInt64, entries: UInt64) throws -> [UInt64] {
        guard entries <= 1 << 24 else { throw Limit(what: "a table of \(entries) entries") }
        var numbers: [UInt64] = []
        numbers.reserveCapacity(Int(entries))
        var rest = Int(entries) * 8
        var place = offset
        while rest > 0 {
            let count = min(rest, ImageFile.largestRead)
            numbers.append(contentsOf: Self.numbers(try file.bytes(at: place, count: count)))
            rest -= count
            place = place.saturated(adding: UInt64(count))
        }
        return numbers
    }

    private static func numbers(_ bytes: HeaderBytes) -> [UInt64] {
        bytes.bytes.withUnsafeBytes { buffer in
            // SAFETY: each load lies inside the buffer, whose length bounds the range.
            (0..<buffer.count / 8).map {
                UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
            }
        }
    }

    // MARK: Counting

    /// Counts a reference to all clusters of a piece of the file; a piece that ends outside the file is a contradiction.
    private mutating func refer(to offset: UInt64, length: UInt64, isFixed: Bool = false) throws {
        guard length > 0 else { return }
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard !overflow, end < file.size.saturated(adding: clusterSize),
            (end - 1) >> geometry.clusterBits < references.count
        else {
            return loss(
                "ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset \(offset.hex) size \(length.hex)"
            )
        }
        for cluster in offset >> geometry.clusterBits...(end - 1) >> geometry.clusterBits {
            try references.add(cluster)
            if isFixed { fixedClusters.insert(cluster) }
        }
    }

    private mutating func walkL1(at offset: UInt64, entries: UInt64, isActive: Bool) throws {
        guard entries > 0 else { return }
        try refer(to: offset, length: entries * 8, isFixed: true)
        for (index, entry) in try table(at: offset, entries: entries).enumerated() where entry != 0 {
            if entry & Entry.l1Reserved != 0 {
                contradiction("ERROR found L1 entry with reserved bits set: \(entry.digits)")
            }
            let place = entry & Entry.offset
            try refer(to: place, length: clusterSize)
            guard place & clusterMask == 0 else {
                loss("ERROR l2_offset=\(place.digits): Table is not cluster aligned; L1 entry corrupted")
                continue
            }
            if isActive, let kept = try refcount(of: place >> geometry.clusterBits),
                (kept == 1) != (entry & Entry.copied != 0)
            {
                copiedFaults.append(Self.copiedL2(index, entry, kept))
            }
            guard place < file.size else { continue }
            try walkL2(at: place, isActive: isActive)
        }
    }

    private mutating func walkL2(at offset: UInt64, isActive: Bool) throws {
        try onTime()
        let numbers = Self.numbers(try file.bytes(at: offset, count: Int(clusterSize)))
        let step = geometry.entryWords
        var next: UInt64 = 0
        for index in stride(from: 0, to: numbers.count - step + 1, by: step) {
            var entry = Qcow2Entry(word: numbers[index], bitmap: step == 2 ? numbers[index + 1] : 0)
            if entry.word == 0, entry.bitmap == 0 { continue }
            if let faults = geometry.faults(of: entry, index / step) {
                for fault in faults {
                    let word = fault.isPutRight && countsRepaired ? "Repairing" : "ERROR"
                    contradiction(word + fault.what)
                }
                if countsRepaired { entry = geometry.repaired(entry) }
                if geometry.faults(of: entry, index / step) != nil { losses += 1 }
            }
            if entry.isCompressed {
                guard !geometry.hasDataFile else { continue }
                let (place, count) = geometry.compressedPlace(entry.word)
                try refer(to: place, length: count)
                guard isActive else { continue }
                result.compressedClusters += 1
                result.allocatedClusters += 1
                // Packed ones lie anywhere by their nature.
                result.fragmentedClusters += 1
            } else {
                let place = entry.place
                guard place != 0 || geometry.hasDataFile && entry.isCopied else { continue }
                if isActive {
                    result.allocatedClusters += 1
                    if next != 0, place != next { result.fragmentedClusters += 1 }
                    next = place &+ clusterSize
                }
                guard !geometry.hasDataFile else { continue }
                try refer(to: place, length: clusterSize)
                if isActive, place & clusterMask == 0, let kept = try refcount(of: place >> geometry.clusterBits),
                    (kept == 1) != entry.isCopied
                {
                    copiedFaults.append(Self.copiedData(entry.word, kept))
                }
            }
        }
    }

    static func copiedL2(_ index: Int, _ entry: UInt64, _ count: UInt64) -> String {
        "OFLAG_COPIED L2 cluster: l1_index=\(index) l1_entry=\(entry.digits) refcount=\(count)"
    }

    static func copiedData(_ entry: UInt64, _ count: UInt64) -> String {
        "OFLAG_COPIED data cluster: l2_entry=\(entry.digits) refcount=\(count)"
    }

    // MARK: Snapshots and bitmaps

    private mutating func snapshots() throws {
        guard header.snapshots > 0 else { return }
        let table = try Qcow2SnapshotTable(file, at: header.snapshotsOffset, count: header.snapshots)
        snapshotTable = table
        for excess in table.excesses {
            guard countsRepaired else {
                throw Malformed("failed to read the snapshot table: \(excess.refusal). \(excess.remedy)")
            }
            result.corruptions += excess.count
            report(excess.repair)
            if case .extra = excess { snapshotFaults += 1 }
        }
        for (number, entry) in table.entries.enumerated() {
            try onTime()
            guard entry.place < file.size else { return loss("ERROR snapshot table entry \(number) cannot be read") }
            // Version 3 keeps the disk's size of then in it.
            if header.version == 3, entry.extra < 16 {
                snapshotFaults += 1
                let word = countsRepaired ? "Repairing" : "ERROR"
                contradiction("\(word) snapshot table entry \(number) is incomplete")
            }
            let names = try file.bytes(at: entry.names, count: entry.lengths.id + entry.lengths.name)
            let name =
                "\(try names.text(0, entry.lengths.id)) (\(try names.text(entry.lengths.id, entry.lengths.name)))"
            guard entry.l1Offset & clusterMask == 0 else {
                loss(
                    "ERROR snapshot \(name) l1_offset=\(entry.l1Offset.hex): L1 table is not cluster aligned; snapshot table entry corrupted"
                )
                continue
            }
            guard entry.l1Size <= 4 << 20 else {
                loss(
                    "ERROR snapshot \(name) l1_size=\(entry.l1Size.hex): L1 table is too large; snapshot table entry corrupted"
                )
                continue
            }
            try walkL1(at: entry.l1Offset, entries: entry.l1Size, isActive: false)
        }
        try refer(to: header.snapshotsOffset, length: table.end - header.snapshotsOffset, isFixed: true)
    }

    private mutating func bitmaps() throws {
        guard let bitmaps = header.extensions.bitmaps else { return }
        try refer(to: bitmaps.offset, length: bitmaps.length, isFixed: true)
        var offset = bitmaps.offset
        let end = bitmaps.offset.saturated(adding: bitmaps.length)
        var count: UInt64 = 0
        while offset < end {
            try onTime()
            let bytes = try file.bytes(at: offset, count: 24)
            let place = try bytes.be64(0)
            let entries = try bytes.be32(8)
            let flags = try bytes.be32(12)
            let granularity = UInt64(bytes.bytes[17])
            let name = try bytes.be16(18)
            let extra = try bytes.be32(20)
            guard entries > 0, entries <= 0x800_0000, place != 0, place & clusterMask == 0, flags & 0xFFFF_FFFC == 0,
                bytes.bytes[16] == 1,
                (9...31).contains(granularity), (1...1023).contains(name), extra == 0,
                entries * clusterSize <= 0x2000_0000,
                flags & 1 != 0 || header.size.dividedUp(by: 8 << granularity) <= entries * clusterSize
            else {
                return loss("ERROR bitmap \(count + 1) of the directory has what no bitmap has")
            }
            try refer(to: place, length: entries * 8, isFixed: true)
            for entry in try table(at: place, entries: entries) {
                let data = entry & Entry.offset
                guard entry & Entry.bitmapReserved == 0, data == 0 || entry & 1 == 0, data & clusterMask == 0 else {
                    loss("ERROR bitmap \(count + 1) of the directory has the table entry \(entry.hex)")
                    continue
                }
                if data != 0 { try refer(to: data, length: clusterSize, isFixed: true) }
            }
            count += 1
            offset += (24 + UInt64(name) + 7) / 8 * 8
        }
        if count != bitmaps.count || offset != end {
            loss("ERROR the directory of bitmaps has \(count), the header \(bitmaps.count)")
        }
    }

    // MARK: Comparing

    private mutating func refcountBlocks() throws {
        for (index, entry) in refcountTable.enumerated() where entry != 0 {
            if entry & Entry.refcountReserved != 0 {
                contradiction("ERROR refcount table entry \(index) has reserved bits set")
                needsRebuild = true
                continue
            }
            let place = entry & Entry.refcountOffset
            guard place != 0 else { continue }
            guard place & clusterMask == 0 else {
                contradiction(
                    "ERROR refcount block \(index) is not cluster aligned; refcount table entry corrupted")
                needsRebuild = true
                continue
            }
            guard place >> geometry.clusterBits < references.count else {
                contradiction("ERROR refcount block \(index) is outside image")
                needsRebuild = true
                continue
            }
            try refer(to: place, length: clusterSize)
            let count = references[place >> geometry.clusterBits]
            if count != 1 {
                contradiction("ERROR refcount block \(index) refcount=\(count)")
                needsRebuild = true
            }
        }
        let first = header.refcountTableOffset >> geometry.clusterBits
        for cluster in first..<first + header.refcountTableClusters {
            if references[cluster] == 1 { continue }
            needsRebuild = true
        }
        if header.refcountTableClusters == 0 { needsRebuild = true }
    }

    /// The reference count the image keeps of a cluster; `nil` where its block has no right place.
    private mutating func refcount(of cluster: UInt64) throws -> UInt64? {
        let (index, position) = cluster.quotientAndRemainder(dividingBy: geometry.refcountsPerBlock)
        guard index < UInt64(refcountTable.count) else { return 0 }
        if let block, block.index == Int(index) {
            return block.table.number(Int(position), order: geometry.refcountOrder)
        }
        let place = refcountTable[Int(index)] & Entry.refcountOffset
        guard place != 0 else { return 0 }
        guard place & clusterMask == 0 else { return nil }
        let words = Self.numbers(try file.bytes(at: place, count: Int(clusterSize)))
        let table = Qcow2Table(place, words, 0)
        block = (Int(index), table)
        return table.number(Int(position), order: geometry.refcountOrder)
    }

    private mutating func compare(_ clusters: UInt64) throws {
        var highest: UInt64 = 0
        var cluster: UInt64 = 0
        var looked: UInt64 = 0
        while cluster < references.count {
            looked += 1
            if looked & 0xFFFF == 0 { try onTime() }
            let index = cluster / geometry.refcountsPerBlock
            let hasBlock = index < UInt64(refcountTable.count) && refcountTable[Int(index)] & Entry.refcountOffset != 0
            if !hasBlock {
                // Nothing is kept of them: only what is referred to is of interest.
                let isBehind = index >= UInt64(refcountTable.count)
                let end = isBehind ? references.count : min((index + 1) * geometry.refcountsPerBlock, references.count)
                guard let next = references.first(in: cluster..<end) else {
                    cluster = end
                    continue
                }
                cluster = next
            }
            try compare(cluster, clusters, &highest)
            cluster += 1
        }
        result.imageEnd = (highest + 1) << geometry.clusterBits
    }

    private mutating func compare(_ cluster: UInt64, _ clusters: UInt64, _ highest: inout UInt64) throws {
        let found = references[cluster]
        // What lies behind the file's end is nobody's.
        if cluster >= clusters, found == 0 { return }
        guard let kept = try refcount(of: cluster) else { return }
        if kept > 0 || found > 0 { highest = cluster }
        let counted = min(kept, ClusterCounts.mostReferences)
        if counted < found {
            // Counts may be wrong wherever one is missing: QEMU, too, writes all of them anew then.
            if kept == 0 { needsRebuild = true }
            lowCounts += 1
            contradiction("ERROR cluster \(cluster) refcount=\(kept) reference=\(found)")
        } else if counted > found {
            result.leaks += 1
            report("Leaked cluster \(cluster) refcount=\(kept) reference=\(found)")
        }
    }
}
