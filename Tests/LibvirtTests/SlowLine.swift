import Foundation
import Synchronization
import ToolRunning

/// A socket before a daemon's: what a client asks goes on later, or not at all; answers come back at once.
final class SlowLine: Sendable {
    private struct State {
        var delay = 0.0
        var rest: Int?
    }
    private let state = Mutex(State())
    private let listener: Int32
    /// How to connect through it.
    let uri: String

    /// - Parameter daemon: where the line leads; the socket lies in its folder.
    ///
    /// - Throws: ``RunFailure``.
    init(to daemon: PrivateDaemon) throws {
        let path = "\(daemon.folder)/run/slow"
        let target = String(daemon.uri.split(separator: "=").last ?? "")
        uri = "qemu+unix:///session?socket=\(path)"
        let listener = Self.socket()
        self.listener = listener
        guard Self.with(path, { bind(listener, $0, $1) }) == 0, listen(listener, 4) == 0 else {
            throw RunFailure("\(path): \(String(cString: strerror(errno)))")
        }
        // The threads end with the listener and the ends of their connections.
        Thread.detachNewThread { [weak self] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                let server = Self.socket()
                guard let self, Self.with(target, { connect(server, $0, $1) }) == 0 else { break }
                Thread.detachNewThread {
                    Self.relay(from: client, to: server) { self.isPassed() }
                    close(server)
                }
                Thread.detachNewThread {
                    Self.relay(from: server, to: client) { true }
                    close(client)
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Each question takes so many seconds longer from now on.
    func delay(_ seconds: Double) { state.withLock { $0.delay = seconds } }

    /// After so many questions more none gets through.
    func fallSilent(after questions: Int) { state.withLock { $0.rest = questions } }

    /// Lets the time of a question pass, and tells whether it goes on.
    private func isPassed() -> Bool {
        let (delay, isPassed) = state.withLock { state in
            defer { state.rest = state.rest.map { max(0, $0 - 1) } }
            return (state.delay, state.rest != 0)
        }
        usleep(UInt32(delay * 1e6))
        return isPassed
    }

    private static func relay(from source: Int32, to target: Int32, _ passes: () -> Bool) {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(source, &bytes, bytes.count), count > 0 {
            guard passes() else { continue }
            var sent = 0
            while sent < count {
                let more = bytes[sent..<count].withUnsafeBytes {
                    send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard more > 0 else { break }
                sent += more
            }
        }
        shutdown(target, Int32(SHUT_RDWR))
    }

    private static func socket() -> Int32 {
        Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
