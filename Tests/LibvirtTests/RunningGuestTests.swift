import Foundation
import Testing
import ToolRunning
import Transactions

/// Running guests changed and restarted by the tool.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct RunningGuestTests {
    private let daemon: PrivateDaemon
    private let state: String

    init() throws {
        daemon = try #require(PrivateDaemon.current)
        state = "\(daemon.folder)/\(UUID().uuidString)"
    }

    private func tool(_ words: String...) async throws -> Run {
        try await Nearmetal.start(words + ["--state-dir", state]).end(within: 120)
    }

    private func isRunning(_ name: String) async throws -> Bool {
        try await daemon.virsh("list", "--name").split(separator: "\n").contains { $0 == name }
    }

    @Test(
        .enabled(
            if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"),
        .timeLimit(.minutes(5)))
    func vCPUsGoOfflineInsideAndComeBack() async throws {
        let metadata = """
            <metadata><nm:workload xmlns:nm='https://nearmetal.example/xmlns/1'>single-threaded</nm:workload></metadata>
            """
        try await TinyGuest.start("inside", on: daemon, vcpus: 2, extra: metadata)
        func online() async throws -> String { try await daemon.virsh("vcpucount", "inside", "--guest") }
        #expect(try await online().hasPrefix("2"))
        let words = ["--connect", daemon.uri, "--guest", "inside", "--only", "vcpu-size"]
        let plan = try await Nearmetal.start(["plan", "--format", "json"] + words).end(within: 60)
        #expect(plan.text.contains(#""target": "inside/vcpus""#), "\(plan.text)\(plan.errors)")
        let applied = try await Nearmetal.start(["apply", "--yes", "--state-dir", state] + words).end(within: 120)
        #expect(applied.status == 0, "\(applied.errors)")
        #expect(try await online().hasPrefix("1"))
        let second = try await Nearmetal.start(["plan", "--detailed-exit-code"] + words).end(within: 60)
        #expect(second.status == 0, "\(second.text)")
        #expect(try await tool("verify").status == 0)
        #expect(try await tool("show", "1").text.contains("setvcpus inside 2 --live --guest"))
        let back = try await tool("rollback", "1", "--yes")
        #expect(back.status == 0, "\(back.errors)")
        #expect(try await online().hasPrefix("2"))

        // A value ends with the guest's run: there is nothing to put back then, and nothing that has drifted.
        let again = try await Nearmetal.start(["apply", "--yes", "--state-dir", state] + words).end(within: 120)
        #expect(again.status == 0, "\(again.errors)")
        try await daemon.virsh("destroy", "inside")
        let verified = try await tool("verify")
        #expect(verified.status == 0, "\(verified.text)\(verified.errors)")
        #expect(try await tool("rollback", "2", "--yes").status == 0)
    }

    @Test(
        .enabled(
            if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"),
        .timeLimit(.minutes(5)))
    func aRestartedGuestRunsWithItsNewDefinition() async throws {
        try await TinyGuest.start("web", on: daemon)
        let was = try await daemon.virsh("domid", "web")
        let applied = try await tool(
            "apply", "--yes", "--connect", daemon.uri, "--guest", "web", "--only",
            "disk-cache-mode",
            "--restart-guests")
        #expect(applied.status == 0, "\(applied.errors)")
        #expect(applied.errors.contains("web: restarted"), "\(applied.errors)")
        #expect(try await daemon.virsh("domid", "web") != was)
        #expect(try await daemon.virsh("dumpxml", "web").contains("cache='none'"))
        try await TinyGuest.waitForAgent(of: "web", on: daemon)
        let back = try await tool("rollback", "1", "--yes", "--restart-guests")
        #expect(back.status == 0 && back.errors.contains("web: restarted"), "\(back.errors)")
        #expect(try await !daemon.virsh("dumpxml", "web").contains("cache='none'"))
        try await daemon.virsh("destroy", "web")
    }

    /// A guest without an operating system hears no request; it has to be left alone unless its power may be cut.
    @Test(.timeLimit(.minutes(5))) func aGuestThatDoesNotShutDownIsLeftRunning() async throws {
        func definition(_ disk: String = "") -> String {
            """
            <domain type='qemu'>
              <name>deaf</name>
              <uuid>6a1d2c9e-4f60-4a51-9c7e-0000000000ff</uuid>
              <memory unit='MiB'>64</memory>
              <vcpu>1</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type></os>
              <features><acpi/></features>
              <devices>\(disk)</devices>
            </domain>
            """
        }
        try await daemon.virsh("define", daemon.write(definition(), as: "deaf"))
        try await daemon.virsh("start", "deaf")
        let was = try await daemon.virsh("domid", "deaf")
        let applied = try await tool(
            "apply", "--yes", "--connect", daemon.uri, "--guest", "deaf", "--only", "rng", "--restart-guests",
            "--restart-timeout", "2")
        #expect(applied.status == 3, "\(applied.errors)")
        #expect(applied.errors.contains("deaf: goes on running as it was: it has not shut down within 2 seconds"))
        #expect(try await daemon.virsh("domid", "deaf") == was)

        let cut = try await tool("rollback", "1", "--yes", "--restart-guests", "--restart-timeout", "1", "--destroy")
        #expect(cut.status == 0, "\(cut.errors)")
        #expect(try await daemon.virsh("domid", "deaf") != was)
        #expect(try await !daemon.virsh("dumpxml", "deaf").contains("<rng"))
    }

    @Test(.timeLimit(.minutes(5))) func aGuestThatDoesNotStartGetsItsOldDefinitionBack() async throws {
        let uuid = "6a1d2c9e-4f60-4a51-9c7e-0000000000fe"
        let definition = """
            <domain type='qemu'>
              <name>wrong</name><uuid>\(uuid)</uuid>
              <memory unit='MiB'>64</memory><vcpu>1</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type></os>
              <devices><graphics type='vnc' port='-1' passwd='geheim'/></devices>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "wrong"))
        try await daemon.virsh("start", "wrong")
        let before = try await daemon.virsh("dumpxml", "--inactive", "--security-info", "wrong")
        let plain = try await daemon.virsh("dumpxml", "--inactive", "wrong")
        let missing =
            "<disk type='file'><source file='/nowhere/at/all.raw'/><target dev='vda' bus='virtio'/></disk></devices>"
        let plan: [String: Any] = [
            "schemaVersion": 1, "root": "/", "connection": daemon.uri,
            "steps": [
                [
                    "kind": "domain", "target": "wrong", "disrupts": "guest-restart", "before": ["text": plain],
                    "after": ["text": plain.replacing("</devices>", with: missing)],
                ]
            ],
        ]
        let file = "\(daemon.folder)/wrong-plan.json"
        try JSONSerialization.data(withJSONObject: plan).write(to: URL(filePath: file))
        let applied = try await tool(
            "apply", file, "--yes", "--restart-guests", "--restart-timeout", "1", "--destroy")
        #expect(applied.status == 3, "\(applied.errors)")
        #expect(
            applied.errors.contains("did not start with its new definition")
                && applied.errors.contains("/nowhere/at/all.raw"), "\(applied.errors)")
        #expect(try await isRunning("wrong"))
        #expect(try await daemon.virsh("dumpxml", "--inactive", "--security-info", "wrong") == before)
        // Both transactions are in the history, and both can be undone.
        let records = try Engine.history(StateFolder(state))
        #expect(records.prefix(2).allSatisfy { $0.state == .applied && $0.steps.count == 1 })
        #expect(try await tool("rollback", "\(records[1].id)", "--yes").status == 0)
        #expect(try await daemon.virsh("dumpxml", "--inactive", "--security-info", "wrong") == before)
    }
}
