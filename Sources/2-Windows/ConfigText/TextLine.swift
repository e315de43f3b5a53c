/// A line of a text, and what ends it: `\n`, `\r\n`, or nothing for a last line without.
///
/// Lines are split by bytes: as a Swift character `\r\n` is one, and is no `\n`.
struct TextLine: Equatable {
    var text: String
    var end: String

    /// A text's lines.
    static func lines(of text: String) -> [TextLine] {
        let bytes = Array(text.utf8)
        var lines: [TextLine] = []
        var start = 0
        while start < bytes.count {
            let newline = bytes[start...].firstIndex(of: 0x0A)
            var stop = newline ?? bytes.count
            let next = newline.map { $0 + 1 } ?? bytes.count
            if newline != nil, stop > start, bytes[stop - 1] == 0x0D { stop -= 1 }
            lines.append(
                TextLine(
                    text: String(decoding: bytes[start..<stop], as: UTF8.self),
                    end: String(decoding: bytes[stop..<next], as: UTF8.self)))
            start = next
        }
        return lines
    }

    /// The text of lines.
    static func text(of lines: [TextLine]) -> String { lines.map { $0.text + $0.end }.joined() }
}
