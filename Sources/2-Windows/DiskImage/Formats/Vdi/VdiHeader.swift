import Quantities

/// VirtualBox' header.
///
/// - Source: QEMU block/vdi.c `vdi_open`.
enum VdiHeader {
    private static let largest: UInt64 = 0x1_FFFF_F800_0000

    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let bytes = try file.bytes(at: 0, count: 512)
        let version = try bytes.le32(0x44)
        let imageType = try bytes.le32(0x4C)
        let mapOffset = try bytes.le32(0x154)
        let dataOffset = try bytes.le32(0x158)
        let sectorSize = try bytes.le32(0x168)
        let size = try bytes.le64(0x170)
        let blockSize = try bytes.le32(0x178)
        let blocks = try bytes.le32(0x180)
        guard version == 0x0001_0001 else { throw Malformed("version \(version >> 16).\(version & 0xFFFF) is unknown") }
        guard size <= largest else { throw Malformed("a size of \(size) bytes; at most \(largest)") }
        guard mapOffset % 512 == 0, dataOffset % 512 == 0 else {
            throw Malformed(
                "the block map at byte \(mapOffset) or the data at byte \(dataOffset) is not at a sector's start")
        }
        guard sectorSize == 512 else { throw Malformed("sectors of \(sectorSize) bytes; only 512 are known") }
        guard blockSize == 1 << 20 else { throw Malformed("blocks of \(blockSize) bytes; only 1 MiB are known") }
        guard size <= blocks * blockSize else {
            throw Malformed("\(size) bytes need more than the \(blocks) blocks there are")
        }
        for (place, what) in [(0x1A8, "link"), (0x1B8, "parent")]
        where bytes.bytes[place..<place + 16].contains(where: { $0 != 0 }) {
            throw Malformed("it has a \(what), which QEMU does not know")
        }
        facts.clusterSize = ByteCount(bytes: blockSize)
        facts.virtualSize = .known(ByteCount(bytes: try size.roundedUp(to: 512, "the size")))
        facts.isPreallocated = imageType == 2
    }
}
