/// Writes JSON as it is told, member by member, into one buffer.
///
/// Reports hold tens of thousands of findings: nothing is built up but the bytes. Keys come out in the order given, so the same estate gives the
/// same bytes. With `indent` each member stands on a line of its own.
public struct JSONWriter: Sendable {
    // Parts written elsewhere stay where they are: to move megabytes costs as much as to write them.
    private var pieces: [[UInt8]] = []
    private var bytes: [UInt8] = []
    private let indent: Int
    private var depth = 0
    private var isFirst = true
    private var followsKey = false

    /// An empty text; `indent` 0 writes all on one line.
    public init(indent: Int = 2) { self.indent = indent }

    /// What is written so far, UTF-8.
    public var written: [UInt8] { pieces.isEmpty ? bytes : Array(pieces.joined()) + bytes }

    /// The whole text with a line's end, UTF-8.
    public consuming func finished() -> [UInt8] {
        let pieces = finishedPieces()
        return pieces.count == 1 ? pieces[0] : Array(pieces.joined())
    }

    /// The whole text with a line's end, in pieces that follow one another.
    public consuming func finishedPieces() -> [[UInt8]] {
        bytes.append(0x0A)
        pieces.append(bytes)
        return pieces
    }

    private mutating func separate() {
        if followsKey {
            followsKey = false
            return
        }
        if !isFirst { bytes.append(0x2C) }
        isFirst = false
        if depth > 0 { newline() }
    }

    private mutating func newline() {
        guard indent > 0 else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: depth * indent))
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        depth += 1
        isFirst = true
    }

    private mutating func close(_ bracket: UInt8) {
        depth -= 1
        if !isFirst { newline() }
        bytes.append(bracket)
        isFirst = false
    }

    /// Begins an object, for a writer that cannot nest closures; ``endObject()`` ends it.
    public mutating func beginObject() { open(0x7B) }
    /// Ends the object begun last.
    public mutating func endObject() { close(0x7D) }
    /// Begins an array; ``endArray()`` ends it.
    public mutating func beginArray() { open(0x5B) }
    /// Ends the array begun last.
    public mutating func endArray() { close(0x5D) }

    /// An object; its members are written inside.
    public mutating func object(_ members: (inout JSONWriter) -> Void) {
        open(0x7B)
        members(&self)
        close(0x7D)
    }

    /// An array; its elements are written inside.
    public mutating func array(_ elements: (inout JSONWriter) -> Void) {
        open(0x5B)
        elements(&self)
        close(0x5D)
    }

    /// An array with an element for each of a sequence.
    public mutating func array<Element>(
        _ sequence: some Sequence<Element>, _ write: (inout JSONWriter, Element) -> Void
    ) {
        array { writer in for element in sequence { write(&writer, element) } }
    }

    /// A member's name; its value follows.
    public mutating func key(_ name: String) {
        separate()
        quote(name)
        bytes.append(0x3A)
        if indent > 0 { bytes.append(0x20) }
        followsKey = true
    }

    /// A string value.
    public mutating func string(_ value: String) {
        separate()
        quote(value)
    }
    /// A whole number.
    public mutating func integer(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: value.description.utf8)
    }
    /// A number; `null` if it is not finite, which JSON has no word for.
    public mutating func number(_ value: Double) {
        separate()
        bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
    }
    /// A truth value.
    public mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }
    /// Nothing.
    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// A member with a string; `nil` writes `null`.
    public mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }
    /// A member with a whole number; `nil` writes `null`.
    public mutating func member(_ name: String, _ value: (some BinaryInteger)?) {
        key(name)
        if let value { integer(value) } else { null() }
    }
    /// A member with a truth value; `nil` writes `null`.
    public mutating func member(_ name: String, _ value: Bool?) {
        key(name)
        if let value { bool(value) } else { null() }
    }
    /// A member with a number; `nil` writes `null`.
    public mutating func member(_ name: String, number value: Double?) {
        key(name)
        if let value { number(value) } else { null() }
    }
    /// A member with an object.
    public mutating func member(_ name: String, object members: (inout JSONWriter) -> Void) {
        key(name)
        object(members)
    }
    /// A member with an array that has an element for each of a sequence.
    public mutating func member<Element>(
        _ name: String, array sequence: some Sequence<Element>, _ write: (inout JSONWriter, Element) -> Void
    ) {
        key(name)
        array(sequence, write)
    }

    private mutating func quote(_ text: String) {
        bytes.append(0x22)
        var text = text
        text.withUTF8 { utf8 in
            // Most texts have nothing to escape: one pass without branches tells.
            var isSpecial = false
            for byte in utf8 { isSpecial = isSpecial || Self.isEscaped(byte) }
            guard isSpecial else {
                bytes.append(contentsOf: utf8)
                return
            }
            var start = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard Self.isEscaped(byte) else { continue }
                bytes.append(contentsOf: utf8[start..<index])
                start = index + 1
                switch byte {
                case 0x22: bytes.append(contentsOf: [0x5C, 0x22])
                case 0x5C: bytes.append(contentsOf: [0x5C, 0x5C])
                case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
                case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
                case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
                default:
                    let digits = Array("0123456789abcdef".utf8)
                    bytes.append(contentsOf: [0x5C, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
                }
            }
            bytes.append(contentsOf: utf8[start...])
        }
        bytes.append(0x22)
    }

    private static func isEscaped(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F }

    /// A writer of elements for the array that is open here, to be written elsewhere and put in with ``append(_:)``.
    public func part() -> JSONWriter {
        var part = JSONWriter(indent: indent)
        part.depth = depth
        return part
    }

    /// Puts elements in that a ``part()`` wrote.
    public mutating func append(_ part: JSONWriter) {
        guard !(part.bytes.isEmpty && part.pieces.isEmpty) else { return }
        if !isFirst { bytes.append(0x2C) }
        isFirst = false
        pieces.append(bytes)
        pieces += part.pieces
        pieces.append(part.bytes)
        bytes = []
    }
}
