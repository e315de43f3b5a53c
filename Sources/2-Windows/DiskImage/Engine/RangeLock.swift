import Glibc

/// Keeps apart those who work on the same range: many may read one, one alone may change it.
final class RangeLock: @unchecked Sendable {
    private struct Hold {
        let first: UInt64
        let last: UInt64
        let isExclusive: Bool
        let number: UInt64
    }
    // SAFETY: `holds` and `next` are touched while `mutex` is held only.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var holds: [Hold] = []
    private var next: UInt64 = 0

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Does something while a range, both ends included, is held.
    func hold<Value>(
        _ first: UInt64, _ last: UInt64, exclusively isExclusive: Bool, _ body: () throws(ImageError) -> Value
    ) throws(ImageError) -> Value {
        pthread_mutex_lock(mutex)
        while holds.contains(where: {
            $0.first <= last && first <= $0.last && ($0.isExclusive || isExclusive)
        }) { pthread_cond_wait(condition, mutex) }
        next &+= 1
        let number = next
        holds.append(Hold(first: first, last: last, isExclusive: isExclusive, number: number))
        pthread_mutex_unlock(mutex)
        defer {
            pthread_mutex_lock(mutex)
            holds.removeAll { $0.number == number }
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body()
    }
}
