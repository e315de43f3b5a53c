import Quantities

/// QED's header.
///
/// - Source: QEMU docs/interop/qed_spec.txt; block/qed.c `bdrv_qed_do_open`.
enum QedHeader {
    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let bytes = try file.bytes(at: 0, count: 64)
        let clusterSize = try bytes.le32(4)
        let tableClusters = try bytes.le32(8)
        let headerClusters = try bytes.le32(12)
        let features = try bytes.le64(16)
        let l1Offset = try bytes.le64(40)
        let size = try bytes.le64(48)
        let nameOffset = try bytes.le32(56)
        let nameLength = try bytes.le32(60)
        facts.isDirty = features & 2 != 0
        guard features & ~7 == 0 else { throw Malformed("unknown features \((features & ~7).hex)") }
        guard (4096...64 << 20).contains(clusterSize), clusterSize.isPowerOfTwo else {
            throw Malformed("cluster size \(clusterSize) is no power of two from 4 KiB to 64 MiB")
        }
        facts.clusterSize = ByteCount(bytes: clusterSize)
        guard (1...16).contains(tableClusters), tableClusters.isPowerOfTwo else {
            throw Malformed("tables of \(tableClusters) clusters; 1, 2, 4, 8 or 16 are allowed")
        }
        let entries = tableClusters * clusterSize / 8
        let largest = try (entries * entries).times(clusterSize, "the largest size")
        guard size % 512 == 0, size <= largest else {
            throw Malformed("a size of \(size) bytes; multiples of 512 up to \(largest) are allowed")
        }
        let headerBytes = headerClusters * clusterSize
        let fileEnd = file.size / clusterSize * clusterSize
        let lastOfTable = try l1Offset.adding((tableClusters - 1) * clusterSize, "the L1 table")
        guard l1Offset % clusterSize == 0, l1Offset >= headerBytes, lastOfTable < fileEnd else {
            throw Malformed("the L1 table at byte \(l1Offset) is not at a cluster's start inside the file")
        }
        facts.virtualSize = .known(ByteCount(bytes: size))
        guard features & 1 != 0 else { return }
        guard nameOffset + nameLength <= headerBytes, nameLength < 1024 else {
            throw Malformed(
                "the backing file's name, \(nameLength) bytes at byte \(nameOffset), is not inside the header")
        }
        let name = try file.bytes(at: nameOffset, count: Int(nameLength)).text(0, Int(nameLength))
        facts.backingFile = name.isEmpty ? nil : name
        // QED knows of one declaration only: do not probe, take it as raw.
        if facts.backingFile != nil, features & 4 != 0 { facts.backingFormat = "raw" }
    }
}
