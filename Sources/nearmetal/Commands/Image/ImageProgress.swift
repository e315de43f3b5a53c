import Glibc
import Synchronization

/// Progress as qemu-img shows it: `    (12.34/100%)`, on a line of its own; without `-p` when a SIGUSR1 asks for it.
final class ImageProgress: Sendable {
    private let isShown: Bool
    private let total: UInt64
    /// Hundredths of a percent that were shown last.
    private let last = Mutex<UInt64>(0)
    /// Whether a signal asked: the only thing its handler may touch.
    private static let isAsked = Atomic<Bool>(false)

    init(isShown: Bool, total: UInt64) {
        self.isShown = isShown
        self.total = max(1, total)
        if isShown {
            _ = show(0)
        } else {
            // SIGINFO is SIGUSR1's other name where there is one; Linux has none.
            signal(SIGUSR1) { _ in ImageProgress.isAsked.store(true, ordering: .relaxed) }
        }
    }

    /// Tells how much is done, where that is a percent more than was told last; always true.
    func show(_ done: UInt64) -> Bool {
        let hundredths = UInt64(Double(min(done, total)) * 10_000 / Double(total))
        let text = "    (\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)/100%)"
        if isShown {
            last.withLock { last in
                guard hundredths > last + 100 || hundredths == 0 || hundredths == 10_000 else { return }
                last = hundredths
                write(Array("\(text)\r".utf8), to: STDOUT_FILENO)
            }
        } else if Self.isAsked.exchange(false, ordering: .relaxed) {
            write(Array("\(text)\n".utf8), to: STDERR_FILENO)
        }
        return true
    }

    /// Ends the line.
    func finish() {
        guard isShown else { return }
        _ = show(total)
        write([0x0A], to: STDOUT_FILENO)
    }
}

/// Holds work back so that it does not go faster than so many bytes a second.
final class RateLimit: Sendable {
    private let rate: Double
    private let start: Double

    init(_ bytesPerSecond: UInt64) {
        rate = Double(max(1, bytesPerSecond))
        start = Self.now()
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Waits until so many bytes may have been done.
    func wait(for done: UInt64) {
        let early = start + Double(done) / rate - Self.now()
        if early > 0 { usleep(UInt32(min(early, 3600) * 1e6)) }
    }
}
