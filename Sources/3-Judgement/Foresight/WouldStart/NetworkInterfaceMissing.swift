import DomainXML
import HostFacts
import Inventory
import Quantities

/// The bridge or interface a guest is plugged into is not there.
struct NetworkInterfaceMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        for interface in guest.domain.interfaces where interface.type == "bridge" || interface.type == "direct" {
            guard let name = interface.source, !name.isEmpty else { continue }
            switch host.facts.network.interfaces {
            case .unknown(let reason):
                answer.unknown(reason)
                return
            case .known(let names):
                // Bridges of libvirt's own networks come with these.
                guard !names.contains(name), !name.hasPrefix("virbr") else { continue }
                answer.add(
                    StartObstacle(
                        .networkInterface, part: name, Text("the host has no interface \(name)", "主机没有网络接口 \(name)"),
                        evidence: [
                            guest.evidence(interface.element, name),
                            ForesightEvidence("/sys/class/net", names.prefix(12).joined(separator: ", ")),
                        ],
                        remedy: Text("Make it at boot, or name one that is there.", "在引导时创建,或指定存在的接口。"),
                        commands: [guest.editCommand]))
            }
        }
    }
}
