import Foundation
import Testing
import ToolRunning

/// libvirt's own ssh transport, to a daemon on this machine as if it were another.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .enabled(if: SecureShell.isInstalled, "sshd, ssh and virt-ssh-helper are not installed, or root is locked out"),
    .privateDaemon)
struct SecureShellTests {
    private let daemon: PrivateDaemon

    init() throws { daemon = try #require(PrivateDaemon.current) }

    private func defineGuest() async throws {
        let definition = """
            <domain type='qemu'>
              <name>far</name>
              <uuid>5b1d2c9e-4f60-4a51-9c7e-100000000001</uuid>
              <memory unit='MiB'>64</memory>
              <vcpu>3</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type></os>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "far"))
    }

    /// The guest is told of, and the host is not taken for this one.
    private func isFar(_ run: Run, _ shell: SecureShell) {
        #expect(run.status == 0, "\(run.errors)\n\(shell.log)")
        #expect(run.errors == "")
        #expect(run.text.contains("\nGuest far (shut off)"), "\(run.text)")
        #expect(run.text.contains("all 3 vCPUs"), "\(run.text)")
        #expect(run.text.contains("its host was not examined"), "\(run.text)")
        #expect(shell.log.contains("Accepted publickey"), "\(shell.log)")
    }

    @Test func guestsAreRead() async throws {
        try await defineGuest()
        try await SecureShell.with(daemon) { shell in
            let run = try await Nearmetal.run("check", "--connect", shell.uri(), "--fail-on", "never")
            isFar(run, shell)
        }
    }

    /// A socket in the URI is for netcat at the far end.
    @Test(
        .enabled("no nc that knows sockets of a path is installed") {
            guard let netcat = PrivateDaemon.find("nc") else { return false }
            let help = try await RunningProgram(netcat, ["-h"]).end()
            return (help.text + help.errors).contains("-U")
        }) func theSocketIsNamed() async throws
    {
        try await defineGuest()
        let socket = try #require(daemon.uri.split(separator: "?").last)
        try await SecureShell.with(daemon) { shell in
            let run = try await Nearmetal.run("check", "--connect", shell.uri(also: "&\(socket)"), "--fail-on", "never")
            isFar(run, shell)
        }
    }

    @Test func aKeyIsRefused() async throws {
        try await SecureShell.with(daemon) { shell in
            let uri = shell.uri(key: "stranger")
            let run = try await Nearmetal.run("check", "--connect", uri)
            isOneError(run, uri, "Permission denied")
            #expect(run.seconds < 25)
        }
    }
}

/// Hosts that are not there.
@Suite(.enabled(if: PrivateDaemon.find("ssh") != nil, "ssh is not installed"))
struct DeadHostTests {
    @Test func nobodyListens() async throws {
        let port = try ClosedPort()
        try await inTemporaryFolder { folder in
            try await writeClient(folder, knownHosts: "/dev/null")
            let uri = "qemu+ssh://root@127.0.0.1:\(port.number)/system?no_tty=1&command=\(folder)/ssh"
            let run = try await Nearmetal.run("check", "--connect", uri)
            // Where ssh is gone before libvirt has written, libvirt no longer hears why.
            isOneError(run, uri, run.errors.contains("Broken pipe") ? "Broken pipe" : "Connection refused")
            #expect(run.errors.contains("See whether ssh gets there"))
            #expect(run.seconds < 25)
        }
    }

    /// It takes the connection, and says nothing.
    @Test func nobodyAnswers() async throws {
        let port = try ClosedPort()
        port.listenInSilence()
        try await inTemporaryFolder { folder in
            try await writeClient(folder, knownHosts: "/dev/null")
            let uri = "qemu+ssh://root@127.0.0.1:\(port.number)/system?no_tty=1&command=\(folder)/ssh"
            let run = try await Nearmetal.run("check", "--connect", uri, within: 30)
            isOneError(run, uri, "no answer within 10 seconds")
            #expect(run.seconds < 25)
        }
        withExtendedLifetime(port) {}
    }
}
