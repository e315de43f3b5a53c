import Foundation
import Testing
import ToolRunning

/// Plan, apply, roll back: as a person and as a script use them.
@Suite struct ChangeCommandTests {
    private static let definition = """
        <!-- mine -->
        <domain type='kvm'>
          <name>web1</name>
          <memory unit='GiB'>2</memory>
          <vcpu>2</vcpu>
          <os><type arch='x86_64' machine='q35'>hvm</type></os>
          <features><acpi/></features>
          <cpu mode='host-passthrough'/>
          <devices>
            <interface type='bridge'><source bridge='br0'/><model type='e1000'/></interface>
          </devices>
        </domain>

        """

    private func inFolder(_ body: (_ file: String, _ state: String, _ folder: String) async throws -> Void) async throws
    {
        try await inTemporaryFolder { folder in
            let file = folder + "/web1.xml"
            try Data(Self.definition.utf8).write(to: URL(filePath: file))
            try await body(file, folder + "/state", folder)
        }
    }

    private func text(_ file: String) throws -> String { try String(contentsOfFile: file, encoding: .utf8) }

    @Test func thereAndBackAgain() async throws {
        try await inFolder { file, state, _ in
            let changes = try await Nearmetal.run("plan", "--xml", file, "--detailed-exit-code")
            #expect(changes.status == 2, "\(changes.errors)")
            #expect(
                changes.text.contains("-    <interface") || changes.text.contains("+    <interface"), "\(changes.text)")
            let unasked = try await Nearmetal.run("apply", "--xml", file, "--state-dir", state)
            #expect(unasked.status == 2)
            #expect(unasked.errors.contains("--yes"), "\(unasked.errors)")
            #expect(try text(file) == Self.definition)
            let dry = try await Nearmetal.run("apply", "--xml", file, "--state-dir", state, "--dry-run")
            #expect(dry.status == 0)
            #expect(try text(file) == Self.definition)
            let applied = try await Nearmetal.run("apply", "--xml", file, "--state-dir", state, "--yes")
            #expect(applied.status == 0, "\(applied.errors)")
            #expect(try text(file).contains("<!-- mine -->"))
            #expect(try text(file).contains("<model type='virtio'/>"))
            let second = try await Nearmetal.run("plan", "--xml", file, "--detailed-exit-code")
            #expect(second.status == 0, "\(second.text)")
            #expect(try await Nearmetal.run("verify", "--state-dir", state).status == 0)
            let history = try await Nearmetal.run("history", "--state-dir", state, "--format", "json")
            let list = try JSONSerialization.jsonObject(with: Data(history.text.utf8)) as? [[String: Any]]
            #expect(list?.first?["id"] as? Int == 1)
            #expect(list?.first?["state"] as? String == "applied")
            let show = try await Nearmetal.run("show", "1", "--state-dir", state)
            #expect(show.text.contains("cat > \(file) <<'NEARMETAL'"), "\(show.text)")
            let back = try await Nearmetal.run("rollback", "1", "--state-dir", state, "--yes")
            #expect(back.status == 0, "\(back.errors)")
            #expect(try text(file) == Self.definition)
            let again = try await Nearmetal.run("rollback", "1", "--state-dir", state, "--yes")
            #expect(again.status == 2 && again.errors.contains("rolled-back"), "\(again.errors)")
        }
    }

    @Test func aFileOfAPlanIsCarriedOutOnceAndThenIsStale() async throws {
        try await inFolder { file, state, folder in
            let plan = folder + "/plan.json"
            let json = try await Nearmetal.run("plan", "--xml", file, "--output", plan, "--format", "json")
            #expect(json.status == 0 && json.text.isEmpty)
            try Data(Self.definition.replacing("<vcpu>2", with: "<vcpu>4").utf8).write(to: URL(filePath: file))
            let stale = try await Nearmetal.run("apply", plan, "--state-dir", state, "--yes")
            #expect(stale.status == 2)
            #expect(stale.errors.contains("stale") && stale.errors.contains("<vcpu>4</vcpu>"), "\(stale.errors)")
            try Data(Self.definition.utf8).write(to: URL(filePath: file))
            #expect(try await Nearmetal.run("apply", plan, "--state-dir", state, "--yes").status == 0)
            #expect(try await Nearmetal.run("apply", plan, "--state-dir", state, "--yes").status == 2)
        }
    }

    @Test func nothingToDoIsSaid() async throws {
        try await inFolder { file, state, _ in
            let run = try await Nearmetal.run("plan", "--xml", file, "--only", "swappiness", "--detailed-exit-code")
            #expect(run.status == 0 && run.text == "Nothing to change.\n", "\(run.text)\(run.errors)")
            #expect(try await Nearmetal.run("history", "--state-dir", state).text == "Nothing was changed yet.\n")
            #expect(try await Nearmetal.run("recover", "--state-dir", state).text == "Nothing was cut short.\n")
            #expect(!FileManager.default.fileExists(atPath: state), "looking makes no folder")
        }
    }

    @Test(arguments: [
        ["show", "7"], ["rollback", "7", "--yes"], ["verify", "7"], ["apply", "/dev/null", "--yes"],
        ["apply", "/nowhere.json"],
        ["restore", "/nowhere"], ["plan", "--xml", "/nowhere"], ["plan", "--config", "/nowhere"],
    ])
    func whatCannotBeIsOneLineAndStatusTwo(_ words: [String]) async throws {
        try await inTemporaryFolder { folder in
            let more = ["plan", "restore"].contains(words[0]) ? [] : ["--state-dir", folder + "/state"]
            let run = try await Nearmetal.start(words + more).end(within: 60)
            #expect(run.status == 2, "\(run.text)")
            #expect(
                run.errors.split(separator: "\n").count == 1 && run.errors.hasPrefix("nearmetal: "), "\(run.errors)")
        }
    }

    @Test(arguments: [
        ["plan", "--xml", "-"], ["plan", "--only", "swapiness"], ["apply", "plan.json", "--only", "swappiness"],
        ["rollback"], ["rollback", "x"], ["plan", "--root", "/nowhere"],
    ])
    func wrongWordsAreStatus64(_ words: [String]) async throws {
        #expect(try await Nearmetal.start(words).end(within: 60).status == 64)
    }

    /// A captured system: boot loader, drop-ins and definitions are changed in it, and nothing outside.
    @Test func anotherRoot() async throws {
        try await inTemporaryFolder { folder in
            let root = folder + "/root"
            func put(_ text: String, _ path: String) throws {
                let place = URL(filePath: root + path)
                try FileManager.default.createDirectory(
                    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: place)
            }
            let grub = "# mine\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet transparent_hugepage=never\"\n"
            try put("ID=debian\nVERSION_ID=\"12\"\n", "/etc/os-release")
            try put(grub, "/etc/default/grub")
            try put(
                "menuentry 'Debian' {\n\tlinux /vmlinuz root=/dev/sda1 quiet transparent_hugepage=never\n}\n",
                "/boot/grub/grub.cfg")
            try put("always madvise [never]\n", "/sys/kernel/mm/transparent_hugepage/enabled")
            try put(Self.definition, "/etc/libvirt/qemu/web1.xml")
            let applied = try await Nearmetal.run("apply", "--root", root, "--yes")
            #expect(applied.status == 0, "\(applied.errors)")
            #expect(try text(root + "/etc/default/grub") == grub.replacing("=never", with: "=madvise"))
            #expect(applied.text.contains("chroot"), "the menu cannot be made from outside: \(applied.text)")
            #expect(try text(root + "/sys/kernel/mm/transparent_hugepage/enabled") == "always madvise [never]\n")
            #expect(try text(root + "/etc/libvirt/qemu/web1.xml").contains("<model type='virtio'/>"))
            #expect(FileManager.default.fileExists(atPath: root + "/var/lib/nearmetal/journal.sqlite"))
            #expect(try await Nearmetal.run("rollback", "1", "--root", root, "--yes").status == 0)
            #expect(try text(root + "/etc/default/grub") == grub)
            #expect(try text(root + "/etc/libvirt/qemu/web1.xml") == Self.definition)
        }
    }
}
