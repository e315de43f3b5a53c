/// The numbers a qcow2 image is laid out by.
///
/// - Source: QEMU docs/interop/qcow2.txt.
struct Qcow2Geometry: Sendable {
    let version: Int
    let clusterBits: UInt64
    let hasExtendedL2: Bool
    let hasDataFile: Bool
    var refcountOrder: UInt64
    let isZstd: Bool

    init(_ header: Qcow2Header) {
        version = header.version
        clusterBits = header.clusterBits
        hasExtendedL2 = header.hasExtendedL2
        hasDataFile = header.hasDataFile
        refcountOrder = header.refcountOrder
        isZstd = header.compression == 1
    }

    var clusterSize: UInt64 { 1 << clusterBits }
    var clusterMask: UInt64 { clusterSize - 1 }
    /// Words of an L2 entry: the second is the bitmap of subclusters.
    var entryWords: Int { hasExtendedL2 ? 2 : 1 }
    /// Entries of an L2 table.
    var l2Entries: UInt64 { clusterSize / UInt64(8 * entryWords) }
    /// Bytes of the guest that an L2 table maps.
    var l2Reach: UInt64 { l2Entries * clusterSize }
    /// Bytes of a subcluster; of a cluster where there are none.
    var subclusterSize: UInt64 { hasExtendedL2 ? clusterSize / 32 : clusterSize }
    /// Reference counts of a block.
    var refcountsPerBlock: UInt64 { (clusterSize * 8) >> refcountOrder }
    /// The largest reference count.
    var mostReferences: UInt64 { refcountOrder == 6 ? .max : (1 << (1 << refcountOrder)) - 1 }

    func l1Index(_ offset: UInt64) -> Int { Int(offset / l2Reach) }
    func l2Index(_ offset: UInt64) -> Int { Int((offset % l2Reach) >> clusterBits) }

    /// Bits of table entries.
    enum Bits {
        static let offset: UInt64 = 0x00FF_FFFF_FFFF_FE00
        static let copied: UInt64 = 1 << 63
        static let compressed: UInt64 = 1 << 62
        static let zero: UInt64 = 1
        /// All subclusters read as zeros.
        static let allZero: UInt64 = 0xFFFF_FFFF << 32
        /// All subclusters have data.
        static let allData: UInt64 = 0xFFFF_FFFF
    }

    /// Where a compressed cluster lies: its first byte, and how many bytes may belong to it.
    func compressedPlace(_ entry: UInt64) -> (offset: UInt64, count: UInt64) {
        let shift = 62 - (clusterBits - 8)
        let offset = entry & ((1 << shift) - 1)
        let sectors = (entry >> shift & ((1 << (clusterBits - 8)) - 1)) + 1
        return (offset, sectors * 512 - offset % 512)
    }

    /// The entry of a compressed cluster.
    func compressedEntry(_ offset: UInt64, count: UInt64) -> UInt64 {
        let shift = 62 - (clusterBits - 8)
        let sectors = (offset + count - 1) / 512 - offset / 512
        return Bits.compressed | offset | sectors << shift
    }
}

/// An L2 entry, with its subclusters' bitmap where there is one.
struct Qcow2Entry: Equatable {
    var word: UInt64
    var bitmap: UInt64 = 0

    var isCompressed: Bool { word & Qcow2Geometry.Bits.compressed != 0 }
    var isCopied: Bool { word & Qcow2Geometry.Bits.copied != 0 }
    var place: UInt64 { word & Qcow2Geometry.Bits.offset }
}
