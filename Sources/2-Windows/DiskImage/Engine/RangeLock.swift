/// Keeps apart those who work on the same range: many may read one, one alone may change it.
final class RangeLock: @unchecked Sendable {
    private struct Hold {
        let first: UInt64
        let last: UInt64
        let isExclusive: Bool
        let number: UInt64
    }
    // SAFETY: `holds` and `next` are touched while `monitor` is held only.
    private let monitor = Monitor()
    private var holds: [Hold] = []
    private var next: UInt64 = 0

    /// Does something while a range, both ends included, is held.
    func hold<Value>(
        _ first: UInt64, _ last: UInt64, exclusively isExclusive: Bool, _ body: () throws(ImageError) -> Value
    ) throws(ImageError) -> Value {
        monitor.lock()
        while holds.contains(where: {
            $0.first <= last && first <= $0.last && ($0.isExclusive || isExclusive)
        }) { monitor.wait() }
        next &+= 1
        let number = next
        holds.append(Hold(first: first, last: last, isExclusive: isExclusive, number: number))
        monitor.unlock()
        defer {
            monitor.lock()
            holds.removeAll { $0.number == number }
            monitor.broadcast()
            monitor.unlock()
        }
        return try body()
    }
}
