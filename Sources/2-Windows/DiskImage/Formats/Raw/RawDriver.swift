import Glibc

/// A raw image: the file is the disk.
final class RawDriver: ImageDriver {
    let file: any BlockStorage
    private let length: SharedLength

    init(_ file: any BlockStorage) throws(ImageError) {
        self.file = file
        length = SharedLength(try file.length())
    }

    var format: ImageFacts.Format { .raw }
    var size: UInt64 { length.value.saturated(adding: 511) / 512 * 512 }
    var clusterSize: UInt64? { nil }
    var dataStorage: any BlockStorage { file }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let extent = try file.extent(at: offset)
        // Behind the end, within the last sector.
        guard extent.length > 0 else { return BlockStatus(.zero(at: offset), limit) }
        return BlockStatus(extent.isData ? .data(at: offset) : .zero(at: offset), min(limit, extent.length))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try file.write(bytes, at: offset)
        length.grow(to: offset + UInt64(bytes.count))
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        try file.writeZeroes(at: offset, count: count, unmap: unmap)
        length.grow(to: offset + count)
    }

    func discard(at offset: UInt64, count: UInt64, below: Below) throws(ImageError) {
        try file.discard(at: offset, count: count)
    }

    func flush() throws(ImageError) { try file.flush() }
    func close() throws(ImageError) { try file.flush() }

    func resize(to size: UInt64) throws(ImageError) {
        try file.resize(to: size)
        length.value = size
    }
}
