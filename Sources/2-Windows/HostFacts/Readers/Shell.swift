/// Shell files of assignments (`etc/default/grub`, os-release, sysconfig): values without quotes.
///
/// No command is run.
struct ShellFile {
    private let bytes: [UInt8]
    private var place = 0
    /// How many bytes may still be put in for variables.
    private var budget = 1 << 20
    /// Variables assigned so far.
    private(set) var variables: [String: String]

    /// Reads a file, on top of variables that are set already.
    init(_ bytes: [UInt8], over variables: [String: String] = [:]) {
        self.bytes = bytes
        self.variables = variables
        while place < bytes.count { statement() }
    }

    /// One line: an assignment, a comment, or something else, which is passed over.
    private mutating func statement() {
        skip { $0 <= 0x20 || $0 == 0x3B }
        guard place < bytes.count else { return }
        if bytes[place] == 0x23 { return skip { $0 != 0x0A } }
        var name = word()
        if name == "export" || name == "declare" || name == "readonly" {
            skip { $0 == 0x20 || $0 == 0x09 }
            name = word()
        }
        let appends = !name.isEmpty && place + 1 < bytes.count && bytes[place] == 0x2B && bytes[place + 1] == 0x3D
        if appends { place += 1 }
        guard !name.isEmpty, place < bytes.count, bytes[place] == 0x3D else {
            // A command: to the end of its line, quotes kept together.
            _ = value(isCommand: true)
            if place < bytes.count { place += 1 }
            return
        }
        place += 1
        let text = value(isCommand: false)
        if appends { variables[name, default: ""] += text } else { variables[name] = text }
    }

    private mutating func skip(_ condition: (UInt8) -> Bool) {
        while place < bytes.count, condition(bytes[place]) { place += 1 }
    }

    private static func isName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }

    private mutating func word() -> String {
        let start = place
        skip(Self.isName)
        return bytes[start..<place].string
    }

    private mutating func value(isCommand: Bool) -> String {
        var value: [UInt8] = []
        var quote: UInt8 = 0
        while place < bytes.count {
            let byte = bytes[place]
            if quote != 0, byte == quote {
                quote = 0
            } else if quote == 0, byte == 0x22 || byte == 0x27 {
                quote = byte
            } else if quote == 0, byte == 0x0A || (!isCommand && (byte <= 0x20 || byte == 0x3B)) {
                break
            } else if byte == 0x5C, quote != 0x27, place + 1 < bytes.count {
                place += 1
                let next = bytes[place]
                // At the end of a line it joins the next one; in double quotes it stands for itself before ordinary characters.
                if next != 0x0A {
                    if quote == 0x22, next != 0x22, next != 0x5C, next != 0x24, next != 0x60 { value.append(0x5C) }
                    value.append(next)
                }
            } else if byte == 0x24, quote != 0x27 {
                place += 1
                value += expansion()
                continue
            } else {
                value.append(byte)
            }
            place += 1
        }
        return value.string
    }

    /// What `$NAME` or `${NAME}` stands for; of anything else after a dollar the dollar itself.
    private mutating func expansion() -> [UInt8] {
        let start = place
        let isBraced = place < bytes.count && bytes[place] == 0x7B
        if isBraced { place += 1 }
        let name = word()
        // `A=$A$A` doubles: without a limit a few dozen such lines would fill the memory.
        guard budget > 0 else { return [] }
        guard !name.isEmpty, !isBraced || (place < bytes.count && bytes[place] == 0x7D) else {
            place = start
            return [0x24]
        }
        if isBraced { place += 1 }
        let text = Array((variables[name] ?? "").utf8)
        budget -= text.count
        return budget > 0 ? text : []
    }
}

extension HostFacts {
    /// Assignments of a shell file by name: quotes taken off, `$NAME` and `${NAME}` put in, `+=` appended.
    public static func parseShellVariables(_ bytes: [UInt8]) -> [String: String] { ShellFile(bytes).variables }
}
