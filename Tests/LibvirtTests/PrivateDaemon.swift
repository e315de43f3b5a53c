import Foundation
import Testing
import ToolRunning

/// A libvirt daemon for the tests alone, as a child of theirs.
///
/// It runs as a user's session daemon whose folders (configuration, state, sockets, cache) are all below one temporary folder, so it shares nothing
/// with the system's. For root that takes another user, since root has no session daemon. A second child, the keeper, waits for the end of a pipe that only
/// the tests hold: however they end, also by a crash, it ends daemon and guests by their numbers and takes the folder away.
final class PrivateDaemon: Sendable {
    /// The folder of all it has.
    let folder: String
    /// How to connect to it.
    let uri: String
    private let daemon: RunningProgram
    private let keeper: RunningProgram
    private let line: FileHandle

    /// The daemon of the suite that runs.
    @TaskLocal static var current: PrivateDaemon?

    /// Who runs it where the tests are root's.
    private static let nobody: uid_t = 65534
    private static let program = find("libvirtd") ?? find("virtqemud")

    /// Whether all is installed that it and a guest need.
    static let isInstalled =
        program != nil && find("virsh") != nil && find("qemu-system-x86_64") != nil
        && (getuid() != 0 || find("setpriv") != nil)

    /// Where a program is; `nil` where it is not installed.
    static func find(_ name: String) -> String? {
        let folders = RunningProgram.plainEnvironment["PATH"]?.split(separator: ":") ?? []
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Programs and words that run a program as the daemon's user.
    static func asUser(_ program: String, _ arguments: [String]) throws -> (String, [String]) {
        guard getuid() == 0 else { return (program, arguments) }
        let setpriv = try #require(find("setpriv"))
        return (setpriv, ["--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups", program] + arguments)
    }

    /// Environment in which libvirt keeps to the folder.
    static func environment(_ folder: String) -> [String: String] {
        RunningProgram.plainEnvironment.merging([
            "HOME": folder, "XDG_RUNTIME_DIR": "\(folder)/run", "XDG_CONFIG_HOME": "\(folder)/config",
            "XDG_CACHE_HOME": "\(folder)/cache", "XDG_DATA_HOME": "\(folder)/data",
        ]) { $1 }
    }

    /// A folder that the daemon's user may use, made in the temporary folder.
    private static func makeFolder() throws -> String {
        // The path of a socket has at most 107 bytes.
        let folder = "/tmp/nearmetal-\(UUID().uuidString.prefix(8))"
        for part in ["", "/run", "/config", "/config/libvirt", "/cache", "/data", "/embedded"] {
            try FileManager.default.createDirectory(
                atPath: folder + part, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            if getuid() == 0 { chown(folder + part, nobody, nobody) }
        }
        return folder
    }

    /// Starts it and waits until it listens.
    private init() async throws {
        let program = try #require(Self.program)
        folder = try Self.makeFolder()
        // Logs of guests are written by the daemon: virtlogd would be a process more.
        try put("stdio_handler = \"file\"\n", "\(folder)/config/libvirt/qemu.conf")
        try put("log_outputs = \"3:stderr\"\nunix_sock_dir = \"\(folder)/run\"\n", "\(folder)/daemon.conf")
        let name = program.hasSuffix("virtqemud") ? "virtqemud" : "libvirt"
        let socket = "\(folder)/run/\(name)-sock"
        uri = "qemu+unix:///session?socket=\(socket)"
        let (path, words) = try Self.asUser(
            program, ["-f", "\(folder)/daemon.conf", "--pid-file", "\(folder)/run/daemon.pid"])
        daemon = try RunningProgram(path, words, environment: Self.environment(folder), folder: folder)
        let ends = try RunningProgram.pipe()
        line = FileHandle(fileDescriptor: ends.write, closeOnDealloc: true)
        let script = """
            trap '' HUP INT TERM
            read _; kill -KILL "$1"
            for file in "$2"/run/libvirt/qemu/run/*.pid; do
                pid=$(cat "$file") && case $(readlink "/proc/$pid/exe") in *qemu*) kill -KILL "$pid";; esac
            done
            rm -rf "$2"
            """
        keeper = try RunningProgram(
            "/bin/sh", ["-c", script, "keeper", "\(daemon.id)", folder], input: .descriptor(ends.read))
        close(ends.read)
        for _ in 0..<3_000 where !FileManager.default.fileExists(atPath: socket) {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Ends it and its guests.
    private func stop() async {
        try? line.close()
        _ = await keeper.end(within: 20)
        let run = await daemon.end(within: 1)
        // Tests stop or kill it; that it ended otherwise would be news.
        #expect(run.signal == SIGKILL, "the daemon ended by itself: \(run.errors.suffix(2_000))")
        #expect(!FileManager.default.fileExists(atPath: folder), "\(folder) is left")
    }

    /// Runs a test with a daemon of its own.
    static func with<Result>(_ body: (PrivateDaemon) async throws -> Result) async throws -> Result {
        let daemon = try await PrivateDaemon()
        do {
            let result = try await body(daemon)
            await daemon.stop()
            return result
        } catch {
            await daemon.stop()
            throw error
        }
    }

    /// Stops it as a debugger would: it lives, and says nothing.
    func freeze() { kill(daemon.id, SIGSTOP) }
    /// Ends it at once.
    func crash() { kill(daemon.id, SIGKILL) }

    /// Ends it so many seconds after a client has connected.
    ///
    /// This runs on a thread of its own: tests that compute may hold those of Dispatch and of the testing library for longer than a client waits.
    func crash(afterConnection seconds: Double) {
        Thread.detachNewThread {
            while !self.hasClient, kill(self.daemon.id, 0) == 0 { usleep(10_000) }
            usleep(UInt32(seconds * 1e6))
            self.crash()
        }
    }

    /// Whether a client's connection to its socket exists, accepted or waiting.
    private var hasClient: Bool {
        // The listening socket is one line; each connection's other end is one more. Foundation reads no more than the first
        // page of a file that tells no size.
        let descriptor = open("/proc/net/unix", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        let sockets = String(decoding: bytes, as: UTF8.self)
        return sockets.split(separator: "\n").count { $0.contains("\(folder)/run/") && $0.hasSuffix("-sock") } > 1
    }

    /// Runs virsh on it.
    @discardableResult
    func virsh(_ arguments: String...) async throws -> String {
        let virsh = try #require(Self.find("virsh"))
        let (path, words) = try Self.asUser(virsh, ["-q", "-c", uri] + arguments)
        let run = try await RunningProgram(path, words, environment: Self.environment(folder)).end(within: 60)
        guard run.status == 0 else { throw RunFailure("virsh \(arguments): \(run.errors)") }
        return run.text
    }

    /// Writes a definition that virsh can read.
    func write(_ definition: String, as name: String) throws -> String {
        let path = "\(folder)/\(name).xml"
        try put(definition, path)
        return path
    }

    /// Runs the tool as the daemon's user.
    func runAsUser(_ arguments: String...) async throws -> Run { try await Self.runAsUser(arguments, folder) }

    private static func runAsUser(_ arguments: [String], _ folder: String) async throws -> Run {
        // A folder of root's own hides what is in it, so the tool is copied out of it: by another program, since a program that this process starts meanwhile
        // would hold the copy open for writing for a moment, and what is written cannot be run.
        let copy = "\(folder)/nearmetal"
        let copying = try await RunningProgram("/bin/cp", [Nearmetal.path, copy]).end()
        guard copying.status == 0 else { throw RunFailure(copying.errors) }
        let (path, words) = try asUser(copy, arguments)
        return try await RunningProgram(path, words, environment: environment(folder), folder: folder).end()
    }

    /// Whether the daemon's user can run the tool: its Swift library may lie where only root looks.
    static func userCanRunTool() async throws -> Bool {
        guard isInstalled else { return false }
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await runAsUser(["--version"], folder).status == 0
    }
}

/// Gives a suite one daemon for all its tests.
struct PrivateDaemonTrait: SuiteTrait, TestTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await PrivateDaemon.with { daemon in
            try await PrivateDaemon.$current.withValue(daemon) { try await function() }
        }
    }
}

extension Trait where Self == PrivateDaemonTrait {
    /// One private daemon for the suite.
    static var privateDaemon: Self { Self() }
}
