import ArgumentParser

/// A command whose usual command lines are read without ArgumentParser.
///
/// To parse takes longer (1.4 ms) than to start, open an image and tell of it (1.7 ms), and scripts ask for that by the
/// thousand. Whatever is not plain here (help, abbreviations, mistakes) is left to ArgumentParser, which then speaks.
protocol PlainImageCommand: ParsableCommand {
    var format: String? { get set }
    var output: ImageOutput { get set }
    var opening: ImageOpening { get set }
    var file: String { get set }

    /// Gives the options that are this command's alone their defaults.
    mutating func setOwnDefaults()

    /// Takes an option that is this command's alone.
    ///
    /// - Parameters:
    ///   - name: as `-f` or `--output`.
    ///   - value: what follows; not called for a flag.
    ///
    /// - Returns: whether it is known.
    mutating func takeOwn(_ name: String, _ value: () -> String?) -> Bool
}

extension PlainImageCommand {
    /// The command, if its line is plain.
    init?(plainly words: ArraySlice<String>) {
        var command = Self()
        (command.format, command.output, command.opening) = (nil, .human, .plain)
        command.setOwnDefaults()
        var files: [String] = []
        var rest = words
        while let word = rest.popFirst() {
            guard word.utf8.count > 1, word.utf8.first == UInt8(ascii: "-") else {
                files.append(word)
                continue
            }
            guard command.take(option: word, &rest) else { return nil }
        }
        guard files.count == 1 else { return nil }
        command.file = files[0]
        self = command
    }

    private mutating func take(_ name: String, _ value: () -> String?) -> Bool {
        switch name {
        case "-f": format = value()
        case "--output": return output.take(value())
        default: return takeOwn(name, value) || opening.take(name, value)
        }
        return true
    }

    /// Takes a word that begins with a dash, and what belongs to it.
    private mutating func take(option word: String, _ rest: inout ArraySlice<String>) -> Bool {
        guard word.utf8.dropFirst().first != UInt8(ascii: "-") else {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let joined = parts.count > 1 ? String(parts[1]) : nil
            guard let isFlag = takes(String(parts[0]), joined, &rest) else { return false }
            return !isFlag || joined == nil
        }
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            let joined = letters.isEmpty ? nil : String(letters)
            guard let isFlag = takes("-\(letter)", joined, &rest) else { return false }
            guard isFlag else { return true }
        }
        return true
    }

    /// Takes one option, its value joined to it or the next word; whether it is a flag, `nil` if that is not plain.
    private mutating func takes(_ name: String, _ joined: String?, _ rest: inout ArraySlice<String>) -> Bool? {
        var isFlag = true
        var isMissing = false
        var words = rest
        let isKnown = take(name) {
            isFlag = false
            guard let value = joined ?? words.popFirst(), joined != nil || value.utf8.first != UInt8(ascii: "-") else {
                isMissing = true
                return nil
            }
            return value
        }
        rest = words
        return isKnown && !isMissing ? isFlag : nil
    }
}
