/// Tells bytes that cannot be packed from others, at a tenth of what it costs to try.
enum RandomBytes {
    /// Bytes that are counted, in pieces from all over a cluster.
    private static let sampled = 4096
    private static let pieces = 16

    /// Whether all values are about as frequent as among random bytes.
    ///
    /// The sum of the squared counts of `n` random bytes is about n + n² / 256, here 69,632, give or take 361; five times that is let
    /// through. Where a twentieth of a cluster is text it is beyond.
    static func areLikely(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 8 * sampled else { return false }
        let length = sampled / pieces
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 256) { counts in
            counts.initialize(repeating: 0)
            for piece in 0..<pieces {
                let start = piece * (bytes.count - length) / (pieces - 1)
                for byte in bytes[start..<start + length] { counts[Int(byte)] += 1 }
            }
            return counts.reduce(0) { $0 + $1 * $1 } < 71_500
        }
    }
}
