import Changes
import Foundation
import Libvirt
import Testing
import ToolRunning
import Transactions

/// What a guest's definition says, set by a person's word.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct GuestSettingTests {
    private let daemon: PrivateDaemon
    private let state: String

    init() throws {
        daemon = try #require(PrivateDaemon.current)
        state = "\(daemon.folder)/\(UUID().uuidString)"
    }

    private func set(_ words: String...) async throws -> Run {
        try await Nearmetal.start(["guest", "set"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"])
            .end(within: 60)
    }

    private func define(_ name: String, type: String = "qemu") async throws {
        let definition = """
            <domain type='\(type)'>
              <name>\(name)</name><memory unit='MiB'>256</memory><vcpu>2</vcpu>
              <os><type arch='x86_64' machine='pc-q35-6.2'>hvm</type></os>
              <cpu><topology sockets='1' cores='2' threads='1'/></cpu>
              <devices><graphics type='vnc' autoport='yes' keymap='de'/></devices>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: name))
    }

    @Test(.timeLimit(.minutes(5))) func definitionsAreSetAndPutBack() async throws {
        try await define("set")
        func definition() async throws -> String { try await daemon.virsh("dumpxml", "--inactive", "set") }
        let was = try await definition()
        let steps: [(words: [String], there: [String], gone: [String])] = [
            (
                ["max-memory", "set", "1GiB", "--slots", "4"],
                ["<maxMemory slots='4' unit='KiB'>1048576<", "<cell id='0' cpus='0-1' memory='262144'"], []
            ),
            (
                ["memtune", "set", "--hard-limit", "1GiB", "--swap-hard-limit", "2GiB"],
                ["<hard_limit unit='KiB'>1048576<", "<swap_hard_limit unit='KiB'>2097152<"], []
            ),
            (["memtune", "set", "--swap-hard-limit", "-1"], ["<hard_limit"], ["<swap_hard_limit"]),
            (["numatune", "set", "0"], ["<memory mode='strict' nodeset='0'/>"], []),
            (
                ["cpu-model", "set", "Nehalem", "--feature", "-vmx", "--feature", "+aes"],
                [
                    "<model fallback='forbid'>Nehalem</model>", "<feature policy='disable' name='vmx'/>",
                    "<feature policy='require' name='aes'/>", "<topology sockets='1'",
                ], []
            ),
            (
                ["cpu-model", "set", "maximum", "--feature", "+vmx"],
                ["mode='maximum'", "<feature policy='require' name='vmx'/>"], ["Nehalem"]
            ),
            (["machine", "set", "pc-q35-7.1"], ["machine='pc-q35-7.1'"], []),
            (["workload", "set", "database"], [">database</nm:workload>"], []),
            (["workload", "set", "web"], [">web</nm:workload>"], ["database"]),
            (["keymap", "set", "none"], [], ["keymap"]),
        ]
        for (words, there, gone) in steps {
            let run = try await Nearmetal.start(
                ["guest", "set"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
            ).end(within: 60)
            #expect(run.status == 0, "\(words): \(run.errors)")
            let now = try await definition()
            for text in there { #expect(now.contains(text), "\(words): \(now)") }
            for text in gone { #expect(!now.contains(text), "\(words): \(now)") }
            let again = try await Nearmetal.start(
                ["guest", "set"] + words + [
                    "--connect", daemon.uri, "--state-dir", state, "--dry-run", "--format", "json",
                ]
            ).end(within: 60)
            #expect(again.text.contains("\"steps\": []"), "\(words) again: \(again.text)")
        }
        for number in (1...steps.count).reversed() {
            let back = try await Nearmetal.start(["rollback", "\(number)", "--yes", "--state-dir", state]).end(
                within: 60)
            #expect(back.status == 0, "\(number): \(back.errors)")
        }
        #expect(try await definition() == was)
    }

    @Test(.timeLimit(.minutes(5))) func guestsAreConvertedAndPutBack() async throws {
        let definition = """
            <domain type='qemu'>
              <name>old</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
              <os><type arch='x86_64' machine='pc-i440fx-6.2'>hvm</type></os>
              <devices>
                <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>
                <disk type='file'><driver name='qemu' type='raw'/><source file='\(daemon.folder)/old.raw'/><target dev='vda' bus='virtio'/></disk>
                <controller type='usb' model='piix3-uhci'/>
                <interface type='user'><mac address='52:54:00:00:00:09'/><model type='e1000'/></interface>
                <graphics type='vnc' port='5978' autoport='no'/><video><model type='vga'/></video>
                <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
              </devices>
            </domain>
            """
        try Data(count: 1 << 20).write(to: URL(filePath: "\(daemon.folder)/old.raw"))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: "\(daemon.folder)/old.raw")
        try await daemon.virsh("define", daemon.write(definition, as: "old"))
        let was = try await daemon.virsh("dumpxml", "--inactive", "old")
        func convert(_ words: String...) async throws -> Run {
            try await Nearmetal.start(
                ["guest", "convert", "old"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
            ).end(within: 60)
        }
        let run = try await convert("--to-q35")
        #expect(run.status == 0, "\(run.errors)")
        let now = try await daemon.virsh("dumpxml", "--inactive", "old")
        for text in [
            "machine='pc-q35-", "model='pcie-root-port'", "dev='sda' bus='sata'", "<model type='e1000e'/>",
            "dev='vda' bus='virtio'",
        ] {
            #expect(now.contains(text), "\(text): \(now)")
        }
        for text in ["i440fx", "type='ide'", "piix3", "hdc"] { #expect(!now.contains(text), "\(text): \(now)") }
        // It starts as it is.
        try await daemon.virsh("start", "old")
        try await daemon.virsh("destroy", "old")
        #expect(try await convert("--to-q35").text.contains("Nothing to change"))
        #expect(try await convert("--to-vnc").text.contains("Nothing to change"))
        #expect(try await convert().status == 64)
        let back = try await Nearmetal.start(["rollback", "1", "--yes", "--state-dir", state]).end(within: 60)
        #expect(back.status == 0, "\(back.errors)")
        #expect(try await daemon.virsh("dumpxml", "--inactive", "old") == was)
    }

    /// Stages as Windows needs them, here with a guest that boots in seconds.
    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(5)))
    func disksMoveToVirtioInStages() async throws {
        func image(_ name: String) throws -> String {
            let path = "\(daemon.folder)/\(name).raw"
            try Data(count: 1 << 20).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
            return path
        }
        let ports =
            "<controller type='pci' index='0' model='pcie-root'/>"
            + (1...8).map { "<controller type='pci' index='\($0)' model='pcie-root-port'/>" }.joined()
        let slow =
            "<disk type='file'><driver name='qemu' type='raw'/><source file='\(try image("slow"))'/><target dev='sda' bus='sata'/><serial>slow</serial></disk>"
        try await TinyGuest.start("staged", on: daemon, devices: slow + ports)
        func definition() async throws -> String { try await daemon.virsh("dumpxml", "--inactive", "staged") }
        /// The serial numbers of its virtio disks, which it finds in its own time.
        func serials(awaiting serial: String = "") async throws -> String {
            try await daemon.inside(
                "staged", "for s in /sys/block/vd*/serial; do cat $s; echo; done", awaiting: serial)
        }
        let was = try await definition()
        let small = try image("small")
        func convert(_ words: String...) async throws -> Run {
            try await Nearmetal.start(
                ["guest", "convert", "staged", "--to-virtio"] + words + [
                    "--connect", daemon.uri, "--state-dir", state, "--yes",
                ]
            ).end(within: 120)
        }
        let first = try await convert("--staged", "--image", small)
        #expect(first.status == 0 && first.text.contains("stage 1 of 3"), "\(first.errors)\(first.text)")
        #expect(try await serials(awaiting: "nearmetal-virtio").contains("nearmetal-virtio"))
        let unseen = try await convert("--staged")
        #expect(unseen.status == 2 && unseen.errors.contains("--driver-loaded"), "\(unseen.errors)")
        let second = try await convert("--staged", "--driver-loaded")
        #expect(second.status == 0 && second.text.contains("stage 2 of 3"), "\(second.errors)\(second.text)")
        let early = try await convert("--staged")
        #expect(early.status == 2 && early.errors.contains("still runs with its old disks"), "\(early.errors)")
        let restart = try await Nearmetal.start(["guest", "restart", "staged", "--connect", daemon.uri]).end(
            within: 120)
        #expect(restart.status == 0, "\(restart.errors)")
        try await TinyGuest.waitForAgent(of: "staged", on: daemon)
        #expect(try await serials(awaiting: "slow").contains("slow"))
        let third = try await convert()
        #expect(third.status == 0 && third.text.contains("rm \(small)"), "\(third.errors)\(third.text)")
        #expect(try await !serials().contains("nearmetal-virtio"))
        #expect(try await convert().text.contains("Nothing to change"))
        for number in [3, 2, 1] {
            let back = try await Nearmetal.start(["rollback", "\(number)", "--yes", "--state-dir", state]).end(
                within: 120)
            #expect(back.status == 0, "\(number): \(back.errors)")
        }
        func meaning(_ text: String) -> [String] {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
        }
        #expect(meaning(try await definition()) == meaning(was))
    }

    @Test(.timeLimit(.minutes(5))) func wrongWordsChangeNothing() async throws {
        try await define("steady")
        let was = try await daemon.virsh("dumpxml", "steady")
        let long = String(repeating: "x", count: 10_000)
        let wrong: [(words: [String], what: String, status: Int32)] = [
            (["max-memory", "steady", "128MiB"], "has 256 MiB already", 2),
            (["max-memory", "steady", "1GiB", "--slots", "257"], "1 to 256 are possible", 2),
            (["max-memory", "nobody", "1GiB"], "there is no guest \"nobody\"", 2),
            (["memtune", "steady"], "Say which limit", 64),
            (["memtune", "steady", "--hard-limit", "128MiB"], "has no room for the guest's 256 MiB", 2),
            (["memtune", "steady", "--swap-hard-limit", "1GiB"], "needs one on memory", 2),
            (["memtune", "steady", "--soft-limit", "2GiB", "--hard-limit", "1GiB"], "is above the hard limit", 2),
            (["numatune", "steady", "77"], "no memory on node 77", 2),
            (["numatune", "steady", "one"], "is no list of nodes", 64),
            (["cpu-model", "steady", "Nehalemm"], "libvirt knows no CPU model \"Nehalemm\". It knows Nehalem", 2),
            (["cpu-model", "steady", long], "is no CPU model", 64),
            (["cpu-model", "steady", "a'b"], "is no CPU model", 64),
            (["machine", "steady", "pc-i440fx-7.2"], "is a pc-q35, pc-i440fx-7.2 is not", 2),
            (["machine", "steady", "pc-q35-99.9"], "has no machine type pc-q35-99.9. It has pc-q35-", 2),
            (["machine", "steady", long], "xxx is not: all its devices", 2),
            (["workload", "steady", "leisure"], "leisure", 64),
            (["keymap", "steady", "DE'/>"], "is no layout", 64),
        ]
        for (words, what, status) in wrong {
            let run = try await Nearmetal.start(
                ["guest", "set"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
            ).end(within: 60)
            #expect(
                run.status == status && run.errors.contains(what),
                "\(words.map { $0.prefix(40) }): \(run.status) \(run.errors.prefix(400))")
            if status == 2 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors.prefix(400))") }
        }
        #expect(try await daemon.virsh("dumpxml", "steady") == was)
    }

    /// A daemon of a user's own has no control group to set limits in: libvirt's mock has.
    @Test(.timeLimit(.minutes(5))) func limitsOfARunningGuest() async throws {
        let connection = Connection(uri: "test:///default")
        try await connection.open()
        let machine = Machine(root: "/", connection: connection)
        let engine = Engine(machine, StateFolder("\(daemon.folder)/limits"), tool: "test")
        var plan = Plan(root: "/", connection: "test:///default")
        for (limit, value) in [(MemoryLimit.hard, "4194304"), (.soft, "1048576")] {
            let resource = Resource.live("test", .memoryLimit(limit))
            let before = try #require(await machine.look(at: resource).value)
            plan.steps.append(
                Step(resource, from: before, to: ResourceState(text: value), reasons: [], disrupts: .live))
        }
        let was = plan.steps.map(\.before.text)
        let record = try await engine.apply(plan)
        for step in plan.steps { #expect(await machine.look(at: step.resource).value?.text == step.after?.text) }
        _ = try await engine.rollBack(record.id)
        var now: [String?] = []
        for step in plan.steps { now.append(await machine.look(at: step.resource).value?.text) }
        #expect(now == was)
    }
}
