import Quantities

/// The first qcow's header.
///
/// - Source: QEMU block/qcow.c `qcow_open`.
enum QcowHeader {
    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let bytes = try file.bytes(at: 0, count: 48)
        facts.version = 1
        let backingOffset = try bytes.be64(8)
        let backingLength = try bytes.be32(16)
        let size = try bytes.be64(24)
        let clusterBits = bytes.bytes[32]
        let l2Bits = bytes.bytes[33]
        let encryption = try bytes.be32(36)
        guard size > 1 else { throw Malformed("a size of \(size) bytes; at least 2 are needed") }
        guard (9...16).contains(clusterBits) else {
            throw Malformed("cluster size 2^\(clusterBits) is outside 2^9 ... 2^16")
        }
        guard (6...13).contains(l2Bits) else {
            throw Malformed("L2 tables of 2^\(l2Bits) entries are outside 2^6 ... 2^13")
        }
        guard encryption <= 1 else { throw Malformed("encryption method \(encryption) is unknown") }
        facts.clusterSize = ByteCount(bytes: 1 << UInt64(clusterBits))
        facts.encryption = encryption == 1 ? .aes : nil
        let perL1: UInt64 = 1 << UInt64(clusterBits + l2Bits)
        guard size <= UInt64(Int64.max), size.dividedUp(by: perL1) <= UInt64(Int32.max / 8) else {
            throw Malformed("a size of \(size) bytes is too large for the clusters")
        }
        facts.virtualSize = .known(ByteCount(bytes: size / 512 * 512))
        guard backingOffset != 0 else { return }
        guard backingLength <= 1023 else {
            throw Malformed("the backing file's name has \(backingLength) bytes; at most 1,023")
        }
        let name = try file.bytes(at: backingOffset, count: Int(backingLength)).text(0, Int(backingLength))
        facts.backingFile = name.isEmpty ? nil : name
    }
}
