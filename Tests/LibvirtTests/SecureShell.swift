import Foundation
import Testing
import ToolRunning

/// An ssh daemon for the tests alone, through which a ``PrivateDaemon`` is reached as from another machine.
///
/// Port, keys and configuration are its own, and the client reads none of the user's. What is run through it runs as the daemon's user. All lies in the
/// daemon's folder, and goes away with it.
final class SecureShell: Sendable {
    /// Where it listens on 127.0.0.1.
    let port: UInt16
    private let folder: String
    private let program: RunningProgram
    private let keeper: RunningProgram
    private let line: FileHandle

    /// Whether all is installed that both ends need, and who runs the tests may log in.
    static let isInstalled =
        ["sshd", "ssh", "ssh-keygen", "virt-ssh-helper"].allSatisfy { PrivateDaemon.find($0) != nil } && !isLocked

    /// Whether root's account is locked: without PAM sshd refuses any key then.
    private static var isLocked: Bool {
        guard getuid() == 0 else { return false }
        let accounts = (try? String(contentsOfFile: "/etc/shadow", encoding: .utf8)) ?? ""
        return accounts.split(separator: "\n").contains { $0.hasPrefix("root:!") }
    }

    /// Starts it and waits until it listens.
    init(_ daemon: PrivateDaemon) async throws {
        folder = "\(daemon.folder)/ssh-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for key in ["host", "client", "stranger"] {
            try await Self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/\(key)")
        }
        port = try ClosedPort().number
        // The helper of the far end finds the socket where a user's daemon has it.
        let sockets = "\(daemon.folder)/run/libvirt"
        try FileManager.default.createDirectory(atPath: sockets, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(daemon.folder)/run")
        where name.hasSuffix("-sock") {
            try? FileManager.default.createSymbolicLink(atPath: "\(sockets)/\(name)", withDestinationPath: "../\(name)")
        }
        let (path, words) = try PrivateDaemon.asUser("/bin/sh", ["-c"])
        let variables = PrivateDaemon.environment(daemon.folder).map { "export \($0)='\($1)'" }
        try put(
            """
            \(variables.joined(separator: "\n"))
            exec \(path) \(words.joined(separator: " ")) "$SSH_ORIGINAL_COMMAND"
            """, "\(folder)/session")
        try put(
            """
            ListenAddress 127.0.0.1
            Port \(port)
            HostKey \(folder)/host
            AuthorizedKeysFile \(folder)/client.pub
            PermitRootLogin prohibit-password
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            UsePAM no
            StrictModes no
            PidFile none
            ForceCommand exec /bin/sh \(folder)/session
            """, "\(folder)/sshd_config")
        let key = try String(contentsOfFile: "\(folder)/host.pub", encoding: .utf8)
        try put("[127.0.0.1]:\(port) \(key)", "\(folder)/known_hosts")
        try await writeClient(folder, knownHosts: "\(folder)/known_hosts")

        let sshd = try #require(PrivateDaemon.find("sshd"))
        let made = try await Self.makeEmptyFolder(sshd, "\(folder)/sshd_config")
        program = try RunningProgram(sshd, ["-D", "-f", "\(folder)/sshd_config", "-E", "\(folder)/log"])
        let ends = try RunningProgram.pipe()
        line = FileHandle(fileDescriptor: ends.write, closeOnDealloc: true)
        keeper = try RunningProgram(
            "/bin/sh",
            [
                "-c", #"trap '' HUP INT TERM; read _; kill -KILL "$1"; [ -z "$2" ] || rmdir "$2""#, "keeper",
                "\(program.id)", made ?? "",
            ], input: .descriptor(ends.read))
        close(ends.read)
        for _ in 0..<3_000 where !log.contains("Server listening") { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// Makes the folder that root's sshd asks for where no service has made it yet, and tells which.
    private static func makeEmptyFolder(_ sshd: String, _ configuration: String) async throws -> String? {
        let trial = try await RunningProgram(sshd, ["-t", "-f", configuration]).end()
        guard let words = trial.errors.firstRange(of: "Missing privilege separation directory: ") else { return nil }
        let path = String(trial.errors[words.upperBound...].prefix { !$0.isNewline })
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        return path
    }

    private static func run(_ name: String, _ arguments: String...) async throws {
        let run = try await RunningProgram(#require(PrivateDaemon.find(name)), arguments).end()
        guard run.status == 0 else { throw RunFailure("\(name): \(run.errors)") }
    }

    /// What it says of its clients.
    var log: String { (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? "" }

    /// How to connect through it.
    func uri(key: String = "client", also more: String = "") -> String {
        "qemu+ssh://\(NSUserName())@127.0.0.1:\(port)/session?keyfile=\(folder)/\(key)&no_tty=1&command=\(folder)/ssh"
            + more
    }

    /// Ends it.
    private func stop() async {
        try? line.close()
        _ = await keeper.end(within: 20)
        _ = await program.end(within: 1)
    }

    /// Runs a test with one of its own.
    static func with(_ daemon: PrivateDaemon, _ body: (SecureShell) async throws -> Void) async throws {
        let shell = try await SecureShell(daemon)
        do {
            try await body(shell)
            await shell.stop()
        } catch {
            await shell.stop()
            throw error
        }
    }
}

/// Writes a program `ssh` that heeds none of the user's configuration.
///
/// Another program writes it: one that this process starts meanwhile would hold it open for writing for a moment, and it could not be run.
func writeClient(_ folder: String, knownHosts: String) async throws {
    try put(
        """
        UserKnownHostsFile \(knownHosts)
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        BatchMode yes
        IdentitiesOnly yes
        """, "\(folder)/ssh_config")
    try put("#!/bin/sh\nexec ssh -F '\(folder)/ssh_config' \"$@\"\n", "\(folder)/ssh.text")
    let copying = try await RunningProgram(
        "/bin/sh", ["-c", "cp ssh.text ssh && chmod 755 ssh"], folder: folder
    ).end()
    guard copying.status == 0 else { throw RunFailure(copying.errors) }
}

/// A port of 127.0.0.1 that is taken, so that nobody else takes it, and refuses, since nobody listens.
final class ClosedPort {
    let number: UInt16
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let problem = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        self.descriptor = descriptor
        number = UInt16(bigEndian: address.sin_port)
        guard !problem else { throw RunFailure("no port: \(String(cString: strerror(errno)))") }
    }

    /// Takes connections from now on, and says nothing to anybody.
    func listenInSilence() { listen(descriptor, 8) }

    deinit { close(descriptor) }
}
