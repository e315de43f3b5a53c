/// Lines of `key = value` below `[section]` heads; a setting is called `[section] key`, or `key` before the first head.
struct SectionText {
    private let lines: [TextLine]

    init(_ text: String) { lines = TextLine.lines(of: text) }

    private struct Place {
        var line: Int
        var section: String
        var key: String
        var value: String
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        return String(text)
    }

    private static func name(_ setting: String) -> (section: String, key: String) {
        guard setting.hasPrefix("["), let end = setting.firstIndex(of: "]") else { return ("", trimmed(setting)) }
        return (
            trimmed(setting[setting.index(after: setting.startIndex)..<end]),
            trimmed(setting[setting.index(after: end)...])
        )
    }

    /// Whether a line sets what is named; nfs.conf knows no capitals, files without sections do.
    private static func isSame(_ place: Place, _ name: (section: String, key: String)) -> Bool {
        if name.section.isEmpty { return place.section.isEmpty && place.key == name.key }
        return place.section.lowercased() == name.section.lowercased()
            && place.key.lowercased() == name.key.lowercased()
    }

    private static func section(_ line: some StringProtocol) -> String? {
        let line = trimmed(line)
        guard line.hasPrefix("["), let end = line.firstIndex(of: "]") else { return nil }
        return trimmed(line[line.index(after: line.startIndex)..<end])
    }

    private var places: [Place] {
        var places: [Place] = []
        var section = ""
        for (index, line) in lines.map(\.text).enumerated() {
            let plain = Self.trimmed(line)
            if plain.isEmpty || plain.hasPrefix("#") || plain.hasPrefix(";") { continue }
            if let head = Self.section(line) {
                section = head
            } else if let equals = plain.firstIndex(of: "=") {
                places.append(
                    Place(
                        line: index, section: section, key: Self.trimmed(plain[..<equals]),
                        value: Self.trimmed(plain[plain.index(after: equals)...])))
            }
        }
        return places
    }

    /// The value that counts: the last one.
    func value(_ setting: String) -> String? {
        let name = Self.name(setting)
        return places.last { Self.isSame($0, name) }?.value
    }

    /// Everything else, in order.
    func others(than setting: String) -> [[String]] {
        let name = Self.name(setting)
        return places.filter { !Self.isSame($0, name) }.map {
            [$0.section, $0.key, $0.value]
        }
    }

    /// The text with the setting changed.
    func setting(_ setting: String, to value: String?) -> String {
        let name = Self.name(setting)
        var lines = lines
        let mine = places.filter { Self.isSame($0, name) }
        guard let value else {
            for place in mine.reversed() { lines.remove(at: place.line) }
            return TextLine.text(of: lines)
        }
        if let last = mine.last {
            let line = lines[last.line].text
            guard let equals = line.firstIndex(of: "=") else { return TextLine.text(of: lines) }
            let space = line[line.index(after: equals)...].prefix { $0 == " " || $0 == "\t" }
            lines[last.line].text = line[...equals] + space + value
            return TextLine.text(of: lines)
        }
        let end = lines.first?.end == "\r\n" ? "\r\n" : "\n"
        if let last = lines.indices.last, lines[last].end.isEmpty { lines[last].end = end }
        let entry = TextLine(text: "\(name.key) = \(value)", end: end)
        let heads = lines.indices.filter { Self.section(lines[$0].text) != nil }
        if name.section.isEmpty {
            lines.insert(entry, at: heads.first ?? lines.count)
        } else if let head = heads.last(where: {
            Self.section(lines[$0].text)?.lowercased() == name.section.lowercased()
        }) {
            var next = heads.first { $0 > head } ?? lines.count
            // Blank lines before the next section stay there.
            while next > head + 1, Self.trimmed(lines[next - 1].text).isEmpty { next -= 1 }
            lines.insert(entry, at: next)
        } else {
            lines += [TextLine(text: "[\(name.section)]", end: end), entry]
        }
        return TextLine.text(of: lines)
    }
}
