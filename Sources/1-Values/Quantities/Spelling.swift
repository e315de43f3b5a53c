/// Finds what somebody meant to write.
public enum Spelling {
    /// The known word nearest to one that is not known; `nil` if none is near (more than a third of its letters differ).
    public static func nearest(to word: String, among known: [String]) -> String? {
        let word = Array(word.prefix(64).lowercased())
        return known.map { ($0, distance(word, Array($0.lowercased()))) }.filter { $0.1 <= max(1, $0.0.count / 3) }
            .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
    }

    /// Edits (insert, delete, replace, swap neighbours) from one word to another.
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        var before = [Int](repeating: 0, count: other.count + 1)
        var last = Array(0...other.count)
        for row in one.indices {
            var current = [row + 1]
            for column in other.indices {
                var best = min(
                    last[column + 1] + 1, current[column] + 1, last[column] + (one[row] == other[column] ? 0 : 1))
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
                    best = min(best, before[column - 1] + 1)
                }
                current.append(best)
            }
            before = last
            last = current
        }
        return last[other.count]
    }
}
