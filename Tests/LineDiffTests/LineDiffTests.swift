import Foundation
import LineDiff
import Testing
import ToolRunning

@Suite struct LineDiffTests {
    private func diff(_ old: String?, _ new: String?, context: Int = 3) -> String {
        LineDiff.unified(from: old, to: new, oldName: "a", newName: "b", context: context)
    }

    @Test func equalTextsHaveNone() {
        #expect(diff("a\nb\n", "a\nb\n") == "")
        #expect(diff("", "") == "")
        #expect(diff(nil, nil) == "")
        #expect(diff(nil, "") == "")
    }

    @Test func changesAreShownInContext() {
        #expect(
            diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n") == """
                --- a
                +++ b
                @@ -2,7 +2,7 @@
                 2
                 3
                 4
                -5
                +five
                 6
                 7
                 8

                """)
    }

    @Test func farChangesAreHunksOfTheirOwn() {
        let old = (1...12).map { "\($0)\n" }.joined()
        let new = "0\n" + old.replacing("12\n", with: "")
        #expect(
            diff(old, new, context: 1) == """
                --- a
                +++ b
                @@ -1 +1,2 @@
                +0
                 1
                @@ -11,2 +12 @@
                 11
                -12

                """)
    }

    @Test func filesComeAndGo() {
        #expect(diff(nil, "a\nb\n") == "--- /dev/null\n+++ b\n@@ -0,0 +1,2 @@\n+a\n+b\n")
        #expect(diff("a\n", nil) == "--- a\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n")
    }

    @Test func absentLastNewlinesAreSaid() {
        let note = "\\ No newline at end of file\n"
        #expect(diff("a", "a\n") == "--- a\n+++ b\n@@ -1 +1 @@\n-a\n\(note)+a\n")
        #expect(diff("a\nb", "c\nb") == "--- a\n+++ b\n@@ -1,2 +1,2 @@\n-a\n+c\n b\n\(note)")
    }

    @Test func namesAreWrittenAsPatchReadsThem() {
        let text = LineDiff.unified(from: "", to: "a\n", oldName: "/etc/my file", newName: "x\n\"y")
        #expect(text == "--- /etc/my file\t\n+++ \"x\\012\\\"y\"\n@@ -0,0 +1 @@\n+a\n")
    }

    /// What is added after a block that ends alike is shown from its own beginning.
    @Test func addedBlocksAreShownWhole() {
        let text = diff("a {\n}\n", "a {\n}\nb {\n}\n")
        #expect(text == "--- a\n+++ b\n@@ -1,2 +1,4 @@\n a {\n }\n+b {\n+}\n")
    }

    @Test func hugeTextsStayBounded() {
        let old = (0..<200_000).map { "\($0)\n" }.joined()
        let new = (0..<200_000).map { "x\($0 % 7)\n" }.joined()
        let start = ContinuousClock.now
        let text = diff("first\n" + old, "first\n" + new)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(text.hasPrefix("--- a\n+++ b\n@@ -1,200001 +1,200001 @@\n first\n-0\n"))
    }

    /// Random texts over few lines, so that there is much to mistake.
    static func text(_ random: inout some RandomNumberGenerator) -> String {
        let count = Int.random(in: 0...20, using: &random)
        var text = (0..<count).map { _ in "\(["a", "b", "c", "", "d e"].randomElement(using: &random) ?? "")\n" }
            .joined()
        if Int.random(in: 0..<4, using: &random) == 0, text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    static let hasTools = ["/usr/bin/patch", "/usr/bin/diff", "/usr/bin/diff3"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: hasTools, "patch and diff are not installed")) func patchMakesTheNewTextOfTheOld() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let old = Self.text(&random)
            let new = Self.text(&random)
            let text = diff(old, new, context: Int.random(in: 0...3, using: &random))
            guard old != new else { continue }
            try Data(old.utf8).write(to: folder.appending(path: "old"))
            try Data(new.utf8).write(to: folder.appending(path: "new"))
            let theirs = try await RunningProgram(
                "diff", ["-u", "--minimal", "old", "new"], folder: folder.path
            ).end()
            #expect(Self.changes(text) == Self.changes(theirs.text), "seed \(seed): \(old.debugDescription)")
            let patched = try await RunningProgram(
                "patch", ["-s", "-o", "-", "old"], input: .bytes(Array(text.utf8)), folder: folder.path
            ).end()
            #expect(patched.text == new, "seed \(seed): \(old.debugDescription) → \(new.debugDescription)\n\(text)")
        }
    }

    /// Lines taken out and put in.
    private static func changes(_ diff: String) -> Int {
        diff.split(separator: "\n").dropFirst(2).count { $0.hasPrefix("+") || $0.hasPrefix("-") }
    }
}
