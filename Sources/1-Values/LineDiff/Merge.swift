/// What has become of a three-way merge.
public struct Merge: Sendable, Hashable {
    /// The merged text.
    public var bytes: [UInt8]
    /// Places where both sides changed the same lines to different ones; there ``bytes`` has *ours*.
    public var conflicts: Int

    /// A merged text.
    public init(bytes: [UInt8], conflicts: Int) {
        self.bytes = bytes
        self.conflicts = conflicts
    }
}

extension LineDiff {
    /// Merges what two sides made of one text, line by line.
    ///
    /// The same change on both sides is one change. Changes of neighbouring lines are both made, and lines added right
    /// beside changed ones are kept beside what these have become; only changes of the same lines, and different lines
    /// added at the same place, are conflicts.
    ///
    /// - Parameters:
    ///   - base: the text both started from.
    ///   - ours: one side, which wins where the two disagree.
    ///   - theirs: the other side.
    ///
    /// - Returns: the merged text, and how often the sides disagreed.
    public static func merge(base: [UInt8], ours: [UInt8], theirs: [UInt8]) -> Merge {
        var lines = Lines()
        let base = lines.number(base)
        let ours = lines.number(ours)
        let theirs = lines.number(theirs)
        var ourEdits = EditFinder.edits(base, ours)[...]
        var theirEdits = EditFinder.edits(base, theirs)[...]

        var result: [UInt8] = []
        func put(_ numbers: ArraySlice<Int32>) {
            for number in numbers {
                // A side may have taken away the last newline where the other goes on.
                if let last = result.last, last != 0x0A { result.append(0x0A) }
                result += lines[number]
            }
        }
        var conflicts = 0
        var position = 0
        while let next = [ourEdits.first, theirEdits.first].compactMap({ $0?.old }).min(by: isBefore) {
            put(base[position..<next.lowerBound])
            var our: [Edit] = []
            var their: [Edit] = []
            var reach = next
            var isGrowing = true
            while isGrowing {
                isGrowing = false
                if let edit = ourEdits.first, overlap(reach, edit.old) {
                    our.append(ourEdits.removeFirst())
                    reach = reach.lowerBound..<max(reach.upperBound, edit.old.upperBound)
                    isGrowing = true
                }
                if let edit = theirEdits.first, overlap(reach, edit.old) {
                    their.append(theirEdits.removeFirst())
                    reach = reach.lowerBound..<max(reach.upperBound, edit.old.upperBound)
                    isGrowing = true
                }
            }
            let ourLines = replaced(reach, of: base, by: our, from: ours)
            let theirLines = replaced(reach, of: base, by: their, from: theirs)
            if our.isEmpty {
                put(theirLines[...])
            } else {
                if !their.isEmpty, ourLines != theirLines { conflicts += 1 }
                put(ourLines[...])
            }
            position = reach.upperBound
        }
        put(base[position...])
        return Merge(bytes: result, conflicts: conflicts)
    }

    /// What begins first goes first; of two at one place the one that only adds.
    private static func isBefore(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
        (one.lowerBound, one.upperBound) < (other.lowerBound, other.upperBound)
    }

    /// Whether two changes are of the same lines, or both add at the same place.
    private static func overlap(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
        if one.isEmpty && other.isEmpty { return one == other }
        if one.isEmpty { return other.lowerBound < one.lowerBound && one.lowerBound < other.upperBound }
        if other.isEmpty { return one.lowerBound < other.lowerBound && other.lowerBound < one.upperBound }
        return one.overlaps(other)
    }

    /// The lines that a side has in place of a stretch of the base.
    private static func replaced(_ range: Range<Int>, of base: [Int32], by edits: [Edit], from side: [Int32])
        -> [Int32]
    {
        var result: [Int32] = []
        var position = range.lowerBound
        for edit in edits {
            result += base[position..<edit.old.lowerBound]
            result += side[edit.new]
            position = edit.old.upperBound
        }
        result += base[position..<range.upperBound]
        return result
    }
}
