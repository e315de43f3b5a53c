import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities
import Testing

@testable import Planning

/// Disks that move from emulated controllers to virtio.
@Suite struct ConvertToVirtioTests {
    private static let estate = Estate(host: .unexamined, guests: [])
    private static let windows = "<features><hyperv><relaxed state='on'/></hyperv></features>"

    private static func disk(_ target: String, _ bus: String, _ more: String = "") -> String {
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/images/\(target).raw'/><target dev='\(target)' bus='\(bus)'/>\(more)</disk>"
    }

    private static func domain(_ devices: String, head: String = windows, os: String = "") throws -> DomainDefinition {
        try DomainDefinition(
            xml:
                "<domain type='kvm'><name>win</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type>\(os)</os>\(head)<devices>\(devices)</devices></domain>",
            path: "win.xml")
    }

    private static func guest(_ persistent: DomainDefinition, live: DomainDefinition? = nil) -> Guest {
        Guest(name: "win", origin: .file("win.xml"), persistent: persistent, live: live)
    }

    /// The definition after an operation.
    private static func after(_ operation: ConvertToVirtio, _ guest: Guest) throws -> DomainDefinition {
        let changes = try operation.changes(of: guest, in: Self.estate)
        let document = try #require(guest.persistent?.root.document)
        return try DomainDefinition(document.applying(changes.persistent.map(\.xmlEdit)))
    }

    private static func inside(_ serials: Fact<[String]>) -> Fact<InsideFacts> {
        func unknown<Value>() -> Fact<Value> { .unknown(Unknown(.notExamined, source: "")) }
        var facts = InsideFacts(
            schedulers: unknown(), virtioDrivers: unknown(), rngCurrent: unknown(), rngAvailable: unknown(),
            kernelRelease: unknown(), services: unknown())
        facts.diskSerials = serials
        return .known(facts)
    }

    @Test func windowsGoesInThreeStages() throws {
        let before = try Self.domain(Self.disk("sda", "sata") + Self.disk("sdb", "sata"))
        let operation = ConvertToVirtio()
        #expect(operation.stage(of: Self.guest(before)) == .probe([.block]))
        #expect(operation.imagesToMake(for: Self.guest(before)) == ["/images/win-virtio-block.raw"])
        let probed = try Self.after(operation, Self.guest(before))
        // vda and vdb are kept for the disks.
        #expect(probed.disks.map(\.target) == ["sda", "sdb", "vdc"])
        #expect(probed.disks.last?.serial == ConvertToVirtio.serial)

        func refusal(_ guest: Guest) -> String? {
            do throws(Refusal) {
                _ = try operation.changes(of: guest, in: Self.estate)
                return nil
            } catch { return "\(error)" }
        }
        var running = Self.guest(probed, live: probed)
        #expect(operation.stage(of: running) == .switchOver)
        #expect(operation.imagesToMake(for: running) == [])
        #expect(refusal(Self.guest(probed))?.contains("is off") == true)
        #expect(refusal(running)?.contains("is not known") == true)
        running.inside = Self.inside(.known(["1234"]))
        #expect(refusal(running)?.contains("does not see the small virtio disk") == true)
        running.inside = Self.inside(.known(["1234", ConvertToVirtio.serial]))
        let switched = try Self.after(operation, running)
        #expect(switched.disks.map(\.target) == ["vda", "vdb", "vdc"])
        #expect(switched.disks.allSatisfy { $0.busInForce == "virtio" })
        let byWord = try Self.after(ConvertToVirtio(isDriverLoaded: true), Self.guest(probed))
        #expect(byWord.root.document.source == switched.root.document.source)

        #expect(operation.stage(of: Self.guest(switched)) == .clearAway)
        #expect(refusal(Self.guest(switched))?.contains("is off") == true)
        #expect(refusal(Self.guest(switched, live: probed))?.contains("old disks") == true)
        let done = Self.guest(switched, live: switched)
        let last = try Self.after(operation, done)
        #expect(last.disks.map(\.target) == ["vda", "vdb"])
        #expect(
            try operation.changes(of: done, in: Self.estate).live.map(\.parameter) == [
                .device("ua-nearmetal-virtio-block")
            ])
        #expect(operation.stage(of: Self.guest(last)) == .done)
    }

    @Test func aSCSIControllerGetsADiskOnASecondOne() throws {
        let lsi = "<controller type='scsi' index='0' model='lsilogic'/>"
        let before = try Self.domain(lsi + Self.disk("sda", "scsi") + Self.disk("sdb", "scsi"))
        let probed = try Self.after(ConvertToVirtio(), Self.guest(before))
        #expect(probed.disks.last?.target == "sdc")
        #expect(probed.disks.last?.scsiController == 1)
        #expect(probed.scsiModel(ofController: 1) == "virtio-scsi")
        let switched = try Self.after(ConvertToVirtio(isDriverLoaded: true), Self.guest(probed))
        #expect(switched.scsiModel(ofController: 0) == "virtio-scsi")
        #expect(switched.disks.map(\.target) == ["sda", "sdb", "sdc"])
        #expect(ConvertToVirtio().stage(of: Self.guest(switched, live: switched)) == .clearAway)
    }

    @Test func linuxGoesAtOnceUnlessAsked() throws {
        let before = try Self.domain(Self.disk("hda", "ide"), head: "")
        #expect(ConvertToVirtio().stage(of: Self.guest(before)) == .switchOver)
        #expect(try Self.after(ConvertToVirtio(), Self.guest(before)).disks.map(\.target) == ["vda"])
        #expect(ConvertToVirtio(isStaged: true).stage(of: Self.guest(before)) == .probe([.block]))
    }

    /// A data disk on virtio would come before the system's, which gets the next name.
    @Test func theDiskItBootsFromStaysTheFirst() throws {
        let cdrom =
            "<disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk><interface type='user'/>"
        let before = try Self.domain(
            Self.disk("sda", "sata") + Self.disk("vda", "virtio") + cdrom, head: "",
            os: "<boot dev='cdrom'/><boot dev='hd'/>")
        let after = try Self.after(ConvertToVirtio(), Self.guest(before))
        let system = try #require(after.disks.first { $0.path == "/images/sda.raw" })
        #expect(system.target == "vdb" && system.bootOrder == 2)
        #expect(after.disks.first { $0.device == "cdrom" }?.bootOrder == 1)
        #expect(after.root.first("os")?.all("boot").isEmpty == true)
        // Where it is the first anyway, nothing of it is touched.
        let alone = try Self.domain(Self.disk("sda", "sata"), head: "", os: "<boot dev='hd'/>")
        let same = try Self.after(ConvertToVirtio(), Self.guest(alone))
        #expect(same.root.first("os")?.all("boot").count == 1 && same.disks.first?.bootOrder == nil)
    }
}
