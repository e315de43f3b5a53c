import DomainXML
import Foundation
import Inventory
import Libvirt
import Quantities
import Survey
import Testing
import ToolRunning

/// Guests of a real daemon: QEMU emulates them, no disk is needed, their firmware finds nothing to boot.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct DaemonTests {
    private let daemon: PrivateDaemon

    init() throws { daemon = try #require(PrivateDaemon.current) }

    /// A definition; `env` in it makes libvirt call the running guest tainted.
    private static func definition(_ name: String, vcpus: Int, disk: String? = nil) -> String {
        """
        <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
          <name>\(name)</name>
          <uuid>5b1d2c9e-4f60-4a51-9c7e-\(name.utf8.reduce(0) { ($0 * 31 + UInt64($1)) % 899_999_999_999 } + 100_000_000_000)</uuid>
          <memory unit='MiB'>64</memory>
          <vcpu>\(vcpus)</vcpu>
          <os><type arch='x86_64' machine='q35'>hvm</type></os>
          <devices>
            <emulator>\(emulator)</emulator>
            \(disk.map { "<disk type='file'><driver name='qemu' type='raw'/><source file='\($0)'/><target dev='vda' bus='virtio'/></disk>" } ?? "")
          </devices>
          <qemu:commandline><qemu:env name='NEARMETAL_TEST' value='1'/></qemu:commandline>
        </domain>
        """
    }
    private static let emulator =
        ["/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        } ?? "qemu-system-x86_64"

    /// `web1` runs with one CPU and will start with two; `once` is transient and paused; `rest` is off, and starts with the host.
    private func defineGuests() async throws {
        guard try await !daemon.virsh("list", "--all", "--name").contains("web1") else { return }
        let disk = "\(daemon.folder)/web1.raw"
        try Data(count: 1 << 20).write(to: URL(filePath: disk))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: disk)
        try await daemon.virsh("define", daemon.write(Self.definition("web1", vcpus: 1, disk: disk), as: "web1"))
        try await daemon.virsh("start", "web1")
        try await daemon.virsh("define", daemon.write(Self.definition("web1", vcpus: 2, disk: disk), as: "web1"))
        try await daemon.virsh("create", "--paused", daemon.write(Self.definition("once", vcpus: 1), as: "once"))
        try await daemon.virsh("define", daemon.write(Self.definition("rest", vcpus: 3), as: "rest"))
        try await daemon.virsh("autostart", "rest")
    }

    @Test func bothDefinitionsAreRead() async throws {
        try await defineGuests()
        let connection = Connection(uri: daemon.uri)
        try await connection.open()
        #expect(try await connection.uri() == daemon.uri)
        let records = try await connection.domains()
        #expect(records.map(\.name).sorted() == ["once", "rest", "web1"])
        func vcpus(_ xml: String?) throws -> String? {
            try xml.map { try XMLDocument(Array($0.utf8), path: "record").root.first("vcpu")?.text ?? "" }
        }

        let web1 = try #require(records.first { $0.name == "web1" })
        #expect(try vcpus(web1.live) == "1")
        #expect(try vcpus(web1.persistent) == "2")
        #expect(web1.live?.hasPrefix("<domain type='qemu' id='") == true)
        #expect(web1.persistent?.hasPrefix("<domain type='qemu' xmlns") == true)
        #expect(web1.state == 1)
        #expect(web1.isAutostart == false)
        #expect(web1.messages?.contains { $0.contains("tainted") } == true, "\(web1.messages ?? ["no messages"])")

        let once = try #require(records.first { $0.name == "once" })
        #expect(try vcpus(once.live) == "1")
        #expect(once.persistent == nil)
        #expect(once.state == 3)

        let rest = try #require(records.first { $0.name == "rest" })
        #expect(rest.live == nil)
        #expect(try vcpus(rest.persistent) == "3")
        #expect(rest.state == 5)
        #expect(rest.isAutostart == true)
    }

    @Test func statisticsComeInBulk() async throws {
        try await defineGuests()
        let connection = Connection(uri: daemon.uri)
        try await connection.open()
        let before = try await connection.statistics()
        #expect(before.map(\.name).sorted() == ["once", "web1"])
        let web1 = try #require(before.first { $0.name == "web1" })
        #expect(web1.numbers["state.state"] == 1)
        #expect(web1.numbers["vcpu.current"] == 1)
        #expect(web1.numbers["balloon.maximum"] == 64 * 1024)
        #expect(web1.numbers["block.count"] == 1)
        #expect(web1.texts["block.0.name"] == "vda")
        #expect(web1.texts["block.0.path"] == "\(daemon.folder)/web1.raw")
        #expect(web1.numbers["block.0.capacity"] == 1 << 20)
        #expect(before.first { $0.name == "once" }?.numbers["state.state"] == 3)
        // The paused one spends no time of its vCPU, the other cannot give time back.
        let after = try await connection.statistics()
        for (name, same) in [("once", true), ("web1", false)] {
            let one = try #require(before.first { $0.name == name }?.numbers["vcpu.0.time"])
            let two = try #require(after.first { $0.name == name }?.numbers["vcpu.0.time"])
            #expect(same ? one == two : one <= two, "\(name): \(one), then \(two)")
        }
    }

    @Test func capabilitiesAreRead() async throws {
        let connection = Connection(uri: daemon.uri)
        try await connection.open()
        var capabilities = try HypervisorCapabilities(capabilities: await connection.capabilities(), path: "c")
        let support = try #require(capabilities.support(architecture: "x86_64", type: "qemu"))
        #expect(support.osType == "hvm")
        #expect(support.emulator?.hasSuffix("qemu-system-x86_64") == true)
        let q35 = try #require(support.machines.first { $0.name == "q35" })
        #expect(q35.canonical?.hasPrefix("pc-q35-") == true)
        #expect(capabilities.cpuModels.isEmpty)
        try capabilities.add(
            domainCapabilities: await connection.domainCapabilities(architecture: "x86_64", type: "qemu"), path: "d")
        #expect(capabilities.cpuModels["qemu64"] == true)
        #expect(capabilities.cpuModes.contains("custom"))
        #expect(capabilities.graphicsTypes?.contains("vnc") == true)
        let versions = try await connection.versions()
        #expect(versions.driver == "QEMU")
        #expect(try #require(versions.hypervisor) >= 2_011_000)
        #expect(try #require(versions.libvirt) >= 5_000_000)

        let error = await #expect(throws: LibvirtError.self) {
            try await connection.domainCapabilities(architecture: "vax", type: "qemu")
        }
        #expect(error?.message.contains("vax") == true, "\(String(describing: error))")
        // An error of one call leaves the connection as it was.
        #expect(try await connection.versions().driver == "QEMU")
    }

    /// The two columns of the report: what holds of the running guest, and of its next start.
    @Test func checkTellsOfTheGuestByName() async throws {
        try await defineGuests()
        let run = try await Nearmetal.run("check", "--connect", daemon.uri, "--format", "json", "--fail-on", "never")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors == "")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
        let subjects = try #require(report["subjects"] as? [[String: Any]])
        let guests = subjects.filter { $0["kind"] as? String == "guest" }
        #expect(guests.compactMap { $0["name"] as? String }.sorted() == ["once", "rest", "web1"])
        let findings = try #require(report["findings"] as? [[String: Any]])
        /// `guest: vCPUs, running, next start` of what is said of hot-plugging CPUs.
        let said = findings.filter { $0["id"] as? String == "vcpu-hotplug" }.compactMap { finding -> String? in
            guard let subject = finding["subject"] as? [String: Any], let holds = finding["holds"] as? [String: Any],
                let name = subject["name"] as? String, let what = finding["what"] as? String,
                let running = holds["running"] as? Bool, let next = holds["nextStart"] as? Bool
            else { return nil }
            return "\(name): \(what.filter(\.isNumber)) \(running) \(next)"
        }
        #expect(said.filter { $0.hasPrefix("web1") }.sorted() == ["web1: 1 true false", "web1: 2 false true"])
        #expect(said.filter { $0.hasPrefix("rest") } == ["rest: 3 false true"])
        #expect(said.filter { $0.hasPrefix("once") } == ["once: 1 true false"])

        let text = try await Nearmetal.run("check", "-c", daemon.uri, "--guest", "web1", "--fail-on", "never")
        #expect(text.text.contains("\nGuest web1 (running)"))
        #expect(!text.text.contains("Guest rest"))
    }

    /// All that libvirt says arrives in the estate that practices judge.
    @Test func theEstateHasIt() async throws {
        try await defineGuests()
        var request = EstateSurvey.Request()
        request.connect = daemon.uri
        request.observe = 0.5
        let answer = try await EstateSurvey(request, settings: Settings()).gather()
        #expect(answer.failures.isEmpty)
        #expect(answer.notes.isEmpty)
        let estate = answer.estate
        #expect(estate.hasHost)
        #expect(estate.guests.map(\.name) == ["once", "rest", "web1"])
        #expect(estate.guests.map(\.state.value) == [.paused, .shutOff, .running])
        let web1 = try #require(estate.guests.last)
        #expect(web1.origin == .libvirt(daemon.uri))
        #expect(web1.isAutostart.value == false)
        let statistics = try #require(web1.statistics.value)
        #expect(statistics.vcpus == 1)
        #expect(statistics.balloonCurrent == ByteCount(kibibytes: 65_536))
        #expect(statistics.disks.map(\.target) == ["vda"])
        let load = try #require(statistics.load)
        #expect(load >= 0 && load <= 1)
        #expect(estate.guests.first?.statistics.value?.load == 0)
        #expect(estate.guests[1].statistics.value == nil)
        let capabilities = try #require(estate.capabilities.value)
        #expect(capabilities.driver == "QEMU")
        #expect(
            capabilities.support(architecture: "x86_64", type: "qemu")?.machines.contains { $0.name == "q35" } == true)
        // Only a read-write connection is told these.
        #expect(capabilities.cpuModels["qemu64"] == true)
        #expect(capabilities.graphicsTypes?.contains("vnc") == true)
    }

    /// Without `--connect` the connection is the one virsh would take.
    @Test func environmentNamesTheConnection() async throws {
        try await defineGuests()
        for variable in ["VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI"] {
            let run = try await Nearmetal.run(
                "check", "--guest", "rest", "--fail-on", "never", environment: [variable: daemon.uri])
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.text.contains("\nGuest rest"), "\(variable): \(run.text)")
        }
    }

    /// A guest that is destroyed between two questions is no failure of the run.
    @Test func guestsComeAndGo() async throws {
        try await defineGuests()
        let path = try daemon.write(Self.definition("brief", vcpus: 1), as: "brief")
        async let churn: Void = {
            for _ in 0..<4 {
                try await daemon.virsh("define", path)
                try await daemon.virsh("undefine", "brief")
            }
        }()
        let connection = Connection(uri: daemon.uri)
        try await connection.open()
        for _ in 0..<60 {
            let names = try await connection.domains().map(\.name)
            #expect(names.contains("web1"))
            #expect(Set(names).isSubset(of: ["once", "rest", "web1", "brief"]))
        }
        try await churn
    }

    /// An embedded driver has no daemon: its root is in the URI.
    ///
    /// The program runs as the daemon's user, and so keeps to the folder.
    @Test(.enabled("the Swift library is where only root looks") { try await PrivateDaemon.userCanRunTool() })
    func embeddedDriverWorks() async throws {
        let run = try await daemon.runAsUser(
            "check", "--connect", "qemu:///embed?root=\(daemon.folder)/embedded", "--fail-on", "never", "--format",
            "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors == "")
        #expect(run.text.contains("\"schemaVersion\""))
        #expect(FileManager.default.fileExists(atPath: "\(daemon.folder)/embedded/lib"))
    }
}

/// libvirt's mock driver needs no daemon.
@Suite struct TestDriverTests {
    @Test func defaultConnection() async throws {
        let connection = Connection(uri: "test:///default")
        try await connection.open()
        let records = try await connection.domains()
        #expect(records.map(\.name) == ["test"])
        #expect(records.first?.live?.contains("<name>test</name>") == true)
        #expect(records.first?.persistent?.contains("<name>test</name>") == true)
        #expect(records.first?.state == 1)
        #expect(try await connection.versions().driver == "TEST")
        let run = try await Nearmetal.run("check", "--connect", "test:///default", "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text.contains("its host was not examined"))
        #expect(run.text.contains(#""name": "test""#))
    }

    /// Every question before opening, and after a failed one, is answered with an error.
    @Test func nothingIsAskedOfAClosedConnection() async throws {
        let connection = Connection(uri: "qemu+unix:///session?socket=/nonexistent")
        for isOpened in [false, true] {
            if isOpened {
                await #expect(throws: LibvirtError.self) { try await connection.open() }
            }
            let error = await #expect(throws: LibvirtError.self) { try await connection.domains() }
            #expect(error?.kind == .noConnection)
            #expect(error?.message == "the connection is not open")
        }
    }
}
