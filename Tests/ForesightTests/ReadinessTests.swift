import DomainXML
import Foresight
import HostFacts
import Inventory
import Practices
import Quantities
import Testing
import ToolRunning

@Suite struct ReadinessTests {
    private func sles16() throws -> ReadinessTarget { try #require(ReadinessTarget(releaseNamed: "sles-16")) }

    private func findings(
        _ xml: String, _ target: ReadinessTarget, capabilities: Fact<HypervisorCapabilities> = .known(.example)
    ) -> [ReadinessFinding] {
        Readiness.judge(.example(guests: [.example(xml, active: false)], capabilities: capabilities), for: target)
            .guests[0].findings
    }
    private func errors(
        _ xml: String, _ target: ReadinessTarget, capabilities: Fact<HypervisorCapabilities> = .known(.example)
    ) -> [ReadinessFinding.Kind] {
        findings(xml, target, capabilities: capabilities).filter { $0.severity == .error }.map(\.kind)
    }
    private func os(_ machine: String, _ architecture: String = "x86_64") -> String {
        "<os><type arch='\(architecture)' machine='\(machine)'>hvm</type></os>"
    }

    @Test func namesOfReleases() {
        for name in ["sles-16", "SLES 16.0", "sles-16.0", "16"] {
            #expect(ReadinessTarget(releaseNamed: name)?.name == "SLES 16.0", "\(name)")
        }
        for name in ["sles-15-sp7", "SLES 15 SP7", "15-sp7", "15.7", "opensuse-leap-15.7"] {
            #expect(ReadinessTarget(releaseNamed: name)?.name == "SLES 15 SP7", "\(name)")
        }
        for name in ["", "sles", "sles-17", "debian-12", "15-sp9"] {
            #expect(ReadinessTarget(releaseNamed: name) == nil, "\(name)")
        }
    }

    @Test func machineTypes() throws {
        let target = try sles16()
        // QEMU 10.0: pc-i440fx-2.4 is the oldest of its family, 7.0 the newest that is deprecated.
        #expect(errors(os("pc-i440fx-2.3"), target) == [.machineType])
        #expect(errors(os("pc-i440fx-2.4"), target) == [])
        #expect(
            findings(os("pc-i440fx-2.4"), target).contains { $0.kind == .machineTypeEnd && $0.severity == .warning })
        #expect(findings(os("pc-q35-7.0"), target).map(\.severity) == [.warning])
        #expect(findings(os("pc-q35-7.1"), target).map(\.severity) == [.info])
        #expect(errors(os("pc-q35-10.1"), target) == [.machineType])
        #expect(errors(os("pc-q35-rhel9.4.0"), target) == [.machineType])
        #expect(errors(os("pc-q35-jammy"), target) == [.machineType])
        #expect(findings(os("q35"), target).isEmpty)
        #expect(errors(os("s390-ccw-virtio-2.8", "s390x"), target) == [.machineType])
        #expect(errors(os("s390-ccw-virtio-2.9", "s390x"), target) == [])
        #expect(
            findings(os("pc-q35-4.2"), target).first?.what.english.hasSuffix("; SLES 16.1 no longer has it") == true)
        // QEMU 11.0 of SLES 16.1 deletes by rule: 5.0 and older.
        let next = try #require(ReadinessTarget(releaseNamed: "sles-16.1"))
        #expect(errors(os("pc-q35-5.0"), next) == [.machineType])
        #expect(errors(os("pc-q35-5.1"), next) == [])
    }

    @Test func spice() throws {
        let target = try sles16()
        let xml = """
            <devices><graphics type='spice' autoport='yes'/><video><model type='qxl'/></video><audio id='1' type='spice'/>
            <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel><redirdev bus='usb' type='spicevmc'/></devices>
            """
        #expect(errors(xml, target) == [.spice, .spice, .spice, .spice, .spice])
        #expect(errors(xml, try #require(ReadinessTarget(releaseNamed: "15-sp7"))) == [])
        #expect(errors("<devices><graphics type='vnc'/><video><model type='virtio'/></video></devices>", target) == [])
        var host = HypervisorCapabilities.example
        host.graphicsTypes = ["vnc"]
        #expect(errors("<devices><graphics type='spice'/></devices>", ReadinessTarget(host, name: "kvm2")) == [.spice])
        #expect(errors("<devices><graphics type='sdl'/></devices>", ReadinessTarget(host, name: "kvm2")) == [.graphics])
        host.graphicsTypes = nil
        let report = Readiness.judge(
            .example(guests: [.example("<devices><graphics type='spice'/></devices>")]),
            for: ReadinessTarget(host, name: "kvm2"))
        #expect(report.guests[0].verdict == .unknown)
    }

    @Test func xen() throws {
        let target = try sles16()
        let guest = Guest.example("<domain type='xen'><name>x</name></domain>")
        let report = Readiness.judge(
            .example(host: { $0.hypervisor.present = .known([.xen]) }, guests: [guest]), for: target)
        #expect(report.host.contains { $0.kind == .hypervisor && $0.severity == .error })
        #expect(report.guests[0].verdict == .blocked)
        let fine = Readiness.judge(.example(guests: [.example("")]), for: target)
        #expect(!fine.host.contains { $0.kind == .hypervisor })
        let unread = Readiness.judge(
            .example(host: { $0.hypervisor.present = .unknown(Unknown(.denied, source: "/proc/modules")) }), for: target
        )
        #expect(!unread.hostUnknowns.isEmpty)
    }

    @Test func liveMigration() throws {
        func host(_ version: String, to target: String) throws -> [ReadinessFinding] {
            let estate = Estate.example(host: {
                $0.system.distribution = .known(Distribution(id: "sles", like: ["suse"], version: version))
                $0.cpu.flags = .known(["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"])
            })
            return Readiness.judge(estate, for: try #require(ReadinessTarget(releaseNamed: target))).host
        }
        #expect(try host("15.6", to: "15-sp7").isEmpty)
        #expect(try host("15.4", to: "15-sp7").map(\.kind) == [.liveMigration])
        #expect(try host("15.7", to: "sles-16").map(\.kind) == [.liveMigration])
        #expect(try host("15.7", to: "sles-16").first?.what.english.contains("not supported") == true)
        #expect(try host("16.0", to: "sles-16.1").isEmpty)
        #expect(try host("16.0", to: "15-sp7").first?.what.english.contains("not supported") == true)
        let debian = Readiness.judge(
            .example(host: { $0.system.distribution = .known(Distribution(id: "debian", version: "12")) }),
            for: try #require(ReadinessTarget(releaseNamed: "15-sp7")))
        #expect(debian.host.map(\.severity) == [.info])
    }

    @Test func hardware() throws {
        let report = Readiness.judge(.example(host: { $0.cpu.flags = .known(["ssse3"]) }), for: try sles16())
        #expect(report.host.contains { $0.kind == .hardware && $0.severity == .error })
        let unread = Readiness.judge(
            .example(host: { $0.cpu.flags = .unknown(Unknown(.denied, source: "/proc/cpuinfo")) }), for: try sles16())
        #expect(!unread.hostUnknowns.isEmpty)
    }

    @Test func cpus() {
        var host = HypervisorCapabilities.example
        host.hostModel = "EPYC"
        host.cpuModels = ["EPYC": true, "Icelake-Server": false]
        let target = ReadinessTarget(host, name: "kvm2")
        #expect(errors("<cpu><model>EPYC</model></cpu>", target) == [])
        #expect(errors("<cpu><model>Icelake-Server</model></cpu>", target) == [.cpuModel])
        #expect(errors("<cpu><model>Nehalem</model></cpu>", target) == [.cpuModel])
        #expect(findings("<cpu mode='host-passthrough'/>", target).map(\.severity) == [.warning])
        #expect(findings("<cpu mode='host-model'/>", target).map(\.severity) == [.warning])
        #expect(findings("<cpu mode='host-passthrough'/>", ReadinessTarget(.example, name: "twin")).isEmpty)
        let blind = Readiness.judge(
            .example(
                guests: [.example("<cpu mode='host-passthrough'/>")],
                capabilities: .unknown(Unknown(.notExamined, source: "capabilities"))), for: target)
        #expect(blind.guests[0].verdict == .unknown)
    }

    @Test func hostsAndDevices() throws {
        let target = ReadinessTarget(.example, name: "kvm2")
        #expect(errors("", target) == [])
        #expect(errors(os("pc-q35-9.0"), target) == [.machineType])
        #expect(findings(os("pc-q35-2.11"), target).contains { $0.kind == .machineTypeEnd })
        #expect(
            errors(
                "<domain type='kvm'><name>z</name><os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os></domain>",
                target) == [.hypervisor])
        #expect(
            errors(
                "<devices><disk type='network'><source protocol='sheepdog' name='x'/><target dev='vda'/></disk></devices>",
                try sles16()) == [.device])
        var bare = HypervisorCapabilities.example
        bare.features = ["tpm": false]
        #expect(errors("<devices><tpm model='tpm-crb'/></devices>", ReadinessTarget(bare, name: "kvm2")) == [.device])
    }

    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not beside the checkout"))
    func everyDefinitionGetsAnAnswer() throws {
        let target = try sles16()
        for (path, domain) in Corpora.definitions("domains") {
            let guest = Guest(name: "a", origin: .file(path), persistent: domain)
            _ = Readiness.judge(.example(guests: [guest]), for: target)
        }
    }
}
