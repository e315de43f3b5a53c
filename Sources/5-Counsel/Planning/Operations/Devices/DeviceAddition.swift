import Changes
import DomainXML
import Inventory
import Quantities

/// A device that a guest is to get, while it runs and at its next start.
struct DeviceAddition {
    /// The name by which it is found again in both definitions; `ua-` is libvirt's mark of names that were given.
    var alias: String
    /// The device of the next start.
    var element: NewElement
    /// The device of the running guest, where it differs.
    var live: NewElement?
    /// Devices the running guest needs first, such as a controller.
    var first: [(alias: String, element: NewElement)] = []
    /// Edits of the definition besides.
    var edits: [DomainChange] = []
    /// Why the running guest cannot have it; `nil` where it can.
    var whyNotLive: Text?
    var notes: [Text] = []

    /// What has to change.
    func changes(of guest: Guest) -> GuestChanges {
        var changes = GuestChanges()
        changes.notes = notes
        if let domain = guest.persistent {
            let devices = first.map { Self.named($0.element, $0.alias) } + [Self.named(element, alias)]
            changes.persistent =
                edits + devices.map { DomainChange(domain.name, "/domain/devices", .insert($0.description)) }
        }
        guard guest.live != nil else { return changes }
        changes.whyNotLive = whyNotLive ?? guest.live.flatMap(whyNoPort)
        if changes.whyNotLive == nil {
            changes.live = (first + [(alias, live ?? element)]).map { alias, element in
                LiveChange(guest.name, .device(alias), to: Self.named(element, alias).description)
            }
        }
        return changes
    }

    /// Where PCI Express is, each device that is plugged in takes a port of its own, and there are as many as at its start.
    private func whyNoPort(_ live: DomainDefinition) -> Text? {
        guard live.controllers.contains(where: { $0.type == "pci" && $0.model == "pcie-root" }) else { return nil }
        let needed = (first.map(\.element) + [self.live ?? element]).count(where: Self.takesPort)
        let ports = Set(live.controllers.filter { $0.model == "pcie-root-port" }.compactMap(\.index))
        let taken = Set(live.devices.compactMap { GuestPCIAddress($0.first("address"))?.bus })
        guard needed > ports.subtracting(taken).count else { return nil }
        return Text("the running guest has no free PCI Express port", "运行中的客户机没有空闲的 PCI Express 端口")
    }

    private static func takesPort(_ element: NewElement) -> Bool {
        switch element.name {
        case "interface", "rng", "filesystem", "controller": true
        case "disk":
            element.children.contains {
                $0.name == "target" && $0.attributes.contains { $0.name == "bus" && $0.value == "virtio" }
            }
        case "hostdev": element.attributes.contains { $0.name == "type" && $0.value == "pci" }
        case "memory": element.attributes.contains { $0.value == "virtio-mem" }
        default: false
        }
    }

    private static func named(_ element: NewElement, _ alias: String) -> NewElement {
        var element = element
        element.children.append(NewElement("alias", ["name": alias]))
        return element
    }
}

extension Guest {
    /// The definitions there are.
    var definitions: [DomainDefinition] { [persistent, live].compactMap { $0 } }

    /// An alias that no device has.
    func freeAlias(_ stem: String) -> String {
        let taken = Set(definitions.flatMap(\.devices).compactMap { $0.first("alias")?["name"] })
        let name = "ua-" + String(stem.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(48))
        return (1...).lazy.map { $0 == 1 ? name : "\(name)-\($0)" }.first { !taken.contains($0) } ?? name
    }

    /// Targets of disks, in any definition.
    var diskTargets: Set<String> { Set(definitions.flatMap(\.disks).map(\.target)) }

    /// The first disk name of a bus that is free: vda, vdb … vdz, vdaa.
    func freeTarget(_ prefix: String) -> String { Self.freeTarget(prefix, beside: diskTargets) }

    static func freeTarget(_ prefix: String, beside taken: Set<String>) -> String {
        (0...).lazy.map { prefix + letters($0) }.first { !taken.contains($0) } ?? prefix
    }

    static func letters(_ index: Int) -> String {
        let letter = String(UnicodeScalar(UInt8(0x61 + index % 26)))
        return index < 26 ? letter : letters(index / 26 - 1) + letter
    }
}
