import Glibc
import Synchronization

/// Whether two images show the same.
public enum ImageComparison: Sendable, Hashable {
    /// They do, up to the end of the shorter one; behind it the longer one has zeros.
    case same
    /// They do not, from this byte on.
    case differs(at: UInt64)

    /// Compares what two images show; several threads do.
    ///
    /// - Parameters:
    ///   - first: an image.
    ///   - second: another.
    ///   - progress: told the bytes that are done; a `false` from it ends the work.
    ///
    /// - Returns: what came out.
    ///
    /// - Throws: an ``ImageError`` where one cannot be read in front of the first difference.
    public static func compare(
        _ first: Image, _ second: Image, _ progress: @escaping @Sendable (UInt64) -> Bool = { _ in true }
    ) throws(ImageError) -> ImageComparison {
        let pieces = Mutex(Pieces(size: max(first.size, second.size)))
        Threads.run(min(4, Threads.processors)) { _ in
            let reader = PairReader(first, second, most: Pieces.most)
            while let range = pieces.withLock({ $0.next(reader) }) {
                do throws(ImageError) {
                    let difference = try reader.difference(in: range)
                    let done = pieces.withLock { $0.finish(range, difference) }
                    guard progress(done) else { throw ImageError(.invalid, "it was called off") }
                } catch {
                    pieces.withLock { $0.fail(error, at: range.lowerBound) }
                }
            }
        }
        return try pieces.withLock { pieces throws(ImageError) in
            if let failure = pieces.failure, failure.place < pieces.difference ?? .max { throw failure.error }
            return pieces.difference.map { .differs(at: $0) } ?? .same
        }
    }

    /// What is given to threads, in order: what lies behind a difference or a failure is not looked at.
    private struct Pieces {
        /// Two of them lie in a processor's own cache.
        static let most: UInt64 = 256 << 10

        let size: UInt64
        var place: UInt64 = 0
        var done: UInt64 = 0
        var difference: UInt64?
        var failure: (error: ImageError, place: UInt64)?

        init(size: UInt64) { self.size = size }

        /// The next range of which one image shows data; what is zeros in both is gone over.
        mutating func next(_ reader: PairReader) -> Range<UInt64>? {
            do throws(ImageError) {
                while place < size, difference == nil, failure == nil {
                    let (length, isZero) = try reader.status(at: place, limit: size - place)
                    let start = place
                    guard isZero else {
                        place += min(length, Self.most)
                        return start..<place
                    }
                    place += length
                    done += length
                }
            } catch { fail(error, at: place) }
            return nil
        }

        mutating func finish(_ range: Range<UInt64>, _ found: UInt64?) -> UInt64 {
            done += UInt64(range.count)
            if let found { difference = min(found, difference ?? .max) }
            return done
        }

        mutating func fail(_ error: ImageError, at place: UInt64) {
            if failure.map({ place < $0.place }) ?? true { failure = (error, place) }
        }
    }
}

/// Reads the same place of two images; behind its end an image shows zeros.
private final class PairReader {
    private let images: [Image]
    private let buffers: [UnsafeMutableRawBufferPointer]

    /// Reads ranges of a length at most.
    init(_ first: Image, _ second: Image, most: UInt64) {
        images = [first, second]
        buffers = images.map { _ in .allocate(byteCount: Int(most), alignment: 4096) }
    }

    deinit { for buffer in buffers { buffer.deallocate() } }

    /// Bytes of which each image is one of zeros or data, and whether they are zeros in both.
    func status(at place: UInt64, limit: UInt64) throws(ImageError) -> (length: UInt64, isZero: Bool) {
        var length = limit
        var isZero = true
        for image in images where place < image.size {
            let status = try image.statusThrough(at: place, limit: min(limit, image.size - place))
            length = min(length, status.length)
            isZero = isZero && status.isZero
        }
        return (length, isZero)
    }

    /// The first byte of a range that is not the same.
    func difference(in range: Range<UInt64>) throws(ImageError) -> UInt64? {
        var filled: [UnsafeRawBufferPointer] = []
        for (image, buffer) in zip(images, buffers) where range.lowerBound < image.size {
            let status = try image.statusThrough(at: range.lowerBound, limit: UInt64(range.count))
            guard !status.isZero else { continue }
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
            try image.read(into: piece, at: range.lowerBound)
            filled.append(UnsafeRawBufferPointer(piece))
        }
        switch filled.count {
        case 0: return nil
        case 1:
            guard !ZeroRuns.isZero(filled[0]) else { return nil }
            return filled[0].firstIndex { $0 != 0 }.map { range.lowerBound + UInt64($0) }
        default:
            guard let one = filled[0].baseAddress, let other = filled[1].baseAddress,
                memcmp(one, other, range.count) != 0
            else { return nil }
            let offset = zip(filled[0], filled[1]).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
            return range.lowerBound + UInt64(offset)
        }
    }
}
