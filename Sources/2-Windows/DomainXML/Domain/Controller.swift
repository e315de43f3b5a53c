/// A controller of a guest: `<controller>`.
///
/// - Source: libvirt docs/formatdomain.rst "Controllers".
public struct Controller: Sendable {
    /// The `<controller>` element.
    public let element: Element
    /// Wraps a `<controller>`.
    public init(_ element: Element) { self.element = element }

    /// `type`: `scsi`, `pci`, `usb`, `sata`, `ide`, `virtio-serial` …; empty where absent.
    public var type: String { element["type"] ?? "" }
    /// Its number among those of its type; `nil` where libvirt is to choose.
    public var index: Int? { element["index"].flatMap { Int($0) } }
    /// The model as written (`virtio-scsi`, `pcie-root-port`); `nil` where absent.
    public var model: String? { element["model"] }
    /// The I/O thread that serves it (virtio-scsi).
    public var iothread: Int? { element.first("driver")?["iothread"].flatMap { Int($0) } }
    /// The I/O threads that serve it, one or several (virtio-scsi): `<driver iothread>` or `<driver><iothreads>`.
    public var iothreads: [Int] {
        let several =
            element.first("driver", "iothreads")?.all("iothread").compactMap { $0["id"].flatMap { Int($0) } } ?? []
        return several.isEmpty ? iothread.map { [$0] } ?? [] : several
    }
    /// Queues as written; `nil` leaves it to QEMU.
    public var queues: Int? { element.first("driver")?["queues"].flatMap { Int($0) } }
    /// Where it sits on the guest's PCI bus.
    public var address: GuestPCIAddress? { GuestPCIAddress(element.first("address")) }
}

/// Where a device sits on the guest's PCI buses.
public struct GuestPCIAddress: Sendable, Hashable {
    /// The bus: the index of the controller that offers it.
    public var bus: Int
    /// Slot on the bus.
    public var slot: Int
    /// Function of the slot.
    public var function: Int

    /// An `<address type='pci'>`; `nil` for another type, or where the bus is not written.
    public init?(_ element: Element?) {
        guard let element, element["type"] == "pci", let bus = Self.number(element["bus"]) else { return nil }
        self.bus = bus
        slot = Self.number(element["slot"]) ?? 0
        function = Self.number(element["function"]) ?? 0
    }

    /// A number as libvirt writes them: `0x1f`, or decimal.
    private static func number(_ text: String?) -> Int? {
        guard let text else { return nil }
        return text.hasPrefix("0x") || text.hasPrefix("0X") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    }
}

extension DomainDefinition {
    /// Its controllers, in order.
    public var controllers: [Controller] { devices("controller").map(Controller.init) }

    /// The model in force of a SCSI controller: the one written, else libvirt's default for the machine.
    ///
    /// libvirt adds a controller that no element describes, so one that is absent has a model too.
    ///
    /// - Parameter index: the controller's number, 0 where the disk's address names none.
    /// - Returns: a word as `<controller model=>` spells it (`virtio-scsi`, `lsilogic`); never `auto`.
    ///
    /// - Source: libvirt src/qemu/qemu_domain.c `qemuDomainDefaultSCSIControllerModel`. On Arm, RISC-V and LoongArch boards libvirt takes virtio-scsi
    ///   since 8.x or LSI before, depending on the QEMU: virtio-scsi is assumed, so that no default is taken for a fault.
    public func scsiModel(ofController index: Int) -> String {
        let written = controllers.first { $0.type == "scsi" && ($0.index ?? 0) == index }?.model
        if let written, written != "auto", !written.isEmpty { return written }
        let architecture = architecture ?? "x86_64"
        if architecture.hasPrefix("ppc64"), machine.map({ $0.hasPrefix("pseries") }) ?? true { return "ibmvscsi" }
        let isOld =
            architecture == "x86_64" || architecture == "i686" || architecture.hasPrefix("mips")
            || architecture.hasPrefix("ppc")
        return isOld ? "lsilogic" : "virtio-scsi"
    }
}
