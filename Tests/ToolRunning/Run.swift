import Dispatch
public import Foundation

/// A program that ran to its end: what it printed, and how it ended.
public struct Run: Sendable {
    /// What it wrote to standard output.
    public var output: [UInt8]
    /// What it wrote to standard error.
    public var errors: String
    /// Its exit status; `nil` if a signal ended it.
    public var status: Int32?
    /// The signal that ended it, SIGKILL where it did not end in time.
    public var signal: Int32?
    /// How long it took.
    public var seconds: Double

    /// Standard output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
    /// Lines on standard error.
    public var errorLines: [Substring] { errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }
}

/// What can go wrong with starting a program; tests show it as it is.
public struct RunFailure: Error, CustomStringConvertible {
    /// What went wrong.
    public let description: String
    /// A failure.
    public init(_ description: String) { self.description = description }
}

/// A program that runs.
///
/// Foundation's `Process` is not used: it needs run loops on threads of its own, which under the testing library's pool now and then hangs.
public final class RunningProgram: Sendable {
    /// Where standard output goes.
    public enum Output: Sendable {
        /// It is kept.
        case kept
        /// A pipe whose reader has gone already, as that of `| head` soon is.
        case closedPipe
        /// A file or device.
        case file(String)
    }

    /// Where standard input comes from.
    public enum Input: Sendable {
        /// Nothing comes.
        case none
        /// These bytes: through a pipe if they fit into one, else from a file.
        case bytes([UInt8])
        /// An open file, which stays the caller's.
        case descriptor(Int32)
    }

    /// Its number.
    public let id: pid_t
    private let output: FileHandle
    private let errors: FileHandle
    private let start = DispatchTime.now()

    /// Starts a program; signals are as a shell gives them to it.
    ///
    /// - Parameters:
    ///   - path: the program.
    ///   - arguments: without its name.
    ///   - input: where standard input comes from.
    ///   - environment: all of it.
    ///   - folder: the working folder.
    ///   - output: where standard output goes.
    ///
    /// - Throws: ``RunFailure``.
    public init(
        _ path: String, _ arguments: [String], input: Input = .none,
        environment: [String: String] = RunningProgram.plainEnvironment, folder: String = "/", output: Output = .kept
    ) throws {
        self.output = try Self.temporaryFile()
        errors = try Self.temporaryFile()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var toClose: [Int32] = []
        defer { for descriptor in toClose { close(descriptor) } }
        switch input {
        case .none: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, 0)
        case .bytes(let bytes):
            let descriptor = try Self.input(bytes)
            toClose.append(descriptor)
            posix_spawn_file_actions_adddup2(&actions, descriptor, 0)
        }
        switch output {
        case .kept: posix_spawn_file_actions_adddup2(&actions, self.output.fileDescriptor, 1)
        case .file(let path): posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY, 0)
        case .closedPipe:
            let ends = try Self.pipe()
            close(ends.read)
            toClose.append(ends.write)
            posix_spawn_file_actions_adddup2(&actions, ends.write, 1)
        }
        posix_spawn_file_actions_adddup2(&actions, errors.fileDescriptor, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGQUIT] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let words: [UnsafeMutablePointer<CChar>?] =
            (["env", "-C", folder, path] + arguments).map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var id: pid_t = 0
        let problem = posix_spawn(&id, "/usr/bin/env", &actions, &attributes, words, variables)
        guard problem == 0 else { throw RunFailure("env: \(String(cString: strerror(problem)))") }
        self.id = id
    }

    /// An environment that says nothing of this machine: no locale, no configuration of libvirt's.
    public static var plainEnvironment: [String: String] {
        [
            "PATH": (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin",
            "HOME": "/nonexistent",
        ]
    }

    /// Waits for its end; ends it once that has taken so many seconds from now.
    ///
    /// A thread of its own waits: those of Dispatch, as those of the testing library, may all be taken by tests that compute.
    public func end(within limit: Double = 60) async -> Run {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: self.wait(limit)) }
        }
    }

    private func wait(_ limit: Double) -> Run {
        var status: Int32 = 0
        var isKilled = false
        let earlier = seconds
        while waitpid(id, &status, WNOHANG) == 0 {
            if !isKilled, seconds - earlier > limit {
                kill(id, SIGKILL)
                isKilled = true
            }
            usleep(5_000)
        }
        let signal = status & 0x7F
        return Run(
            output: Self.content(output), errors: String(decoding: Self.content(errors), as: UTF8.self),
            status: signal == 0 ? (status >> 8) & 0xFF : nil, signal: signal == 0 ? nil : signal, seconds: seconds)
    }

    private var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9 }

    /// A file without a name: unlike a pipe it cannot fill up while nobody reads.
    private static func temporaryFile() throws -> FileHandle {
        let path = "\(NSTemporaryDirectory())/nearmetal-\(UUID().uuidString)"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw RunFailure("\(path): \(String(cString: strerror(errno)))") }
        unlink(path)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    private static func content(_ file: FileHandle) -> [UInt8] {
        try? file.seek(toOffset: 0)
        return (try? file.readToEnd()).map { $0.map { Array($0) } ?? [] } ?? []
    }

    /// A pipe whose ends no other program inherits; as sockets, since that takes one call, and another thread may start a program between two.
    public static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw RunFailure("pipe: \(String(cString: strerror(errno)))")
        }
        return (ends[0], ends[1])
    }

    private static func input(_ bytes: [UInt8]) throws -> Int32 {
        if bytes.count <= 60_000 {
            let ends = try pipe()
            defer { close(ends.write) }
            guard write(ends.write, bytes, bytes.count) == bytes.count else { throw RunFailure("pipe is full") }
            return ends.read
        }
        let file = try temporaryFile()
        try file.write(contentsOf: Data(bytes))
        try file.seek(toOffset: 0)
        return dup(file.fileDescriptor)
    }
}
