import Changes
import DomainXML
public import Inventory
public import Quantities

/// Moves a guest from the i440fx board (PCI) to q35 (PCI Express) (guide §6.6).
public struct ConvertToQ35: GuestOperation {
    /// The operation.
    public init() {}

    /// machine-type.
    public var practice: String { "machine-type" }
    /// What is asked for.
    public var words: Text { Text("asked for: q35 instead of i440fx", "要求:以 q35 取代 i440fx") }

    /// The board, its controllers, and the devices that it has otherwise.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        changes.whyNotLive = Text("a running guest keeps its board", "运行中的客户机保持其主板")
        guard let domain = guest.persistent, let type = domain.root.first("os", "type") else { return changes }
        if domain.machineType?.family == .q35 { return changes }
        guard domain.machineType?.family == .i440fx, domain.isX86 != false else {
            throw Refusal("guest \(guest.name) is a \(domain.machine ?? "guest without a machine type"), not an i440fx")
        }
        if domain.root.children.contains(where: { $0.name == "commandline" && $0.namespace != nil }) {
            throw Refusal(
                "guest \(guest.name) has QEMU arguments of its own, which may name the old board's buses",
                remedy: "Take <qemu:commandline> out first")
        }
        func edit(_ element: Element, _ edit: DomainChange.Edit, from: String? = nil) {
            changes.persistent.append(DomainChange(domain.name, element.xpath, edit, from: from))
        }
        let machines = estate.capabilities.value?.support(architecture: domain.architecture, type: domain.type)?
            .machines
        let newest = machines?.first { $0.name == "q35" }
        if let machines, !machines.isEmpty, newest == nil { throw Refusal("this host's QEMU has no q35") }
        edit(type, .attribute("machine", newest?.canonical ?? "q35"), from: domain.machine)
        // Names that SATA disks have already.
        var taken = Set(domain.disks.map(\.target))
        var removed: [Element] = []
        var onPCI = 0
        for device in domain.devices {
            if device.name == "controller", Self.isOfOldBoard(device) {
                removed.append(device)
                continue
            }
            if device.name == "disk", Disk(device).busInForce == "ide", let target = device.first("target") {
                let name = Guest.freeTarget("sd", beside: taken)
                taken.insert(name)
                edit(target, .attribute("dev", name), from: target["dev"])
                edit(target, .attribute("bus", "sata"), from: target["bus"])
                if let address = device.first("address") { removed.append(address) }
                continue
            }
            // libvirt gives new ones.
            if let address = device.first("address"), (address["type"] ?? "pci") == "pci" {
                removed.append(address)
                onPCI += 1
            }
            if device.name == "interface", let model = device.first("model"), model["type"] == "e1000" {
                edit(model, .attribute("type", "e1000e"), from: "e1000")
            }
            if device.name == "sound", device["model"] == "ich6" {
                edit(device, .attribute("model", "ich9"), from: "ich6")
            }
        }
        for element in removed.reversed() { edit(element, .remove) }
        let ports = PCIExpress.controllers(for: onPCI)
        changes.persistent.append(
            DomainChange(
                domain.name, "/domain/devices", .insert(ports.map(\.description).joined(separator: "\n"))))
        changes.notes = [
            Text(
                "inside, network interfaces get other names (ens3 becomes enp1s0), IDE disks become sda and so on: see that fstab and the network's configuration go by UUID and MAC",
                "客户机内网卡名称会改变(ens3 变为 enp1s0),IDE 磁盘变为 sda 等:请确认 fstab 与网络配置使用 UUID 与 MAC"),
            domain.isWindows
                ? Text(
                    "Windows: enable the AHCI driver first (storahci, Start=0), and expect to activate it again",
                    "Windows:请先启用 AHCI 驱动(storahci,Start=0),并可能需要重新激活")
                : Text(
                    "its initial file system needs the ahci driver where it boots from such a disk",
                    "若从该类磁盘启动,initrd 须包含 ahci 驱动"),
        ]
        return changes
    }

    /// Controllers that the new board brings otherwise.
    private static func isOfOldBoard(_ controller: Element) -> Bool {
        switch controller["type"] {
        case "pci", "ide": true
        case "usb": controller["model"].map { $0.hasPrefix("piix") } ?? true
        default: false
        }
    }
}
