import DomainXML
import HostFacts
import Inventory
import Quantities

/// A device of the host that another guest has, or that cannot be assigned.
struct HostDeviceTaken: StartReason {
    var dependsOnOthers: Bool { true }

    /// Devices that only one guest can have.
    static func exclusiveDevices(of domain: DomainDefinition) -> [(source: String, element: Element)] {
        domain.hostDevices.compactMap { device in
            switch device.kind {
            case .pci, .mdev: device.source.map { ($0, device.element) }
            case .usb where device.element.first("source", "address") != nil: device.source.map { ($0, device.element) }
            default: nil
            }
        }
    }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        for device in Self.exclusiveDevices(of: guest.domain) {
            guard let other = held.devices[device.source] else { continue }
            answer.add(
                StartObstacle(
                    .hostDevice, part: device.source,
                    Text(
                        "\(device.source) is \(other)'s, which starts before it", "\(device.source) 已被先启动的 \(other) 占用"),
                    evidence: [
                        guest.evidence(device.element, device.source),
                        ForesightEvidence("definition of \(other)", device.source),
                    ],
                    remedy: Text("Give each guest a device of its own.", "为每个客户机分配各自的设备。"),
                    commands: [guest.editCommand]))
        }
        guard let assigned = guest.domain.hostDevices.first(where: { $0.kind == .pci }) else { return }
        switch host.facts.boot.nextCommandLine {
        case .unknown(let reason): answer.unknown(reason)
        case .known(let line):
            let words = [line.value("intel_iommu"), line.value("amd_iommu"), line.value("iommu")].compactMap { $0 }
            guard words.contains(where: { $0.split(separator: ",").contains("off") }) else { return }
            answer.add(
                StartObstacle(
                    .hostDevice, part: assigned.label,
                    Text("the next boot switches the IOMMU off, which VFIO needs", "下次引导将关闭 VFIO 所需的 IOMMU"),
                    evidence: [
                        guest.evidence(assigned.element, assigned.label),
                        ForesightEvidence(host.facts.boot.nextSource ?? "boot loader", words.joined(separator: " ")),
                    ],
                    remedy: Text("Switch it on.", "启用 IOMMU。"),
                    commands: ["# kernel command line: intel_iommu=on   (AMD: on by itself)"]))
        }
    }
}
