/// Persistent dirty bitmaps of a qcow2 image.
///
/// - Source: QEMU docs/interop/qcow2.txt "Bitmaps extension".
enum Qcow2Bitmaps {
    /// A bitmap's entry in the directory.
    struct Entry: Sendable {
        var name: String
        /// Bytes of the guest that a bit stands for.
        var granularity: UInt64
        /// Whether it was not saved: what it says is not right.
        var isInUse: Bool
        /// Whether it takes note of writes.
        var isAutomatic: Bool
        var tableOffset: UInt64
        var tableSize: UInt64
    }

    /// The directory's entries.
    ///
    /// - Throws: an ``ImageError`` where it says what QEMU refuses, or has another number of them than the header.
    static func list(_ file: any BlockStorage, _ header: Qcow2Header) throws(ImageError) -> [Entry] {
        guard let place = header.extensions.bitmaps else { return [] }
        let bytes = HeaderBytes(try file.bytes(at: place.offset, count: Int(place.length)))
        var entries: [Entry] = []
        var offset = 0
        do throws(Malformed) {
            while offset < bytes.count {
                let flags = try bytes.be32(offset + 12)
                let granularity = bytes.bytes.indices.contains(offset + 17) ? bytes.bytes[offset + 17] : 0
                let length = try bytes.be16(offset + 18)
                let extra = Int(try bytes.be32(offset + 20))
                let table = (offset: try bytes.be64(offset), entries: try bytes.be32(offset + 8))
                guard (9...31).contains(granularity), bytes.bytes[offset + 16] == 1, flags & ~3 == 0, extra == 0,
                    (1...1023).contains(length)
                else { throw Malformed("bitmap \(entries.count + 1) of its directory has what no bitmap has") }
                let covers = header.size.dividedUp(by: 8 << UInt64(granularity))
                guard table.offset > 0, table.offset % header.clusterSize == 0,
                    (1...0x800_0000).contains(table.entries),
                    table.entries * header.clusterSize <= 0x2000_0000,
                    flags & 1 != 0 || covers <= table.entries * header.clusterSize
                else { throw Malformed("bitmap \(entries.count + 1) of its directory has a table that cannot be") }
                entries.append(
                    Entry(
                        name: try bytes.text(offset + 24 + extra, length), granularity: 1 << UInt64(granularity),
                        isInUse: flags & 1 != 0, isAutomatic: flags & 2 != 0, tableOffset: table.offset,
                        tableSize: table.entries))
                offset += (24 + extra + length + 7) / 8 * 8
            }
            guard entries.count == Int(clamping: place.count), offset == bytes.count else {
                throw Malformed("the directory of bitmaps has \(entries.count) of them, the header \(place.count)")
            }
        } catch { throw ImageError(error) }
        return entries
    }

    /// Most bytes that tables and bits of one image take in memory.
    static let mostBytes: UInt64 = 64 << 20
    /// Most bytes of bits that QEMU takes for one bitmap (`BME_MAX_PHYS_SIZE`); few of them are there in a large one.
    static let largest: UInt64 = 512 << 20

    /// A bitmap's table and bits.
    ///
    /// - Parameters:
    ///   - file: where it lies.
    ///   - header: the image's.
    ///   - entry: the bitmap's.
    ///   - budget: bytes that they may take yet.
    ///
    /// - Returns: the table, and the bits where they are right.
    ///
    /// - Throws: an ``ImageError`` where its table leads nowhere, or there are too many.
    static func load(
        _ file: any BlockStorage, _ header: Qcow2Header, _ entry: Entry, _ budget: inout UInt64
    ) throws(ImageError) -> (table: [UInt64], bits: ImageBitmap?) {
        try spend(entry.tableSize * 8, &budget)
        let table = try Qcow2Metadata.words(file, entry.tableOffset, Int(entry.tableSize))
        guard !entry.isInUse else { return (table, nil) }
        let count = header.size.dividedUp(by: entry.granularity * 8)
        guard count <= largest else { throw ImageError(.unsupported, "a bitmap of \(count) bytes is too large") }
        var bits = ImageBitmap(granularity: entry.granularity, size: header.size / 512 * 512)
        try spend(UInt64(bits.pageCount * MemoryLayout<[UInt8]>.size), &budget)
        // What is to be kept whatever the bits are: one word of a table may fill a page.
        var taken = 0
        for (number, word) in table.enumerated() where UInt64(number) * header.clusterSize < count {
            let place = word & Qcow2Geometry.Bits.offset
            guard place % header.clusterSize == 0, place == 0 || word & 1 == 0, word & 0xFF00_0000_0000_01FE == 0 else {
                throw ImageError(.malformed, "the table of the bitmap \"\(entry.name.prefix(80))\" leads nowhere")
            }
            guard place != 0 || word & 1 == 1 else { continue }
            let start = UInt64(number) * header.clusterSize
            let piece = min(header.clusterSize, count - start)
            let end = Int(start + piece - 1) / ImageBitmap.pageBytes + 1
            let first = max(taken, Int(start) / ImageBitmap.pageBytes)
            try spend(UInt64((end - first) * ImageBitmap.pageBytes), &budget)
            taken = end
            if place != 0 {
                bits.put(try file.bytes(at: place, count: Int(piece)), at: Int(start))
            } else {
                bits.set(start * 8 * entry.granularity, header.clusterSize * 8 * entry.granularity)
            }
        }
        return (table, bits)
    }

    private static func spend(_ count: UInt64, _ budget: inout UInt64) throws(ImageError) {
        guard count <= budget else {
            throw ImageError(
                .unsupported, "its bitmaps have more than \(mostBytes) bytes, which are not kept up",
                remedy: "Take them out, or make them coarser")
        }
        budget -= count
    }
}
