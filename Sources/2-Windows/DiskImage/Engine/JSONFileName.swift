import JSONText

/// A file that is named as QEMU's block options in JSON: `json:{"driver":"qcow2","file":{"driver":"file","filename":"a"}}`.
///
/// - Source: QEMU block.c `parse_json_filename`; qapi/block-core.json `BlockdevOptions`.
struct JSONFileName: Sendable, Hashable {
    /// Where it is; relative to the folder the program was started in.
    let path: String
    /// The format on it; `nil` where it is to be told by its content.
    let format: String?
    /// The part of it that is the disk, where that is not all.
    let window: RawDriver.Window?

    /// The file a name stands for; `nil` where it is no such name, or asks for more than a format on a file.
    init?(_ name: String) {
        guard name.hasPrefix("json:"), let value = try? JSONValue(Self.standard(name.dropFirst(5))),
            case .object(let members) = value
        else { return nil }
        let known: Set<String> = ["driver", "file", "file.driver", "file.filename", "filename", "offset", "size"]
        guard members.allSatisfy({ known.contains($0.key) }), let driver = value["driver"]?.text else { return nil }
        if value["offset"] == nil, value["size"] == nil {
            window = nil
        } else {
            func number(_ key: String) -> UInt64? {
                switch value[key] {
                case .integer(let number)?: UInt64(exactly: number)
                case .string(let text)?: UInt64(text)
                default: nil
                }
            }
            guard driver == "raw", value["offset"] == nil || number("offset") != nil,
                value["size"] == nil || number("size") != nil
            else { return nil }
            window = RawDriver.Window(offset: number("offset") ?? 0, size: number("size"))
        }
        if ["file", "host_device"].contains(driver) {
            guard let path = value["filename"]?.text else { return nil }
            self.path = path
            format = nil
            return
        }
        format = driver
        if let path = value["file.filename"]?.text {
            guard value["file.driver"]?.text ?? "file" == "file" else { return nil }
            self.path = path
        } else if case .object(let inner)? = value["file"],
            inner.allSatisfy({ ["driver", "filename"].contains($0.key) }),
            value["file"]?["driver"]?.text ?? "file" == "file", let path = value["file"]?["filename"]?.text
        {
            self.path = path
        } else {
            return nil
        }
    }

    /// The text with double quotes: QEMU's JSON may have single ones.
    private static func standard(_ text: Substring) -> String {
        var made = ""
        var quote: Character?
        var rest = text
        while let character = rest.popFirst() {
            switch character {
            case "\\" where quote != nil:
                guard let next = rest.popFirst() else { return made + "\\" }
                made += next == "'" ? "'" : "\\\(next)"
            case "'" where quote == nil, "\"" where quote == nil:
                quote = character
                made += "\""
            case "\"" where quote == "'": made += "\\\""
            case quote:
                quote = nil
                made += "\""
            default: made.append(character)
            }
        }
        return made
    }
}
