import Quantities

/// The header of LUKS, version 1: the only one QEMU knows.
///
/// - Source: LUKS On-Disk Format 1.2.3; QEMU crypto/block-luks.c `qcrypto_block_luks_check_header`.
enum LuksHeader {
    private static let slots = 8
    private static let headerSectors: UInt64 = 8

    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let bytes = try file.bytes(at: 0, count: 592)
        facts.version = try bytes.be16(6)
        facts.encryption = .luks
        try check(bytes, length: file.size)
        let payload = try bytes.be32(104)
        facts.virtualSize = .known(ByteCount(bytes: (file.size - payload * 512) / 512 * 512))
    }

    /// Whether a header can be one.
    ///
    /// - Parameters:
    ///   - bytes: its first 592.
    ///   - end: how long the file is; `nil` where that is not to be looked at.
    ///
    /// - Throws: a `Malformed`.
    static func check(_ bytes: HeaderBytes, length end: UInt64?) throws(Malformed) {
        let payload = try bytes.be32(104)
        let keyBytes = try bytes.be32(108)
        let cipher = try bytes.text(8, 32)
        for (place, what) in [(8, "cipher"), (40, "cipher mode"), (72, "hash")]
        where !bytes.bytes[place..<place + 32].contains(0) {
            throw Malformed("the name of its \(what) has no end")
        }
        guard payload >= headerSectors else {
            throw Malformed("its data begin at sector \(payload), inside the header")
        }
        guard (1...512).contains(keyBytes), cipher != "aes" || [16, 24, 32, 64].contains(keyBytes) else {
            throw Malformed("\(cipher) with a key of \(keyBytes) bytes")
        }
        guard try bytes.be32(164) > 0 else { throw Malformed("its key has no iterations") }
        let length = (keyBytes * 4000).dividedUp(by: 512).dividedUp(by: headerSectors) * headerSectors
        for slot in 0..<slots {
            let entry = 208 + slot * 48
            let active = try bytes.be32(entry)
            let place = try bytes.be32(entry + 40)
            let stripes = try bytes.be32(entry + 44)
            guard stripes == 4000 else { throw Malformed("key slot \(slot) has \(stripes) stripes; it has 4,000") }
            guard active == 0x00AC_71F3 || active == 0x0000_DEAD else {
                throw Malformed("key slot \(slot) is neither in use nor free")
            }
            guard place >= headerSectors, place + length <= payload else {
                throw Malformed("key slot \(slot) overlaps the header or the data")
            }
        }
        guard payload * 512 <= end ?? .max else {
            throw Malformed("its data begin at sector \(payload), outside the file")
        }
    }
}
