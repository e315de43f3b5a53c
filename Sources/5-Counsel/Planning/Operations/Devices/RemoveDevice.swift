import Changes
import DomainXML
public import Inventory
public import Quantities

/// Takes a device out of a guest; what it held stays where it is.
public struct RemoveDevice: GuestOperation {
    /// Kinds of devices, and how one of each is named.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// By target, path or serial number.
        case disk
        /// By MAC address.
        case nic
        case rng
        /// By its tag.
        case share
        /// By target or path.
        case lun
        /// By its address.
        case hostdev
        /// By alias, or by number from 1.
        case memory
        case watchdog
        case agent

        /// Whether a guest has at most one that counts, so that none has to be named.
        public var isAlone: Bool { self == .rng || self == .watchdog || self == .agent }
    }

    private let kind: Kind
    private let key: String?

    /// The operation.
    ///
    /// - Parameters:
    ///   - kind: what kind of device.
    ///   - key: which; `nil` where the guest has but one.
    public init(_ kind: Kind, _ key: String?) {
        self.kind = kind
        self.key = key
    }

    /// The practice the kind is of.
    public var practice: String {
        switch kind {
        case .disk: "disk-bus"
        case .nic: "nic-model"
        case .rng: "rng"
        case .share: "filesystem-share"
        case .lun: "scsi-reservations"
        case .hostdev: "passthrough-limits"
        case .memory: "memory-hotplug"
        case .watchdog, .agent: "guest-services"
        }
    }
    /// The device.
    public var words: Text {
        Text("asked for: no \(kind.rawValue) \(key ?? "")", "要求:移除 \(kind.rawValue) \(key ?? "")")
    }

    /// The device taken out of both states.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        let persistent = try guest.persistent.map { domain throws(Refusal) in try found(in: domain) } ?? nil
        let live = try guest.live.map { domain throws(Refusal) in try found(in: domain) } ?? nil
        guard persistent != nil || live != nil else {
            let what = key.map { " \"\($0.prefix(80))\"" } ?? ""
            let names =
                guest.definition.map { domain in candidates(domain).map { name(of: $0) }.filter { !$0.isEmpty } } ?? []
            throw Refusal(
                "guest \(guest.name) has no \(kind.rawValue)\(what)",
                remedy: names.isEmpty ? "" : "It has \(names.prefix(20).joined(separator: ", "))")
        }
        if let persistent, let domain = guest.persistent {
            changes.persistent = [DomainChange(domain.name, persistent.xpath, .remove)]
            if kind == .memory, persistent["model"] == "dimm",
                let size = DomainDefinition.size(persistent.first("target", "size")),
                let current = domain.currentMemory, current == domain.memory
            {
                changes.persistent += domain.setting(
                    "currentMemory", to: String((current - size).kibibytes), [("unit", "KiB")])
            }
        }
        if let live {
            if let why = whyNotLive(live) {
                changes.whyNotLive = why
            } else if let alias = live.first("alias")?["name"] {
                changes.live = [LiveChange(guest.name, .device(alias), to: LiveParameter.noDevice)]
            }
        }
        if kind == .disk || kind == .lun {
            changes.notes.append(Text("the image or device itself stays as it is", "映像或设备本身保持不变"))
        }
        return changes
    }

    private func whyNotLive(_ device: Element) -> Text? {
        switch device.name {
        case "disk":
            let disk = Disk(device)
            guard ["sata", "ide", "fdc"].contains(disk.busInForce) || disk.device == "cdrom" else { return nil }
            return Text("\(disk.busInForce) lets no drive go while the guest runs", "\(disk.busInForce) 总线不支持运行中移除")
        case "filesystem":
            guard device.first("driver")?["type"] != "virtiofs" else { return nil }
            return Text("libvirt takes no 9p share out of a running guest", "libvirt 不支持热拔 9p 共享")
        default: return nil
        }
    }

    private func found(in domain: DomainDefinition) throws(Refusal) -> Element? {
        let all = candidates(domain)
        guard let key else {
            guard all.count <= 1 else {
                throw Refusal(
                    "guest \(domain.name) has \(all.count) devices of the kind \(kind.rawValue)",
                    remedy: "Name one: \(all.map { name(of: $0) }.joined(separator: ", "))")
            }
            return all.first
        }
        let matching = all.enumerated().filter { names(key, $0.element, $0.offset) }.map(\.element)
        guard matching.count <= 1 else {
            throw Refusal(
                "\"\(key.prefix(80))\" names \(matching.count) devices of guest \(domain.name)",
                remedy: "Name one: \(matching.map { name(of: $0) }.joined(separator: ", "))")
        }
        return matching.first
    }

    private func candidates(_ domain: DomainDefinition) -> [Element] {
        switch kind {
        case .disk: domain.devices("disk").filter { $0["device"] != "lun" }
        case .lun: domain.devices("disk").filter { $0["device"] == "lun" }
        case .nic: domain.devices("interface")
        case .share: domain.devices("filesystem")
        case .hostdev, .memory, .rng, .watchdog: domain.devices(kind.rawValue)
        case .agent: domain.devices("channel").filter { $0.first("target")?["name"] == AddAgent.channel }
        }
    }

    private func names(_ key: String, _ device: Element, _ index: Int) -> Bool {
        if device.first("alias")?["name"] == key { return true }
        switch kind {
        case .disk, .lun:
            let disk = Disk(device)
            return disk.target == key || disk.path == key || disk.serial == key
        case .nic: return device.first("mac")?["address"]?.lowercased() == key.lowercased()
        case .share: return device.first("target")?["dir"] == key
        case .hostdev: return HostDeviceAddress(key)?.matches(device) ?? false
        case .memory: return Int(key) == index + 1
        case .rng, .watchdog, .agent: return Int(key) == index + 1
        }
    }

    private func name(of device: Element) -> String {
        switch kind {
        case .disk, .lun: Disk(device).target
        case .nic: device.first("mac")?["address"] ?? ""
        case .share: device.first("target")?["dir"] ?? ""
        default: device.first("alias")?["name"] ?? ""
        }
    }
}
