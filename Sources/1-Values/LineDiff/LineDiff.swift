/// Differences between texts, line by line.
///
/// Pure and bounded: texts that differ in more lines than is worth searching come out as one large difference, never as
/// a long wait.
public enum LineDiff {
    /// The differences of two texts in the unified format of `diff -u`, which `patch` reads.
    ///
    /// - Parameters:
    ///   - old: the text before; `nil` where there was no file, which is shown as `/dev/null`.
    ///   - new: the text after; `nil` where there is to be none.
    ///   - oldName: the name after `---`.
    ///   - newName: the name after `+++`.
    ///   - context: lines shown before and after each difference.
    ///
    /// - Returns: the diff, ending in a newline; empty where nothing differs, also where an empty file comes or goes,
    ///   which has no lines to show.
    public static func unified(
        from old: String?, to new: String?, oldName: String, newName: String, context: Int = 3
    ) -> String {
        let context = min(max(0, context), 1 << 20)
        var lines = Lines()
        let before = lines.number(Array((old ?? "").utf8))
        let after = lines.number(Array((new ?? "").utf8))
        let edits = EditFinder.edits(before, after)
        guard !edits.isEmpty else { return "" }

        var result: [UInt8] = []
        result += Array("--- \(old == nil ? "/dev/null" : header(oldName))\n".utf8)
        result += Array("+++ \(new == nil ? "/dev/null" : header(newName))\n".utf8)
        func put(_ sign: Unicode.ASCII.CodeUnit, _ range: Range<Int>, of numbers: [Int32]) {
            for number in numbers[range] {
                let line = lines[number]
                result.append(sign)
                result += line
                if line.last != 0x0A { result += Array("\n\\ No newline at end of file\n".utf8) }
            }
        }
        var first = 0
        while first < edits.count {
            // Differences whose contexts touch are one hunk.
            var last = first
            while last + 1 < edits.count, edits[last + 1].old.lowerBound - edits[last].old.upperBound <= 2 * context {
                last += 1
            }
            let lead = min(context, edits[first].old.lowerBound)
            let trail = min(context, before.count - edits[last].old.upperBound)
            let oldRange = (edits[first].old.lowerBound - lead)..<(edits[last].old.upperBound + trail)
            let newRange = (edits[first].new.lowerBound - lead)..<(edits[last].new.upperBound + trail)
            result += Array("@@ -\(span(oldRange)) +\(span(newRange)) @@\n".utf8)
            var position = oldRange.lowerBound
            for edit in edits[first...last] {
                put(0x20, position..<edit.old.lowerBound, of: before)
                put(0x2D, edit.old, of: before)
                put(0x2B, edit.new, of: after)
                position = edit.old.upperBound
            }
            put(0x20, position..<oldRange.upperBound, of: before)
            first = last + 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The first line and the number of lines; an empty stretch is named by the line before it.
    private static func span(_ range: Range<Int>) -> String {
        switch range.count {
        case 0: "\(range.lowerBound),0"
        case 1: "\(range.lowerBound + 1)"
        default: "\(range.lowerBound + 1),\(range.count)"
        }
    }

    /// A name as it stands in a header: one with control characters in quotes, one with spaces ended by a tab, as
    /// `patch` wants to see them.
    private static func header(_ name: String) -> String {
        if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0x22 || $0 == 0x5C }) {
            var quoted: [UInt8] = [0x22]
            for byte in name.utf8 {
                switch byte {
                case 0x22, 0x5C: quoted += [0x5C, byte]
                case 0..<0x20, 0x7F:
                    let digits = String(byte, radix: 8)
                    quoted += Array("\\\(String(repeating: "0", count: 3 - digits.count))\(digits)".utf8)
                default: quoted.append(byte)
                }
            }
            return String(decoding: quoted + [0x22], as: UTF8.self)
        }
        return name.utf8.contains(0x20) ? name + "\t" : name
    }
}
