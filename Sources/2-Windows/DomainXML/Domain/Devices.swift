public import Quantities

/// A `<graphics>` element: how the guest's screen is shown.
public struct GraphicsDevice: Sendable {
    /// One way it listens on.
    public enum Listen: Sendable, Hashable {
        /// A TCP address as written; `nil` leaves it to `vnc_listen` and `spice_listen` of qemu.conf, by default 127.0.0.1.
        case address(String?)
        /// An address of a libvirt network, known when the guest starts.
        case network(String)
        /// A UNIX socket.
        case socket(String?)
        /// No listening: the screen is reached through libvirt alone.
        case none
    }

    /// The element.
    public let element: Element
    /// `vnc`, `spice`, `sdl`, `egl-headless`, `rdp`, `dbus`, `desktop`.
    public var type: String { element["type"] ?? "" }
    /// Kind of screen that other machines could connect to.
    public var isRemote: Bool { type == "vnc" || type == "spice" || type == "rdp" }

    /// Where it listens: its `<listen>` children, else its `socket` or `listen` attribute, else libvirt's default address.
    public var listens: [Listen] {
        guard isRemote else { return [] }
        var listens: [Listen] = []
        for child in element.all("listen") {
            switch child["type"] ?? (child["address"] != nil ? "address" : "") {
            case "address": listens.append(.address(child["address"] ?? (listens.isEmpty ? element["listen"] : nil)))
            case "network": listens.append(child["address"].map { .address($0) } ?? .network(child["network"] ?? ""))
            case "socket": listens.append(.socket(child["socket"]))
            case "none": listens.append(.none)
            default: break
            }
        }
        if !listens.isEmpty { return listens }
        if let socket = element["socket"] { return [.socket(socket)] }
        return [.address(element["listen"])]
    }

    /// Whether libvirt chooses the port: `autoport='yes'`, or no port, or -1.
    public var isAutoport: Bool { element["autoport"] == "yes" || (port == nil && tlsPort == nil) }
    /// The TCP port; `nil` where none is fixed.
    public var port: Int? { element["port"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
    /// Spice's TCP port with TLS; `nil` where none is fixed.
    public var tlsPort: Int? { element["tlsPort"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
    /// Spice's `defaultMode`: `secure`, `insecure`, `any`.
    public var defaultMode: String? { element["defaultMode"] }
    /// Whether a password is set.
    ///
    /// libvirt shows it as asterisks to those who may not read it.
    public var hasPassword: Bool { element["passwd"]?.isEmpty == false }
    /// Keyboard layout that is forced on clients.
    public var keymap: String? { element["keymap"] }
}

/// A `<video>` element.
public struct VideoDevice: Sendable {
    /// The element.
    public let element: Element
    /// The model as written; `nil` where libvirt chooses (no `<model>`, or type `default`).
    public var model: String? { element.first("model")?["type"].flatMap { $0 == "default" ? nil : $0 } }
}

/// An `<rng>` element: a source of random numbers.
public struct RandomDevice: Sendable {
    /// The element.
    public let element: Element
    /// `virtio`, `virtio-transitional`, `virtio-non-transitional`.
    public var model: String? { element["model"] }
    /// `random`, `egd`, `builtin`.
    public var backend: String? { element.first("backend")?["model"] }
    /// The host's file that random numbers come from; `nil` for other backends and where none is written (QEMU then takes /dev/random).
    public var path: String? {
        backend == "random" ? element.first("backend").flatMap { $0.text.isEmpty ? nil : $0.text } : nil
    }
}

/// A `<memballoon>` element.
public struct BalloonDevice: Sendable {
    /// The element.
    public let element: Element
    /// `virtio`, `virtio-transitional`, `virtio-non-transitional`, `xen`, `none`.
    public var model: String { element["model"] ?? "virtio" }
    /// Whether free pages are told to the host.
    public var reportsFreePages: Bool { element["freePageReporting"] == "on" }
    /// Whether it gives back memory by itself when the guest is short.
    public var deflatesOnOOM: Bool { element["autodeflate"] == "on" }
}

/// A `<serial>`, `<parallel>`, `<console>` or `<channel>` element.
public struct CharacterDevice: Sendable {
    /// The element.
    public let element: Element
    /// Its kind: `pty`, `unix`, `file`, `null`, `vc`, `spicevmc` and others.
    public var type: String { element["type"] ?? "" }
    /// `virtio`, `isa-serial` …, from `<target>`.
    public var targetType: String? { element.first("target")?["type"] }
    /// A channel's name (`org.qemu.guest_agent.0`).
    public var targetName: String? { element.first("target")?["name"] }
}

extension DomainDefinition {
    /// Its screens.
    public var graphics: [GraphicsDevice] { devices("graphics").map(GraphicsDevice.init) }
    /// Its video cards; libvirt adds one of its default model where there are graphics and none is written.
    public var videos: [VideoDevice] { devices("video").map(VideoDevice.init) }
    /// Its random number generators.
    public var randomDevices: [RandomDevice] { devices("rng").map(RandomDevice.init) }
    /// Its balloon; `nil` where none is written: libvirt then adds a virtio balloon to QEMU's guests.
    public var balloon: BalloonDevice? { devices("memballoon").first.map(BalloonDevice.init) }
    /// Its channels to the host.
    public var channels: [CharacterDevice] { devices("channel").map(CharacterDevice.init) }
    /// Its serial ports.
    public var serials: [CharacterDevice] { devices("serial").map(CharacterDevice.init) }

    /// Whether it has a channel for QEMU's guest agent.
    public var hasAgentChannel: Bool { channels.contains { $0.targetName == "org.qemu.guest_agent.0" } }

    /// Whether it boots with UEFI: `<os firmware='efi'>`, or a loader in flash memory.
    public var isUEFI: Bool {
        guard let os = root.first("os") else { return false }
        if let firmware = os["firmware"] { return firmware == "efi" }
        return os.first("loader")?["type"] == "pflash"
    }

    /// Whether it is an x86 guest: by its architecture, else by its board; libvirt takes the host's architecture where none is written.
    public func isX86(onHost hostArchitecture: String?) -> Bool {
        if let architecture { return architecture == "x86_64" || architecture == "i686" }
        switch machineType?.family {
        case .i440fx, .q35, .isapc, .microvm, .xen: return true
        case .s390, .pseries: return false
        case .virt, .other, nil: return hostArchitecture.map { $0 == "x86_64" || $0 == "i686" } ?? true
        }
    }

    /// Whether it is an x86 guest, where that can be told: by its architecture, by its board, else by the host's architecture.
    public func isX86(onHost hostArchitecture: Fact<String>) -> Fact<Bool> {
        if architecture == nil, let reason = hostArchitecture.reason {
            switch machineType?.family {
            case .virt, .other, nil: return .unknown(reason)
            default: break
            }
        }
        return .known(isX86(onHost: hostArchitecture.value))
    }

    /// The name a device goes by in reports: its alias, its target, else its element's name with its place.
    public static func label(_ device: Element) -> String {
        if let alias = device.first("alias")?["name"] { return alias }
        if let target = device.first("target")?["dev"] { return target }
        if let type = device["type"], device.name == "graphics" { return type }
        let xpath = device.xpath
        return String(xpath.split(separator: "/").last ?? Substring(device.name))
    }
}
