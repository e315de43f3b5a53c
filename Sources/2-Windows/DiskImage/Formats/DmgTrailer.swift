import Quantities

/// Apple's disk images end with a trailer that counts the sectors.
///
/// QEMU goes by the name's `.dmg`.
///
/// - Source: QEMU block/dmg.c `dmg_probe`, `dmg_find_koly_offset`.
enum DmgTrailer {
    static func read(_ file: ImageFile, into facts: inout ImageFacts) throws(Malformed) {
        guard file.size >= 512 else { throw Malformed("it is too short for a trailer") }
        let trailer = try file.bytes(at: file.size - 512, count: 512)
        guard trailer.has("koly") else { throw Malformed("it has no trailer") }
        let size = try trailer.be64(492).times(512, "the size")
        facts.virtualSize = .known(ByteCount(bytes: size))
    }
}
