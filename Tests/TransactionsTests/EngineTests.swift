import Changes
import Foundation
import Testing
import ToolRunning

@testable import Transactions

/// What an administrator relies on: all or nothing, and back again.
@Suite struct EngineTests {
    private func failure(_ body: () async throws -> Void) async -> TransactionError? {
        do { try await body() } catch { return error as? TransactionError }
        return nil
    }

    @Test func appliesAndRollsBackToTheByte() async throws {
        let scratch = try Scratch()
        try scratch.put("a = 1\n", "/etc/a.conf", mode: 0o640)
        try scratch.put("old\n", "/etc/gone.conf")
        let before = try scratch.picture()
        let plan = try await scratch.plan([
            ("/etc/a.conf", "a = 2\n"), ("/etc/new.d/deep/b.conf", "b = 1\n"), ("/etc/gone.conf", nil),
        ])
        let record = try await scratch.engine.apply(plan)
        #expect(record.state == .applied)
        #expect(scratch.text("/etc/a.conf") == "a = 2\n")
        #expect(scratch.text("/etc/new.d/deep/b.conf") == "b = 1\n")
        #expect(scratch.text("/etc/gone.conf") == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.root + "/etc/a.conf")[.posixPermissions]
        #expect(mode as? Int == 0o640)
        let undone = try await scratch.engine.rollBack(record.id)
        #expect(undone.state == .rolledBack)
        #expect(try scratch.picture() == before)
    }

    @Test func refusesAStalePlanAndNamesWhatChanged() async throws {
        let scratch = try Scratch()
        try scratch.put("a = 1\n", "/etc/a.conf")
        try scratch.put("b = 1\n", "/etc/b.conf")
        let plan = try await scratch.plan([("/etc/b.conf", "b = 2\n"), ("/etc/a.conf", "a = 2\n")])
        try scratch.put("a = 9\n", "/etc/a.conf")
        let before = try scratch.picture()
        let error = try #require(await failure { _ = try await scratch.engine.apply(plan) })
        #expect(error.kind == .stale)
        #expect(error.description.contains("/etc/a.conf has changed: -a = 1 +a = 9"))
        #expect(try scratch.picture() == before)
    }

    @Test func aStepThatFailsUndoesThoseBeforeIt() async throws {
        let scratch = try Scratch()
        try scratch.put("a = 1\n", "/etc/a.conf")
        try FileManager.default.createDirectory(atPath: scratch.root + "/etc/dir", withIntermediateDirectories: true)
        let before = try scratch.picture()
        var plan = try await scratch.plan([("/etc/a.conf", "a = 2\n")])
        // A folder's name that the system does not take.
        let long = "/etc/" + String(repeating: "x", count: 300)
        plan.steps.append(
            Step(
                Resource(.file, long + "/y"), from: ResourceState(nil, missingFolders: [long]),
                to: ResourceState(text: "y"), reasons: [], disrupts: .nothing))
        let error = try #require(await failure { _ = try await scratch.engine.apply(plan) })
        #expect([.undone, .failed].contains(error.kind))
        #expect(try scratch.picture() == before)
    }

    @Test func anyTransactionMayBeUndoneFirst() async throws {
        let scratch = try Scratch()
        let first = "a = 1\nb = 1\nc = 1\nd = 1\ne = 1\nf = 1\n"
        try scratch.put(first, "/etc/x.conf")
        let before = try scratch.picture()
        let one = try await scratch.engine.apply(
            scratch.plan([("/etc/x.conf", first.replacingOccurrences(of: "a = 1", with: "a = 2"))]))
        func edit(_ changes: [(String, String)]) async throws -> TransactionRecord {
            var text = try #require(scratch.text("/etc/x.conf"))
            for (old, new) in changes { text = text.replacingOccurrences(of: old, with: new) }
            return try await scratch.engine.apply(scratch.plan([("/etc/x.conf", text)]))
        }
        let two = try await edit([("a = 2", "a = 3"), ("f = 1", "f = 3")])
        let three = try await edit([("c = 1", "c = 4")])
        _ = try await scratch.engine.rollBack(one.id)
        #expect(scratch.text("/etc/x.conf") == "a = 3\nb = 1\nc = 4\nd = 1\ne = 1\nf = 3\n")
        _ = try await scratch.engine.rollBack(three.id)
        #expect(scratch.text("/etc/x.conf") == "a = 3\nb = 1\nc = 1\nd = 1\ne = 1\nf = 3\n")
        _ = try await scratch.engine.rollBack(two.id)
        #expect(try scratch.picture() == before)
    }

    @Test func whatSomebodyElseChangedStays() async throws {
        let scratch = try Scratch()
        try scratch.put("a = 1\nb = 1\nc = 1\nd = 1\n", "/etc/x.conf")
        let one = try await scratch.engine.apply(scratch.plan([("/etc/x.conf", "a = 2\nb = 1\nc = 1\nd = 1\n")]))
        try scratch.put("a = 2\nb = 1\nc = 1\nd = mine\n", "/etc/x.conf")
        _ = try await scratch.engine.rollBack(one.id)
        #expect(scratch.text("/etc/x.conf") == "a = 1\nb = 1\nc = 1\nd = mine\n")
        // The same line: refused, and nothing is touched.
        let two = try await scratch.engine.apply(scratch.plan([("/etc/x.conf", "a = 5\nb = 1\nc = 1\nd = mine\n")]))
        try scratch.put("a = mine\nb = 1\nc = 1\nd = mine\n", "/etc/x.conf")
        let error = try #require(await failure { _ = try await scratch.engine.rollBack(two.id) })
        #expect(error.kind == .stale)
        #expect(scratch.text("/etc/x.conf") == "a = mine\nb = 1\nc = 1\nd = mine\n")
        let drift = try await scratch.engine.drift(Engine.history(StateFolder(scratch.state)))
        #expect(drift.map(\.isInForce) == [false])
    }

    @Test func rollingBackAllInAnyOrderGivesTheBeginning() async throws {
        for seed in UInt64(1)...12 {
            var random = SeededGenerator(seed: seed)
            let scratch = try Scratch()
            let lines = (0..<20).map { "key\($0) = 0" }
            for name in ["a", "b"] { try scratch.put(lines.joined(separator: "\n") + "\n", "/etc/\(name).conf") }
            let before = try scratch.picture()
            var ids: [Int64] = []
            for round in 1...5 {
                var changes: [(path: String, text: String?)] = []
                for name in ["a", "b"] where Bool.random(using: &random) {
                    var now = scratch.text("/etc/\(name).conf")!.split(separator: "\n").map(String.init)
                    let index = Int.random(in: 0..<now.count, using: &random)
                    now[index] = now[index].split(separator: "=")[0] + "= \(round)"
                    changes.append(("/etc/\(name).conf", now.joined(separator: "\n") + "\n"))
                }
                guard !changes.isEmpty else { continue }
                ids.append(try await scratch.engine.apply(scratch.plan(changes)).id)
            }
            for id in ids.shuffled(using: &random) { _ = try await scratch.engine.rollBack(id) }
            #expect(try scratch.picture() == before, "seed \(seed)")
        }
    }

    @Test func linksStayLinksAndNothingLeavesTheRoot() async throws {
        let scratch = try Scratch()
        try scratch.put("x\n", "/srv/real.conf")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.root + "/etc/link.conf", withDestinationPath: "/srv/real.conf")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.root + "/etc/out", withDestinationPath: "../../../../../../../../etc")
        let before = try scratch.picture()
        let record = try await scratch.engine.apply(
            scratch.plan([("/etc/link.conf", "y\n"), ("/etc/out/nearmetal-test-passed-through", "z\n")]))
        #expect(scratch.text("/srv/real.conf") == "y\n")
        #expect(scratch.text("/etc/nearmetal-test-passed-through") == "z\n")
        #expect(!FileManager.default.fileExists(atPath: "/etc/nearmetal-test-passed-through"))
        _ = try await scratch.engine.rollBack(record.id)
        #expect(try scratch.picture() == before)
    }

    /// A file hidden with a link to /dev/null stays hidden: nothing is written in its place, and none is made of /dev/null.
    @Test func hiddenFilesAreRefused() async throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch.root + "/dev", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: scratch.root + "/etc/a.conf", withDestinationPath: "/dev/null")
        let before = try scratch.picture()
        guard case .unknown(let reason) = await scratch.machine.look(at: Resource(.file, "/etc/a.conf")) else {
            Issue.record("it was read")
            return
        }
        #expect(reason.why.english.contains("link to /dev/null"))
        var plan = Plan(root: scratch.root)
        plan.steps = [
            Step(
                Resource(.file, "/etc/a.conf"), from: .absent, to: ResourceState(text: "a\n"), reasons: [],
                disrupts: .nothing)
        ]
        let error = await failure { _ = try await scratch.engine.apply(plan) }
        #expect(error?.description.contains("hidden") == true)
        #expect(try scratch.picture() == before)
    }

    @Test func theSecondAtOnceIsTurnedAway() async throws {
        let scratch = try Scratch()
        let lock = try StateFolder.Lock(StateFolder(scratch.state))
        let plan = try await scratch.plan([("/etc/a.conf", "a\n")])
        let error = try #require(await failure { _ = try await scratch.engine.apply(plan) })
        #expect(error.kind == .busy)
        #expect(error.description.contains("process \(getpid())"))
        _ = consume lock
        _ = try await scratch.engine.apply(plan)
    }

    @Test func plansSurviveTheirFile() async throws {
        let scratch = try Scratch()
        try scratch.put("a = 1\n", "/etc/a.conf")
        var plan = try await scratch.plan([("/etc/a.conf", "a = \u{1F600}\n"), ("/etc/b.conf", "")])
        plan.steps[0].after?.bytes = [0xFF, 0x00, 0x0A]
        let text = try String(contentsOfFile: scratch.write(plan), encoding: .utf8)
        let read = try PlanJSON.read(text)
        #expect(read.steps == plan.steps)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"schemaVersion":9,"root":"/","steps":[]}"#, #"{"schemaVersion":1,"root":"x","steps":[]}"#,
        #"{"schemaVersion":1,"root":"/","steps":[{}]}"#,
        #"{"schemaVersion":1,"root":"/","steps":[{"kind":"setting","target":"/etc/passwd","before":{"text":"1"},"after":{"text":"2"}}]}"#,
        #"{"schemaVersion":1,"root":"/","steps":[{"kind":"file","target":"/etc/../x","before":{"text":"1"},"after":{"text":"2"}}]}"#,
        #"{"schemaVersion":1,"root":"/","steps":[{"kind":"boot-menu","target":"/boot/grub/grub.cfg","before":{"text":"1"},"after":null,"command":["sh","-c","x"]}]}"#,
    ])
    func hostilePlansAreRefused(_ text: String) {
        #expect(throws: PlanError.self) { try PlanJSON.read(text) }
    }
}
