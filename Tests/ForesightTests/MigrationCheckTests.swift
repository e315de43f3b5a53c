import DiskImage
import DomainXML
import Foresight
import Quantities
import Testing

/// What keeps a guest from migrating.
@Suite struct MigrationCheckTests {
    private static let capabilities = """
        <capabilities><host><cpu><arch>x86_64</arch><model>Haswell</model></cpu>
        <topology><cells num='2'>
          <cell id='0'><memory unit='KiB'>4194304</memory><cpus num='2'><cpu id='0'/><cpu id='1'/></cpus></cell>
          <cell id='1'><memory unit='KiB'>4194304</memory><cpus num='2'><cpu id='2'/><cpu id='3'/></cpus></cell>
        </cells></topology></host>
        <guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator>
          <machine canonical='pc-q35-8.2'>q35</machine><machine>pc-q35-8.2</machine><machine>pc-q35-7.2</machine>
          <domain type='kvm'/></arch></guest></capabilities>
        """

    private func verdicts(
        _ inner: String, machine: String = "pc-q35-7.2", cpu: CPUComparison.Answer? = .init(verdict: .superset),
        images: [String: Fact<ImageFacts>] = [:]
    ) throws -> [String: Bool?] {
        let domain = try DomainDefinition(
            xml: """
                <domain type='kvm'><name>g</name><memory unit='GiB'>2</memory><vcpu>2</vcpu>
                <os><type arch='x86_64' machine='\(machine)'>hvm</type></os>\(inner)</domain>
                """)
        let target = MigrationCheck.Target(
            capabilities: try HypervisorCapabilities(capabilities: Self.capabilities, path: "x"),
            topology: try HostTopology(capabilities: Self.capabilities, path: "x"), cpu: cpu)
        let all = MigrationCheck(domain, images: images).verdicts(to: target)
        return Dictionary(all.map { ($0.part, $0.isMet) }) { first, _ in first }
    }

    @Test func machines() throws {
        #expect(try verdicts("")["machine"] == true)
        #expect(try verdicts("", machine: "pc-q35-9.0")["machine"] == false)
    }

    @Test func processors() throws {
        #expect(try verdicts("<cpu mode='custom'><model>Haswell</model></cpu>")["cpu"] == true)
        #expect(
            try verdicts("<cpu><model>Icelake</model></cpu>", cpu: .init(verdict: .incompatible, missing: ["avx512f"]))[
                "cpu"]
                == false)
        #expect(try verdicts("<cpu mode='host-passthrough'/>")["cpu"] == .some(nil))
        #expect(try verdicts("<cpu mode='host-model'/>", cpu: nil)["cpu"] == .some(nil))
    }

    @Test func places() throws {
        let pinned = "<cputune><vcpupin vcpu='0' cpuset='3'/><vcpupin vcpu='1' cpuset='%'/></cputune>"
        #expect(try verdicts(pinned.replacing("%", with: "2"))["pins"] == true)
        #expect(try verdicts(pinned.replacing("%", with: "4"))["pins"] == false)
        #expect(try verdicts("<numatune><memory mode='strict' nodeset='1'/></numatune>")["nodes"] == true)
        #expect(try verdicts("<numatune><memory mode='strict' nodeset='2'/></numatune>")["nodes"] == false)
        // Only bound memory needs its node.
        #expect(try verdicts("<numatune><memory mode='preferred' nodeset='2'/></numatune>")["nodes"] == nil)
    }

    @Test func devicesAndStorage() throws {
        let hostdev = "<devices><hostdev mode='subsystem' type='pci'><source/><alias name='gpu'/></hostdev></devices>"
        #expect(try verdicts(hostdev)["gpu"] == false)
        let share = "<devices><filesystem type='mount'><source dir='/a'/><target dir='tag'/></filesystem></devices>"
        #expect(try verdicts(share)["tag"] == false)
        let disk =
            "<devices><disk type='file' device='disk'><source file='/a.raw'/><target dev='vda' bus='virtio'/></disk></devices>"
        #expect(try verdicts(disk)["vda"] == .some(nil))
        for (name, expected) in [("xfs", false), ("nfs", nil as Bool?)] {
            var image = ImageFacts(path: "/a.raw", format: .raw)
            image.fileSystem = .known(name)
            #expect(try verdicts(disk, images: ["/a.raw": .known(image)])["vda"] == .some(expected), "\(name)")
        }
    }
}
