internal import Changes
internal import LineDiff

/// GRUB's environment block: variables, one a line, and as many `#` as make it 1,024 bytes.
///
/// GRUB writes to it at each boot (`boot_success`), and moves what fills it. So two states are compared and merged variable by variable.
enum EnvironmentBlock {
    private static let header = Array("# GRUB Environment Block\n".utf8)

    /// A line; in a value a backslash stands before a line's end.
    private struct Line {
        var name: [UInt8]
        var bytes: [UInt8]
    }

    /// Its lines, and how many bytes the whole has; `nil` for any other file.
    private static func read(_ bytes: [UInt8]?) -> (lines: [Line], size: Int)? {
        guard let bytes, bytes.starts(with: header), bytes.count <= 1 << 16 else { return nil }
        var lines: [Line] = []
        var start = 0
        var isEscaped = false
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A, !isEscaped {
                let line = Array(bytes[start...index])
                lines.append(Line(name: Array(line.prefix { $0 != 0x3D && $0 != 0x0A }), bytes: line))
                start = index + 1
            }
            isEscaped = byte == 0x5C && !isEscaped
        }
        // What fills it has no end of line.
        return bytes[start...].allSatisfy { $0 == 0x23 } ? (lines, bytes.count) : nil
    }

    private static func values(_ lines: [Line]) -> [[UInt8]: [UInt8]] {
        Dictionary(lines.map { ($0.name, $0.bytes) }) { first, _ in first }
    }

    /// Merges what two sides made of one block.
    ///
    /// - Returns: the merged block, with *ours* where both changed a variable; `nil` where one of the three is none.
    static func merge(base: [UInt8], ours: [UInt8], theirs: [UInt8]) -> Merge? {
        guard let old = read(base), let mine = read(ours), let other = read(theirs) else { return nil }
        let (before, after) = (values(old.lines), values(other.lines))
        var conflicts = 0
        var present: Set<[UInt8]> = []
        var result: [UInt8] = []
        for line in mine.lines {
            present.insert(line.name)
            let (was, wanted) = (before[line.name], after[line.name])
            if was == wanted || line.bytes == wanted {
                result += line.bytes
            } else if line.bytes == was {
                result += wanted ?? []
            } else {
                conflicts += 1
                result += line.bytes
            }
        }
        for line in other.lines where !present.contains(line.name) && before[line.name] != line.bytes {
            if before[line.name] == nil { result += line.bytes } else { conflicts += 1 }
        }
        guard result.count <= mine.size else { return Merge(bytes: ours, conflicts: conflicts + 1) }
        return Merge(
            bytes: result + [UInt8](repeating: 0x23, count: mine.size - result.count), conflicts: conflicts)
    }

    /// Whether all that a step set in a block is still as it set it.
    static func holds(_ step: StepRecord, _ now: ResourceState) -> Bool {
        guard let before = read(step.before.bytes), let after = read(step.after?.bytes), let present = read(now.bytes)
        else { return false }
        let (old, new, current) = (values(before.lines), values(after.lines), values(present.lines))
        return Set(old.keys).union(new.keys).allSatisfy { old[$0] == new[$0] || current[$0] == new[$0] }
    }
}

/// Merges configuration: GRUB's environment by variables, everything else by lines.
func mergedTexts(base: [UInt8], ours: [UInt8], theirs: [UInt8]) -> Merge {
    EnvironmentBlock.merge(base: base, ours: ours, theirs: theirs)
        ?? LineDiff.merge(base: base, ours: ours, theirs: theirs)
}
