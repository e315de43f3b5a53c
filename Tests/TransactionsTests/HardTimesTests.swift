import Changes
import Foundation
import Testing
import ToolRunning

@testable import Transactions

/// Disks that are full, file systems that are read-only, files that may not be written, two at once.
@Suite struct HardTimesTests {
    private static let isRoot = getuid() == 0

    private func failure(_ body: () async throws -> Void) async -> TransactionError? {
        do { try await body() } catch { return error as? TransactionError }
        return nil
    }

    /// A small file system in memory below a folder, unmounted when the body ends.
    private func mounted<Result>(
        _ folder: String, _ size: String, _ body: () async throws -> Result
    ) async throws -> Result {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let words = ["-t", "tmpfs", "-o", "size=\(size)", "tmpfs", folder]
        let mounting = try await RunningProgram("/bin/mount", words).end()
        try #require(mounting.status == 0, "\(mounting.errors)")
        func unmount() async throws { _ = try await RunningProgram("/bin/umount", [folder]).end() }
        do {
            let result = try await body()
            try await unmount()
            return result
        } catch {
            try await unmount()
            throw error
        }
    }

    @Test(.enabled(if: isRoot, "only root mounts"))
    func aFullDiskUndoesAll() async throws {
        let scratch = try Scratch()
        try await mounted(scratch.root, "64k") {
            try scratch.put("small\n", "/etc/a.conf")
            try scratch.put("small\n", "/etc/b.conf")
            let before = try scratch.picture()
            let plan = try await scratch.plan([
                ("/etc/a.conf", "larger\n"), ("/etc/b.conf", String(repeating: "0123456789abcdef\n", count: 8_000)),
            ])
            let error = try #require(await failure { _ = try await scratch.engine.apply(plan) })
            #expect(error.kind == .undone, "\(error)")
            #expect(error.description.contains("No space left"), "\(error)")
            #expect(error.description.contains("/etc/b.conf"), "\(error)")
            #expect(try scratch.picture() == before)
        }
    }

    @Test(.enabled(if: isRoot, "only root mounts"))
    func aFullDiskOfTheJournalChangesNothing() async throws {
        let scratch = try Scratch()
        try scratch.put("a\n", "/etc/a.conf")
        let before = try scratch.picture()
        let plan = try await scratch.plan([("/etc/a.conf", String(repeating: "0123456789abcdef\n", count: 8_000))])
        try await mounted(scratch.state, "64k") {
            let error = try #require(await failure { _ = try await scratch.engine.apply(plan) })
            #expect(error.description.contains("journal"), "\(error)")
            #expect(try scratch.picture() == before)
        }
    }

    /// The journal fills up at each possible place in turn: between begin and end of a transaction, too.
    @Test(.enabled(if: isRoot, "only root mounts"))
    func aJournalThatFillsUpMidwayIsPutRight() async throws {
        for kibibytes in stride(from: 48, through: 200, by: 8) {
            let scratch = try Scratch()
            for index in 0..<6 { try scratch.put("k = 1\n", "/etc/\(index).conf") }
            let before = try scratch.picture()
            let long = String(repeating: "k = 2\n", count: 300)
            let plan = try await scratch.plan((0..<6).map { ("/etc/\($0).conf", long) })
            try await mounted(scratch.state, "\(kibibytes)k") {
                let error = await failure { _ = try await scratch.engine.apply(plan) }
                if error == nil { return }
                // There is room again; what was cut short is found.
                _ = try await RunningProgram("/bin/mount", ["-o", "remount,size=4m", scratch.state]).end()
                _ = try await scratch.engine.recover()
                #expect(try scratch.picture() == before, "\(kibibytes) KiB: \(String(describing: error))")
            }
        }
    }

    @Test(.enabled(if: isRoot, "only root mounts"))
    func aReadOnlyFileSystemIsNamed() async throws {
        let scratch = try Scratch()
        try await mounted(scratch.root, "1m") {
            try scratch.put("a\n", "/etc/a.conf")
            let before = try scratch.picture()
            let plan = try await scratch.plan([("/etc/a.conf", "b\n")])
            _ = try await RunningProgram("/bin/mount", ["-o", "remount,ro", scratch.root]).end()
            let error = try #require(await failure { _ = try await scratch.engine.apply(plan) })
            #expect(error.description.contains("read-only"), "\(error)")
            #expect(try scratch.picture() == before)
        }
    }

    @Test(.enabled(if: isRoot, "only root makes files immutable"))
    func aFileThatMayNotBeWrittenUndoesAll() async throws {
        let scratch = try Scratch()
        try scratch.put("a\n", "/etc/a.conf")
        try scratch.put("b\n", "/etc/b.conf")
        let before = try scratch.picture()
        let chattr = try await RunningProgram("/usr/bin/env", ["chattr", "+i", scratch.root + "/etc/b.conf"]).end()
        guard chattr.status == 0 else { return }
        let plan = try await scratch.plan([("/etc/a.conf", "x\n"), ("/etc/b.conf", "y\n")])
        let error = await failure { _ = try await scratch.engine.apply(plan) }
        _ = try await RunningProgram("/usr/bin/env", ["chattr", "-i", scratch.root + "/etc/b.conf"]).end()
        #expect(error?.kind == .undone)
        #expect(error?.description.contains("immutable") == true, "\(String(describing: error))")
        #expect(try scratch.picture() == before)
    }

    /// The kernel refuses writers of such a file, root too: nothing of this machine can change.
    private static let readOnlySetting = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

    @Test(.enabled(if: access(readOnlySetting, R_OK) == 0, "this kernel has no such file"))
    func aSettingThatMayNotBeWrittenUndoesAll() async throws {
        let scratch = try Scratch()
        try scratch.put("a\n", "/etc/a.conf")
        let before = try scratch.picture()
        let machine = Machine(root: scratch.root, kernel: "/.")
        let engine = Engine(machine, StateFolder(scratch.state), tool: "test")
        var plan = try await scratch.plan([("/etc/a.conf", "x\n")])
        let setting = Resource(.setting, Self.readOnlySetting)
        plan.steps.append(
            Step(
                setting, from: try await machine.state(of: setting), to: ResourceState(text: "4096"), reasons: [],
                disrupts: .nothing))
        let error = await failure { _ = try await engine.apply(plan) }
        #expect(error?.kind == .undone)
        #expect(error?.description.contains(Self.readOnlySetting) == true, "\(String(describing: error))")
        #expect(error?.description.contains("Permission denied") == true, "\(String(describing: error))")
        #expect(try scratch.picture() == before)
    }

    @Test func ofTwoAtOnceOneIsTurnedAwayOrComesLater() async throws {
        let scratch = try Scratch()
        for index in 0..<8 { try scratch.put("k = 1\n", "/etc/\(index).conf") }
        let path = try scratch.write(
            try await scratch.plan((0..<8).map { ("/etc/\($0).conf", "k = 2\n") }))
        let child = Nearmetal.builtProgram(named: "crash-child")
        let words = [scratch.root, scratch.state, "apply", path, "0"]
        let both = try (0..<2).map { _ in try RunningProgram(child, words) }
        var ends: [Run] = []
        for program in both { ends.append(await program.end(within: 60)) }
        // The other finds the lock taken, or the plan stale.
        #expect(ends.count { $0.status == 0 } == 1, "\(ends.map(\.errors))")
        let refusal = try #require(ends.first { $0.status != 0 }).errors
        #expect(refusal.contains("another nearmetal is at work") || refusal.contains("stale"), "\(refusal)")
        #expect(try Engine.history(StateFolder(scratch.state)).map(\.state) == [.applied])
        for index in 0..<8 { #expect(scratch.text("/etc/\(index).conf") == "k = 2\n") }
    }
}
