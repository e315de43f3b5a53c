import Quantities

/// qcow2's header and header extensions.
///
/// - Source: QEMU docs/interop/qcow2.txt for the fields; block/qcow2.c `qcow2_do_open` and `qcow2_read_extensions` for what QEMU refuses.
struct Qcow2Header {
    var version = 0
    var backingOffset: UInt64 = 0
    var backingLength: UInt64 = 0
    var clusterBits: UInt64 = 0
    var size: UInt64 = 0
    var encryption: UInt64 = 0
    var l1Size: UInt64 = 0
    var l1Offset: UInt64 = 0
    var refcountTableOffset: UInt64 = 0
    var refcountTableClusters: UInt64 = 0
    var snapshots: UInt64 = 0
    var snapshotsOffset: UInt64 = 0
    var incompatible: UInt64 = 0
    var compatible: UInt64 = 0
    var autoclear: UInt64 = 0
    var refcountOrder: UInt64 = 4
    var length: UInt64 = 72
    var compression: UInt8 = 0
    var extensions = Extensions()

    struct Extensions {
        var backingFormat: String?
        var dataFile: String?
        /// Place and length of LUKS' header.
        var crypto: (offset: UInt64, length: UInt64)?
        /// Place, length and number of persistent bitmaps; only where the autoclear bit says they are right.
        var bitmaps: (offset: UInt64, length: UInt64, count: UInt64)?
    }

    /// Bits of `incompatible`.
    enum Feature {
        static let dirty: UInt64 = 1 << 0
        static let corrupt: UInt64 = 1 << 1
        static let dataFile: UInt64 = 1 << 2
        static let compression: UInt64 = 1 << 3
        static let extendedL2: UInt64 = 1 << 4
        static let known: UInt64 = 0x1F
    }

    var clusterSize: UInt64 { 1 << clusterBits }
    var hasExtendedL2: Bool { incompatible & Feature.extendedL2 != 0 }
    /// Bytes of one entry of an L2 table.
    var l2EntrySize: UInt64 { hasExtendedL2 ? 16 : 8 }
    var l2Entries: UInt64 { clusterSize / l2EntrySize }
    var hasDataFile: Bool { incompatible & Feature.dataFile != 0 }

    static func read(_ file: ImageFile, into facts: inout ImageFacts) throws(Malformed) {
        let header = try parse(file, into: &facts)
        facts.virtualSize = .known(ByteCount(bytes: header.size / 512 * 512))
        facts.isPreallocated = header.isPreallocated(file)
    }

    /// The header of a qcow2 image, checked; facts are filled in as they are read.
    ///
    /// - Parameters:
    ///   - file: where it lies.
    ///   - facts: what is told of it.
    ///   - isChecked: whether what a check would find may stand in it.
    ///
    /// - Returns: the header.
    ///
    /// - Throws: a `Malformed`.
    static func parse(
        _ file: any HeaderSource, into facts: inout ImageFacts, isChecked: Bool = false
    ) throws(Malformed) -> Qcow2Header {
        let bytes = try file.bytes(at: 0, count: 112)
        var header = Qcow2Header()
        let version = try bytes.be32(4)
        guard version == 2 || version == 3 else { throw Malformed("qcow2 version \(version) is unknown") }
        header.version = Int(version)
        header.backingOffset = try bytes.be64(8)
        header.backingLength = try bytes.be32(16)
        header.clusterBits = try bytes.be32(20)
        header.size = try bytes.be64(24)
        header.encryption = try bytes.be32(32)
        header.l1Size = try bytes.be32(36)
        header.l1Offset = try bytes.be64(40)
        header.refcountTableOffset = try bytes.be64(48)
        header.refcountTableClusters = try bytes.be32(56)
        header.snapshots = try bytes.be32(60)
        header.snapshotsOffset = try bytes.be64(64)
        if version == 3 {
            header.incompatible = try bytes.be64(72)
            header.compatible = try bytes.be64(80)
            header.autoclear = try bytes.be64(88)
            header.refcountOrder = try bytes.be32(96)
            header.length = try bytes.be32(100)
            if header.length > 104 { header.compression = bytes.bytes[104] }
        }
        header.tell(&facts)
        let unknown = header.incompatible & ~Feature.known
        guard unknown == 0 else { throw Malformed(header.words(for: unknown, file)) }
        try header.check(isChecked: isChecked)
        try header.readExtensions(file)
        try header.readBackingName(file, into: &facts)
        facts.backingFormat = facts.backingFile == nil ? nil : header.extensions.backingFormat
        facts.dataFile = header.hasDataFile ? header.extensions.dataFile : nil
        guard !header.hasDataFile || header.extensions.dataFile?.isEmpty == false else {
            throw Malformed("its data are in another file, and none is named")
        }
        guard header.encryption != 2 || header.extensions.crypto != nil else {
            throw Malformed("it is encrypted with LUKS, and LUKS' header is nowhere")
        }
        return header
    }

    private func tell(_ facts: inout ImageFacts) {
        facts.version = version
        if (9...21).contains(clusterBits) { facts.clusterSize = ByteCount(bytes: clusterSize) }
        facts.encryption = encryption == 1 ? .aes : encryption == 2 ? .luks : nil
        facts.isDirty = incompatible & Feature.dirty != 0
        facts.isCorrupt = incompatible & Feature.corrupt != 0
        facts.lazyRefcounts = compatible & 1 != 0
        facts.extendedL2 = hasExtendedL2
        facts.compression = compression == 1 ? "zstd" : compression == 0 ? "zlib" : nil
        facts.isDataFileRaw = hasDataFile && autoclear & 2 != 0
        facts.snapshots = Int(clamping: snapshots)
    }

    private func check(isChecked: Bool) throws(Malformed) {
        guard version == 2 || length >= 104 else {
            throw Malformed("the header says it is \(length) bytes long; version 3 has at least 104")
        }
        guard (9...21).contains(clusterBits) else {
            throw Malformed("cluster size 2^\(clusterBits) is outside 2^9 ... 2^21")
        }
        guard length <= clusterSize else { throw Malformed("the header, \(length) bytes, is longer than a cluster") }
        guard backingOffset <= clusterSize else {
            throw Malformed("the backing file's name is at byte \(backingOffset), outside the first cluster")
        }
        guard compression <= 1 else { throw Malformed("compression type \(compression) is unknown") }
        guard (incompatible & Feature.compression != 0) == (compression != 0) else {
            throw Malformed("compression type \(compression) contradicts the feature bits")
        }
        guard autoclear & 2 == 0 || hasDataFile else {
            throw Malformed("its data file is said to be a raw image by itself, and it has none")
        }
        guard !hasExtendedL2 || clusterBits >= 14 else {
            throw Malformed("extended L2 entries with clusters of \(clusterSize) bytes; they need 16 KiB")
        }
        guard refcountOrder <= 6 else { throw Malformed("reference counts of 2^\(refcountOrder) bits; at most 64") }
        guard encryption <= 2 else { throw Malformed("encryption method \(encryption) is unknown") }
        guard refcountTableClusters > 0 || isChecked else { throw Malformed("there is no reference count table") }
        try checkTable(
            "the reference count table", refcountTableOffset, refcountTableClusters, clusterSize, limit: 8 << 20)
        let most = Qcow2SnapshotTable.mostSnapshots
        guard snapshots <= most || isChecked else { throw Malformed("Snapshot table too large") }
        try checkTable("the snapshot table", snapshotsOffset, min(snapshots, most), 40, limit: 40 * most)
        try checkTable("the L1 table", l1Offset, l1Size, 8, limit: 32 << 20)
        guard size <= UInt64(Int64.max) - 511 else { throw Malformed("a size of \(size) bytes is out of range") }
        let perL1 = clusterSize * l2Entries
        let needed = size.dividedUp(by: perL1)
        guard needed <= UInt64(Int32.max) else { throw Malformed("Image is too big") }
        guard l1Size >= needed else {
            throw Malformed("L1 table is too small")
        }
    }

    /// What is said of features that are not known: their names, where the image has them.
    private func words(for bits: UInt64, _ file: any HeaderSource) -> String {
        var rest = bits
        var names: [String] = []
        let end = min(backingOffset != 0 ? backingOffset : clusterSize, 4096)
        if (9...21).contains(clusterBits), let window = try? file.bytes(at: 0, count: Int(end)) {
            var offset = Int(clamping: length)
            while offset + 8 <= window.count, let magic = try? window.be32(offset), magic != 0,
                let size = try? window.be32(offset + 4), size <= UInt64(window.count - offset - 8)
            {
                let end = offset + 8 + Int(size)
                let entries = stride(from: offset + 8, to: magic == 0x6803_F857 ? end - 1 : 0, by: 48)
                for place in entries where window.bytes[place] == 0 {
                    let bit = UInt64(window.bytes[place + 1])
                    guard bit < 64, rest & 1 << bit != 0 else { continue }
                    let name = window.bytes[place + 2..<min(place + 48, end)].prefix { $0 != 0 }
                    names.append(String(decoding: name, as: UTF8.self))
                    rest &= ~(1 << bit)
                }
                offset += 8 + (Int(size) + 7) / 8 * 8
            }
        }
        if rest != 0 { names.append("Unknown incompatible feature: \(rest.digits)") }
        return "Unsupported qcow2 feature(s): \(names.joined(separator: ", "))"
    }

    private func checkTable(
        _ what: StaticString, _ offset: UInt64, _ entries: UInt64, _ entrySize: UInt64, limit: UInt64
    ) throws(Malformed) {
        let bytes = try entries.times(entrySize, what)
        guard bytes <= limit else { throw Malformed("\(what) has \(bytes) bytes; at most \(limit)") }
        guard offset % clusterSize == 0 else {
            throw Malformed("\(what) at byte \(offset) is not at a cluster's start")
        }
        guard try offset.adding(bytes, what) <= UInt64(Int64.max) else {
            throw Malformed("\(what) at byte \(offset) is out of range")
        }
    }

    private mutating func readExtensions(_ file: any HeaderSource) throws(Malformed) {
        let end = backingOffset != 0 ? backingOffset : clusterSize
        // The first page holds all of them, but for odd images; a cluster has at most 2 MiB.
        var window = try file.bytes(at: 0, count: Int(min(end, 4096)))
        var offset = length
        while offset < end {
            if try offset.adding(8, "a header extension") > UInt64(window.count), UInt64(window.count) < end {
                window = try file.bytes(at: 0, count: Int(end))
            }
            guard end - offset >= 8 else { throw Malformed("a header extension at byte \(offset) is cut off") }
            let magic = try window.be32(Int(offset))
            let size = try window.be32(Int(offset) + 4)
            offset += 8
            guard size <= end - offset else { throw Malformed("a header extension of \(size) bytes is too large") }
            if magic == 0 { return }
            if offset + size > UInt64(window.count) { window = try file.bytes(at: 0, count: Int(end)) }
            try take(magic, at: Int(offset), size: Int(size), window)
            // Padded to 8 bytes; the padding may stick out of the last one.
            offset += (size + 7) / 8 * 8
        }
    }

    private mutating func take(_ magic: UInt64, at offset: Int, size: Int, _ bytes: HeaderBytes) throws(Malformed) {
        switch magic {
        case 0xE279_2ACA:
            guard size < 16 else { throw Malformed("the backing format's name has \(size) bytes; at most 15") }
            let name = try bytes.text(offset, size)
            extensions.backingFormat = name.isEmpty ? nil : name
        case 0x4441_5441: extensions.dataFile = try bytes.text(offset, size)
        case 0x0537_BE77:
            guard encryption == 2 else { throw Malformed("an encryption header without LUKS encryption") }
            guard size == 16 else { throw Malformed("the encryption header's place has \(size) bytes; it has 16") }
            let place = try bytes.be64(offset)
            guard place % clusterSize == 0 else {
                throw Malformed("the encryption header at byte \(place) is not at a cluster's start")
            }
            extensions.crypto = (place, try bytes.be64(offset + 8))
        case 0x2385_2875:
            guard size == 24 else { throw Malformed("the bitmaps' extension has \(size) bytes; it has 24") }
            guard autoclear & 1 != 0 else { return }
            let count = try bytes.be32(offset)
            let reserved = try bytes.be32(offset + 4)
            let length = try bytes.be64(offset + 8)
            let place = try bytes.be64(offset + 16)
            guard reserved == 0 else { throw Malformed("the bitmaps' extension has a reserved field of \(reserved)") }
            guard (1...65_535).contains(count) else { throw Malformed("\(count) bitmaps; 1 to 65,535 are allowed") }
            guard length <= 64 << 20 else {
                throw Malformed("the bitmap directory has \(length) bytes; at most 64 MiB")
            }
            guard place % clusterSize == 0 else {
                throw Malformed("the bitmap directory at byte \(place) is not at a cluster's start")
            }
            extensions.bitmaps = (place, length, count)
        default: break
        }
    }

    private func readBackingName(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        guard backingOffset != 0 else { return }
        guard backingLength <= min(1023, clusterSize - backingOffset) else {
            throw Malformed(
                "the backing file's name has \(backingLength) bytes; at most \(min(1023, clusterSize - backingOffset))")
        }
        let name = try file.bytes(at: backingOffset, count: Int(backingLength)).text(0, Int(backingLength))
        facts.backingFile = name.isEmpty ? nil : name
    }

    /// Whether every cluster has a place: the file is as long as the disk, and no L2 table is missing.
    ///
    /// `nil` where that would be much to read.
    private func isPreallocated(_ file: ImageFile) -> Bool? {
        let entries = size.dividedUp(by: clusterSize * l2Entries)
        guard entries > 0 else { return nil }
        if !hasDataFile, file.size < size { return false }
        guard entries <= UInt64(ImageFile.largestRead / 8),
            let table = try? file.bytes(at: l1Offset, count: Int(entries) * 8)
        else {
            return nil
        }
        for index in 0..<Int(entries) where ((try? table.be64(index * 8)) ?? 0) & 0x00FF_FFFF_FFFF_FE00 == 0 {
            return false
        }
        return true
    }
}
