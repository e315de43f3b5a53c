import Glibc

/// A raw image: the file is the disk, or a part of it is.
final class RawDriver: ImageDriver {
    /// The part of a file that is the disk.
    struct Window: Sendable, Hashable {
        var offset: UInt64
        /// Bytes; up to the end where `nil`.
        var size: UInt64?
    }

    let file: any BlockStorage
    private let start: UInt64
    private let isPart: Bool
    private let length: SharedLength

    init(_ file: any BlockStorage, _ window: Window? = nil) throws(ImageError) {
        self.file = file
        start = window?.offset ?? 0
        isPart = window != nil
        let end = try file.length()
        guard start <= end else {
            throw ImageError(
                .invalid, "Offset (\(start)) cannot be greater than size of the containing file (\(end))")
        }
        if let size = window?.size {
            guard size <= end - start else {
                throw ImageError(
                    .invalid,
                    "The sum of offset (\(start)) and size (\(size)) has to be smaller or equal to the  actual size of the containing file (\(end))"
                )
            }
            guard size % 512 == 0 else { throw ImageError(.invalid, "Specified size is not multiple of 512") }
        }
        length = SharedLength(window?.size ?? end - start)
    }

    var format: ImageFacts.Format { .raw }
    var size: UInt64 { length.value.saturated(adding: 511) / 512 * 512 }
    var clusterSize: UInt64? { nil }
    var dataStorage: any BlockStorage { file }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        if let image = (file as? ImageStorage)?.image, start + offset < image.size {
            // Where it lies is where the format below has it.
            let status = try image.statusThrough(at: start + offset, limit: min(limit, image.size - start - offset))
            return BlockStatus(status.isZero ? .zero(at: nil) : status.kind, status.length)
        }
        let extent = try file.extent(at: start + offset)
        // Behind the end, within the last sector.
        guard extent.length > 0 else { return BlockStatus(.zero(at: start + offset), limit) }
        return BlockStatus(
            extent.isData ? .data(at: start + offset) : .zero(at: start + offset), min(limit, extent.length))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try file.read(into: buffer, at: start + offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try file.write(bytes, at: start + offset)
        length.grow(to: offset + UInt64(bytes.count))
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        try file.writeZeroes(at: start + offset, count: count, unmap: unmap)
        length.grow(to: offset + count)
    }

    func discard(at offset: UInt64, count: UInt64, below: Below) throws(ImageError) {
        try file.discard(at: start + offset, count: count)
    }

    func describe(_ info: inout ImageInfo) throws(ImageError) {
        info.clusterSize = try (file as? ImageStorage)?.image.info().clusterSize
    }

    func flush() throws(ImageError) { try file.flush() }
    func close() throws(ImageError) { try file.flush() }

    func resize(to size: UInt64, _ preallocation: Image.Preallocation) throws(ImageError) {
        guard !isPart else { throw ImageError(.unsupported, "a part of a file keeps its size") }
        guard preallocation != .metadata else {
            throw ImageError(.unsupported, "a raw image has no metadata to preallocate", remedy: "Use falloc or full")
        }
        let old = length.value
        try file.resize(to: size)
        length.value = size
        guard size > old else { return }
        do throws(ImageError) { try file.take(old..<size, preallocation) } catch {
            // What could not be had is not left half taken.
            try? file.resize(to: old)
            length.value = old
            throw error
        }
    }
}
