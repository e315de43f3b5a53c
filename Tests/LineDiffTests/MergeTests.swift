import Foundation
import LineDiff
import Testing
import ToolRunning

@Suite struct MergeTests {
    private func merge(_ base: String, _ ours: String, _ theirs: String) -> (text: String, conflicts: Int) {
        let merge = LineDiff.merge(base: Array(base.utf8), ours: Array(ours.utf8), theirs: Array(theirs.utf8))
        return (String(decoding: merge.bytes, as: UTF8.self), merge.conflicts)
    }

    @Test(arguments: [
        ("changes of other lines are both made", "1\n2\n3\n", "one\n2\n3\n", "1\n2\nthree\n", "one\n2\nthree\n", 0),
        ("neighbouring lines, too", "1\n2\n", "one\n2\n", "1\ntwo\n", "one\ntwo\n", 0),
        ("the same change is made once", "1\n2\n", "one\n2\n", "one\n2\n", "one\n2\n", 0),
        ("ours wins", "1\n2\n", "one\n2\n", "ONE\n2\n", "one\n2\n", 1),
        ("ours wins where theirs takes out", "1\n2\n", "one\n2\n", "2\n", "one\n2\n", 1),
        ("what is added after a line taken out stays", "1\nx\n", "1\nx\nadded\n", "1\n", "1\nadded\n", 0),
        ("what is added before a line taken out stays", "1\nx\n", "1\nadded\nx\n", "1\n", "1\nadded\n", 0),
        ("the same line added on both sides is added once", "1\n", "1\n2\n", "1\n2\n", "1\n2\n", 0),
        ("different lines added at one place", "1\n", "1\n2\n", "1\n3\n", "1\n2\n", 1),
        ("nothing glues together", "1\n2\n", "1\ntwo", "1\n2\n3\n", "1\ntwo\n3\n", 0),
        ("two conflicts", "1\n2\n3\n", "a\n2\nb\n", "c\n2\nd\n", "a\n2\nb\n", 2),
        ("from nothing", "", "", "a\n", "a\n", 0),
        ("to nothing", "a\n", "", "a\n", "", 0),
    ])
    func merges(_ what: String, _ base: String, _ ours: String, _ theirs: String, _ text: String, _ conflicts: Int) {
        let result = merge(base, ours, theirs)
        #expect(result.text == text, "\(what)")
        #expect(result.conflicts == conflicts, "\(what)")
    }

    @Test func oneSideAloneIsTakenWhole() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3_000 {
            let base = LineDiffTests.text(&random)
            let side = LineDiffTests.text(&random)
            for result in [merge(base, side, base), merge(base, base, side), merge(base, side, side)] {
                #expect(result.text == side, "seed \(seed): \(base.debugDescription)")
                #expect(result.conflicts == 0)
            }
        }
    }

    /// Where diff3 sees no conflict, the merge is the same.
    @Test(.enabled(if: LineDiffTests.hasTools, "diff3 is not installed")) func agreesWithDiff3() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var merged = 0
        for _ in 0..<60 {
            // Lines that are all different, so that there is one way only to see what was changed.
            let lines = (0..<20).map { "\($0)" }
            func side() -> String {
                var side = lines
                for number in 0..<Int.random(in: 1...3, using: &random) {
                    let index = Int.random(in: 0..<side.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: side.remove(at: index)
                    case 1: side.insert("new \(number) \(random.next() % 5)", at: index)
                    default: side[index] = "other \(random.next() % 5)"
                    }
                }
                return side.joined(separator: "\n") + "\n"
            }
            let base = lines.joined(separator: "\n") + "\n"
            let ours = side()
            let theirs = side()
            for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
                try Data(text.utf8).write(to: folder.appending(path: name))
            }
            let run = try await RunningProgram("diff3", ["-m", "ours", "base", "theirs"], folder: folder.path).end()
            guard run.status == 0 else { continue }
            merged += 1
            let result = merge(base, ours, theirs)
            #expect(result.text == run.text, "seed \(seed)")
            #expect(result.conflicts == 0, "seed \(seed)")
        }
        #expect(merged > 10)
    }
}
