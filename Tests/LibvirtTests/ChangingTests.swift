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

    private func tool(_ words: String...) async throws -> Run { try await tool(words) }

    private func tool(_ words: [String]) async throws -> Run {
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

    /// What a restore defined again, its rollback takes away, and nothing that belongs to it.
    @Test func aRestoreOfAnUndefinedGuestIsRolledBack() async throws {
        try await daemon.virsh("define", daemon.write(definition("four", 4), as: "four"))
        let before = try await secure("four")
        let backup = try await Nearmetal.start([
            "backup", "--connect", daemon.uri, "--guest", "four", "--to", "\(daemon.folder)/backups",
        ]).end(within: 60)
        #expect(backup.status == 0, "\(backup.errors)")
        let place = try #require(backup.text.split(separator: "\n").last?.split(separator: " ").last.map(String.init))
        try await daemon.virsh("undefine", "four")
        func restored() async throws -> String {
            let restored = try await tool("restore", place, "--guest", "four", "--yes")
            #expect(restored.status == 0, "\(restored.errors)")
            #expect(try await secure("four") == before)
            return String(try #require(Engine.history(StateFolder(state)).first).id)
        }
        func isDefined() async throws -> Bool { try await daemon.virsh("list", "--all", "--name").contains("four") }

        let first = try await restored()
        #expect(try await tool("show", first).text.contains("undefine --keep-nvram four"))
        #expect(try await tool("rollback", first, "--yes").status == 0)
        #expect(try await !isDefined())

        // Running, saved, or with a snapshot it stays, until that is ended.
        let second = try await restored()
        try await daemon.virsh("start", "four")
        let running = try await tool("rollback", second, "--yes")
        #expect(running.status == 2 && running.errors.contains("it runs"), "\(running.errors)")
        try await daemon.virsh("managedsave", "four")
        let saved = try await tool("recover", "--yes")
        #expect(saved.status == 2 && saved.errors.contains("managed save"), "\(saved.errors)")
        try await daemon.virsh("managedsave-remove", "four")
        let snapshot = """
            <domainsnapshot><name>one</name><state>shutoff</state><creationTime>1</creationTime>\(before)</domainsnapshot>
            """
        try await daemon.virsh("snapshot-create", "four", daemon.write(snapshot, as: "snapshot"), "--redefine")
        let kept = try await tool("recover", "--yes")
        #expect(kept.status == 2 && kept.errors.contains("snapshot"), "\(kept.errors)")
        #expect(try await secure("four") == before)
        try await daemon.virsh("snapshot-delete", "four", "one", "--metadata")
        #expect(try await tool("recover", "--yes").status == 0)
        #expect(try await !isDefined())
        #expect(try Engine.transaction(Int64(second) ?? 0, in: StateFolder(state)).state == .rolledBack)
    }

    @Test func undefiningLeavesFirmwareVariables() async throws {
        let variables = try daemon.write("kept", as: "six-variables")
        let text = definition("six", 6).replacing(
            "</type></os>",
            with: """
                </type><loader readonly='yes' type='pflash'>/nowhere.fd</loader><nvram>\(variables)</nvram></os>
                <features><acpi/></features>
                """)
        try await daemon.virsh("define", daemon.write(text, as: "six"))
        let connection = Connection(uri: daemon.uri)
        try await connection.open()
        try await connection.undefine("six")
        #expect(try await !daemon.virsh("list", "--all", "--name").contains("six"))
        #expect(FileManager.default.fileExists(atPath: variables))
        await #expect { try await connection.undefine("six") } throws: { ($0 as? LibvirtError)?.kind == .noDomain }
    }

    /// Definitions that were merged are read back too: two transactions and somebody else at one guest.
    @Test func mergedDefinitionsAreReadBack() async throws {
        try await daemon.virsh("define", daemon.write(definition("five", 5), as: "five"))
        let words = ["--connect", daemon.uri, "--guest", "five", "--yes", "--only"]
        func apply(_ practice: String) async throws -> String {
            let applied = try await tool(["apply"] + words + [practice])
            #expect(applied.status == 0, "\(applied.errors)")
            return String(try #require(Engine.history(StateFolder(state)).first).id)
        }
        let before = try await secure("five")
        let rng = try await apply("rng")
        let acpi = try await apply("acpi")
        try await daemon.virsh("desc", "five", "--config", "mine")
        let back = try await tool("rollback", rng, "--yes")
        #expect(back.status == 0, "\(back.errors)")
        let between = try await secure("five")
        #expect(!between.contains("<rng") && between.contains("<acpi/>") && between.contains("mine"), "\(between)")
        #expect(try await tool("rollback", acpi, "--yes").status == 0)
        try await daemon.virsh("desc", "five", "--config", "")
        #expect(try await secure("five") == before)
    }

    /// Two of the guests run, and go on running with what they were started with.
    @Test func killsLeaveBeforeOrAfter() async throws {
        let disk = try daemon.write("", as: "kill-disk")
        chmod(disk, 0o666)
        truncate(disk, 1 << 20)
        for number in 0..<4 {
            let extra =
                "<disk type='file'><driver type='raw'/><source file='\(disk)'/><target dev='sda' bus='sata'/><shareable/></disk>"
            try await daemon.virsh(
                "define", daemon.write(definition("kill\(number)", 20 + number, extra), as: "kill\(number)"))
        }
        for name in ["kill0", "kill1"] { try await daemon.virsh("start", name) }
        func running() async throws -> [String] {
            try await [
                daemon.virsh("dumpxml", "--security-info", "kill0"),
                daemon.virsh("dumpxml", "--security-info", "kill1"),
            ]
        }
        let runs = try await running()
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
        let rounds = ProcessInfo.processInfo.environment["NEARMETAL_KILLS"].flatMap { Int($0) }.map { $0 / 5 } ?? 20
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
        #expect(try await running() == runs)
        for name in ["kill0", "kill1"] { try await daemon.virsh("destroy", name) }
        print(
            "crash test of definitions, two of four guests running: \(killed) kills in \(rounds) rounds, \(applied) came to the end"
        )
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
