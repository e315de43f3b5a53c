import Quantities

/// The header of compressed loop images, as KNOPPIX has them.
///
/// - Source: QEMU block/cloop.c `cloop_probe`, `cloop_open`.
enum CloopHeader {
    static let magic: StaticString =
        "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
    /// Where the places of the blocks stand, one more than there are blocks.
    static let table: UInt64 = 136
    private static let largest: UInt64 = 64 << 20

    /// Bytes of a block, and how many there are.
    static func blocks(_ file: any HeaderSource) throws(Malformed) -> (size: UInt64, count: UInt64) {
        let bytes = try file.bytes(at: 128, count: 8)
        let (size, count) = (try bytes.be32(0), try bytes.be32(4))
        guard size % 512 == 0 else { throw Malformed("block_size \(size) must be a multiple of 512") }
        guard size > 0 else { throw Malformed("block_size cannot be zero") }
        guard size <= largest else { throw Malformed("block_size \(size) must be 64 MB or less") }
        guard table + (count + 1) * 8 <= file.size else { throw Malformed("its table of \(count) blocks is cut off") }
        return (size, count)
    }

    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let blocks = try blocks(file)
        facts.virtualSize = .known(ByteCount(bytes: blocks.size * blocks.count))
    }
}
