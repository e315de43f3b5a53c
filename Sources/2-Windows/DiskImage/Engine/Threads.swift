import Glibc
import Synchronization

/// Threads that do a piece of work together.
enum Threads {
    private final class Work: Sendable {
        let body: @Sendable (Int) -> Void
        let next = Atomic<Int>(0)
        init(_ body: @escaping @Sendable (Int) -> Void) { self.body = body }
    }

    /// Runs a closure on some threads, each with its number, and waits until all have ended; the caller's own is one of them.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let work = Work(body)
        var threads: [pthread_t] = []
        for _ in 1..<max(1, count) {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(work).toOpaque()
            let result = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    let work = Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                    work.body(work.next.add(1, ordering: .relaxed).newValue)
                    return nil
                }, context)
            if result == 0 { threads.append(thread) } else { Unmanaged<Work>.fromOpaque(context).release() }
        }
        work.body(0)
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Processors this process may use.
    static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// Lets threads do something in the order of their tickets.
final class Turnstile: @unchecked Sendable {
    // SAFETY: `next` and `isClosed` are touched while `mutex` is held only.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var next = 0
    private var isClosed = false

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

    /// Waits for a ticket's turn; `false` where it will not come any more.
    func wait(for ticket: Int) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while next != ticket, !isClosed { pthread_cond_wait(condition, mutex) }
        return !isClosed
    }

    /// Lets the next one in.
    func pass() {
        pthread_mutex_lock(mutex)
        next += 1
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Sends all away.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }
}
