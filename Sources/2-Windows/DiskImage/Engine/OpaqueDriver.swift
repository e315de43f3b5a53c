/// A driver of a format of which QEMU tells nothing, and so we do not: neither where data lie, nor what of them are zeros.
protocol OpaqueDriver: ImageDriver {}

extension OpaqueDriver {
    var clusterSize: UInt64? { nil }
    var mayHaveHoles: Bool { false }
    func describe(_ info: inout ImageInfo) { info.isDirty = nil }
    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        BlockStatus(.data(at: nil), limit)
    }
}
