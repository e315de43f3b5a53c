import Glibc
import Synchronization

/// Progress as qemu-img shows it: `    (12.34/100%)`, on a line of its own; without `-p` when a SIGUSR1 asks for it.
final class ImageProgress: Sendable {
    private let isShown: Bool
    private let total: UInt64
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

    /// Tells how much is done; always true.
    func show(_ done: UInt64) -> Bool {
        if isShown {
            write(Array("    (\(percent(done))/100%)\r".utf8), to: STDOUT_FILENO)
        } else if Self.isAsked.exchange(false, ordering: .relaxed) {
            write(Array("    (\(percent(done))/100%)\n".utf8), to: STDERR_FILENO)
        }
        return true
    }

    private func percent(_ done: UInt64) -> String {
        let hundredths = UInt64(Double(min(done, total)) * 10_000 / Double(total))
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
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
