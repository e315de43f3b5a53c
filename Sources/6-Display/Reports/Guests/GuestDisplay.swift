public import DomainXML
import JSONText

/// A display of a running guest, and how a viewer gets to it.
public struct GuestDisplay: Sendable, Hashable {
    /// libvirt's word: vnc, spice, rdp.
    public let type: String
    /// What a viewer takes; never with a password.
    public let uri: String

    /// A display.
    public init(type: String, uri: String) {
        self.type = type
        self.uri = uri
    }

    /// The displays of a running guest's definition that somebody can connect to, in its order.
    ///
    /// - Parameters:
    ///   - domain: the `<domain>` of the running guest: only that knows the ports.
    ///   - host: the host of the connection, for displays that listen on all addresses; `nil` is this one.
    ///
    /// - Returns: a display each; those without an address are left out.
    ///
    /// - Source: virsh domdisplay.
    public static func of(_ domain: Element, host: String?) -> [Self] {
        (domain.first("devices")?.all("graphics") ?? []).compactMap { graphics in
            guard let type = graphics["type"], ["vnc", "spice", "rdp"].contains(type) else { return nil }
            let port = graphics["port"].flatMap { Int($0) }.flatMap { $0 > 0 && $0 < 65_536 ? $0 : nil }
            let tls = graphics["tlsPort"].flatMap { Int($0) }.flatMap { $0 > 0 && $0 < 65_536 ? $0 : nil }
            let listens = graphics.all("listen")
            guard port != nil || tls != nil else {
                let socket = listens.lazy.compactMap { $0["socket"] }.first ?? graphics["socket"]
                return socket.map { Self(type: type, uri: "\(type)+unix://\($0)") }
            }
            var address = listens.lazy.compactMap { $0["address"] }.first ?? graphics["listen"] ?? ""
            if ["", "0.0.0.0", "::"].contains(address) { address = host ?? "localhost" }
            var uri = "\(type)://\(address.contains(":") ? "[\(address)]" : address)"
            // Viewers of VNC count from 5900.
            if let port { uri += ":\(type == "vnc" ? port - 5_900 : port)" }
            if let tls { uri += "\(port == nil ? ":" : "")?tls-port=\(tls)" }
            return Self(type: type, uri: uri)
        }
    }

    /// An object with an array of displays.
    public static func json(_ displays: [Self], of guest: String) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("guest", guest)
            json.member("displays", array: displays) { json, display in
                json.object { json in
                    json.member("type", display.type)
                    json.member("uri", display.uri)
                }
            }
        }
        return json.finished()
    }
}
