/// How a document's characters are written as bytes.
struct TextEncoding: Sendable {
    /// Families of encodings, by what an editor of bytes may rely on.
    enum Family: Sendable {
        /// UTF-8, or its part ASCII: any character can be written.
        case utf8
        /// Markup has ASCII's bytes, and they stand for nothing else; other characters are written as references.
        case asciiBased
        /// Two or four bytes a character: read, not edited.
        case wide
        /// Not read.
        case unknown
    }
    /// Its name as declared, or `UTF-8`.
    let name: String
    /// Its family.
    let family: Family
    /// Bytes of a byte order mark before the document.
    let markBytes: Int

    /// Whether documents in it are read.
    var isKnown: Bool { family != .unknown }

    /// What a document's first bytes tell; the same rules as XML 1.0, appendix F.
    init(of source: [UInt8]) {
        let start = Array(source.prefix(4))
        if start == [0x4C, 0x6F, 0xA7, 0x94] {
            self.init("EBCDIC", .unknown)
        } else if start.contains(0) || start.starts(with: [0xFE, 0xFF]) || start.starts(with: [0xFF, 0xFE]) {
            // The declaration may name another encoding, to which libxml2 would change over.
            let declared = Self.declared(source.prefix(1024).drop { $0 != 0x3C }.filter { $0 != 0 }[...])
            let family = declared.map(Self.family) ?? .wide
            self.init(declared ?? "UTF-16", family == .asciiBased || family == .unknown ? .unknown : .wide)
        } else {
            let mark = start.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            let declared = Self.declared(source.dropFirst(mark).prefix(1024))
            self.init(declared ?? "UTF-8", declared.map(Self.family) ?? .utf8, mark)
        }
    }

    private init(_ name: String, _ family: Family, _ markBytes: Int = 0) {
        self.name = name
        self.family = family
        self.markBytes = markBytes
    }

    /// The name in `<?xml … encoding="…"?>`.
    private static func declared(_ start: ArraySlice<UInt8>) -> String? {
        guard start.starts(with: "<?xml".utf8), let end = start.firstIndex(of: 0x3E) else { return nil }
        let declaration = start[..<end]
        let word = Array("encoding".utf8)
        var index = declaration.startIndex
        while index + word.count < declaration.endIndex {
            guard declaration[index...].starts(with: word) else {
                index += 1
                continue
            }
            let value = declaration[(index + word.count)...].drop { $0 <= 0x20 || $0 == 0x3D }
            guard let quote = value.first, quote == 0x22 || quote == 0x27 else { return nil }
            return String(decoding: value.dropFirst().prefix { $0 != quote }, as: UTF8.self)
        }
        return nil
    }

    private static func family(_ name: String) -> Family {
        let name = name.lowercased()
        if ["utf-8", "utf8", "us-ascii", "ascii"].contains(name) { return .utf8ForEditing(name) }
        let based = [
            "iso-8859-", "iso_8859-", "iso8859-", "latin", "windows-125", "cp125", "koi8-", "euc-", "gb", "big5",
        ]
        if based.contains(where: name.hasPrefix) { return .asciiBased }
        if name.hasPrefix("utf-16") || name.hasPrefix("utf16") || name.hasPrefix("ucs-")
            || name.hasPrefix("iso-10646-ucs")
        {
            return .wide
        }
        return .unknown
    }
}

extension TextEncoding.Family {
    /// ASCII has no place for other characters: they become references there.
    fileprivate static func utf8ForEditing(_ name: String) -> Self { name.hasPrefix("utf") ? .utf8 : .asciiBased }
}
