import Glibc

/// Whether two images show the same.
public enum ImageComparison: Sendable, Hashable {
    /// They do, up to the end of the shorter one; behind it the longer one has zeros.
    case same
    /// They do not, from this byte on.
    case differs(at: UInt64)

    /// Compares what two images show.
    ///
    /// - Parameters:
    ///   - first: an image.
    ///   - second: another.
    ///   - progress: told the bytes that are done; a `false` from it ends the work.
    ///
    /// - Returns: what came out.
    ///
    /// - Throws: an ``ImageError`` where one cannot be read.
    public static func compare(
        _ first: Image, _ second: Image, _ progress: (UInt64) -> Bool = { _ in true }
    ) throws(ImageError) -> ImageComparison {
        let most = 2 << 20
        let (one, other) = (
            UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 4096),
            UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 4096)
        )
        defer {
            one.deallocate()
            other.deallocate()
        }
        let common = min(first.size, second.size)
        var place: UInt64 = 0
        while place < common {
            let a = try first.statusThrough(at: place, limit: common - place)
            let b = try second.statusThrough(at: place, limit: common - place)
            if a.isZero, b.isZero {
                place += min(a.length, b.length)
                continue
            }
            let count = Int(min(min(a.length, b.length), UInt64(most)))
            let (left, right) = (
                UnsafeMutableRawBufferPointer(rebasing: one[..<count]),
                UnsafeMutableRawBufferPointer(rebasing: other[..<count])
            )
            if a.isZero || b.isZero {
                try (a.isZero ? second : first).read(into: left, at: place)
                if !ZeroRuns.isZero(UnsafeRawBufferPointer(left)) {
                    let offset = left.firstIndex { $0 != 0 } ?? 0
                    return .differs(at: place + UInt64(offset))
                }
            } else {
                try first.read(into: left, at: place)
                try second.read(into: right, at: place)
                if let base = left.baseAddress, let next = right.baseAddress, memcmp(base, next, count) != 0 {
                    let offset = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
                    return .differs(at: place + UInt64(offset))
                }
            }
            place += UInt64(count)
            guard progress(place) else { throw ImageError(.invalid, "it was called off") }
        }
        let longer = first.size > second.size ? first : second
        while place < longer.size {
            let status = try longer.statusThrough(at: place, limit: longer.size - place)
            guard !status.isZero else {
                place += status.length
                continue
            }
            let count = Int(min(status.length, UInt64(most)))
            let piece = UnsafeMutableRawBufferPointer(rebasing: one[..<count])
            try longer.read(into: piece, at: place)
            if let offset = piece.firstIndex(where: { $0 != 0 }) { return .differs(at: place + UInt64(offset)) }
            place += UInt64(count)
            guard progress(place) else { throw ImageError(.invalid, "it was called off") }
        }
        return .same
    }
}
