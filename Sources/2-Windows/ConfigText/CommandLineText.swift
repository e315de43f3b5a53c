/// A kernel command line as text, edited word by word: order, spacing and quotes elsewhere stay.
struct CommandLineText {
    private let bytes: [UInt8]
    /// The words' places; white space inside quotes belongs to a word.
    private let words: [Range<Int>]

    init(_ line: String) {
        bytes = Array(line.utf8)
        var words: [Range<Int>] = []
        var start: Int?
        var isQuoted = false
        for (index, byte) in bytes.enumerated() {
            if byte == 0x22 { isQuoted.toggle() }
            let isSpace = (byte == 0x20 || byte == 0x09) && !isQuoted
            if isSpace, let begin = start {
                words.append(begin..<index)
                start = nil
            } else if !isSpace, start == nil {
                start = index
            }
        }
        if let begin = start { words.append(begin..<bytes.count) }
        self.words = words
    }

    var texts: [String] { words.map { String(decoding: bytes[$0], as: UTF8.self) } }

    /// Runs of words that a change is about: one word, or the ordered pair `hugepagesz=1G hugepages=…`.
    private func places(_ name: String) -> [Range<Int>] {
        let parts = name.split(separator: " ").map(String.init)
        let texts = texts
        guard parts.count == 2 else {
            return texts.indices.filter { texts[$0] == name || texts[$0].hasPrefix(name + "=") }.map { $0..<($0 + 1) }
        }
        return texts.indices.dropLast().filter {
            texts[$0] == parts[0] && (texts[$0 + 1] == parts[1] || texts[$0 + 1].hasPrefix(parts[1] + "="))
        }.map { $0..<($0 + 2) }
    }

    /// The line with a change made.
    func applying(_ change: BootText.WordChange) -> String {
        let places = places(change.name)
        guard let value = change.value else {
            var result = bytes
            for place in places.reversed() {
                var start = words[place.lowerBound].lowerBound
                var end = words[place.upperBound - 1].upperBound
                // The space before goes with it, or the one after where it is the first.
                if place.lowerBound > 0 {
                    start = words[place.lowerBound - 1].upperBound
                } else if place.upperBound < words.count {
                    end = words[place.upperBound].lowerBound
                }
                result.removeSubrange(start..<end)
            }
            return String(decoding: result, as: UTF8.self)
        }
        let word = value.isEmpty ? change.name : "\(change.name)=\(value)"
        guard let place = places.last else {
            let line = String(decoding: bytes, as: UTF8.self)
            guard let last = words.last else { return line + word }
            var result = bytes
            result.insert(contentsOf: Array((" " + word).utf8), at: last.upperBound)
            return String(decoding: result, as: UTF8.self)
        }
        var result = bytes
        // Of several, the last one counts.
        result.replaceSubrange(
            words[place.lowerBound].lowerBound..<words[place.upperBound - 1].upperBound, with: Array(word.utf8))
        return String(decoding: result, as: UTF8.self)
    }

    /// All words but those of a change, in order.
    func others(than change: BootText.WordChange) -> [String] {
        let mine = places(change.name)
        // Of several equal names only the last is edited; taking out takes all.
        let gone = Set(change.value == nil ? mine.flatMap(Array.init) : mine.last.map(Array.init) ?? [])
        return texts.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
    }

    /// Whether the line has what a change wants.
    func has(_ change: BootText.WordChange) -> Bool {
        let places = places(change.name)
        guard let value = change.value else { return places.isEmpty }
        let word = value.isEmpty ? change.name : "\(change.name)=\(value)"
        return places.last.map { texts[$0].joined(separator: " ") == word } ?? false
    }
}
