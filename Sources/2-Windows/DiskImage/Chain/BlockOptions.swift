import JSONText

/// QEMU's block options, flat: `driver`, `file.filename`, `backing.driver` and so on.
///
/// They come from a command line (`driver=qcow2,file.filename=a`), or from a name in JSON, which may stand in an image.
///
/// - Source: QEMU block.c `parse_json_filename`, qobject/block-qdict.c `qdict_flatten`; qapi/block-core.json `BlockdevOptions`.
public struct BlockOptions: Sendable, Hashable {
    private(set) var values: [String: JSONValue] = [:]

    /// Options as pairs; of several of one name the last counts.
    public init(_ pairs: [(key: String, value: String)]) {
        for (key, value) in pairs { values[key] = .string(value) }
    }

    /// The options a name in JSON stands for: `json:{"driver": "qcow2", "file": {"driver": "file", "filename": "a"}}`.
    ///
    /// - Throws: an ``ImageError`` where that is no object in JSON, or says something twice.
    public init(json name: String) throws(ImageError) {
        let value: JSONValue
        do { value = try JSONValue(Self.standard(name.dropFirst(5))) } catch {
            throw ImageError(.invalid, "Could not parse the JSON options: \(error)")
        }
        guard case .object = value else { throw ImageError(.invalid, "Invalid JSON object given") }
        try add(value, "")
    }

    private init(_ values: [String: JSONValue]) { self.values = values }

    private mutating func add(_ value: JSONValue, _ key: String) throws(ImageError) {
        func inner(_ name: String) -> String { key.isEmpty ? name : "\(key).\(name)" }
        switch value {
        case .object(let members): for (name, member) in members { try add(member, inner(name)) }
        case .array(let list): for (number, member) in list.enumerated() { try add(member, inner("\(number)")) }
        default:
            // `"file": {"driver": …}` and `"file.driver": …`: which one counts is nobody's to guess.
            guard values.updateValue(value, forKey: key) == nil else {
                throw ImageError(.invalid, "'\(key)' is said twice")
            }
        }
    }

    var isEmpty: Bool { values.isEmpty }

    /// What one of them says.
    subscript(_ key: String) -> JSONValue? { values[key] }

    /// Takes one out.
    mutating func take(_ key: String) -> JSONValue? { values.removeValue(forKey: key) }

    /// Takes those of a child out.
    mutating func take(child name: String) -> BlockOptions {
        let prefix = name + "."
        var child = BlockOptions([:])
        for (key, value) in values where key.hasPrefix(prefix) {
            child.values[String(key.dropFirst(prefix.count))] = value
            values[key] = nil
        }
        return child
    }

    /// Takes a truth out: `on`, `off`, or JSON's.
    mutating func takeFlag(_ key: String) throws(ImageError) -> Bool? {
        switch take(key) {
        case nil: nil
        case .bool(let value)?: value
        case .string("on")?, .string("yes")?, .string("true")?, .string("y")?: true
        case .string("off")?, .string("no")?, .string("false")?, .string("n")?: false
        default: throw ImageError(.invalid, "Parameter '\(key)' expects 'on' or 'off'")
        }
    }

    /// Takes a number of bytes out: `64k`, or JSON's number.
    mutating func takeSize(_ key: String) throws(ImageError) -> UInt64? {
        let size: UInt64?
        switch take(key) {
        case nil: return nil
        case .integer(let number)?: size = UInt64(exactly: number)
        case .string(let text)?: size = ImageSize.bytes(text)
        default: size = nil
        }
        guard let size else { throw ImageSize.refusal(key) }
        return size
    }

    /// Has an option another value.
    mutating func set(_ key: String, _ value: String) { values[key] = .string(value) }

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
