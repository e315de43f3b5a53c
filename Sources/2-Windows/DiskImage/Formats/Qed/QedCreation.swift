/// What a new QED image is to be.
public struct QedOptions: Sendable, Hashable {
    /// Bytes of a cluster: a power of two from 4 KiB to 64 MiB.
    public var clusterSize: UInt64 = 65_536
    /// Clusters of a table: 2, 4, 8 or 16.
    public var tableSize: UInt64 = 4
    /// QEMU's defaults.
    public init() {}
}

/// Writes the tables of a QED image without data.
///
/// - Source: QEMU docs/interop/qed_spec.txt.
enum QedCreation {
    static func write(
        to file: any BlockStorage, size: UInt64, _ options: QedOptions, backing: BackingName?
    ) throws(ImageError) {
        let cluster = options.clusterSize
        guard cluster.isPowerOfTwo, (4096...64 << 20).contains(cluster) else {
            throw ImageError(.invalid, "QED cluster size must be within range [4096, 67108864] and power of 2")
        }
        guard options.tableSize.isPowerOfTwo, options.tableSize <= 16 else {
            throw ImageError(.invalid, "QED table size must be within range [1, 16] and power of 2")
        }
        guard options.tableSize > 1 else {
            throw ImageError(
                .invalid, "with tables of one cluster QEMU makes images that it cannot open", remedy: "Use 2")
        }
        let entries = options.tableSize * cluster / 8
        guard size <= (entries * entries).multipliedReportingOverflow(by: cluster).partialValue else {
            throw ImageError(.invalid, "QED image size is too large for its clusters")
        }
        let name = Array((backing?.name ?? "").utf8)
        guard name.count < 1024 else {
            throw ImageError(.invalid, "the backing file's name has at most 1,023 bytes")
        }
        let isRaw = backing?.format == "raw"
        var header: [UInt8] = Array("QED\0".utf8)
        for value in [cluster, options.tableSize, 1] { header += bytes(value)[..<4] }
        for value in [backing == nil ? 0 : isRaw ? 5 : 1, 0, 0, cluster, size] { header += bytes(value) }
        for value in [backing == nil ? 0 : 64, UInt64(name.count)] { header += bytes(value)[..<4] }
        try file.clear(to: cluster + options.tableSize * cluster)
        try file.write(header + name, at: 0)
    }

    /// A little-endian number.
    static func bytes(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
}
