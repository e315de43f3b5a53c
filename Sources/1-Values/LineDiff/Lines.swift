/// Texts taken apart into lines, each a number: equal lines of any of the texts have the same.
struct Lines {
    private var numbers: [ArraySlice<UInt8>: Int32] = [:]
    private var texts: [ArraySlice<UInt8>] = []

    /// A text's lines as numbers; a line holds its own newline, so that a last line without one is another line.
    mutating func number(_ bytes: [UInt8]) -> [Int32] {
        var result: [Int32] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            let line = bytes[start..<end]
            if let known = numbers[line] {
                result.append(known)
            } else {
                let new = Int32(truncatingIfNeeded: texts.count)
                numbers[line] = new
                texts.append(line)
                result.append(new)
            }
            start = end
        }
        return result
    }

    /// The line's bytes, with its newline where it has one.
    subscript(number: Int32) -> ArraySlice<UInt8> { texts[Int(number)] }
}

/// A stretch of the old lines that gives way to one of the new; either may be empty, never both.
struct Edit: Equatable {
    var old: Range<Int>
    var new: Range<Int>
}

/// Finds the edits that make one row of numbers into another.
struct EditFinder {
    /// Beyond as many changed lines nothing is searched: the memory for the way back grows with the square.
    static let mostChanges = 2_000
    /// Beyond as many comparisons nothing is searched: about a tenth of a second.
    static let mostWork = 20_000_000

    private let old: [Int32]
    private let new: [Int32]
    private var isDeleted: [Bool]
    private var isInserted: [Bool]

    /// The edits, in order, with at least one line kept between each two; as few lines changed as can be found within
    /// the limits, else everything between the first and the last difference as one edit.
    static func edits(_ old: [Int32], _ new: [Int32]) -> [Edit] {
        var finder = EditFinder(old, new)
        finder.search()
        Self.slide(&finder.isDeleted, old)
        Self.slide(&finder.isInserted, new)
        return finder.collected()
    }

    private init(_ old: [Int32], _ new: [Int32]) {
        self.old = old
        self.new = new
        isDeleted = Array(repeating: false, count: old.count)
        isInserted = Array(repeating: false, count: new.count)
    }

    /// Myers' greedy search between the common beginning and the common end, with the furthest points of each round
    /// kept for the way back.
    private mutating func search() {
        var start = 0
        while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
        var oldEnd = old.count
        var newEnd = new.count
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        let count = oldEnd - start
        let newCount = newEnd - start
        // Only insertions, or only deletions: nothing to search.
        guard count > 0, newCount > 0 else { return markAll(start..<oldEnd, start..<newEnd) }

        let limit = min(count + newCount, Self.mostChanges)
        // Furthest old position on each diagonal (old - new), shifted by `limit + 1` so that indices are positive.
        var furthest = [Int32](repeating: 0, count: 2 * limit + 3)
        var rounds: [[Int32]] = []
        var work = 0
        for changes in 0...limit {
            for diagonal in stride(from: -changes, through: changes, by: 2) {
                // Past an edge there is nothing to find; such points would only cost work.
                if diagonal > count || -diagonal > newCount { continue }
                let index = diagonal + limit + 1
                var x: Int
                if changes == 0 {
                    x = 0
                } else if diagonal == -changes || (diagonal != changes && furthest[index - 1] < furthest[index + 1]) {
                    x = Int(furthest[index + 1])
                } else {
                    x = Int(furthest[index - 1]) + 1
                }
                var y = x - diagonal
                let before = x
                while x < count, y < newCount, x >= 0, y >= 0, old[start + x] == new[start + y] {
                    x += 1
                    y += 1
                }
                work += x - before + 1
                furthest[index] = Int32(truncatingIfNeeded: x)
                if x >= count, y >= newCount {
                    return walkBack(rounds, changes, start, count, newCount)
                }
            }
            guard work <= Self.mostWork else { break }
            let middle = limit + 1
            rounds.append(Array(furthest[(middle - changes)...(middle + changes)]))
        }
        markAll(start..<oldEnd, start..<newEnd)
    }

    /// Marks the changed lines, from the end to the beginning.
    ///
    /// `rounds[n]` holds the diagonals from -n to n.
    private mutating func walkBack(_ rounds: [[Int32]], _ changes: Int, _ start: Int, _ count: Int, _ newCount: Int) {
        var x = count
        var y = newCount
        for round in stride(from: changes, to: 0, by: -1) {
            let previous = rounds[round - 1]
            let diagonal = x - y
            /// The furthest old position on a diagonal one round earlier; -1 where there was none.
            func furthest(_ diagonal: Int) -> Int {
                let index = diagonal + round - 1
                guard previous.indices.contains(index), diagonal <= count, -diagonal <= newCount else { return -1 }
                return Int(previous[index])
            }
            let isInsertion =
                diagonal == -round || (diagonal != round && furthest(diagonal - 1) < furthest(diagonal + 1))
            if isInsertion {
                x = furthest(diagonal + 1)
                y = x - diagonal - 1
                isInserted[start + y] = true
            } else {
                x = furthest(diagonal - 1)
                y = x - diagonal + 1
                isDeleted[start + x] = true
            }
        }
    }

    private mutating func markAll(_ oldRange: Range<Int>, _ newRange: Range<Int>) {
        for index in oldRange { isDeleted[index] = true }
        for index in newRange { isInserted[index] = true }
    }

    /// Moves each run of changed lines down as far as it reads the same, as diff does: what is added after a block that
    /// ends alike is then shown whole.
    private static func slide(_ isChanged: inout [Bool], _ lines: [Int32]) {
        var start = 0
        while start < lines.count {
            guard isChanged[start] else {
                start += 1
                continue
            }
            var end = start
            while end < lines.count, isChanged[end] { end += 1 }
            while end < lines.count, lines[start] == lines[end] {
                isChanged[start] = false
                isChanged[end] = true
                start += 1
                end += 1
                while end < lines.count, isChanged[end] { end += 1 }
            }
            start = end
        }
    }

    private func collected() -> [Edit] {
        var edits: [Edit] = []
        var x = 0
        var y = 0
        while x < old.count || y < new.count {
            let isDifferent = (x < old.count && isDeleted[x]) || (y < new.count && isInserted[y])
            guard isDifferent else {
                x += 1
                y += 1
                continue
            }
            let oldStart = x
            let newStart = y
            while x < old.count, isDeleted[x] { x += 1 }
            while y < new.count, isInserted[y] { y += 1 }
            edits.append(Edit(old: oldStart..<x, new: newStart..<y))
        }
        return edits
    }
}
