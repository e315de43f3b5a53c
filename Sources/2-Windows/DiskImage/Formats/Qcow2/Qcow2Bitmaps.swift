/// Persistent dirty bitmaps of a qcow2 image.
///
/// - Source: QEMU docs/interop/qcow2.txt "Bitmaps extension".
enum Qcow2Bitmaps {
    /// A bitmap's entry in the directory.
    struct Entry {
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
}
