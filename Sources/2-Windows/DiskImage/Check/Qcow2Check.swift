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
    private enum Entry {
        static let offset: UInt64 = 0x00FF_FFFF_FFFF_FE00
        static let copied: UInt64 = 1 << 63
        static let compressed: UInt64 = 1 << 62
        static let zero: UInt64 = 1
        static let l1Reserved: UInt64 = 0x7F00_0000_0000_01FF
        static let l2Reserved: UInt64 = 0x3F00_0000_0000_01FE
        static let refcountReserved: UInt64 = 0x1FF
        static let refcountOffset: UInt64 = 0xFFFF_FFFF_FFFF_FE00
        static let bitmapReserved: UInt64 = 0xFF00_0000_0000_01FE
    }

    /// Most clusters of a file that are counted: 128 MiB of counters, 4 TiB at 64 KiB.
    private static let mostClusters: UInt64 = 1 << 26

    let file: ImageFile
    let header: Qcow2Header
    let deadline: Double
    let clusterSize: UInt64
    let clusterMask: UInt64
    /// References found, by cluster; 65,535 and more are one.
    private var references: [UInt16] = []
    private var refcountTable: [UInt64] = []
    private var corruptions = 0
    private var leaks = 0
    /// The block of reference counts read last.
    private var block: (index: Int, bytes: HeaderBytes)?

    init(_ file: ImageFile, _ header: Qcow2Header, until deadline: Double) {
        self.file = file
        self.header = header
        self.deadline = deadline
        clusterSize = header.clusterSize
        clusterMask = header.clusterSize - 1
    }

    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    mutating func run() throws -> ImageFacts.CheckResult {
        let clusters = file.size.dividedUp(by: clusterSize)
        guard clusters < Self.mostClusters else {
            throw Limit(what: "the file has \(clusters) clusters; at most \(Self.mostClusters) are counted")
        }
        // The last cluster may be cut off, or just not written yet.
        references = [UInt16](repeating: 0, count: Int(clusters) + 1)
        refcountTable = try table(
            at: header.refcountTableOffset, entries: header.refcountTableClusters * clusterSize / 8)

        refer(to: 0, length: clusterSize)
        try walkL1(at: header.l1Offset, entries: header.l1Size, isActive: true)
        try snapshots()
        if let crypto = header.extensions.crypto { refer(to: crypto.offset, length: crypto.length) }
        try bitmaps()
        refer(to: header.refcountTableOffset, length: header.refcountTableClusters * clusterSize)
        refcountBlocks()
        try compare(clusters)
        return ImageFacts.CheckResult(corruptions: corruptions, leaks: leaks)
    }

    // MARK: Reading

    private func onTime() throws {
        guard Self.now() < deadline else { throw Limit(what: "it took too long") }
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
    private mutating func refer(to offset: UInt64, length: UInt64) {
        guard length > 0 else { return }
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard !overflow, end < file.size.saturated(adding: clusterSize) else {
            corruptions += 1
            return
        }
        let first = Int(offset / clusterSize)
        let last = Int((end - 1) / clusterSize)
        guard last < references.count else {
            corruptions += 1
            return
        }
        for cluster in first...last where references[cluster] < .max { references[cluster] += 1 }
    }

    private mutating func walkL1(at offset: UInt64, entries: UInt64, isActive: Bool) throws {
        guard entries > 0 else { return }
        refer(to: offset, length: entries * 8)
        for entry in try table(at: offset, entries: entries) where entry != 0 {
            if entry & Entry.l1Reserved != 0 { corruptions += 1 }
            let place = entry & Entry.offset
            refer(to: place, length: clusterSize)
            guard place & clusterMask == 0 else {
                corruptions += 1
                continue
            }
            if isActive, try isMiscopied(entry, place) { corruptions += 1 }
            guard place < file.size else { continue }
            try walkL2(at: place, isActive: isActive)
        }
    }

    private mutating func walkL2(at offset: UInt64, isActive: Bool) throws {
        try onTime()
        let numbers = Self.numbers(try file.bytes(at: offset, count: Int(clusterSize)))
        let step = header.hasExtendedL2 ? 2 : 1
        for index in stride(from: 0, to: numbers.count - step + 1, by: step) {
            let entry = numbers[index]
            let bitmap = header.hasExtendedL2 ? numbers[index + 1] : 0
            if entry == 0, bitmap == 0 { continue }
            if entry & Entry.compressed != 0 {
                compressed(entry, bitmap)
            } else {
                try standard(entry, bitmap, isActive: isActive)
            }
        }
    }

    private mutating func compressed(_ entry: UInt64, _ bitmap: UInt64) {
        if entry & Entry.copied != 0 || bitmap != 0 { corruptions += 1 }
        guard !header.hasDataFile else {
            corruptions += 1
            return
        }
        let shift = 62 - (header.clusterBits - 8)
        let offset = entry & ((1 << shift) - 1)
        let sectors = (entry >> shift & ((1 << (header.clusterBits - 8)) - 1)) + 1
        refer(to: offset, length: sectors * 512 - offset % 512)
    }

    private mutating func standard(_ entry: UInt64, _ bitmap: UInt64, isActive: Bool) throws {
        if entry & Entry.l2Reserved != 0 { corruptions += 1 }
        let place = entry & Entry.offset
        if header.hasExtendedL2, bitmap >> 32 & bitmap & 0xFFFF_FFFF != 0 { corruptions += 1 }
        guard place != 0 || (header.hasDataFile && entry & Entry.copied != 0) else {
            // Subclusters of a cluster that has no place cannot have data.
            if header.hasExtendedL2, bitmap & 0xFFFF_FFFF != 0 { corruptions += 1 }
            return
        }
        if place & clusterMask != 0 { corruptions += 1 }
        guard !header.hasDataFile else { return }
        refer(to: place, length: clusterSize)
        if isActive, place & clusterMask == 0, try isMiscopied(entry, place) { corruptions += 1 }
    }

    /// Whether the flag that says "mine alone" contradicts the reference count the image keeps.
    private mutating func isMiscopied(_ entry: UInt64, _ place: UInt64) throws -> Bool {
        guard let count = try refcount(of: place / clusterSize) else { return false }
        return (count == 1) != (entry & Entry.copied != 0)
    }

    // MARK: Snapshots and bitmaps

    private mutating func snapshots() throws {
        guard header.snapshots > 0 else { return }
        var offset = header.snapshotsOffset
        for _ in 0..<header.snapshots {
            try onTime()
            offset = offset.saturated(adding: 7) / 8 * 8
            let bytes = try file.bytes(at: offset, count: 40)
            let l1Offset = try bytes.be64(0)
            let l1Size = try bytes.be32(8)
            let idLength = try bytes.be16(12)
            let nameLength = try bytes.be16(14)
            let extra = try bytes.be32(36)
            guard extra <= 1024, offset < file.size else {
                corruptions += 1
                return
            }
            // Version 3 keeps the disk's size of then in it.
            if header.version == 3, extra < 16 { corruptions += 1 }
            offset += 40 + extra + UInt64(idLength) + UInt64(nameLength)
            guard l1Offset & clusterMask == 0, l1Size <= 4 << 20 else {
                corruptions += 1
                continue
            }
            try walkL1(at: l1Offset, entries: l1Size, isActive: false)
        }
        refer(to: header.snapshotsOffset, length: offset - header.snapshotsOffset)
    }

    private mutating func bitmaps() throws {
        guard let bitmaps = header.extensions.bitmaps else { return }
        refer(to: bitmaps.offset, length: bitmaps.length)
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
                corruptions += 1
                return
            }
            refer(to: place, length: entries * 8)
            for entry in try table(at: place, entries: entries) {
                let data = entry & Entry.offset
                guard entry & Entry.bitmapReserved == 0, data == 0 || entry & 1 == 0, data & clusterMask == 0 else {
                    corruptions += 1
                    continue
                }
                if data != 0 { refer(to: data, length: clusterSize) }
            }
            count += 1
            offset += (24 + UInt64(name) + 7) / 8 * 8
        }
        if count != bitmaps.count || offset != end { corruptions += 1 }
    }

    // MARK: Comparing

    private mutating func refcountBlocks() {
        for entry in refcountTable where entry != 0 {
            if entry & Entry.refcountReserved != 0 { corruptions += 1 }
            let place = entry & Entry.refcountOffset
            guard place != 0 else { continue }
            guard place & clusterMask == 0, place / clusterSize < UInt64(references.count) else {
                corruptions += 1
                continue
            }
            refer(to: place, length: clusterSize)
            if references[Int(place / clusterSize)] != 1 { corruptions += 1 }
        }
    }

    /// The reference count the image keeps of a cluster; `nil` where its block has no right place.
    private mutating func refcount(of cluster: UInt64) throws -> UInt64? {
        let perBlock = (clusterSize * 8) >> header.refcountOrder
        let (index, position) = cluster.quotientAndRemainder(dividingBy: perBlock)
        guard index < UInt64(refcountTable.count) else { return 0 }
        let place = refcountTable[Int(index)] & Entry.refcountOffset
        guard place != 0 else { return 0 }
        guard place & clusterMask == 0 else { return nil }
        if block?.index != Int(index) { block = (Int(index), try file.bytes(at: place, count: Int(clusterSize))) }
        guard let bytes = block?.bytes else { return nil }
        let position64 = Int(position)
        switch header.refcountOrder {
        case 0...2:
            let bits = 1 << Int(header.refcountOrder)
            let perByte = 8 / bits
            let byte = bytes.bytes[position64 / perByte]
            return UInt64(byte >> UInt8(position64 % perByte * bits)) & ((1 << UInt64(bits)) - 1)
        case 3: return UInt64(bytes.bytes[position64])
        case 4: return UInt64(try bytes.be16(position64 * 2))
        case 5: return try bytes.be32(position64 * 4)
        default: return try bytes.be64(position64 * 8)
        }
    }

    private mutating func compare(_ clusters: UInt64) throws {
        for cluster in 0..<UInt64(references.count) {
            if cluster & 0xFFFF == 0 { try onTime() }
            let found = UInt64(references[Int(cluster)])
            // What lies behind the file's end is nobody's.
            if cluster >= clusters, found == 0 { continue }
            guard let kept = try refcount(of: cluster) else { continue }
            let counted = min(kept, UInt64(UInt16.max))
            if counted < found { corruptions += 1 } else if counted > found { leaks += 1 }
        }
    }
}
