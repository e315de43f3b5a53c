/// What the kernel is to read before it is asked for: large pieces of a file, read one behind the other, are on their way from the disk then
/// while the ones before are worked on.
///
/// The kernel's own reading ahead is a fraction of such a piece (128 KiB unless set otherwise), and several readers of one file spoil it for each other.
struct ReadAhead {
    /// Smaller reads are of tables and of single clusters, and tell nothing of what comes next.
    static let leastRead = 512 << 10
    /// Bytes ahead at most; they lie in the page cache, which gives them up where memory is short.
    static let most = 16 << 20

    /// What was asked of the kernel last, as far as it goes.
    private var end = 0
    /// How far ahead to ask; it grows while reads follow one another.
    private var window = 0

    /// Notes a read.
    ///
    /// - Parameter range: what is read now, of any file size.
    ///
    /// - Returns: what to have the kernel read; `nil` where enough of it is on its way.
    mutating func next(_ range: Range<Int>) -> Range<Int>? {
        guard range.count >= Self.leastRead, range.upperBound < .max - Self.most else { return nil }
        // Several threads read in any order what lies near.
        let follows =
            window > 0 && range.lowerBound <= end + 4 * range.count && range.upperBound + 2 * Self.most > end
        guard follows else {
            window = min(range.count, Self.most)
            end = range.upperBound
            return range
        }
        guard range.upperBound + window / 2 >= end else { return nil }
        window = min(2 * window, Self.most)
        let start = end
        end = range.upperBound + window
        return start..<end
    }
}
