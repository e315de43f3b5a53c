import Quantities

/// The header of Bochs' growing images.
///
/// - Source: QEMU block/bochs.c `bochs_probe`, `bochs_open`; Bochs iodev/hdimage/hdimage.h.
struct BochsHeader {
    /// 1 or 2.
    let version: Int
    /// Bytes the guest sees.
    let size: UInt64
    /// Bytes of an extent.
    let extent: UInt64
    /// Bytes of an extent's bitmap.
    let bitmap: UInt64
    /// Where the catalog begins.
    let catalog: UInt64
    /// Entries of the catalog.
    let entries: UInt64

    /// Whether an image begins so.
    static func starts(_ bytes: HeaderBytes) -> Bool {
        guard bytes.has("Bochs Virtual HD Image\0"), bytes.has("Redolog\0", at: 32), bytes.has("Growing\0", at: 48),
            let version = try? bytes.le32(64)
        else { return false }
        return version == 0x1_0000 || version == 0x2_0000
    }

    init(_ file: any HeaderSource) throws(Malformed) {
        let bytes = try file.bytes(at: 0, count: 512)
        guard Self.starts(bytes) else { throw Malformed("Image not in Bochs format") }
        version = Int(try bytes.le32(64) >> 16)
        catalog = try bytes.le32(68)
        entries = try bytes.le32(72)
        bitmap = try bytes.le32(76)
        extent = try bytes.le32(80)
        // The second version has the size at a multiple of its own.
        size = try bytes.le64(version == 1 ? 84 : 88) / 512 * 512
        guard entries <= 0x10_0000 else { throw Malformed("a catalog of \(entries) entries is too large") }
        guard (512...0x80_0000).contains(extent), extent.isPowerOfTwo else {
            throw Malformed("extents of \(extent) bytes; powers of two from 512 to 8 MiB are allowed")
        }
        guard bitmap > 0 else { throw Malformed("bitmaps of \(bitmap) bytes are too small") }
        guard size <= UInt64(Int64.max), entries >= size.dividedUp(by: extent) else {
            throw Malformed("a catalog of \(entries) entries is too small for \(size) bytes")
        }
    }

    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let header = try BochsHeader(file)
        facts.version = header.version
        facts.virtualSize = .known(ByteCount(bytes: header.size))
    }
}
