import Foundation
import Testing
import ToolRunning

/// What guests are, and how they are reached.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct GuestViewTests {
    private let daemon: PrivateDaemon

    init() throws { daemon = try #require(PrivateDaemon.current) }

    private func guest(_ words: String...) async throws -> Run {
        try await Nearmetal.start(["guest"] + words + ["--connect", daemon.uri]).end(within: 60)
    }

    /// What is printed, pasted into a shell.
    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(4)))
    func aCommandLineStartsByHand() async throws {
        let kernel = try TinyGuest.kernel(on: daemon)
        let log = "\(daemon.folder)/serial.log"
        let definition = """
            <domain type='qemu'>
              <name>manual</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type>
                <kernel>\(kernel)/vmlinuz</kernel><initrd>\(kernel)/initrd</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
              <features><acpi/></features>
              <devices>
                <serial type='file'><source path='\(log)'/></serial>
                <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
                <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
              </devices>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "manual"))
        let run = try await guest("argv", "manual")
        #expect(run.status == 0, "\(run.errors)")
        #expect(!run.text.contains("masterKey0") && !run.text.contains("charmonitor") && !run.text.contains(" -S "))
        let folder = URL(filePath: daemon.folder).appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", "exec env " + run.text]
        shell.currentDirectoryURL = folder
        shell.standardInput = FileHandle.nullDevice
        shell.standardOutput = FileHandle.nullDevice
        try shell.run()
        var booted = false
        for _ in 0..<600 where !booted {
            booted = (try? String(contentsOfFile: log, encoding: .utf8).contains("guest ready")) ?? false
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(booted)
        // What a test process blocks its children block, too: SIGTERM would not come through.
        kill(shell.processIdentifier, SIGKILL)
        shell.waitUntilExit()
    }

    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(5)))
    func theInsideTells() async throws {
        try await TinyGuest.start("seen", on: daemon)
        let inside = try await guest("inside", "seen")
        #expect(inside.status == 0, "\(inside.errors)")
        #expect(inside.text.contains("virtio_rng.0") && inside.text.contains("vda="), "\(inside.text)")
        let json = try await guest("inside", "seen", "--format", "json")
        #expect(json.text.contains("\"rngCurrent\": \"virtio_rng.0\""), "\(json.text)")
    }

    @Test(.timeLimit(.minutes(5))) func nobodyAnswersFromGuestsThatAreOff() async throws {
        let definition =
            "<domain type='qemu'><name>idle</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
        try await daemon.virsh("define", daemon.write(definition, as: "idle"))
        for (name, what) in [
            ("idle", "does not run"), ("nobody", "there is no guest \"nobody\""), ("a'b\nc", "there is no guest"),
            (String(repeating: "x", count: 10_000), "there is no guest"),
        ] {
            let run = try await guest("inside", name)
            #expect(run.status == 2 && run.text.isEmpty && run.errors.contains(what), "\(run.errors.prefix(300))")
            #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors.prefix(300))")
        }
    }

    @Test(.timeLimit(.minutes(5))) func migrationIsChecked() async throws {
        let definition = """
            <domain type='qemu'><name>wanderer</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
            <os><type arch='x86_64' machine='q35'>hvm</type></os><cputune><vcpupin vcpu='0' cpuset='0'/></cputune></domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "wanderer"))
        let here = try await daemon.virsh("capabilities")
        let file = try daemon.write(here, as: "here")
        let good = try await guest("migration-check", "wanderer", "--to", file)
        #expect(good.status == 0 && good.text.contains("yes     machine"), "\(good.text) \(good.errors)")
        let uri = try await guest("migration-check", "wanderer", "--to", daemon.uri)
        #expect(uri.text == good.text, "\(uri.errors)")
        let other = try daemon.write(here.replacing("pc-q35-", with: "pc-q99-"), as: "other")
        let bad = try await guest("migration-check", "wanderer", "--to", other)
        #expect(bad.status == 1 && bad.text.contains("no      machine"), "\(bad.text) \(bad.errors)")
        for (words, what) in [
            (["nobody", "--to", file], "there is no guest"), (["wanderer", "--to", "/no/such.xml"], "/no/such.xml"),
            (["wanderer", "--to", "nowhere:///x"], ""),
        ] {
            let run = try await Nearmetal.start(["guest", "migration-check"] + words + ["--connect", daemon.uri])
                .end(within: 60)
            #expect(run.status == 2 && run.text.isEmpty && (what.isEmpty || run.errors.contains(what)), "\(run.errors)")
            #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
        }
    }
}
