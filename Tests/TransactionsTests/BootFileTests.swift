import Changes
import ConfigText
import Foundation
import Testing
import ToolRunning

@testable import Transactions

/// Files of boot loaders, edited by several transactions and by the loader itself.
@Suite struct BootFileTests {
    private static let environment = "/boot/grub2/grubenv"
    private static let entry = "/boot/loader/entries/abc-5.14.conf"
    private static let menu = "/boot/grub/menu.lst"
    private static let settings = "/etc/default/grub"

    private static func block(_ lines: String...) -> String {
        let text = "# GRUB Environment Block\n" + lines.map { $0 + "\n" }.joined()
        return text + String(repeating: "#", count: 1024 - text.utf8.count)
    }

    private func putAll(_ scratch: Scratch) throws {
        try scratch.put(
            Self.block("saved_entry=abc", "kernelopts=root=/dev/sda2 quiet", "boot_success=0"), Self.environment,
            mode: 0o600)
        try scratch.put(
            "title RHEL\nlinux /vmlinuz-5.14\noptions root=/dev/sda2 quiet\ngrub_users $grub_users\n", Self.entry)
        try scratch.put(
            "default 0\n\ntitle SLES 11\n    kernel /boot/vmlinuz root=/dev/sda2 quiet\n    initrd /boot/initrd\n\ntitle Failsafe\n    kernel /boot/vmlinuz root=/dev/sda2 noapic\n",
            Self.menu, mode: 0o600)
        try scratch.put("# mine\nGRUB_TIMEOUT=8\nGRUB_CMDLINE_LINUX_DEFAULT='quiet'", Self.settings)
    }

    private func edited(_ path: String, _ text: String, _ changes: [BootText.WordChange]) throws -> String {
        switch path {
        case Self.environment: try BootText.grubenv(text, changes)
        case Self.entry: try BootText.bls(text, changes)
        case Self.menu: try BootText.menuList(text, changes, isForXen: false)
        default: try BootText.defaultGrub(text, variable: "GRUB_CMDLINE_LINUX_DEFAULT", changes)
        }
    }

    private func apply(_ changes: [BootText.WordChange], _ paths: [String], _ scratch: Scratch) async throws -> Int64 {
        let texts = try paths.map { path -> (path: String, text: String?) in
            (path, try edited(path, #require(scratch.text(path)), changes))
        }
        return try await scratch.engine.apply(scratch.plan(texts)).id
    }

    /// GRUB notes each boot in the block: that is no drift, and keeps nobody from rolling back.
    @Test func whatGrubWritesStays() async throws {
        let scratch = try Scratch(isInMemory: true)
        try putAll(scratch)
        let first = try await apply([.init(name: "isolcpus", value: "2,3")], [Self.environment], scratch)
        let second = try await apply([.init(name: "quiet", value: nil)], [Self.environment], scratch)
        func boot(_ line: String, _ became: String) throws {
            let text = try #require(scratch.text(Self.environment))
            var body = text.replacingOccurrences(of: line, with: became)
            while body.hasSuffix("#") { body.removeLast() }
            try scratch.put(
                body + String(repeating: "#", count: 1024 - body.utf8.count), Self.environment, mode: 0o600)
        }
        try boot("boot_success=0\n", "boot_success=1\nboot_indeterminate=0\n")
        let history = try Engine.history(StateFolder(scratch.state))
        #expect(try await scratch.engine.drift(history).map(\.isInForce) == [true])
        _ = try await scratch.engine.rollBack(second)
        #expect(
            scratch.text(Self.environment)
                == Self.block(
                    "saved_entry=abc", "kernelopts=root=/dev/sda2 quiet isolcpus=2,3", "boot_success=1",
                    "boot_indeterminate=0"))
        try boot("boot_indeterminate=0\n", "")
        _ = try await scratch.engine.rollBack(first)
        #expect(
            scratch.text(Self.environment)
                == Self.block("saved_entry=abc", "kernelopts=root=/dev/sda2 quiet", "boot_success=1"))
        // What somebody else made of the same variable is his.
        let third = try await apply([.init(name: "splash", value: "")], [Self.environment], scratch)
        try boot("quiet splash\n", "quiet\n")
        #expect(try await scratch.engine.drift(Engine.history(StateFolder(scratch.state))).map(\.isInForce) == [false])
        await #expect(throws: Never.self) { _ = try await scratch.engine.rollBack(third) }
    }

    @Test func hostileBlocksAreMergedAsLines() {
        func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
        let block = Self.block("a=1", "b=2")
        for broken in [
            "", "# GRUB", block + "x", String(block.dropFirst()), block.replacingOccurrences(of: "b=2\n", with: "b=2"),
        ] {
            #expect(EnvironmentBlock.merge(base: bytes(broken), ours: bytes(block), theirs: bytes(block)) == nil)
        }
        // A value over two lines, and one that is too long.
        let two = Self.block("a=1\\\nc=3", "b=2")
        let merge = EnvironmentBlock.merge(
            base: bytes(two), ours: bytes(Self.block("a=1\\\nc=3", "b=5")), theirs: bytes(block))
        #expect(merge.map { String(decoding: $0.bytes, as: UTF8.self) } == Self.block("a=1", "b=5"))
        let long = Self.block("a=1", "b=" + String(repeating: "x", count: 980))
        let other = Self.block("a=" + String(repeating: "y", count: 200), "b=2")
        #expect(EnvironmentBlock.merge(base: bytes(block), ours: bytes(long), theirs: bytes(other))?.conflicts == 1)
    }

    /// Words of one line by several transactions, taken out in any order: at the end every byte is back.
    @Test func anyOrderEndsAtTheBeginning() async throws {
        let words: [(name: String, values: [String?])] = [
            ("quiet", [nil, ""]), ("transparent_hugepage", ["never", "madvise"]), ("isolcpus", ["2,3", nil]),
            ("hugepagesz=1G hugepages", ["4", "0:1,1:2"]), ("intel_iommu", ["on"]),
        ]
        for seed in UInt64(1)...16 {
            var random = SeededGenerator(seed: seed)
            let scratch = try Scratch(isInMemory: true)
            try putAll(scratch)
            let before = try scratch.picture()
            var ids: [Int64] = []
            for _ in 0..<Int.random(in: 2...5, using: &random) {
                let paths = [Self.environment, Self.entry, Self.menu, Self.settings].filter { _ in
                    Int.random(in: 0..<3, using: &random) > 0
                }
                let changes = words.shuffled(using: &random).prefix(2).map {
                    BootText.WordChange(name: $0.name, value: $0.values.randomElement(using: &random) ?? nil)
                }
                ids.append(try await apply(changes, paths, scratch))
            }
            for id in ids.shuffled(using: &random) {
                _ = try await scratch.engine.rollBack(id)
                // Whatever is left stands, and can be read.
                let left = try await scratch.engine.drift(Engine.history(StateFolder(scratch.state)))
                #expect(left.allSatisfy { $0.isInForce == true }, "seed \(seed): \(left)")
                #expect(scratch.text(Self.environment)?.utf8.count == 1024)
                #expect(scratch.text(Self.menu)?.contains("root=/dev/sda2 noapic\n") == true)
            }
            #expect(try scratch.picture() == before, "seed \(seed)")
        }
    }
}
