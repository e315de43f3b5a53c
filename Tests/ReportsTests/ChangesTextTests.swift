import Changes
import Foundation
import Quantities
import Testing
import Transactions

@testable import Reports

/// Plans and transactions as people read them, against files that a person has read.
@Suite struct ChangesTextTests {
    private func compare(_ bytes: [UInt8], _ name: String) throws {
        let file = GoldenTests.folder.appending(path: "changes/\(name)")
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: file)
            Issue.record("recorded \(name)")
            return
        }
        #expect(try Data(contentsOf: file) == Data(bytes), "\(name)")
    }

    @Test(arguments: Language.allCases) func plan(_ language: Language) throws {
        let style = TextStyle(width: 80, isVerbose: true)
        try compare(PlanText.bytes(SampleChanges.plan, style, language), "plan.\(language.rawValue).text")
    }

    @Test func nothingToChange() throws {
        let text = String(decoding: PlanText.bytes(Plan(root: "/"), TextStyle(), .english), as: UTF8.self)
        #expect(text == "Nothing to change.\n")
    }

    @Test func transaction() throws {
        try compare(HistoryReport.text(SampleChanges.record, TextStyle(width: 80), .english), "show.text")
        try compare(HistoryReport.text([SampleChanges.record], TextStyle(width: 80), .chinese), "history.zh.text")
    }

    @Test func passwordsAreInNoDiff() {
        for step in SampleChanges.plan.steps {
            #expect(!StepText.diff(step.resource, from: step.before, to: step.after).contains("geheim"))
        }
        #expect(
            !String(decoding: PlanText.bytes(SampleChanges.plan, TextStyle(), .english), as: UTF8.self).contains(
                "geheim"))
    }

    /// What `show` prints puts files back, whatever they hold.
    @Test(
        arguments: [
            Array("plain\n".utf8), Array("no end".utf8), [0xFF, 0x00, 0x27, 0x5C, 0x25, 0x0A],
            Array("a\nNEARMETAL\nb\n".utf8), [],
            Array("$HOME `x` \\n '\"\n".utf8), Array("a\r\n".utf8),
            Array("menuentry {\n\tlinux\n}\n".utf8), Array("\u{1B}[2J\n".utf8), Array("\u{202E}x\n".utf8),
        ] as [[UInt8]])
    func undoCommandsPutFilesBack(_ bytes: [UInt8]) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root.appending(path: "etc"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let file = root.appending(path: "etc/it's")
        try Data("changed".utf8).write(to: file)
        let state = ResourceState(bytes, attributes: FileAttributes(mode: 0o640, owner: getuid(), group: getgid()))
        let commands = StepText.undo(Resource(.file, "/etc/it's"), to: state, root: root.path, connection: nil)
        let printed = commands.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }
        #expect(printed.allSatisfy { Columns.plainLine($0) == $0 }, "a terminal would not show it as it is")
        let (status, output) = SchemaTests.run(["sh", "-ec", commands.joined(separator: "\n")])
        #expect(status == 0, "\(output)")
        #expect(try Data(contentsOf: file) == Data(bytes))
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
        #expect(mode as? Int == 0o640)
        let gone = StepText.undo(Resource(.file, "/etc/it's"), to: .absent, root: root.path, connection: nil)
        #expect(SchemaTests.run(["sh", "-ec", gone.joined(separator: "\n")]).status == 0)
        #expect(!FileManager.default.fileExists(atPath: file.path))
    }
}
