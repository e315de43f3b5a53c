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
    // SAFETY: `next` and `isClosed` are touched while `monitor` is held only.
    private let monitor = Monitor()
    private var next = 0
    private var isClosed = false

    /// Waits for a ticket's turn; `false` where it will not come any more.
    func wait(for ticket: Int) -> Bool {
        monitor.lock()
        defer { monitor.unlock() }
        while next != ticket, !isClosed { monitor.wait() }
        return !isClosed
    }

    /// Lets the next one in.
    func pass() {
        monitor.lock()
        next += 1
        monitor.broadcast()
        monitor.unlock()
    }

    /// Sends all away.
    func close() {
        monitor.lock()
        isClosed = true
        monitor.broadcast()
        monitor.unlock()
    }
}
