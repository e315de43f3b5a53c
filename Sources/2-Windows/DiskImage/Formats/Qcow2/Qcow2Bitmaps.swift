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

    static func list(_ file: any BlockStorage, _ header: Qcow2Header) throws(ImageError) -> [Entry] {
        guard let place = header.extensions.bitmaps else { return [] }
        let bytes = HeaderBytes(try file.bytes(at: place.offset, count: Int(place.length)))
        var entries: [Entry] = []
        var offset = 0
        do throws(Malformed) {
            while offset < bytes.count {
                let flags = try bytes.be32(offset + 12)
                let granularity = bytes.bytes.indices.contains(offset + 17) ? bytes.bytes[offset + 17] : 0
                guard granularity < 64 else { throw Malformed("a bitmap's granularity is 2^\(granularity)") }
                let length = try bytes.be16(offset + 18)
                let extra = Int(try bytes.be32(offset + 20))
                entries.append(
                    Entry(
                        name: try bytes.text(offset + 24 + extra, length), granularity: 1 << UInt64(granularity),
                        isInUse: flags & 1 != 0, isAutomatic: flags & 2 != 0, tableOffset: try bytes.be64(offset),
                        tableSize: try bytes.be32(offset + 8)))
                offset += (24 + extra + length + 7) / 8 * 8
            }
        } catch { throw ImageError(error) }
        return entries
    }
}
