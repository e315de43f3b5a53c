/// What a new qcow2 image is to be.
public struct Qcow2Options: Sendable, Hashable {
    /// Version 2 (`compat=0.10`) or 3 (`compat=1.1`).
    public var version = 3
    /// Bytes of a cluster: a power of two from 512 to 2 MiB.
    public var clusterSize: UInt64 = 65_536
    /// Bits of a reference count: a power of two up to 64.
    public var refcountBits: UInt64 = 16
    /// Reference counts that are written when the image is closed.
    public var lazyRefcounts = false
    /// Subclusters.
    public var extendedL2 = false
    /// zstd rather than zlib.
    public var isZstd = false
    /// A file of its own for the data, as it is to stand in the image.
    public var dataFile: String?
    /// Whether that file is a raw image by itself.
    public var isDataFileRaw = false
    /// Whether it is encrypted with LUKS.
    public var isEncrypted = false
    /// QEMU's defaults.
    public init() {}
}

/// Writes the tables of an image without data.
///
/// - Source: QEMU docs/interop/qcow2.txt.
enum Qcow2Creation {
    /// Writes a new image to a storage that is empty.
    ///
    /// - Parameters:
    ///   - file: where to.
    ///   - size: bytes the guest sees.
    ///   - options: what it is to be.
    ///   - backing: what it is backed by.
    ///   - luks: the header that its data are encrypted by.
    ///
    /// - Throws: an ``ImageError`` where the options exclude one another, or it cannot be written.
    static func write(
        to file: any BlockStorage, size: UInt64, _ options: Qcow2Options, backing: BackingName?, luks: [UInt8]? = nil
    ) throws(ImageError) {
        try check(options, size, backing)
        let cluster = options.clusterSize
        let l2Reach = cluster / (options.extendedL2 ? 16 : 8) * cluster
        let l1Entries = size.dividedUp(by: l2Reach)
        let l1Clusters = (l1Entries * 8).dividedUp(by: cluster)
        guard l1Entries * 8 <= 32 << 20 else {
            throw ImageError(
                .invalid,
                "The image size is too large for file format 'qcow2' (try using a larger cluster size)")
        }
        let perBlock = cluster * 8 / options.refcountBits
        let luksClusters = UInt64(luks?.count ?? 0).dividedUp(by: cluster)
        var blocks: UInt64 = 1
        var tableClusters: UInt64 = 1
        while true {
            let total = 1 + tableClusters + blocks + l1Clusters + luksClusters
            let needed = (total.dividedUp(by: perBlock), (blocks * 8).dividedUp(by: cluster))
            if needed.0 <= blocks, needed.1 <= tableClusters { break }
            blocks = max(blocks, needed.0)
            tableClusters = max(tableClusters, needed.1)
        }
        let total = 1 + tableClusters + blocks + l1Clusters + luksClusters
        let firstBlock = 1 + tableClusters
        // Its tables take whole clusters from the start, as QEMU's do: `info` tells the same space.
        func whole(_ bytes: [UInt8], _ clusters: UInt64 = 1) -> [UInt8] {
            bytes + [UInt8](repeating: 0, count: max(0, Int(clusters * cluster) - bytes.count))
        }
        // The L1 table ends with its last entry.
        let end = luks == nil ? (firstBlock + blocks) * cluster + l1Entries * 8 : total * cluster
        try file.clear(to: end)
        try file.write(
            whole(
                try header(
                    options, size, backing, l1Entries: l1Entries,
                    l1Offset: l1Entries == 0 ? 0 : (firstBlock + blocks) * cluster, tableClusters: tableClusters,
                    luks: luks.map { ((firstBlock + blocks + l1Clusters) * cluster, UInt64($0.count)) })), at: 0)
        if let luks { try file.write(luks, at: (firstBlock + blocks + l1Clusters) * cluster) }
        let table = (0..<blocks).map { (firstBlock + $0) * cluster }
        try file.write(whole(Qcow2Table.bytes(table[...]), tableClusters), at: cluster)
        let order = UInt64(options.refcountBits.trailingZeroBitCount)
        for number in 0..<blocks {
            let block = Qcow2Table(0, [UInt64](repeating: 0, count: Int(cluster / 8)), 0)
            for index in number * perBlock..<min((number + 1) * perBlock, total) {
                block.setNumber(1, Int(index - number * perBlock), order: order)
            }
            try file.write(block.bytes(0..<block.words.count), at: (firstBlock + number) * cluster)
        }
    }

    /// Refuses widths of reference counts that the version has not.
    static func checkRefcountBits(_ options: Qcow2Options) throws(ImageError) {
        guard options.refcountBits.isPowerOfTwo, options.refcountBits <= 64 else {
            throw ImageError(.invalid, "Refcount width must be a power of two and may not exceed 64 bits")
        }
        guard options.version >= 3 || options.refcountBits == 16 else {
            throw ImageError(
                .invalid,
                "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or greater)"
            )
        }
    }

    private static func check(_ options: Qcow2Options, _ size: UInt64, _ backing: BackingName?) throws(ImageError) {
        guard options.clusterSize.isPowerOfTwo, (512...2 << 20).contains(options.clusterSize) else {
            throw ImageError(.invalid, "Cluster size must be a power of two between 512 and 2048k")
        }
        try checkRefcountBits(options)
        guard !options.isDataFileRaw || options.dataFile != nil else {
            throw ImageError(.invalid, "data-file-raw requires data-file")
        }
        guard size <= UInt64(Int64.max) - 511 else { throw ImageError(.invalid, "the size \(size) is out of range") }
        guard options.version == 3 else {
            let level = "compatibility level 1.1 and above (use version=v3 or greater)"
            let wants: [(isWanted: Bool, what: String)] = [
                (options.extendedL2, "Extended L2 entries are only supported with \(level)"),
                (options.lazyRefcounts, "Lazy refcounts only supported with \(level)"),
                (options.dataFile != nil, "External data files are only supported with \(level)"),
                (options.isZstd, "Non-zlib compression type is only supported with \(level)"),
            ]
            if let wrong = wants.first(where: \.isWanted) { throw ImageError(.invalid, wrong.what) }
            return
        }
        guard !options.extendedL2 || options.clusterSize >= 16_384 else {
            throw ImageError(
                .invalid, "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes")
        }
        guard !options.isDataFileRaw || backing == nil else {
            throw ImageError(.invalid, "Backing file and data-file-raw cannot be used at the same time")
        }
        guard backing.map({ (1...1023).contains($0.name.utf8.count) }) ?? true else {
            throw ImageError(.invalid, "the backing file's name has 1 to 1,023 bytes")
        }
    }

    private static func header(
        _ options: Qcow2Options, _ size: UInt64, _ backing: BackingName?, l1Entries: UInt64, l1Offset: UInt64,
        tableClusters: UInt64, luks: (offset: UInt64, count: UInt64)?
    ) throws(ImageError) -> [UInt8] {
        var bytes = HeaderWriter()
        bytes.be32(0x5146_49FB)
        bytes.be32(UInt64(options.version))
        bytes.be64(0)
        bytes.be32(0)
        bytes.be32(UInt64(options.clusterSize.trailingZeroBitCount))
        bytes.be64(size)
        bytes.be32(luks == nil ? 0 : 2)
        bytes.be32(l1Entries)
        bytes.be64(l1Offset)
        bytes.be64(options.clusterSize)
        bytes.be32(tableClusters)
        bytes.be32(0)
        bytes.be64(0)
        if options.version >= 3 {
            typealias Feature = Qcow2Header.Feature
            bytes.be64(
                (options.dataFile == nil ? 0 : Feature.dataFile) | (options.isZstd ? Feature.compression : 0)
                    | (options.extendedL2 ? Feature.extendedL2 : 0))
            bytes.be64(options.lazyRefcounts ? 1 : 0)
            bytes.be64(options.isDataFileRaw ? 2 : 0)
            bytes.be32(UInt64(options.refcountBits.trailingZeroBitCount))
            bytes.be32(112)
            bytes.be64(options.isZstd ? 1 << 56 : 0)
        }
        if let format = backing?.format { bytes.extend(0xE279_2ACA, Array(format.utf8)) }
        if let luks {
            var place = HeaderWriter()
            place.be64(luks.offset)
            place.be64(luks.count)
            bytes.extend(0x0537_BE77, place.bytes)
        }
        if let name = options.dataFile { bytes.extend(0x4441_5441, Array(name.utf8)) }
        // In the smallest clusters there is no room for names that only tell those who do not know the bits.
        if options.version >= 3, bytes.bytes.count + featureNames.count + 16 <= Int(options.clusterSize) {
            bytes.extend(0x6803_F857, featureNames)
        }
        bytes.extend(0, [])
        if let name = backing?.name {
            let place = UInt64(bytes.bytes.count)
            bytes.bytes += Array(name.utf8)
            bytes.put(place, at: 8, 8)
            bytes.put(UInt64(name.utf8.count), at: 16, 4)
        }
        guard UInt64(bytes.bytes.count) <= options.clusterSize else {
            throw ImageError(.invalid, "the header does not fit into a cluster of \(options.clusterSize) bytes")
        }
        return bytes.bytes
    }

    /// Names of feature bits, for programs that do not know them.
    private static let featureNames: [UInt8] = {
        let names: [(kind: UInt8, bit: UInt8, name: String)] = [
            (0, 0, "dirty bit"), (0, 1, "corrupt bit"), (0, 2, "external data file"), (0, 3, "compression type"),
            (0, 4, "extended L2 entries"), (1, 0, "lazy refcounts"), (2, 0, "bitmaps"), (2, 1, "raw external data"),
        ]
        return names.flatMap {
            [$0.kind, $0.bit] + Array($0.name.utf8) + [UInt8](repeating: 0, count: 46 - $0.name.utf8.count)
        }
    }()
}

/// Big-endian numbers, one after the other.
struct HeaderWriter {
    var bytes: [UInt8] = []
    mutating func be16(_ value: UInt64) { append(value, 2) }
    mutating func be32(_ value: UInt64) { append(value, 4) }
    mutating func be64(_ value: UInt64) { append(value, 8) }
    private mutating func append(_ value: UInt64, _ width: Int) {
        for index in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    mutating func put(_ value: UInt64, at place: Int, _ width: Int) {
        for index in 0..<width {
            bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
        }
    }
    /// A header extension, padded to 8 bytes.
    mutating func extend(_ magic: UInt64, _ content: [UInt8]) {
        be32(magic)
        be32(UInt64(content.count))
        bytes += content + [UInt8](repeating: 0, count: (8 - content.count % 8) % 8)
    }
}
