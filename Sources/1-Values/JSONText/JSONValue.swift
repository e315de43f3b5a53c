/// A JSON text as values.
///
/// For short answers from outside, which are not trusted: depth and size are bounded, and a name given twice is an error, as readers disagree on which
/// one counts.
///
/// - Source: RFC 8259.
public enum JSONValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true`, `false`.
    case bool(Bool)
    /// A whole number that fits.
    case integer(Int64)
    /// Any other number.
    case number(Double)
    /// A text.
    case string(String)
    /// A list.
    case array([JSONValue])
    /// Members by name.
    case object([String: JSONValue])

    /// Deepest nesting that is read.
    public static let depthLimit = 64

    /// Reads a whole text: one value, and white space around it.
    ///
    /// - Throws: where the text is no JSON, and at which byte.
    public init(_ text: String) throws(JSONError) {
        var reader = JSONReader(bytes: Array(text.utf8))
        self = try reader.document()
    }

    /// A member of an object; `nil` where there is none, and for other values.
    public subscript(_ name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }
    /// The text; `nil` for other values.
    public var text: String? { if case .string(let text) = self { text } else { nil } }
    /// The whole number; `nil` for other values.
    public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    /// The truth; `nil` for other values.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The list; `nil` for other values.
    public var array: [JSONValue]? { if case .array(let list) = self { list } else { nil } }
}

/// Why a text is no JSON.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was found or is missing.
    public let what: String
    /// Where, in bytes from 0.
    public let offset: Int
    /// An error.
    public init(what: String, offset: Int) {
        self.what = what
        self.offset = offset
    }
    /// The sentence, with its place.
    public var description: String { "\(what) at byte \(offset)" }
}

private struct JSONReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try self.value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw error("more text after the value") }
        return value
    }

    private func error(_ what: String) -> JSONError { JSONError(what: what, offset: position) }
    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.depthLimit else { throw error("nested too deeply") }
        skipSpace()
        switch next {
        case nil: throw error("the text ends where a value is expected")
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard take(text.utf8Start[index]) else { throw error("no JSON value") }
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a name is expected") }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("a colon is expected") }
            guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
                throw error("the name \"\(name)\" stands there twice")
            }
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw error("a comma or a closing brace is expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var list: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(list) }
        while true {
            list.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(list) }
            guard take(UInt8(ascii: ",")) else { throw error("a comma or a closing bracket is expected") }
        }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        _ = take(UInt8(ascii: "-"))
        func digits() -> Int {
            var count = 0
            while let byte = next, (0x30...0x39).contains(byte) {
                position += 1
                count += 1
            }
            return count
        }
        let isZero = next == UInt8(ascii: "0")
        let whole = digits()
        guard whole == 1 || (whole > 1 && !isZero) else { throw error("no JSON value") }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard digits() > 0 else { throw error("a digit is expected") }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard digits() > 0 else { throw error("a digit is expected") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw error("the number \(text) does not fit") }
        return .number(number)
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            guard let byte = next else { throw error("the text ends inside a string") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("the string is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a control character stands in a string")
            default: text.append(byte)
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw error("the text ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = UInt32(try unit())
            if (0xD800..<0xDC00).contains(code) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("half a surrogate pair") }
                let low = UInt32(try unit())
                guard (0xDC00..<0xE000).contains(low) else { throw error("half a surrogate pair") }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
            text.append(contentsOf: Character(scalar).utf8)
        default: throw error("an escape JSON does not have")
        }
    }

    private mutating func unit() throws(JSONError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw error("four hexadecimal digits are expected") }
        var value: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x37
            case 0x61...0x66: digit = byte - 0x57
            default: throw error("four hexadecimal digits are expected")
            }
            value = value << 4 | UInt16(digit)
        }
        position += 4
        return value
    }
}
