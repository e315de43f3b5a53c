import Changes
import Foundation
import Testing
import ToolRunning

@testable import Transactions

/// Kernel settings, on files that stand for the kernel's: nothing of this machine is changed (scripts/test-host does that).
@Suite struct SettingTests {
    private static let node = "/sys/devices/system/node/node1"
    private static let pages = "\(node)/hugepages/hugepages-2048kB/nr_hugepages"

    private func put(_ scratch: Scratch, _ text: String, _ path: String) throws {
        try scratch.put(text, "/kernel" + path)
    }

    @Test func choicesTwinsAndListsAreReadAsTheyAreWritten() async throws {
        let scratch = try Scratch()
        try put(scratch, "always [madvise] never\n", "/sys/kernel/mm/transparent_hugepage/enabled")
        try put(scratch, "4\t4\t1\t7\n", "/proc/sys/kernel/printk")
        try put(scratch, "0\n", "/proc/sys/vm/dirty_ratio")
        try put(scratch, "268435456\n", "/proc/sys/vm/dirty_bytes")
        let machine = scratch.machine
        func value(_ path: String) async throws -> String? {
            try await machine.state(of: Resource(.setting, path)).text
        }
        #expect(try await value("/sys/kernel/mm/transparent_hugepage/enabled") == "madvise")
        #expect(try await value("/proc/sys/kernel/printk") == "4 4 1 7")
        #expect(try await value("/proc/sys/vm/dirty_ratio") == "dirty_bytes=268435456")
        let settings = SettingPerformer(folder: scratch.root + "/kernel")
        try await settings.write(ResourceState(text: "dirty_bytes=4096"), to: "/proc/sys/vm/dirty_ratio")
        #expect(scratch.text("/kernel/proc/sys/vm/dirty_bytes") == "4096\n")
        #expect(scratch.text("/kernel/proc/sys/vm/dirty_ratio") == "0\n")
    }

    @Test func memoryIsCompactedBeforePagesAreAskedFor() async throws {
        let scratch = try Scratch()
        try put(scratch, "8\n", Self.pages)
        try put(scratch, "", "\(Self.node)/compact")
        try put(scratch, "", "/proc/sys/vm/compact_memory")
        let settings = SettingPerformer(folder: scratch.root + "/kernel")
        try await settings.write(ResourceState(text: "4"), to: Self.pages)
        #expect(scratch.text("/kernel\(Self.node)/compact") == "", "fewer pages need no room")
        try await settings.write(ResourceState(text: "64"), to: Self.pages)
        #expect(scratch.text("/kernel\(Self.node)/compact") == "1\n")
        #expect(scratch.text("/kernel/proc/sys/vm/compact_memory") == "", "the others' memory is left alone")
        #expect(scratch.text("/kernel\(Self.pages)") == "64\n")
        // Kernels without the node's file compact all.
        try FileManager.default.removeItem(atPath: scratch.root + "/kernel\(Self.node)/compact")
        try await settings.write(ResourceState(text: "65"), to: Self.pages)
        #expect(scratch.text("/kernel/proc/sys/vm/compact_memory") == "1\n")
    }

    /// A file of the kernel's that takes a number and keeps less of it: this process' own filter of core dumps, whose ninth bit and above are dropped.
    @Test(arguments: [
        (
            "Node 1 MemTotal: 33554432 kB Node 1 MemFree: 204800 kB",
            "node 1 has 200 MiB free, and the others would take 8204 MiB"
        ),
        ("Node 1 MemFree: 16777216 kB", "node 1 has 16384 MiB free, but in pieces that are smaller than a page"),
        ("", "the rest of its memory is in use or in pieces"),
    ])
    func aShortfallSaysHowManyWereGotAndWhy(_ meminfo: String, _ why: String) async throws {
        let filter = "/proc/self/coredump_filter"
        let old = try String(contentsOfFile: filter, encoding: .utf8)
        defer { try? Data("0x\(old)".utf8).write(to: URL(filePath: filter)) }
        let scratch = try Scratch()
        try put(scratch, meminfo + "\n", "\(Self.node)/meminfo")
        try put(scratch, "", "\(Self.node)/compact")
        try put(scratch, "", Self.pages)
        let place = scratch.root + "/kernel" + Self.pages
        try FileManager.default.removeItem(atPath: place)
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: filter)
        // 4,113 is 0x1011: 0x11 is left, which reads as 11.
        let settings = SettingPerformer(folder: scratch.root + "/kernel")
        let error = await #expect(throws: TransactionError.self) {
            try await settings.write(ResourceState(text: "4113"), to: Self.pages)
        }
        let said = try #require(error).description
        #expect(said.contains("the kernel found 11 of 4113 huge pages: \(why)"), "\(said)")
    }

    /// Too few pages are no half success: what went before is put back.
    @Test func aShortfallUndoesTheOtherSteps() async throws {
        let scratch = try Scratch()
        try put(scratch, "60\n", "/proc/sys/vm/swappiness")
        try put(scratch, "", Self.pages)
        let place = scratch.root + "/kernel" + Self.pages
        try FileManager.default.removeItem(atPath: place)
        // It takes no number at all.
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "/proc/self/comm")
        let name = try String(contentsOfFile: "/proc/self/comm", encoding: .utf8)
        defer { try? Data(name.utf8).write(to: URL(filePath: "/proc/self/comm")) }
        var plan = Plan(root: scratch.root)
        plan.steps = try await scratch.steps([
            ("/proc/sys/vm/swappiness", "35"), (Self.pages, "12345678901234567890"),
        ])
        let engine = scratch.engine
        let error = await #expect(throws: TransactionError.self) { _ = try await engine.apply(plan) }
        #expect(error?.kind == .undone, "\(String(describing: error))")
        #expect(scratch.text("/kernel/proc/sys/vm/swappiness") == "60\n")
    }
}
