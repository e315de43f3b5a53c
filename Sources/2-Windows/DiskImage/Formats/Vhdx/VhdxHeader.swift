import Quantities

/// Hyper-V's second format: headers, region table, metadata.
///
/// - Source: [MS-VHDX]; QEMU block/vhdx.c `vhdx_parse_header`, `vhdx_open_region_tables`, `vhdx_parse_metadata`.
enum VhdxHeader {
    /// Where things lie.
    struct Layout {
        var hasLog = false
        var metadata: UInt64 = 0
        var map: (offset: UInt64, count: UInt64)?
        var block: UInt64 = 0
        var size: UInt64 = 0
        var sector: UInt64 = 512
    }

    private static let sectorSize: [UInt8] = [
        0x1D, 0xBF, 0x41, 0x81, 0x6F, 0xA9, 0x09, 0x47, 0xBA, 0x47, 0xF2, 0x33, 0xA8, 0xFA, 0xAB, 0x5F,
    ]
    private static let metadataRegion: [UInt8] = [
        0x06, 0xA2, 0x7C, 0x8B, 0x90, 0x47, 0x9A, 0x4B, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E,
    ]
    private static let blockMapRegion: [UInt8] = [
        0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00, 0x42, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08,
    ]
    private static let fileParameters: [UInt8] = [
        0x37, 0x67, 0xA1, 0xCA, 0x36, 0xFA, 0x43, 0x4D, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B,
    ]
    private static let diskSize: [UInt8] = [
        0x24, 0x42, 0xA5, 0x2F, 0x1B, 0xCD, 0x76, 0x48, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8,
    ]

    @discardableResult
    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) -> Layout {
        var layout = Layout()
        var newest = try header(file, at: 64 << 10)
        if let other = try header(file, at: 128 << 10), other.sequence > newest?.sequence ?? 0 || newest == nil {
            newest = other
        }
        guard let newest else { throw Malformed("neither of its two headers is whole") }
        facts.version = newest.version
        guard newest.version == 1 else { throw Malformed("version \(newest.version) is unknown") }
        // A log's GUID says that the log holds writes that are not in their places yet.
        facts.isDirty = newest.hasLog
        layout.hasLog = newest.hasLog
        // There is a second table behind it; QEMU does not turn to it either.
        guard try regions(file, at: 192 << 10, &layout) else { throw Malformed("its region table is damaged") }
        try metadata(file, at: layout.metadata, into: &facts, &layout)
        return layout
    }

    private static func header(_ file: any HeaderSource, at offset: UInt64) throws(Malformed) -> (
        sequence: UInt64, version: Int, hasLog: Bool
    )? {
        let bytes = try file.bytes(at: offset, count: 4096)
        guard bytes.has("head"), try checksum(bytes) == bytes.le32(4) else { return nil }
        return (try bytes.le64(8), try bytes.le16(66), bytes.bytes[48..<64].contains { $0 != 0 })
    }

    /// Where the metadata and the block map are; `false` where the table is damaged.
    private static func regions(_ file: any HeaderSource, at offset: UInt64, _ layout: inout Layout) throws(Malformed)
        -> Bool
    {
        let bytes = try file.bytes(at: offset, count: 64 << 10)
        guard bytes.has("regi"), try checksum(bytes) == bytes.le32(4) else { return false }
        let entries = try bytes.le32(8)
        guard entries <= 2047 else { throw Malformed("a region table of \(entries) entries; at most 2,047") }
        var metadata: UInt64?
        for index in 0..<Int(entries) {
            let entry = 16 + index * 32
            let place = try bytes.le64(entry + 16)
            if bytes.has(metadataRegion, at: entry) {
                metadata = place
            } else if bytes.has(blockMapRegion, at: entry) {
                layout.map = (place, try bytes.le32(entry + 24))
            } else if try bytes.le32(entry + 28) & 1 != 0 {
                throw Malformed("it needs a region of an unknown kind")
            }
        }
        guard let metadata else { throw Malformed("the region table names no metadata") }
        layout.metadata = metadata
        return true
    }

    private static func metadata(
        _ file: any HeaderSource, at offset: UInt64, into facts: inout ImageFacts, _ layout: inout Layout
    ) throws(Malformed) {
        let bytes = try file.bytes(at: offset, count: 64 << 10)
        guard bytes.has("metadata") else { throw Malformed("the metadata at byte \(offset) are damaged") }
        let entries = try bytes.le16(10)
        guard entries <= 2047 else { throw Malformed("metadata of \(entries) entries; at most 2,047") }
        for index in 0..<entries {
            let entry = 32 + index * 32
            let place = try offset.adding(try bytes.le32(entry + 16), "an item of the metadata")
            if bytes.has(fileParameters, at: entry) {
                let item = try file.bytes(at: place, count: 8)
                let block = try item.le32(0)
                guard (1 << 20...256 << 20).contains(block), block.isPowerOfTwo else {
                    throw Malformed("blocks of \(block) bytes; powers of two from 1 to 256 MiB are allowed")
                }
                facts.clusterSize = ByteCount(bytes: block)
                layout.block = block
                facts.isPreallocated = try item.le32(4) & 1 != 0
                if try item.le32(4) & 2 != 0 { throw Malformed("it has a parent, which QEMU does not know") }
            } else if bytes.has(diskSize, at: entry) {
                let size = try file.bytes(at: place, count: 8).le64(0)
                guard size <= 64 << 40 else { throw Malformed("a size of \(size) bytes; at most 64 TiB") }
                facts.virtualSize = .known(ByteCount(bytes: size))
                layout.size = size
            } else if bytes.has(sectorSize, at: entry) {
                layout.sector = try file.bytes(at: place, count: 4).le32(0)
                guard layout.sector == 512 || layout.sector == 4096 else {
                    throw Malformed("sectors of \(layout.sector) bytes; 512 and 4,096 are allowed")
                }
            }
        }
        guard facts.clusterSize != nil, facts.virtualSize.value != nil else {
            throw Malformed("the metadata name no size")
        }
    }

    /// CRC-32C of a structure whose bytes 4 to 7, the sum itself, count as zero.
    private static func checksum(_ bytes: HeaderBytes) throws(Malformed) -> UInt64 {
        var sum: UInt32 = 0xFFFF_FFFF
        for (position, byte) in bytes.bytes.enumerated() {
            sum = table[Int((sum ^ UInt32((4..<8).contains(position) ? 0 : byte)) & 0xFF)] ^ sum >> 8
        }
        return UInt64(sum ^ 0xFFFF_FFFF)
    }

    private static let table: [UInt32] = (0..<256).map { (byte: UInt32) -> UInt32 in
        var value = byte
        for _ in 0..<8 { value = value & 1 != 0 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
        return value
    }
}
