/// Images one after the other, read as one.
final class ConcatenatedImages: ImageDriver {
    private let parts: [(start: UInt64, image: Image)]
    let size: UInt64
    let dataStorage: any BlockStorage

    /// Puts images together.
    ///
    /// - Throws: an ``ImageError`` where they are too long together.
    init(_ first: Image, _ others: [Image]) throws(ImageError) {
        var parts: [(start: UInt64, image: Image)] = []
        var end: UInt64 = 0
        for image in [first] + others {
            parts.append((end, image))
            end = end.saturated(adding: image.size)
        }
        guard end <= UInt64(Int64.max) else { throw ImageError(.invalid, "together they are too long") }
        self.parts = parts
        size = end
        dataStorage = first.driver.dataStorage
    }

    var format: ImageFacts.Format { .raw }
    var clusterSize: UInt64? { nil }

    /// The part a byte lies in; behind the end it is the last one.
    private func part(at offset: UInt64) -> (start: UInt64, image: Image) {
        var found = parts[0]
        for part in parts where part.start <= offset && part.image.size > 0 { found = part }
        return found
    }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let (start, image) = part(at: offset)
        let status = try image.statusThrough(at: offset - start, limit: min(limit, start + image.size - offset))
        // Places are those of other files.
        return BlockStatus(status.isZero ? .zero(at: nil) : .data(at: nil), status.length)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let (start, image) = part(at: offset + UInt64(done))
            let within = offset + UInt64(done) - start
            let count = Int(min(UInt64(buffer.count - done), image.size - within))
            try image.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]), at: within)
            done += count
        }
    }
}

extension Image {
    /// Images one after the other, as one that is read.
    ///
    /// - Throws: an ``ImageError`` where there is none, or they are too long together.
    public static func concatenated(_ images: [Image]) throws(ImageError) -> Image {
        guard let first = images.first else { throw ImageError(.invalid, "no image is named") }
        guard images.count > 1 else { return first }
        return Image(
            try ConcatenatedImages(first, Array(images.dropFirst())), path: first.path, below: nil, isWritable: false)
    }
}
