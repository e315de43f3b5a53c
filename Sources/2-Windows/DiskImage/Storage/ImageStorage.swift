/// What an image shows, as something another format lies on: LUKS in qcow2, a part of a vmdk.
final class ImageStorage: BlockStorage {
    let image: Image

    init(_ image: Image) { self.image = image }

    var name: String { image.path }
    var isWritable: Bool { image.isWritable }
    func length() throws(ImageError) -> UInt64 { image.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        let size = image.size
        let there = offset < size ? Int(min(UInt64(buffer.count), size - offset)) : 0
        if there > 0 { try image.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<there]), at: offset) }
        if there < buffer.count {
            UnsafeMutableRawBufferPointer(rebasing: buffer[there...]).initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Makes the image longer where something ends behind its end.
    private func reach(_ offset: UInt64, _ count: UInt64) throws(ImageError) {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard !overflow else { throw ImageError(.invalid, "\(count) bytes at \(offset) end behind any image") }
        if end > image.size { try resize(to: end) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        try reach(offset, UInt64(bytes.count))
        try image.write(bytes, at: offset)
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        try reach(offset, count)
        try image.writeZeroes(at: offset, count: count, unmap: unmap)
    }

    func discard(at offset: UInt64, count: UInt64) throws(ImageError) {
        guard offset < image.size else { return }
        try image.discard(at: offset, count: min(count, image.size - offset))
    }

    func flush() throws(ImageError) { try image.flush() }

    func resize(to length: UInt64) throws(ImageError) {
        let length = length.saturated(adding: 511) / 512 * 512
        if length != image.size { try image.resize(to: length) }
    }

    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        let size = image.size
        guard offset < size else { return StorageExtent(isData: false, length: 0) }
        let status = try image.statusThrough(at: offset, limit: size - offset)
        return StorageExtent(isData: !status.isZero, length: status.length)
    }
}
