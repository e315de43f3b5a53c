/// A network interface of a guest: `<interface>`.
///
/// - Source: libvirt docs/formatdomain.rst "Network interfaces"; src/qemu/qemu_domain.c for defaults.
public struct Interface: Sendable {
    /// The `<interface>` element.
    public let element: Element
    /// Wraps an `<interface>`.
    public init(_ element: Element) { self.element = element }

    /// `type`: `network`, `bridge`, `direct`, `user`, `hostdev`, `vdpa`, `vhostuser` …; empty where absent.
    public var type: String { element["type"] ?? "" }
    /// The model as written (`virtio`, `e1000e`); `nil` where absent.
    public var model: String? { element.first("model")?["type"] }
    /// The MAC address.
    public var mac: String? { element.first("mac")?["address"] }
    /// What it is connected to: network, bridge, host device or socket, by the attribute its type uses; `nil` where nothing is named.
    public var source: String? {
        guard let source = element.first("source") else { return nil }
        return source["network"] ?? source["bridge"] ?? source["dev"] ?? source["name"] ?? source["path"]
            ?? source["address"]
    }
    /// The host's end of it (`vnet3`), where known.
    public var target: String? { element.first("target")?["dev"] }
    /// libvirt's alias (`net0`); live definitions have one.
    public var alias: String? { element.first("alias")?["name"] }
    /// Back end: `vhost` or `qemu`; `nil` leaves it to libvirt, which takes vhost where it can.
    public var backend: String? { element.first("driver")?["name"] }
    /// Queues as written; `nil` is one.
    public var queues: Int? { element.first("driver")?["queues"].flatMap { Int($0) } }
    /// `<teaming type>`: `transient` for the assigned device of a failover pair, `persistent` for its virtio stand-by.
    public var teaming: String? { element.first("teaming")?["type"] }
    /// Whether a device of the host is handed to the guest whole: `type='hostdev'`, or a network that gave it one (seen in live definitions).
    public var isAssigned: Bool { type == "hostdev" || element.first("source", "address") != nil }

    /// What to call it: alias, host end, MAC address, else `interface`.
    public var label: String { alias ?? target ?? mac ?? "interface" }

    /// The model in force, in lower case: the one written, else the one libvirt takes; `nil` for an assigned device, which has none.
    ///
    /// - Source: libvirt src/qemu/qemu_domain.c `qemuDomainDefaultNetModel`, `qemuDomainDeviceNetDefPostParse`.
    public func modelInForce(in domain: DomainDefinition) -> String? {
        if isAssigned { return nil }
        if let model { return model.lowercased() }
        if type == "vdpa" { return "virtio" }
        let architecture = domain.architecture ?? "x86_64"
        let machine = domain.machine ?? ""
        if architecture.hasPrefix("s390") || architecture.hasPrefix("riscv") || architecture.hasPrefix("loongarch") {
            return "virtio"
        }
        if architecture == "aarch64" || architecture.hasPrefix("arm") {
            if machine == "versatilepb" { return "smc91c111" }
            return machine == "virt" || machine.hasPrefix("virt-") || machine.isEmpty ? "virtio" : "lan9118"
        }
        return "rtl8139"
    }
}

extension DomainDefinition {
    /// Its network interfaces, in order.
    public var interfaces: [Interface] { devices("interface").map(Interface.init) }
}
