import Foundation
import Testing
import ToolRunning

/// Guests that are made.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct GuestCreationTests {
    private let daemon: PrivateDaemon
    private let state: String

    init() throws {
        daemon = try #require(PrivateDaemon.current)
        state = "\(daemon.folder)/\(UUID().uuidString)"
    }

    private func create(_ words: String...) async throws -> Run {
        try await Nearmetal.start(
            ["guest", "create"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
        ).end(within: 120)
    }

    private struct Report: Decodable {
        struct Finding: Decodable {
            struct Subject: Decodable { var name: String }
            var id: String
            var severity: String
            var subject: Subject
        }
        var findings: [Finding]
    }

    /// Warnings and errors of a guest.
    private func faults(_ name: String) async throws -> [String] {
        // Emulation is slow, and asked for here.
        let run = try await Nearmetal.start([
            "check", "--connect", daemon.uri, "--guest", name, "--format", "json", "--except", "tcg,backup-fresh",
        ]).end(within: 60)
        let report = try JSONDecoder().decode(Report.self, from: Data(run.text.utf8))
        return report.findings.filter { $0.subject.name == name && ["warning", "error"].contains($0.severity) }
            .map { "\($0.severity) \($0.id)" }
    }

    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(10)),
        arguments: ["general", "database", "latency", "compute", "storage", "web", "homogeneous", "single-threaded"])
    func eachWorkloadIsWithoutFaultsAndBoots(workload: String) async throws {
        let source = try TinyGuest.kernel(on: daemon)
        let name = "m-\(workload.prefix(8))"
        let disk = "\(daemon.folder)/\(name).raw"
        try Data(count: 1 << 20).write(to: URL(filePath: disk))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: disk)
        let run = try await create(
            name, "--workload", workload, "--memory", "256MiB", "--vcpus", "1", "--disk", disk, "--kernel",
            "\(source)/vmlinuz", "--initrd", "\(source)/initrd", "--extra-args", "console=ttyS0 quiet", "--virt-type",
            "qemu", "--start")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.isEmpty, "\(run.errors)")
        #expect(try await faults(name) == [])
        try await TinyGuest.waitForAgent(of: name, on: daemon)
        #expect(try await daemon.inside(name, "cat /sys/class/misc/hw_random/rng_current").hasPrefix("virtio_rng"))
        #expect(try await daemon.inside(name, "ls /sys/block").contains("vda"))
        #expect(try await faults(name) == [])
        try await daemon.virsh("destroy", name)
        let back = try await Nearmetal.start(["rollback", "1", "--yes", "--state-dir", state]).end(within: 60)
        #expect(back.status == 0, "\(back.errors)")
        #expect(try await !daemon.virsh("list", "--all", "--name").contains(name))
    }

    @Test(.timeLimit(.minutes(5))) func otherSystemsAreWithoutFaults() async throws {
        let image = "\(daemon.folder)/system.iso"
        try Data(count: 1 << 16).write(to: URL(filePath: image))
        for (name, words) in [
            ("windows", ["--os", "windows", "--cdrom", image, "--network", "default"]),
            ("installed", ["--cdrom", image, "--vcpus", "1,maxvcpus=2", "--graphics", "none"]),
            ("old", ["--cdrom", image, "--machine", "pc"]),
        ] {
            let run = try await Nearmetal.start(
                [
                    "guest", "create", name, "--memory", "512MiB", "--virt-type", "qemu", "--disk",
                    "\(daemon.folder)/\(name).qcow2,size=1G", "--connect", daemon.uri, "--state-dir", state, "--yes",
                ] + words
            ).end(within: 60)
            #expect(run.status == 0, "\(name): \(run.errors)")
            #expect(try await faults(name) == [], "\(name)")
        }
        let definition = try await daemon.virsh("dumpxml", "windows")
        #expect(definition.contains("<vpindex state='on'/>") && definition.contains("<clock offset='localtime'>"))
        #expect(
            try await daemon.virsh("dumpxml", "installed").contains("<vcpu placement='static' current='1'>2</vcpu>"))
    }

    @Test(.timeLimit(.minutes(5))) func wrongWordsMakeNothing() async throws {
        let image = "\(daemon.folder)/used.raw"
        try Data(count: 1 << 20).write(to: URL(filePath: image))
        try await daemon.virsh(
            "define",
            daemon.write(
                """
                <domain type='qemu'><name>taken</name><memory unit='MiB'>64</memory>
                <os><type arch='x86_64' machine='q35'>hvm</type></os>
                <devices><disk type='file'><driver name='qemu' type='raw'/><source file='\(image)'/><target dev='vda' bus='virtio'/></disk></devices></domain>
                """, as: "taken"))
        let new = "\(daemon.folder)/never.qcow2"
        let long = String(repeating: "x", count: 10_000)
        let good = ["--memory", "64MiB", "--virt-type", "qemu"]
        let wrong: [(words: [String], what: String, status: Int32)] = [
            (["taken", "--disk", "\(new),size=1G", "--import"] + good, "there is a guest taken already", 2),
            (["new", "--disk", image, "--import"] + good, "is disk vda of guest taken", 2),
            (["new", "--disk", "/no/such.qcow2", "--import"] + good, "does not exist", 2),
            (["new", "--import"] + good, "--import needs a --disk", 64),
            (["new", "--disk", "\(new),size=1G"] + good, "Say what it boots from", 64),
            (
                ["new", "--disk", "\(new),size=1G", "--cdrom", "/no/such.iso"] + good,
                "/no/such.iso: there is no such file", 2
            ),
            (["a'b", "--disk", "\(new),size=1G", "--import"] + good, "is no good name", 64),
            (["a\nb", "--disk", "\(new),size=1G", "--import"] + good, "is no good name", 64),
            ([long, "--disk", "\(new),size=1G", "--import"] + good, "is no good name", 64),
            (["new", "--disk", "\(new),size=1G", "--import", "--vcpus", "0"] + good, "at least 1 vCPU", 2),
            (["new", "--disk", "\(new),size=1G", "--import", "--vcpus", "100000"] + good, "more than the host's", 2),
            (["new", "--disk", "\(new),size=1G", "--import", "--memory", "900TiB"], "more than the host's", 2),
            (
                ["new", "--disk", "\(new),size=1G", "--import", "--machine", "toaster"] + good,
                "no machine type toaster", 2
            ),
            (
                ["new", "--disk", "\(new),size=1G", "--disk", "\(new),size=1G", "--import"] + good,
                "a disk is named twice", 2
            ),
            (["new", "--disk", "\(new),size=1G", "--import", "--network", "bridge="] + good, "--network", 64),
            (
                ["new", "--disk", "\(new),size=1G", "--import", "--network", "bridge=nobridge0", "--workload", "fun"]
                    + good, "fun", 64
            ),
        ]
        let before = try await daemon.virsh("list", "--all", "--name")
        for (words, what, status) in wrong {
            let run = try await Nearmetal.start(
                ["guest", "create"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
            ).end(within: 60)
            #expect(
                run.status == status && run.errors.contains(what),
                "\(words.map { $0.prefix(40) }): \(run.status) \(run.errors.prefix(400))")
            if status == 2 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors.prefix(400))") }
            #expect(!FileManager.default.fileExists(atPath: new))
        }
        #expect(try await daemon.virsh("list", "--all", "--name") == before)
        // Printed, and nothing made.
        let run = try await create(
            "dry", "--memory", "64MiB", "--disk", "\(new),size=1G", "--import", "--virt-type", "qemu", "--dry-run")
        #expect(run.status == 0 && run.text.hasPrefix("<domain type='qemu'>"), "\(run.errors)")
        try await daemon.virsh("define", "--validate", daemon.write(run.text, as: "dry"))
        #expect(!FileManager.default.fileExists(atPath: new))
    }
}
