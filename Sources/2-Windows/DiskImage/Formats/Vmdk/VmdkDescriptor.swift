/// The text that says what a VMware image is made of.
///
/// - Source: QEMU block/vmdk.c `vmdk_parse_extents`, `vmdk_create`.
struct VmdkDescriptor: Sendable {
    /// A line as `RW 4192256 SPARSE "disk-s001.vmdk"`.
    struct Extent: Sendable {
        var sectors: UInt64
        var kind: String
        var name: String
        /// Sectors of the file before the extent's.
        var offset: UInt64
    }

    var id: UInt32 = 0
    var parentID: UInt32 = .max
    var type = ""
    var parent: String?
    var extents: [Extent] = []

    /// QEMU reads no more of one that lies in an extent.
    static let limit = 20 * 512
    /// Nor of one that is a file of its own.
    static let fileLimit = (1 << 20) - 1

    /// Reads the text.
    init(_ text: String) throws(Malformed) {
        var hasID = false
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("CID="), let id = UInt32(line.dropFirst(4).prefix { $0.isHexDigit }, radix: 16) {
                self.id = id
                hasID = true
            }
            if line.hasPrefix("parentCID="),
                let id = UInt32(line.dropFirst(10).prefix { $0.isHexDigit }, radix: 16)
            {
                parentID = id
            }
            if line.hasPrefix("createType=") { type = Self.quoted(line) ?? "" }
            if line.hasPrefix("parentFileNameHint=") { parent = Self.quoted(line) }
            if let extent = try Self.extent(line) { extents.append(extent) }
        }
        guard hasID else { throw Malformed("the descriptor has no content id") }
    }

    /// What stands in quotes after the equals sign.
    static func quoted(_ line: Substring) -> String? {
        let value = line.drop { $0 != "=" }.dropFirst()
        let text = value.hasPrefix("\"") ? value.dropFirst().prefix { $0 != "\"" } : value
        return text.isEmpty ? nil : String(text)
    }

    private static func extent(_ line: Substring) throws(Malformed) -> Extent? {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count >= 3, words[0] == "RW", let sectors = UInt64(words[1]), sectors > 0 else { return nil }
        let kind = String(words[2].prefix { !$0.isWhitespace })
        guard sectors < UInt64(Int64.max) / 512 else { throw Malformed("an extent of \(sectors) sectors") }
        if kind == "ZERO" { return Extent(sectors: sectors, kind: kind, name: "", offset: 0) }
        guard words.count == 4, ["FLAT", "SPARSE", "VMFS", "VMFSSPARSE", "SESPARSE"].contains(kind),
            words[3].hasPrefix("\"")
        else {
            return nil
        }
        let name = words[3].dropFirst().prefix { $0 != "\"" }
        guard !name.isEmpty else { return nil }
        let rest = words[3].dropFirst(name.count + 2).split(separator: " ")
        guard rest.isEmpty || kind == "FLAT" else { throw Malformed("Invalid extent line: \(line.prefix(80))") }
        let offset = rest.first.flatMap { UInt64($0) } ?? 0
        guard kind != "FLAT" || !rest.isEmpty else { throw Malformed("a flat extent without its offset") }
        guard offset < UInt64(Int64.max) / 512 else { throw Malformed("an extent at sector \(offset)") }
        return Extent(sectors: sectors, kind: kind, name: String(name), offset: offset)
    }
}
