import Quantities

/// Virtual PC's and Hyper-V's first format, as far as it starts with its footer's copy (dynamic disks).
///
/// Fixed disks begin with the guest's data and
/// are raw to all who look.
///
/// - Source: QEMU block/vpc.c `vpc_open`.
enum VpcHeader {
    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let footer = try file.bytes(at: 0, count: 512)
        let type = try footer.be32(60)
        let size = try size(footer)
        if type == 2 { facts.isPreallocated = true }
        if type != 2 { try readDynamic(file, at: try footer.be64(16), size: size, into: &facts) }
        guard type != 4 else { throw Malformed("it has a parent, which QEMU does not know") }
        facts.virtualSize = .known(ByteCount(bytes: size))
    }

    /// Bytes the guest sees, as the footer has it.
    static func size(_ footer: HeaderBytes) throws(Malformed) -> UInt64 {
        let currentSize = try footer.be64(48)
        let sectors = UInt64(try footer.be16(56)) * UInt64(footer.bytes[58]) * UInt64(footer.bytes[59])
        // Virtual PC goes by the geometry, its successors by the size.
        let creator = Array(footer.bytes[28..<32])
        let bySize = ["win ", "qem2", "d2v ", "CTXS", "tap\0"].contains { Array($0.utf8) == creator }
        let size = bySize || sectors == 65_535 * 16 * 255 ? currentSize / 512 * 512 : sectors * 512
        guard size <= UInt64(Int64.max) else { throw Malformed("a size of \(size) bytes is out of range") }
        return size
    }

    private static func readDynamic(
        _ file: any HeaderSource, at offset: UInt64, size: UInt64, into facts: inout ImageFacts
    )
        throws(Malformed)
    {
        let bytes = try file.bytes(at: offset, count: 1024)
        guard bytes.has("cxsparse") else { throw Malformed("the dynamic disk's header at byte \(offset) is damaged") }
        let table = try bytes.be64(16)
        let entries = try bytes.be32(28)
        let block = try bytes.be32(32)
        guard block >= 512, block.isPowerOfTwo else {
            throw Malformed("blocks of \(block) bytes; powers of two from 512 are allowed")
        }
        guard entries <= UInt64(Int32.max / 4) else {
            throw Malformed("a block table of \(entries) entries is too large")
        }
        guard entries * block >= size else {
            throw Malformed("a block table of \(entries) entries is too small for \(size) bytes")
        }
        let end = try table.adding(entries * 4, "the block table")
        guard try end.roundedUp(to: 512, "the block table") <= file.size else {
            throw Malformed("the block table ends outside the file")
        }
        facts.clusterSize = ByteCount(bytes: block)
        facts.isPreallocated = false
    }
}
