import DomainXML
import Inventory
import Quantities

/// Two guests with one fixed port for their screens.
struct PortTaken: StartReason {
    var dependsOnOthers: Bool { true }

    /// Ports a guest insists on.
    static func fixedPorts(of domain: DomainDefinition) -> [(number: Int, element: Element)] {
        var ports: [(Int, Element)] = []
        for screen in domain.graphics where screen.isRemote && !screen.isAutoport {
            let listens = screen.listens.contains {
                if case .address = $0 { true } else if case .network = $0 { true } else { false }
            }
            guard listens else { continue }
            for port in [screen.port, screen.tlsPort].compactMap({ $0 }) { ports.append((port, screen.element)) }
        }
        return ports
    }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        for port in Self.fixedPorts(of: guest.domain) {
            guard let other = held.ports[port.number] else { continue }
            answer.add(
                StartObstacle(
                    .portTaken, part: String(port.number),
                    Text(
                        "port \(port.number) is \(other)'s, which starts before it",
                        "端口 \(port.number) 已被先启动的 \(other) 占用"),
                    evidence: [
                        guest.evidence(port.element, String(port.number)),
                        ForesightEvidence("definition of \(other)", String(port.number)),
                    ],
                    remedy: Text("Let libvirt choose: autoport='yes'.", "由 libvirt 选择:autoport='yes'。"),
                    commands: [guest.editCommand]))
        }
    }
}
