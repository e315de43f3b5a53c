import Glibc

/// A lock whose holders can wait until another one has changed something.
final class Monitor: @unchecked Sendable {
    // SAFETY: both are made once, and POSIX lets all threads use them.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

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

    /// Takes the lock.
    func lock() { pthread_mutex_lock(mutex) }
    /// Gives it back.
    func unlock() { pthread_mutex_unlock(mutex) }
    /// Lets the lock go until another thread tells of a change; it may come back without one.
    func wait() { pthread_cond_wait(condition, mutex) }
    /// Tells all who wait that something has changed.
    func broadcast() { pthread_cond_broadcast(condition) }
}
