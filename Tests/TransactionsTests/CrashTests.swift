import Changes
import Foundation
import Testing
import ToolRunning

@testable import Transactions

/// A process that applies or rolls back is killed, at every boundary and at any moment; afterwards all is exactly as before, or exactly as after.
///
/// Settings are files that stand for the kernel's (scripts/test-host does it with the real ones). Definitions are killed at in LibvirtTests, on a
/// daemon of the tests' own: libvirt's test driver forgets with its process all that was defined, so nobody could look at what a killed one left.
@Suite(.serialized) struct CrashTests {
    /// How many kills; `make test-crash` asks for more.
    private static let kills = ProcessInfo.processInfo.environment["NEARMETAL_KILLS"].flatMap { Int($0) } ?? 100

    /// Runs the child; `delay` in microseconds kills it from outside.
    ///
    /// - Returns: whether it was killed.
    private func run(_ words: [String], delay: UInt32? = nil) async throws -> Bool {
        let process = try RunningProgram(Self.program, words)
        if let delay {
            try await Task.sleep(for: .microseconds(delay))
            kill(process.id, SIGKILL)
        }
        return await process.end(within: 60).signal != nil
    }

    private static let program = Nearmetal.builtProgram(named: "crash-child")

    private static let settings = [
        "/proc/sys/vm/swappiness", "/proc/sys/fs/aio-max-nr", "/sys/kernel/mm/ksm/run",
        "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages",
    ]

    /// A random plan on a few files and settings.
    private func plan(_ scratch: Scratch, _ random: inout SeededGenerator) async throws -> Plan {
        var changes: [(path: String, text: String?)] = []
        for name in ["a", "b", "c", "d", "new/e"] where Int.random(in: 0..<3, using: &random) > 0 {
            let text = (0..<Int.random(in: 1...40, using: &random)).map {
                "k\($0) = \(UInt8.random(in: 0...9, using: &random))\n"
            }
            let isGone = Int.random(in: 0..<5, using: &random) == 0
            changes.append(("/etc/\(name).conf", isGone ? nil : text.joined()))
        }
        var plan = try await scratch.plan(changes)
        let values = Self.settings.filter { _ in Bool.random(using: &random) }.map {
            (path: $0, value: String(UInt16.random(in: 0...9_999, using: &random)))
        }
        plan.steps += try await scratch.steps(values)
        return plan
    }

    @Test func killsLeaveBeforeOrAfter() async throws {
        var kills = 0
        var counts: [String: Int] = [:]
        var round: UInt64 = 0
        var boundary = 1
        while kills < Self.kills {
            round += 1
            var random = SeededGenerator(seed: round)
            // Every fourth on a disk, where a write and its sync take their time.
            let scratch = try Scratch(isInMemory: round % 4 != 0)
            for name in ["a", "b", "c"] { try scratch.put("k0 = 1\nk1 = 1\n", "/etc/\(name).conf", mode: 0o600) }
            for path in Self.settings { try scratch.put("60\n", "/kernel" + path) }
            let engine = scratch.engine
            let before = try scratch.picture()
            let path = try scratch.write(try await plan(scratch, &random))
            // Every boundary in turn, every third time any moment at all, and sometimes to the end.
            let isTimed = round % 3 == 0
            let isWhole = round % 4 == 1
            let words = [scratch.root, scratch.state, "apply", path, isTimed || isWhole ? "0" : String(boundary)]
            let wasKilled = try await run(words, delay: isTimed ? UInt32.random(in: 500...30_000, using: &random) : nil)
            if wasKilled { kills += 1 }
            if !isTimed, !isWhole { boundary = wasKilled ? boundary + 1 : 1 }
            let ended = try await engine.recover()
            let last = try Engine.history(StateFolder(scratch.state)).first
            let now = try scratch.picture()
            if last?.state != .applied {
                #expect(now == before, "round \(round) boundary \(words[4]): \(String(describing: last))")
                counts[ended.isEmpty ? "nothing begun" : "undone", default: 0] += 1
                continue
            }
            counts["applied", default: 0] += 1
            // What was applied is rolled back, and killed at that too.
            let id = try #require(last?.id)
            let step = Int.random(in: 1...16, using: &random)
            if try await run([scratch.root, scratch.state, "rollback", String(id), String(step)]) {
                kills += 1
                counts["killed while rolling back", default: 0] += 1
                _ = try await engine.recover()
                let state = try Engine.transaction(id, in: StateFolder(scratch.state)).state
                #expect(state == .rolledBack || state == .applied, "round \(round), rollback \(step)")
                if state == .applied {
                    #expect(try scratch.picture() == now, "round \(round), rollback \(step)")
                    _ = try await engine.rollBack(id)
                }
            }
            #expect(try scratch.picture() == before, "round \(round)")
        }
        print("crash test: \(kills) kills in \(round) rounds: \(counts.sorted { $0.key < $1.key })")
    }
}
