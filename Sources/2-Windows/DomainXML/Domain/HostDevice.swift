/// A device of the host that a guest is given: `<hostdev>`, or `<interface type='hostdev'>`.
///
/// - Source: libvirt docs/formatdomain.rst "Host device assignment".
public struct HostDevice: Sendable {
    /// Kinds of assignment.
    public enum Kind: String, Sendable, Hashable {
        /// A PCI device or a virtual function of one, through VFIO.
        case pci
        /// A mediated device (vGPU, vfio-ap, vfio-ccw).
        case mdev
        case usb
        /// A LUN, through SCSI generic.
        case scsi
        /// A vhost-scsi target.
        case scsiHost = "scsi_host"
        /// LXC's devices (`mode='capabilities'`).
        case capabilities
        /// One this build does not know.
        case other
    }
    /// The `<hostdev>` or `<interface>` element.
    public let element: Element
    /// What kind it is.
    public let kind: Kind

    /// Wraps a `<hostdev>`, or an `<interface>` that stands for one; `nil` for any other element.
    public init?(_ element: Element) {
        switch element.name {
        case "hostdev":
            kind = element["mode"] == "capabilities" ? .capabilities : Kind(rawValue: element["type"] ?? "") ?? .other
        case "interface" where Interface(element).isAssigned: kind = .pci
        default: return nil
        }
        self.element = element
    }

    /// Whether libvirt detaches it from the host's driver and gives it back by itself.
    public var isManaged: Bool { element["managed"] == "yes" }
    /// The driver that hands it over: `vfio` where nothing is written (libvirt knows no other for KVM today), `kvm` in very old definitions.
    public var driver: String { element.first("driver")?["name"] ?? "vfio" }
    /// `model` of a mediated device (`vfio-pci`, `vfio-ap`, `vfio-ccw`).
    public var model: String? { element["model"] }
    /// libvirt's alias (`hostdev0`).
    public var alias: String? { element.first("alias")?["name"] }
    /// A failover partner: QEMU unplugs it by itself before a migration and plugs one in afterwards.
    public var isUnpluggedToMigrate: Bool { element.first("teaming")?["type"] == "transient" }
    /// Where it sits on the guest's PCI bus; `nil` where libvirt is to choose, or where it is no PCI device there (vfio-ccw, USB).
    public var address: GuestPCIAddress? { GuestPCIAddress(element.first("address")) }

    /// Whether it needs a slot of the guest's PCI bus.
    public var isOnPCI: Bool {
        if let address = element.first("address"), let type = address["type"] { return type == "pci" }
        switch kind {
        case .pci: return true
        case .mdev: return model == nil || model == "vfio-pci"
        default: return false
        }
    }

    /// The device on the host: a PCI address (`0000:03:00.0`), a mediated device's UUID, USB ids; `nil` where the element does not say.
    public var source: String? {
        guard let source = element.first("source") else { return nil }
        if let address = source.first("address") {
            if let uuid = address["uuid"] { return uuid }
            if let bus = address["bus"], let slot = address["slot"] {
                let domain = Self.hex(address["domain"] ?? "0", 4)
                return "\(domain):\(Self.hex(bus, 2)):\(Self.hex(slot, 2)).\(Self.hex(address["function"] ?? "0", 1))"
            }
            if let bus = address["bus"], let device = address["device"] { return "usb \(bus)-\(device)" }
        }
        if let vendor = source.first("vendor")?["id"], let product = source.first("product")?["id"] {
            return "\(vendor):\(product)"
        }
        return source.first("adapter")?["name"] ?? source["wwpn"] ?? source["dev"]
    }
    /// What to call it: alias, device on the host, else `hostdev`.
    public var label: String { alias ?? source ?? "hostdev" }

    private static func hex(_ text: String, _ width: Int) -> String {
        let digits =
            text.hasPrefix("0x") || text.hasPrefix("0X") ? String(text.dropFirst(2)) : String(Int(text) ?? 0, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension DomainDefinition {
    /// Devices of the host it is given, in order; interfaces that stand for one included.
    public var hostDevices: [HostDevice] {
        devices.compactMap { $0.namespace == nil ? HostDevice($0) : nil }
    }
}
