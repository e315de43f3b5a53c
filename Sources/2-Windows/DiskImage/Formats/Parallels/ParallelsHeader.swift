import Quantities

/// Parallels' header.
///
/// - Source: QEMU docs/interop/parallels.txt; block/parallels.c `parallels_open`.
enum ParallelsHeader {
    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let bytes = try file.bytes(at: 0, count: 64)
        let tracks = try bytes.le32(28)
        let entries = try bytes.le32(32)
        var sectors = try bytes.le64(36)
        facts.version = 2
        facts.isDirty = try bytes.le32(44) == 0x746F_6E59
        guard (1...UInt64(Int32.max) / 513).contains(tracks) else { throw Malformed("clusters of \(tracks) sectors") }
        // The older kind has 32 bits for the size, and rubbish above them.
        if bytes.has("WithoutFreeSpace") { sectors &= 0xFFFF_FFFF }
        guard entries <= UInt64(Int32.max) / 4 else { throw Malformed("a table of \(entries) entries is too large") }
        let size = try sectors.times(512, "the size")
        guard size <= UInt64(Int64.max) else { throw Malformed("a size of \(sectors) sectors is out of range") }
        facts.clusterSize = ByteCount(bytes: tracks * 512)
        facts.virtualSize = .known(ByteCount(bytes: size))
    }
}
