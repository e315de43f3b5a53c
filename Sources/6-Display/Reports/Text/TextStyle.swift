import Practices

/// How text is laid out: width and colours of the terminal, and how much is told.
public struct TextStyle: Sendable {
    /// Columns of the terminal; at least 40 are assumed.
    public var width: Int
    /// Whether colours may be used.
    public var isColoured: Bool
    /// Whether reasons, trade-offs and evidence are told too.
    public var isVerbose: Bool

    /// A style.
    public init(width: Int = 80, isColoured: Bool = false, isVerbose: Bool = false) {
        self.width = max(40, width)
        self.isColoured = isColoured
        self.isVerbose = isVerbose
    }

    enum Ink: String {
        case bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", cyan = "36"
    }

    func ink(_ text: String, _ inks: Ink...) -> String {
        guard isColoured, !text.isEmpty else { return text }
        return "\u{1B}[" + inks.map(\.rawValue).joined(separator: ";") + "m" + text + "\u{1B}[0m"
    }

    func severity(_ severity: Severity, _ text: String) -> String {
        switch severity {
        case .error: ink(text, .bold, .red)
        case .warning: ink(text, .yellow)
        case .advice: ink(text, .cyan)
        case .info: ink(text, .dim)
        }
    }
}

/// Text in columns of a terminal, where an ideograph takes two.
public enum Columns {
    /// Columns one scalar takes: 2 for ideographs and full-width forms, 0 for combining marks and controls.
    ///
    /// - Source: Unicode Standard Annex 11, the ranges that occur in the texts here.
    static func width(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x300..<0x370, 0x200B...0x200F, 0xFE00...0xFE0F: 0
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }

    /// Columns a text takes.
    public static func width(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + width($1) } }

    /// The text with spaces after it up to a width.
    public static func padded(_ text: String, _ columns: Int) -> String {
        text + String(repeating: " ", count: max(0, columns - width(text)))
    }

    /// Control characters and direction overrides made visible: names and values come from guests and files, and a terminal obeys them.
    public static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isDangerous) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isDangerous(scalar) {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A line of a file or a command, in which a tab stays one.
    static func plainLine(_ line: some StringProtocol) -> String {
        line.split(separator: "\t", omittingEmptySubsequences: false).map { plain(String($0)) }.joined(separator: "\t")
    }

    private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// Breaks a text into lines of at most some columns: at spaces, and between ideographs.
    ///
    /// A longer word stands on a line of its own.
    public static func wrapped(_ text: String, to columns: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        var lineWidth = 0
        for (piece, spaced) in pieces(text) {
            let pieceWidth = width(piece)
            let gap = spaced && !line.isEmpty ? 1 : 0
            if !line.isEmpty, lineWidth + gap + pieceWidth > columns {
                lines.append(line)
                line = piece
                lineWidth = pieceWidth
            } else {
                line += (gap == 1 ? " " : "") + piece
                lineWidth += gap + pieceWidth
            }
        }
        if !line.isEmpty || lines.isEmpty { lines.append(line) }
        return lines
    }

    /// What may not be broken, with whether a space stood before it.
    ///
    /// An ideograph begins a piece; closing punctuation stays with what it closes.
    private static func pieces(_ text: String) -> [(String, Bool)] {
        var pieces: [(String, Bool)] = []
        var word = ""
        var wordIsSpaced = false
        var spaced = false
        func isClosing(_ scalar: Unicode.Scalar) -> Bool { ",。;:、)」》%!?".unicodeScalars.contains(scalar) }
        for scalar in text.unicodeScalars {
            if scalar == " " || scalar == "\n" {
                if !word.isEmpty { pieces.append((word, wordIsSpaced)) }
                word = ""
                spaced = true
                continue
            }
            let isWide = width(scalar) == 2
            if isWide, !word.isEmpty, !isClosing(scalar) {
                pieces.append((word, wordIsSpaced))
                word = ""
            }
            if word.isEmpty { wordIsSpaced = spaced }
            word.unicodeScalars.append(scalar)
            spaced = false
        }
        if !word.isEmpty { pieces.append((word, wordIsSpaced)) }
        return pieces
    }
}
