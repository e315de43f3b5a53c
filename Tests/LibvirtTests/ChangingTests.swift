import Changes
import Foundation
import Libvirt
import Testing
import ToolRunning
import Transactions

/// Definitions of a real daemon changed by the tool, put back, and the tool killed at it.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct ChangingTests {
    private let daemon: PrivateDaemon
    private var state: String { "\(daemon.folder)/changes" }

    init() throws { daemon = try #require(PrivateDaemon.current) }

    private func definition(_ name: String, _ number: Int, _ extra: String = "") -> String {
        """
        <domain type='qemu'>
          <name>\(name)</name>
          <uuid>6a1d2c9e-4f60-4a51-9c7e-0000000000\(10 + number)</uuid>
          <memory unit='MiB'>64</memory>
          <vcpu>1</vcpu>
          <os><type arch='x86_64' machine='q35'>hvm</type></os>
          <devices>
            <interface type='user'><mac address='52:54:00:00:00:\(10 + number)'/><model type='e1000'/></interface>
            <graphics type='vnc' port='-1' passwd='geheim\(number)'/>
            \(extra)
          </devices>
        </domain>
        """
    }

    private func tool(_ words: String...) async throws -> Run {
        try await Nearmetal.start(words + ["--state-dir", state]).end(within: 60)
    }

    private func secure(_ name: String) async throws -> String {
        try await daemon.virsh("dumpxml", "--inactive", "--security-info", name)
    }

    @Test func definitionsAreChangedAndPutBackWithTheirPasswords() async throws {
        try await daemon.virsh("define", daemon.write(definition("one", 1), as: "one"))
        let before = try await secure("one")
        #expect(before.contains("passwd='geheim1'"))
        let words = ["--connect", daemon.uri, "--guest", "one", "--only", "nic-model,rng,acpi"]
        let plan = try await Nearmetal.start(["plan", "--format", "json"] + words).end(within: 60)
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(!plan.text.contains("geheim1"))
        #expect(plan.text.contains(#""kind": "domain""#))
        let applied = try await Nearmetal.start(["apply", "--yes", "--state-dir", state] + words).end(within: 60)
        #expect(applied.status == 0, "\(applied.errors)")
        #expect(!applied.text.contains("geheim1"))
        let after = try await secure("one")
        #expect(after.contains("<model type='virtio'/>") && after.contains("<rng model='virtio'>"))
        #expect(after.contains("passwd='geheim1'"))
        let second = try await Nearmetal.start(["plan", "--detailed-exit-code"] + words).end(within: 60)
        #expect(second.status == 0, "\(second.text)")
        #expect(try await tool("verify", "1").status == 0)
        let show = try await tool("show", "1")
        #expect(show.text.contains("virsh -c"))
        let rolledBack = try await tool("rollback", "1", "--yes")
        #expect(rolledBack.status == 0, "\(rolledBack.errors)")
        #expect(try await secure("one") == before)
    }

    @Test func aDefinitionChangedMeanwhileIsRefused() async throws {
        try await daemon.virsh("define", daemon.write(definition("two", 2), as: "two"))
        let file = "\(daemon.folder)/two-plan.json"
        let words = ["--connect", daemon.uri, "--guest", "two", "--only", "rng"]
        #expect(try await Nearmetal.start(["plan", "--output", file] + words).end(within: 60).status == 0)
        let changed = definition("two", 2).replacing("<vcpu>1</vcpu>", with: "<vcpu>3</vcpu>")
        try await daemon.virsh("define", daemon.write(changed, as: "two"))
        let before = try await secure("two")
        let applied = try await tool("apply", file, "--yes")
        #expect(applied.status == 2)
        #expect(applied.errors.contains("stale") && applied.errors.contains(">3</vcpu>"), "\(applied.errors)")
        #expect(try await secure("two") == before)
    }

    @Test func killsLeaveBeforeOrAfter() async throws {
        for number in 0..<4 {
            try await daemon.virsh(
                "define", daemon.write(definition("kill\(number)", 20 + number), as: "kill\(number)"))
        }
        func all() async throws -> [String] {
            var all: [String] = []
            for number in 0..<4 { all.append(try await secure("kill\(number)")) }
            return all
        }
        let before = try await all()
        let file = "\(daemon.folder)/kill-plan.json"
        let plan = try await Nearmetal.start([
            "plan", "--output", file, "--connect", daemon.uri, "--guest", "kill*", "--only", "nic-model,rng,acpi",
        ]).end(within: 60)
        #expect(plan.status == 0, "\(plan.errors)")
        var killed = 0
        var applied = 0
        let rounds = ProcessInfo.processInfo.environment["NEARMETAL_KILLS"].flatMap { Int($0) }.map { $0 / 10 } ?? 20
        for round in 0..<rounds {
            let program = try Nearmetal.start(["apply", file, "--yes", "--state-dir", state])
            try await Task.sleep(for: .microseconds(20_000 + round * 79_193 % 160_000))
            kill(program.id, SIGKILL)
            if await program.end(within: 60).signal == SIGKILL { killed += 1 }
            #expect(try await tool("recover", "--yes").status == 0)
            let records = try Engine.history(StateFolder(state))
            if let last = records.first, last.state == .applied, last.steps.count == 4 {
                applied += 1
                let now = try await all()
                #expect(zip(now, before).allSatisfy { $0 != $1 }, "round \(round)")
                #expect(try await tool("rollback", "\(last.id)", "--yes").status == 0)
            }
            #expect(try await all() == before, "round \(round)")
        }
        print("crash test of definitions: \(killed) kills in \(rounds) rounds, \(applied) came to the end")
    }

    @Test func aDaemonThatDiesInMidApplyLeavesWhatRecoverPutsRight() async throws {
        try await PrivateDaemon.with { daemon in
            var names: [String] = []
            for number in 0..<30 {
                names.append("die\(number)")
                try await daemon.virsh(
                    "define", daemon.write(definition("die\(number)", 30 + number), as: "die\(number)"))
            }
            let file = "\(daemon.folder)/plan.json"
            let state = "\(daemon.folder)/state"
            _ = try await Nearmetal.start([
                "plan", "--output", file, "--connect", daemon.uri, "--only", "rng",
            ]).end(within: 60)
            daemon.crash(afterConnection: 0.05)
            let applied = try await Nearmetal.start(["apply", file, "--yes", "--state-dir", state]).end(within: 60)
            #expect(applied.status == 2, "\(applied.text)")
            #expect(applied.errors.split(separator: "\n").count <= 2, "\(applied.errors)")
            let record = try Engine.history(StateFolder(state)).first
            // Before the first step nothing is on record; later it waits until libvirt is back.
            #expect(
                record == nil || [.applying, .undone].contains(record?.state), "\(String(describing: record?.state))")
            if record?.state == .applying {
                #expect(applied.errors.contains("nearmetal recover"), "\(applied.errors)")
                let recovered = try await Nearmetal.start(["recover", "--yes", "--state-dir", state]).end(within: 60)
                #expect(recovered.status == 2, "there is no daemon")
                #expect(try Engine.history(StateFolder(state)).first?.state == .applying)
            }
        }
    }
}
