import Changes
import DomainXML
public import Inventory
public import Quantities

/// Passes a device of the host's through (guide §4.3.3).
public struct AddHostDevice: GuestOperation {
    private let device: HostDeviceAddress

    /// The operation.
    public init(_ device: HostDeviceAddress) { self.device = device }

    /// passthrough-limits.
    public var practice: String { "passthrough-limits" }
    /// The device.
    public var words: Text { Text("asked for: host device \(device)", "要求:直通设备 \(device)") }

    /// The device.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        for other in estate.guests {
            guard other.definitions.allSatisfy({ !device.isIn($0) }) else {
                throw Refusal("guest \(other.name) has \(device) already")
            }
        }
        var addition = DeviceAddition(alias: guest.freeAlias("hostdev-\(device)"), element: device.element)
        if case .pci = device {
            addition.notes.append(
                Text(
                    "all memory of the guest is then locked in place, its balloon frees none, and it migrates only once the device is taken out",
                    "此后客户机全部内存被锁定,balloon 无法释放内存,须移除该设备才能迁移"))
        }
        return addition.changes(of: guest)
    }
}

/// Where a device of the host's is.
public enum HostDeviceAddress: Sendable, Hashable, CustomStringConvertible {
    /// A PCI function.
    case pci(domain: Int, bus: Int, slot: Int, function: Int)
    /// A USB device, by what it is.
    case usb(vendor: Int, product: Int)

    /// An address as lspci, virsh and lsusb write it: `3b:00.0`, `0000:3b:00.0`, `pci_0000_3b_00_0`, `046d:c52b`.
    public init?(_ text: String) {
        func number(_ text: Substring, _ digits: Int) -> Int? {
            text.utf8.count == digits && text.utf8.allSatisfy { UnicodeScalar($0).properties.isASCIIHexDigit }
                ? Int(text, radix: 16) : nil
        }
        var parts: [Substring]
        if text.hasPrefix("pci_") {
            parts = text.dropFirst(4).split(separator: "_", omittingEmptySubsequences: false)
        } else if let dot = text.lastIndex(of: ".") {
            parts =
                text[..<dot].split(separator: ":", omittingEmptySubsequences: false) + [text[text.index(after: dot)...]]
            if parts.count == 3 { parts.insert("0000", at: 0) }
        } else {
            parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let vendor = number(parts[0], 4), let product = number(parts[1], 4) else {
                return nil
            }
            self = .usb(vendor: vendor, product: product)
            return
        }
        guard parts.count == 4, let domain = number(parts[0], 4), let bus = number(parts[1], 2),
            let slot = number(parts[2], 2), slot < 32, let function = number(parts[3], 1), function < 8
        else { return nil }
        self = .pci(domain: domain, bus: bus, slot: slot, function: function)
    }

    /// As sysfs and lsusb write it.
    public var description: String {
        switch self {
        case .pci(let domain, let bus, let slot, let function):
            "\(Self.hex(domain, 4)):\(Self.hex(bus, 2)):\(Self.hex(slot, 2)).\(function)"
        case .usb(let vendor, let product): "\(Self.hex(vendor, 4)):\(Self.hex(product, 4))"
        }
    }

    private static func hex(_ number: Int, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    var element: NewElement {
        switch self {
        case .pci(let domain, let bus, let slot, let function):
            NewElement(
                "hostdev", ["mode": "subsystem", "type": "pci", "managed": "yes"],
                [
                    NewElement(
                        "source", [:],
                        [
                            NewElement(
                                "address",
                                [
                                    "domain": "0x" + Self.hex(domain, 4), "bus": "0x" + Self.hex(bus, 2),
                                    "slot": "0x" + Self.hex(slot, 2), "function": "0x" + Self.hex(function, 1),
                                ])
                        ])
                ])
        case .usb(let vendor, let product):
            NewElement(
                "hostdev", ["mode": "subsystem", "type": "usb", "managed": "yes"],
                [
                    NewElement(
                        "source", [:],
                        [
                            NewElement("vendor", ["id": "0x" + Self.hex(vendor, 4)]),
                            NewElement("product", ["id": "0x" + Self.hex(product, 4)]),
                        ])
                ])
        }
    }

    /// Whether an element passes this device through.
    func matches(_ hostdev: Element) -> Bool {
        func number(_ element: Element?, _ attribute: String) -> Int? {
            element?[attribute].flatMap { $0.hasPrefix("0x") ? Int($0.dropFirst(2), radix: 16) : Int($0) }
        }
        let source = hostdev.first("source")
        switch self {
        case .pci(let domain, let bus, let slot, let function):
            let address = source?.first("address")
            return hostdev["type"] == "pci" && number(address, "bus") == bus && number(address, "slot") == slot
                && number(address, "function") == function && (number(address, "domain") ?? 0) == domain
        case .usb(let vendor, let product):
            return hostdev["type"] == "usb" && number(source?.first("vendor"), "id") == vendor
                && number(source?.first("product"), "id") == product
        }
    }

    func isIn(_ domain: DomainDefinition) -> Bool { domain.devices("hostdev").contains(where: matches) }
}
