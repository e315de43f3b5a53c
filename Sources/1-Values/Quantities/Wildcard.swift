/// A shell wildcard: `*`, `?` and `[a-z]`, as fnmatch(3) reads them without special treatment of `/` and a leading dot.
public struct Wildcard: Sendable, Hashable {
    /// The pattern as written.
    public let pattern: String
    private let bytes: [UInt8]

    /// A pattern.
    public init(_ pattern: String) {
        self.pattern = pattern
        bytes = Array(pattern.utf8)
    }

    /// Whether a name matches as a whole.
    ///
    /// Time is at most the product of the two lengths.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        var patternIndex = 0
        var nameIndex = 0
        // Where to go on if what follows the last star does not fit.
        var star: (pattern: Int, name: Int)?
        while nameIndex < name.count {
            if patternIndex < bytes.count, bytes[patternIndex] == UInt8(ascii: "*") {
                star = (patternIndex, nameIndex)
                patternIndex += 1
            } else if patternIndex < bytes.count, let next = single(at: patternIndex, matches: name[nameIndex]) {
                patternIndex = next
                nameIndex += 1
            } else if let (starPattern, starName) = star {
                patternIndex = starPattern + 1
                nameIndex = starName + 1
                star = (starPattern, starName + 1)
            } else {
                return false
            }
        }
        while patternIndex < bytes.count, bytes[patternIndex] == UInt8(ascii: "*") { patternIndex += 1 }
        return patternIndex == bytes.count
    }

    /// Whether one of some patterns matches a name; without any, every name is chosen.
    public static func choose(_ patterns: [Wildcard], _ name: String) -> Bool {
        patterns.isEmpty || patterns.contains { $0.matches(name) }
    }

    /// Where the pattern goes on after one character of it matched; `nil` if it did not.
    private func single(at index: Int, matches character: UInt8) -> Int? {
        switch bytes[index] {
        case UInt8(ascii: "?"): return index + 1
        case UInt8(ascii: "["):
            var position = index + 1
            let negated =
                position < bytes.count && (bytes[position] == UInt8(ascii: "!") || bytes[position] == UInt8(ascii: "^"))
            if negated { position += 1 }
            var found = false
            var isFirst = true
            while position < bytes.count, isFirst || bytes[position] != UInt8(ascii: "]") {
                isFirst = false
                if position + 2 < bytes.count, bytes[position + 1] == UInt8(ascii: "-"),
                    bytes[position + 2] != UInt8(ascii: "]")
                {
                    if bytes[position] <= character, character <= bytes[position + 2] { found = true }
                    position += 3
                } else {
                    if bytes[position] == character { found = true }
                    position += 1
                }
            }
            // Without a closing bracket the opening one stands for itself.
            guard position < bytes.count else { return character == UInt8(ascii: "[") ? index + 1 : nil }
            return found != negated ? position + 1 : nil
        default: return bytes[index] == character ? index + 1 : nil
        }
    }
}
