import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest a network interface (guide §4.3.3).
public struct AddNIC: GuestOperation {
    /// Where it is connected.
    public enum Source: Sendable, Hashable {
        /// A network of libvirt's.
        case network(String)
        /// A bridge of the host's.
        case bridge(String)
    }
    private let source: Source
    private let mac: String
    private let model: String
    private let queues: Int?

    /// The operation.
    ///
    /// - Parameters:
    ///   - source: where it is connected.
    ///   - mac: its address, which finds it again.
    ///   - model: as libvirt names it.
    ///   - queues: of virtio; `nil` leaves them to libvirt.
    public init(_ source: Source, mac: String, model: String = "virtio", queues: Int? = nil) {
        self.source = source
        self.mac = mac
        self.model = model
        self.queues = queues
    }

    /// nic-model.
    public var practice: String { "nic-model" }
    /// The interface.
    public var words: Text { Text("asked for: NIC \(mac)", "要求:网卡 \(mac)") }

    /// The interface.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        try refuseTaken(estate)
        if let queues, let vcpus = guest.definition?.vcpus, queues > vcpus || queues < 1 {
            throw Refusal("\(queues) queues for \(vcpus) vCPUs: more than one for each serve nobody")
        }
        return DeviceAddition(alias: guest.freeAlias("nic-\(mac)"), element: element).changes(of: guest)
    }

    /// Two interfaces of one address do not reach each other.
    func refuseTaken(_ estate: Estate) throws(Refusal) {
        for other in estate.guests {
            let macs = other.definitions.flatMap { $0.devices("interface") }.compactMap { $0.first("mac")?["address"] }
            guard !macs.contains(where: { $0.lowercased() == mac.lowercased() }) else {
                throw Refusal("guest \(other.name) has an interface with the address \(mac)", remedy: "Leave mac= out")
            }
        }
    }

    var element: NewElement {
        let (type, attribute, name) =
            switch source {
            case .network(let name): ("network", "network", name)
            case .bridge(let name): ("bridge", "bridge", name)
            }
        return NewElement(
            "interface", ["type": type],
            [
                NewElement("mac", ["address": mac]),
                NewElement("source", [attribute: name]),
                NewElement("model", ["type": model]),
                queues.map { NewElement("driver", ["queues": String($0)]) },
            ])
    }
}
