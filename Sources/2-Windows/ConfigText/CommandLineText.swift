/// A kernel command line as text, edited word by word: order, spacing and quotes elsewhere stay.
struct CommandLineText {
    private let bytes: [UInt8]
    /// The words' places; white space inside quotes belongs to a word.
    private let words: [Range<Int>]
    private let texts: [String]
    /// The first word that is not the kernel's: `--`, after which all are init's; the number of words where there is none.
    private let end: Int

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
        let bytes = bytes
        texts = words.map { String(decoding: bytes[$0], as: UTF8.self) }
        end = texts.firstIndex(of: "--") ?? texts.count
    }

    /// Whether a word is a parameter of this name.
    ///
    /// To the kernel `-` and `_` in names are one. A name with a value in it (`console=tty0`) means that word alone.
    private static func isWord(_ word: String, _ name: String) -> Bool {
        func plain(_ text: some StringProtocol) -> [UInt8] { text.utf8.map { $0 == 0x2D ? 0x5F : $0 } }
        if word == name { return true }
        return !name.contains("=") && plain(word.prefix { $0 != "=" }) == plain(name)
    }

    /// The words that a change is about, by number: one word each, or both of an ordered pair `hugepagesz=1G hugepages=…`.
    private func places(_ name: String) -> [[Int]] {
        let parts = name.split(separator: " ").map(String.init)
        let own = 0..<end
        guard parts.count == 2, let equals = parts[0].firstIndex(of: "=") else {
            return own.filter { Self.isWord(texts[$0], name) }.map { [$0] }
        }
        // The second counts for the last of the first's kind before it, whatever stands between.
        let kind = String(parts[0][..<equals])
        var places: [[Int]] = []
        var first: Int?
        for index in own {
            if Self.isWord(texts[index], kind) {
                first = Self.isWord(texts[index], parts[0]) ? index : nil
            } else if Self.isWord(texts[index], parts[1]), let begin = first {
                places.append([begin, index])
                first = nil
            }
        }
        return places
    }

    /// The line with a change made.
    func applying(_ change: BootText.WordChange) -> String {
        let places = places(change.name)
        var result = bytes
        guard let value = change.value else {
            let gone = Set(places.joined())
            // The space before goes with a word; for those the line begins with, the space after.
            let kept = words.indices.first { !gone.contains($0) } ?? words.count
            for index in gone.sorted(by: >) where index > kept {
                result.removeSubrange(words[index - 1].upperBound..<words[index].upperBound)
            }
            if kept > 0 {
                let end = kept < words.count ? words[kept].lowerBound : words[kept - 1].upperBound
                result.removeSubrange(words[0].lowerBound..<end)
            }
            return String(decoding: result, as: UTF8.self)
        }
        let word = value.isEmpty ? change.name : "\(change.name)=\(value)"
        // Of several, the last one counts.
        if let place = places.last, let last = place.last {
            let own = place.count == 1 ? word : Self.second(of: word)
            result.replaceSubrange(words[last], with: Array(own.utf8))
        } else if end > 0 {
            result.insert(contentsOf: Array((" " + word).utf8), at: words[end - 1].upperBound)
        } else if let after = words.first {
            result.insert(contentsOf: Array((word + " ").utf8), at: after.lowerBound)
        } else {
            result += Array(word.utf8)
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The second word of a pair's text.
    private static func second(of word: String) -> String {
        word.split(separator: " ", maxSplits: 1).last.map(String.init) ?? word
    }

    /// All words but those of a change, in order.
    func others(than change: BootText.WordChange) -> [String] {
        let mine = places(change.name)
        // Of several equal names only the last is edited; taking out takes all.
        let gone = Set(change.value == nil ? Array(mine.joined()) : mine.last ?? [])
        return texts.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
    }

    /// Whether the line has what a change wants.
    func has(_ change: BootText.WordChange) -> Bool {
        let places = places(change.name)
        guard let value = change.value else { return places.isEmpty }
        guard let place = places.last, let last = place.last else { return false }
        let word = value.isEmpty ? change.name : "\(change.name)=\(value)"
        return texts[last] == (place.count == 1 ? word : Self.second(of: word))
    }
}
