/// Lines of `key = value` below `[section]` heads; a setting is called `[section] key`, or `key` before the first head.
struct SectionText {
    private let lines: [Substring]

    init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

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

    private static func section(_ line: some StringProtocol) -> String? {
        let line = trimmed(line)
        guard line.hasPrefix("["), let end = line.firstIndex(of: "]") else { return nil }
        return trimmed(line[line.index(after: line.startIndex)..<end])
    }

    private var places: [Place] {
        var places: [Place] = []
        var section = ""
        for (index, line) in lines.enumerated() {
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
        return places.last { $0.section == name.section && $0.key == name.key }?.value
    }

    /// Everything else, in order.
    func others(than setting: String) -> [[String]] {
        let name = Self.name(setting)
        return places.filter { $0.section != name.section || $0.key != name.key }.map {
            [$0.section, $0.key, $0.value]
        }
    }

    /// The text with the setting changed.
    func setting(_ setting: String, to value: String?) -> String {
        let name = Self.name(setting)
        var lines = lines.map(String.init)
        let mine = places.filter { $0.section == name.section && $0.key == name.key }
        guard let value else {
            for place in mine.reversed() { lines.remove(at: place.line) }
            return lines.joined(separator: "\n")
        }
        if let last = mine.last {
            let line = lines[last.line]
            guard let equals = line.firstIndex(of: "=") else { return lines.joined(separator: "\n") }
            let space = line[line.index(after: equals)...].prefix { $0 == " " || $0 == "\t" }
            lines[last.line] = line[...equals] + space + value
            return lines.joined(separator: "\n")
        }
        if lines.last == "" { lines.removeLast() }
        let entry = "\(name.key) = \(value)"
        if name.section.isEmpty {
            let head = lines.firstIndex { Self.section($0) != nil } ?? lines.count
            lines.insert(entry, at: head)
        } else if let head = lines.lastIndex(where: { Self.section($0) == name.section }) {
            let next = lines[(head + 1)...].firstIndex { Self.section($0) != nil } ?? lines.count
            lines.insert(entry, at: next)
        } else {
            lines += ["[\(name.section)]", entry]
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
