import Changes
import Foundation
import Libvirt
import Quantities
import Testing
import ToolRunning
import Transactions

/// Guests changed by what a person asks for.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct GuestOperationTests {
    private let daemon: PrivateDaemon
    private let state: String

    init() throws {
        daemon = try #require(PrivateDaemon.current)
        state = "\(daemon.folder)/\(UUID().uuidString)"
    }

    private func guest(_ words: String...) async throws -> Run {
        try await Nearmetal.start(["guest"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"])
            .end(within: 120)
    }

    private func rollBack(_ transaction: Int) async throws -> Run {
        try await Nearmetal.start(["rollback", "\(transaction)", "--yes", "--state-dir", state]).end(within: 120)
    }

    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(5)))
    func aRunningGuestGrowsAndShrinks() async throws {
        try await TinyGuest.start("grown", on: daemon, vcpus: 2, online: 1)
        func inside() async throws -> String {
            try await daemon.virsh("vcpucount", "grown", "--guest").trimmingCharacters(in: .whitespacesAndNewlines)
        }
        func definition() async throws -> String { try await daemon.virsh("dumpxml", "--inactive", "grown") }
        let was = try await definition()
        #expect(try await inside() == "1")
        let grown = try await guest("set", "vcpus", "grown", "2")
        #expect(grown.status == 0, "\(grown.errors)")
        #expect(try await inside() == "2")
        #expect(try await !definition().contains("current='1'"))
        let same = try await guest("set", "vcpus", "grown", "2")
        #expect(same.status == 0 && same.text.contains("Nothing") || same.text.contains("nothing"), "\(same.text)")
        let most = try await guest("set", "vcpus", "grown", "1", "--maximum", "1", "--config")
        #expect(most.status == 0, "\(most.errors)")
        #expect(try await definition().contains(">1</vcpu>"))
        #expect(try await inside() == "2")
        #expect(try await rollBack(2).status == 0)

        func balloon() async throws -> String {
            try await daemon.virsh("domstats", "--balloon", "grown").split(separator: "\n")
                .first { $0.contains("balloon.current=") }.map { String($0.split(separator: "=")[1]) } ?? ""
        }
        let smaller = try await guest("set", "memory", "grown", "192MiB")
        #expect(smaller.status == 0, "\(smaller.errors)")
        #expect(try await balloon() == "196608")
        #expect(try await definition().contains("<currentMemory unit='KiB'>196608</currentMemory>"))
        let list = try await Nearmetal.start(["guest", "list", "--connect", daemon.uri]).end(within: 60)
        let row = try #require(list.text.split(separator: "\n").first { $0.hasPrefix("grown ") }, "\(list.errors)")
        #expect(row.contains("running") && row.contains("192 MiB"), "\(row)")
        let larger = try await guest("set", "memory", "grown", "224MiB", "--live")
        #expect(larger.status == 0, "\(larger.errors)")
        #expect(try await balloon() == "229376")
        let both = try await Nearmetal.start(["guest", "list", "--connect", daemon.uri]).end(within: 60)
        #expect(both.text.contains("224 MiB / 192 MiB"), "\(both.text)")
        // Undone out of their order: what came later stays.
        #expect(try await rollBack(3).status == 0)
        #expect(try await balloon() == "229376")
        #expect(try await rollBack(4).status == 0)
        #expect(try await balloon() == "262144")
        let grownDefinition = try await definition()
        #expect(!grownDefinition.contains("196608"))

        let pinned = try await guest("pin", "grown", "--emulator", "0", "--vcpu", "0=1", "--vcpu", "1=0")
        #expect(pinned.status == 0, "\(pinned.errors)")
        func pins(_ command: String) async throws -> [String] {
            try await daemon.virsh(command, "grown", "--live").split(separator: "\n")
                .filter { $0.contains { $0.isNumber } }
                .map { $0.split(separator: " ").last.map(String.init) ?? "" }
        }
        #expect(try await pins("emulatorpin") == ["0"])
        #expect(try await pins("vcpupin") == ["1", "0"])
        #expect(try await definition().contains("<emulatorpin cpuset='0'/>"))
        let free = try await guest("unpin", "grown", "--emulator", "--vcpu", "0", "--vcpu", "1")
        #expect(free.status == 0, "\(free.errors)")
        #expect(try await definition() == grownDefinition)
        #expect(try await rollBack(6).status == 0)
        #expect(try await definition().contains("<emulatorpin cpuset='0'/>"))
        #expect(try await pins("vcpupin") == ["1", "0"])
        #expect(try await rollBack(5).status == 0)
        #expect(try await definition() == grownDefinition)
        // An emulated vCPU is not given back (below); with the guest off there is nothing to give.
        try await daemon.virsh("destroy", "grown")
        let back = try await rollBack(1)
        #expect(back.status == 0, "\(back.errors)")
        #expect(try await definition() == was)
    }

    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(5)))
    func iothreadsArePinned() async throws {
        try await TinyGuest.start("threaded", on: daemon, extra: "<iothreads>1</iothreads>")
        func pins() async throws -> String? {
            try await daemon.virsh("iothreadinfo", "threaded").split(separator: "\n")
                .first { $0.split(separator: " ").first == "1" }
                .map { String($0.split(separator: " ").last ?? "") }
        }
        let was = try await pins()
        let pinned = try await guest("pin", "threaded", "--iothread", "1=0")
        #expect(pinned.status == 0, "\(pinned.errors)")
        #expect(try await pins() == "0")
        #expect(
            try await daemon.virsh("dumpxml", "--inactive", "threaded").contains(
                "<iothreadpin iothread='1' cpuset='0'/>"))
        let back = try await rollBack(1)
        #expect(back.status == 0, "\(back.errors)")
        #expect(try await pins() == was)
        #expect(try await !daemon.virsh("dumpxml", "--inactive", "threaded").contains("iothreadpin"))
    }

    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(5)))
    func guestsAreStartedAndStoppedInOrder() async throws {
        func power(_ words: String...) async throws -> Run {
            try await Nearmetal.start(["guest"] + words + ["--connect", daemon.uri]).end(within: 120)
        }
        func id() async throws -> String { try await daemon.virsh("domid", "orderly") }
        try await TinyGuest.start("orderly", on: daemon)
        let was = try await id()
        let unknown = try await power("stop", "orderly", "nobody")
        #expect(
            unknown.status == 2 && unknown.errors == "nearmetal: there is no guest \"nobody\"\n", "\(unknown.errors)")
        #expect(try await id() == was, "none is touched where one is not known")
        let again = try await power("start", "orderly")
        #expect(again.status == 0 && again.text == "orderly: runs already\n", "\(again.errors)")
        let restarted = try await power("restart", "orderly")
        #expect(restarted.status == 0 && restarted.text == "orderly: restarted\n", "\(restarted.errors)")
        #expect(try await id() != was)
        try await TinyGuest.waitForAgent(of: "orderly", on: daemon)
        let stopped = try await power("stop", "orderly")
        #expect(stopped.status == 0 && stopped.text == "orderly: is off\n", "\(stopped.errors)")
        #expect(try await daemon.virsh("domstate", "orderly").hasPrefix("shut off"))
        #expect(try await power("stop", "orderly").text == "orderly: is off already\n")
    }

    /// A guest without an operating system hears nothing.
    @Test(.timeLimit(.minutes(5))) func aGuestThatDoesNotEndKeepsItsPower() async throws {
        let definition = """
            <domain type='qemu'>
              <name>stubborn</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "stubborn"))
        let words = ["stubborn", "--connect", daemon.uri]
        #expect(try await Nearmetal.start(["guest", "start"] + words).end(within: 60).text == "stubborn: started\n")
        let asked = try await Nearmetal.start(["guest", "stop", "--timeout", "2"] + words).end(within: 60)
        #expect(asked.status == 1 && asked.errors.contains("has not shut down within 2 seconds"), "\(asked.errors)")
        #expect(try await daemon.virsh("domstate", "stubborn").hasPrefix("running"))
        let cut = try await Nearmetal.start(["guest", "stop", "--timeout", "1", "--destroy"] + words).end(within: 60)
        #expect(cut.status == 0, "\(cut.errors)")
        #expect(try await daemon.virsh("domstate", "stubborn").hasPrefix("shut off"))
    }

    @Test(.timeLimit(.minutes(5))) func wrongWordsChangeNothing() async throws {
        let definition = """
            <domain type='qemu'>
              <name>quiet</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type></os>
              <cpu><topology sockets='1' cores='2' threads='1'/></cpu>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "quiet"))
        let was = try await daemon.virsh("dumpxml", "quiet")
        let long = String(repeating: "x", count: 10_000)
        let wrong: [(words: [String], what: String, status: Int32)] = [
            (["set", "vcpus", "nobody", "1"], "there is no guest \"nobody\"", 2),
            (["set", "vcpus", long, "1"], "there is no guest \"xxx", 2),
            (["set", "vcpus", "qu'iet\n\u{1B}[2J", "1"], "there is no guest", 2),
            (["set", "vcpus", "quiet", "0"], "at least 1 vCPU", 2),
            (["set", "vcpus", "quiet", "100000"], "more than the host's", 2),
            (["set", "vcpus", "quiet", "1", "--maximum", "1"], "topology fixes the maximum at 2", 2),
            (["set", "vcpus", "quiet", "1", "--live"], "does not run", 2),
            (["set", "memory", "quiet", "128MiB"], "has 64 MiB at most", 2),
            (["set", "memory", "quiet", "900TiB"], "more than the host's", 2),
            (["set", "memory", "quiet", "0GiB"], "is no size", 64),
            (["set", "memory", "quiet", "2048"], "is no size", 64),
            (["pin", "quiet", "--vcpu", "2=0"], "has no vCPU 2", 2),
            (["pin", "quiet", "--vcpu", "0=4000"], "the host has no CPU 4000 online", 2),
            (["pin", "quiet", "--iothread", "1=0"], "has no iothread 1", 2),
            (["pin", "quiet", "--vcpu", "0=zwei"], "is no list of CPUs", 64),
            (["unpin", "quiet"], "Say what to unpin", 64),
        ]
        for (words, what, status) in wrong {
            let run = try await Nearmetal.start(
                ["guest"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
            ).end(within: 60)
            #expect(
                run.status == status && run.errors.contains(what), "\(words.prefix(4)): \(run.status) \(run.errors)")
            #expect(run.text.isEmpty)
            if status == 2 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)") }
        }
        #expect(try await daemon.virsh("dumpxml", "quiet") == was)
        // Without consent, without a terminal: nothing.
        let asked = try await Nearmetal.start(
            ["guest", "set", "vcpus", "quiet", "1", "--connect", daemon.uri, "--state-dir", state]
        ).end(within: 60)
        #expect(asked.status == 2, "\(asked.errors)")
        #expect(try await daemon.virsh("dumpxml", "quiet") == was)
    }

    /// Emulated vCPUs are not given back: those of libvirt's mock are.
    @Test(.timeLimit(.minutes(5))) func vCPUsAreUnplugged() async throws {
        let connection = Connection(uri: "test:///default")
        try await connection.open()
        let machine = Machine(root: "/", connection: connection)
        let engine = Engine(machine, StateFolder("\(daemon.folder)/mock"), tool: "test")
        let resource = Resource.live("test", .pluggedVCPUs)
        let before = try #require(await machine.look(at: resource).value)
        var plan = Plan(root: "/", connection: "test:///default")
        plan.steps = [Step(resource, from: before, to: ResourceState(text: "1"), reasons: [], disrupts: .live)]
        let record = try await engine.apply(plan)
        #expect(try #require(await machine.look(at: resource).value).text == "1")
        _ = try await engine.rollBack(record.id)
        #expect(try #require(await machine.look(at: resource).value) == before)
    }
}
