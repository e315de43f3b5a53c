import Foundation
import Libvirt
import Testing
import ToolRunning

/// One line on stderr that names the connection, nothing on stdout, status 2.
func isOneError(
    _ run: Run, _ uri: String, _ words: String? = nil, at place: SourceLocation = #_sourceLocation
) {
    #expect(run.status == 2, "\(run)", sourceLocation: place)
    #expect(run.text == "", sourceLocation: place)
    #expect(run.errorLines.count == 1, "\(run.errors)", sourceLocation: place)
    #expect(run.errors.hasPrefix("nearmetal: \(uri): "), "\(run.errors)", sourceLocation: place)
    if let words { #expect(run.errors.contains(words), "\(run.errors)", sourceLocation: place) }
}

/// Daemons that hang, die or are not there: an error in words and in seconds, never a hang.
@Suite(.enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"))
struct DeadDaemonTests {
    private func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let time = try await ContinuousClock().measure { try await body() }
        return Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    }

    @Test func hungWhenConnected() async throws {
        try await PrivateDaemon.with { daemon in
            daemon.freeze()
            let connection = Connection(uri: daemon.uri, timeout: 0.5)
            let time = await seconds {
                let error = await #expect(throws: LibvirtError.self) { try await connection.open() }
                #expect(error?.kind == .timedOut)
                #expect(
                    error?.description
                        == "no answer within 0.5 seconds. Look at the daemon: systemctl status libvirtd virtqemud")
            }
            #expect(time >= 0.5)
        }
    }

    @Test func hungWhenAsked() async throws {
        try await PrivateDaemon.with { daemon in
            // Long enough to connect on a machine with much to do.
            let connection = Connection(uri: daemon.uri, timeout: 3)
            try await connection.open()
            #expect(try await connection.domains().isEmpty)
            daemon.freeze()
            // Questions wait in line behind the one that hangs; none waits longer than its own limit.
            let time = await seconds {
                let error = await #expect(throws: LibvirtError.self) { try await connection.domains() }
                #expect(error?.kind == .timedOut)
                let second = await #expect(throws: LibvirtError.self) { try await connection.statistics() }
                #expect(second?.kind == .timedOut)
            }
            #expect(time >= 6)
        }
    }

    @Test func killedBetweenQuestions() async throws {
        try await PrivateDaemon.with { daemon in
            let connection = Connection(uri: daemon.uri)
            try await connection.open()
            #expect(try await connection.domains().isEmpty)
            daemon.crash()
            for _ in 0..<2 {
                let error = await #expect(throws: LibvirtError.self) { try await connection.domains() }
                #expect(error?.kind == .noConnection, "\(String(describing: error))")
                #expect(error?.message.hasPrefix("the connection was lost: ") == true, "\(String(describing: error))")
            }
            let error = await #expect(throws: LibvirtError.self) { try await connection.statistics() }
            #expect(error?.kind == .noConnection)
        }
    }

    /// The tool waits for a daemon that does not answer, and it dies.
    @Test func killedWhileTheToolWaits() async throws {
        try await PrivateDaemon.with { daemon in
            daemon.freeze()
            daemon.crash(afterConnection: 0.1)
            let run = try await Nearmetal.run("check", "--connect", daemon.uri, within: 30)
            isOneError(run, daemon.uri, "Look at the daemon")
            #expect(!run.errors.contains("no answer within"), "\(run.errors)")
        }
    }

    /// The tool has asked, observes guests for their load for an hour, and notices at once.
    @Test func killedWhileTheToolObserves() async throws {
        try await PrivateDaemon.with { daemon in
            daemon.crash(afterConnection: 1)
            let run = try await Nearmetal.run("check", "--connect", daemon.uri, "--observe", "3600", within: 120)
            isOneError(run, daemon.uri, "the connection was lost: ")
        }
    }

    @Test func theToolDoesNotHang() async throws {
        try await PrivateDaemon.with { daemon in
            daemon.freeze()
            let run = try await Nearmetal.run("check", "--connect", daemon.uri, within: 30)
            isOneError(run, daemon.uri, "no answer within 10 seconds")
            #expect(run.seconds < 25)
        }
    }

    @Test func thereIsNone() async throws {
        for socket in ["/nonexistent/libvirt-sock", "/dev/null"] {
            let uri = "qemu+unix:///session?socket=\(socket)"
            let run = try await Nearmetal.run("check", "--connect", uri)
            isOneError(run, uri, socket)
            #expect(run.seconds < 25)
        }
        try await PrivateDaemon.with { daemon in
            daemon.crash()
            // Its socket is still there.
            let run = try await Nearmetal.run("check", "--connect", daemon.uri)
            isOneError(run, daemon.uri, "Connection refused")
        }
    }

    @Test func nonsenseIsRefused() async throws {
        for uri in ["nonsense:///system", "qemu:///nonsense", "://", "qemu+teleport://host/system"] {
            let run = try await Nearmetal.run("check", "--connect", uri)
            isOneError(run, uri)
            #expect(run.seconds < 25, "\(uri)")
        }
    }
}
