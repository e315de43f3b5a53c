import JSONText

extension BlockNode {
    /// What QEMU calls an image: its path where that is enough to open it, else its options in JSON.
    ///
    /// - Parameter format: the format that was found on it.
    ///
    /// - Returns: the name.
    ///
    /// - Source: QEMU block.c `bdrv_refresh_filename`.
    func fileName(_ format: ImageFacts.Format) -> String { plainName ?? "json:" + json(format).text }

    private var plainName: String? {
        switch self {
        case .file(let file): return file.path
        case .nbd(let export): return export.uri
        case .null(let null): return null.said.count > 1 ? nil : "\(null.said["driver"]?.text ?? "null-co")://"
        case .format(let format):
            guard format.said.isEmpty else { return nil }
            if case .format = format.file { return nil }
            return format.file.plainName
        }
    }

    private func json(_ found: ImageFacts.Format) -> Members {
        switch self {
        case .file(let file):
            return Members(["driver": Self.quoted(file.driver), "filename": Self.quoted(file.path)])
        case .null(let null): return Members(null.said.mapValues(Self.text))
        case .nbd(let export): return Members(nbd(export))
        case .format(let format):
            var members = format.said.mapValues(Self.text)
            members["driver"] = Self.quoted((format.format ?? found).rawValue)
            members["file"] = format.file.json(.raw).text
            return Members(members)
        }
    }

    private func nbd(_ export: NBDExport) -> [String: String] {
        var members = ["driver": "nbd", "export": export.name, "tls-creds": export.credentials].compactMapValues { $0 }
        switch export.server {
        case .tcp(let host, let port):
            members.merge(["server.type": "inet", "server.host": host, "server.port": port]) { $1 }
        case .unix(let path): members.merge(["server.type": "unix", "server.path": path]) { $1 }
        }
        return members.mapValues(Self.quoted)
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let truth): truth ? "true" : "false"
        default: "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.written, as: UTF8.self)
    }

    /// Members in the order in which QEMU has them, that of its hash table: scripts compare such names.
    private struct Members {
        let text: String
        init(_ members: [String: String]) {
            let sorted = members.sorted { (Self.bucket($0.key), $0.key) < (Self.bucket($1.key), $1.key) }
            text = "{" + sorted.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
        }

        /// - Source: QEMU qobject/qdict.c `tdb_hash`, with 512 buckets.
        private static func bucket(_ key: String) -> UInt32 {
            var value: UInt32 = 0x238F_13AF &* UInt32(key.utf8.count)
            for (index, byte) in key.utf8.enumerated() { value &+= UInt32(byte) << (UInt32(index) * 5 % 24) }
            return (1_103_515_243 &* value &+ 12345) % 512
        }
    }
}
