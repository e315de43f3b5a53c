extension Image {
    /// Copies a range into another image, from its start on; what is zeros is left out where the target reads as zeros.
    ///
    /// - Parameters:
    ///   - range: bytes of this image.
    ///   - target: where to.
    ///   - progress: told the bytes that are done.
    ///
    /// - Throws: an ``ImageError``.
    public func copy(
        _ range: Range<UInt64>, to target: Image, _ progress: (UInt64) -> Void = { _ in }
    ) throws(ImageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var place = range.lowerBound
        while place < range.upperBound {
            let status = try statusThrough(at: place, limit: range.upperBound - place)
            let count = min(status.length, UInt64(buffer.count))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)])
            if status.isZero, !target.mayHoldOldData {
                place += status.length
                progress(place - range.lowerBound)
                continue
            }
            try read(into: piece, at: place)
            let runs =
                target.mayHoldOldData
                ? [0..<piece.count] : ZeroRuns.dataRuns(UnsafeRawBufferPointer(piece), unit: 4096)
            for run in runs {
                try target.write(
                    UnsafeRawBufferPointer(rebasing: piece[run]), at: place - range.lowerBound + UInt64(run.lowerBound))
            }
            place += count
            progress(place - range.lowerBound)
        }
    }
}
