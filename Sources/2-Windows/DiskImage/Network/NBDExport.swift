/// A disk that a server exports over the NBD protocol, as QEMU names it.
///
/// - Source: QEMU block/nbd.c `nbd_parse_uri`, `nbd_parse_filename`, `nbd_refresh_filename`; the NBD project's doc/uri.md.
public struct NBDExport: Sendable, Hashable {
    /// Where the server is.
    public enum Server: Sendable, Hashable {
        /// A host and a port, or the name of a service.
        case tcp(host: String, port: String)
        /// A socket of this host.
        case unix(path: String)
    }

    /// Where the server is.
    public var server: Server
    /// Which of its disks; `nil` is the one it has for everybody.
    public var name: String?
    /// The name of the credentials it is spoken to with; `nil` speaks in the clear.
    public var credentials: String?
    /// How what is written gets to the disk; `nil` where that is not said.
    public var caching: FileStorage.Caching?

    /// The port that a server has by IANA.
    static let port = "10809"

    /// A disk of a server.
    public init(_ server: Server, name: String? = nil) {
        self.server = server
        self.name = name
    }

    /// What a name stands for: `nbd://host/export`, `nbd+unix:///export?socket=path`, `nbd:host:port:exportname=export`, `nbd:unix:path`.
    ///
    /// - Parameter name: the name; `nil` comes of one that is nothing like these.
    ///
    /// - Throws: an ``ImageError`` where it is like these, and wrong.
    init?(named name: String) throws(ImageError) {
        if let end = Self.range(of: "://", in: name) {
            switch name[..<end.lowerBound] {
            case "nbd", "nbd+tcp": try self.init(rest: name[end.upperBound...], isUnix: false)
            case "nbd+unix": try self.init(rest: name[end.upperBound...], isUnix: true)
            default: return nil
            }
        } else if name.hasPrefix("nbd:") {
            try self.init(old: name.dropFirst(4))
        } else {
            return nil
        }
    }

    private static func range(of text: String, in name: some StringProtocol) -> Range<String.Index>? {
        var start = name.startIndex
        while start < name.endIndex {
            if name[start...].hasPrefix(text) { return start..<name.index(start, offsetBy: text.count) }
            start = name.index(after: start)
        }
        return nil
    }

    /// What follows `nbd://` or `nbd+unix://`.
    private init(rest: Substring, isUnix: Bool) throws(ImageError) {
        let wrong = ImageError(.invalid, "No valid URL specified")
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let authority = parts[0].prefix { $0 != "/" }
        let path = parts[0][authority.endIndex...]
        let query = parts.count > 1 ? parts[1].split(whereSeparator: { "&;".contains($0) }) : []
        let export = try Self.decoded(path.dropFirst())
        if isUnix {
            guard authority.isEmpty, query.count == 1, query[0].hasPrefix("socket="), query[0].count > 7 else {
                throw wrong
            }
            self.init(.unix(path: try Self.decoded(query[0].dropFirst(7))), name: export.isEmpty ? nil : export)
        } else {
            guard query.isEmpty, !authority.isEmpty else { throw wrong }
            let (host, port) = try Self.address(authority)
            self.init(.tcp(host: host, port: port ?? Self.port), name: export.isEmpty ? nil : export)
        }
    }

    /// `host`, `host:port` or `[address]:port`.
    private static func address(_ text: Substring) throws(ImageError) -> (host: String, port: String?) {
        let wrong = ImageError(.invalid, "No valid URL specified")
        let host: Substring
        var rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw wrong }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
        }
        guard !host.isEmpty else { throw wrong }
        if rest.isEmpty { return (try decoded(host), nil) }
        guard rest.removeFirst() == ":", UInt16(rest) != nil else { throw wrong }
        return (try decoded(host), String(rest))
    }

    /// What follows `nbd:` in the older form: words up to `:exportname=`, after which all is the name.
    private init(old text: Substring) throws(ImageError) {
        let mark = Self.range(of: ":exportname=", in: text)
        let place = text[..<(mark?.lowerBound ?? text.endIndex)]
        let name = mark.map { String(text[$0.upperBound...]) }
        if place.hasPrefix("unix:") {
            guard place.count > 5 else { throw ImageError(.invalid, "the socket of an NBD server has no path") }
            self.init(.unix(path: String(place.dropFirst(5))), name: name)
        } else {
            guard let colon = place.lastIndex(of: ":"), colon > place.startIndex,
                place.index(after: colon) < place.endIndex
            else { throw ImageError(.invalid, "address '\(place)' is not nbd:HOST:PORT") }
            var host = place[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            self.init(.tcp(host: String(host), port: String(place[place.index(after: colon)...])), name: name)
        }
    }

    /// A part of a URI with its `%20` resolved (RFC 3986, 2.1).
    private static func decoded(_ text: Substring) throws(ImageError) -> String {
        let wrong = ImageError(.invalid, "No valid URL specified")
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let code = UInt8(Substring(rest.prefix(2)), radix: 16), rest.count >= 2, code != 0 else {
                throw wrong
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw wrong }
        return decoded
    }

    /// What QEMU calls it.
    public var uri: String {
        switch server {
        case .tcp(let host, let port): "nbd://\(host):\(port)" + (name.map { "/\($0)" } ?? "")
        case .unix(let path): "nbd+unix://" + (name.map { "/\($0)" } ?? "") + "?socket=\(path)"
        }
    }

    /// What messages call the server.
    var place: String {
        switch server {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// What a server is spoken to with over TLS: QEMU's objects `tls-creds-x509` and `tls-creds-psk`.
public enum TLSCredentials: Sendable, Hashable {
    /// Certificates in a folder: `ca-cert.pem`, `client-cert.pem`, `client-key.pem`.
    case certificates(folder: String, verifiesServer: Bool)
    /// A key that both sides know, in a folder's `keys.psk`, by the name of who has it.
    case sharedKey(folder: String, user: String)
}
