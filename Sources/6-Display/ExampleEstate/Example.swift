import DiskImage
import DomainXML
import HostFacts
public import Inventory
import Quantities
public import Survey

/// The example: a captured four-node host, and a dozen guests that show what there is to find.
public enum ExampleEstate {
    /// The example as if it had been gathered on 2026-11-23.
    public static func answer(_ settings: Settings) -> EstateSurvey.Answer {
        let host = HostFacts.read(HostTree(files: ExampleTree.files(), name: "example"))
        let guests = ExampleGuests.all.compactMap(guest).sorted { $0.name < $1.name }
        let images = Dictionary(uniqueKeysWithValues: ExampleImages.all.map { ($0.path, Fact.known($0)) })
        let estate = Estate(
            host: host, guests: guests, images: images, hasImages: true, capabilities: .known(capabilities),
            settings: settings,
            now: moment)
        return EstateSurvey.Answer(
            estate: estate,
            notes: [Text("an example: captured from a running host, with guests made for it", "示例:主机采集自真实系统,客户机为演示而设")],
            failures: [])
    }

    /// 2026-11-23 12:00 UTC.
    static let moment: Int64 = 1_795_435_200

    private static func guest(_ entry: (xml: String, isRunning: Bool)) -> Guest? {
        // The texts are constants: one that cannot be parsed would be seen by the tests.
        guard let definition = try? DomainDefinition(xml: entry.xml, path: "example") else { return nil }
        var guest = Guest(
            name: definition.name, origin: .example, persistent: definition, live: entry.isRunning ? definition : nil)
        guest.state = .known(entry.isRunning ? .running : .shutOff)
        guest.isAutostart = .known(entry.isRunning)
        guest.messages = .known([])
        guest.workload = definition.declaredWorkload.flatMap(Workload.init(rawValue:)) ?? .general
        return guest
    }

    /// What QEMU 7.2 of the example's host offers.
    private static var capabilities: HypervisorCapabilities {
        var capabilities = HypervisorCapabilities()
        capabilities.driver = "QEMU"
        capabilities.libvirtVersion = SoftwareVersion(9, 0)
        capabilities.hypervisorVersion = SoftwareVersion(7, 2)
        let versions = [
            "7.2", "7.1", "7.0", "6.2", "6.1", "6.0", "5.2", "5.1", "5.0", "4.2", "4.1", "4.0", "3.1", "3.0", "2.12",
            "2.11", "2.10", "2.9",
        ]
        var machines = [
            MachineType(name: "pc", canonical: "pc-i440fx-7.2", maxCPUs: 255),
            MachineType(name: "q35", canonical: "pc-q35-7.2", maxCPUs: 288),
        ]
        for version in versions {
            machines.append(MachineType(name: "pc-i440fx-\(version)", maxCPUs: 255))
            machines.append(MachineType(name: "pc-q35-\(version)", maxCPUs: 288))
        }
        machines.append(MachineType(name: "pc-i440fx-2.1", maxCPUs: 255, isDeprecated: true))
        capabilities.guests = ["kvm", "qemu"].map {
            GuestSupport(architecture: "x86_64", type: $0, emulator: "/usr/bin/qemu-system-x86_64", machines: machines)
        }
        capabilities.cpuModes = ["host-passthrough", "host-model", "maximum", "custom"]
        capabilities.hostModel = "EPYC-Rome"
        capabilities.cpuModels = [
            "EPYC-Rome": true, "EPYC": true, "qemu64": true, "kvm64": true, "Skylake-Server": false,
        ]
        capabilities.graphicsTypes = ["vnc", "spice"]
        return capabilities
    }
}
