import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Images of other programs' formats, written here and read by QEMU, and written to by both.
@Suite(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed")) struct ForeignFormatTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var format: ImageFacts.Format
        var name: String
        var qed = QedOptions()
        var vmdk = VmdkOptions()
        var testDescription: String { format.rawValue + " " + name }

        static func qed(_ cluster: UInt64, _ table: UInt64) -> Case {
            var test = Case(format: .qed, name: "\(cluster) \(table)")
            test.qed.clusterSize = cluster
            test.qed.tableSize = table
            return test
        }
        static func vmdk(_ subformat: VmdkOptions.Subformat, zeroGrains: Bool = false) -> Case {
            var test = Case(format: .vmdk, name: subformat.rawValue + (zeroGrains ? ", zero grains" : ""))
            test.vmdk.subformat = subformat
            test.vmdk.hasZeroGrains = zeroGrains
            return test
        }
    }

    static let cases: [Case] =
        [.qed(65_536, 4), .qed(4096, 2), .qed(1 << 20, 16), .vmdk(.monolithicSparse, zeroGrains: true)]
        + VmdkOptions.Subformat.allCases.map { .vmdk($0) }

    private func create(_ test: Case, _ path: String, _ size: Int) throws -> Image {
        var creation = Image.Creation(test.format, size: UInt64(size))
        creation.qed = test.qed
        creation.vmdk = test.vmdk
        creation.gate = .open
        return try Image.create(path, creation)
    }

    private func content(_ size: Int, _ random: inout Seeded) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        for _ in 0..<30 {
            let start = Int.random(in: 0..<size - 512, using: &random)
            let end = min(size, start + ([512, 4096, 65_536, 90_000].randomElement(using: &random) ?? 512))
            bytes.replaceSubrange(start..<end, with: random.bytes(end - start))
        }
        return bytes
    }

    @Test(arguments: cases) func whatIsConvertedIsWhole(_ test: Case) throws {
        try inFolder { folder in
            var random = Seeded(11)
            let size = (5 << 20) + 1536
            try Data(content(size, &random)).write(to: URL(filePath: folder + "/in.raw"))
            let path = folder + "/out." + test.format.rawValue
            let image = try create(test, path, size)
            var options = ImageConversion.Options()
            options.isTargetNew = true
            let source = try Image.open(folder + "/in.raw", Image.Options(format: .raw, gate: .closed))
            try ImageConversion(source, to: image, options).run()
            try image.close()
            try tool("qemu-img", "compare", "-F", test.format.rawValue, folder + "/in.raw", path)
            try tool("qemu-img", "check", "-q", "-f", test.format.rawValue, path)
            let again = try Image.open(path, Image.Options(format: test.format, gate: .open))
            #expect(isSame(try again.content(), try source.content()))
            let check = try Image.check(path, Image.Options(format: test.format, gate: .open)).check
            #expect(check.corruptions == 0 && check.leaks == 0)
        }
    }

    @Test(arguments: cases.filter { $0.vmdk.subformat != .streamOptimized }) func bothWriteInTurn(_ test: Case) throws {
        try inFolder { folder in
            var random = Seeded(23)
            let size = (2 << 20) + 512
            let path = folder + "/disk." + test.format.rawValue
            try create(test, path, size).close()
            var model = [UInt8](repeating: 0, count: size)
            var options = Image.Options(format: test.format, gate: .open)
            options.isWritable = true
            for step in 0..<40 {
                let deed = Deed.random(size, cluster: 65_536, &random)
                if case .discard = deed { continue }
                if Bool.random(using: &random), let command = deed.command {
                    try tool("qemu-io", "-f", test.format.rawValue, "-c", command, path)
                    if case .write(let start, let bytes) = deed {
                        Deed.write(start, [UInt8](repeating: bytes[0], count: bytes.count)).apply(to: &model)
                    } else {
                        deed.apply(to: &model)
                    }
                } else {
                    let image = try Image.open(path, options)
                    try deed.perform(on: image)
                    try image.close()
                    deed.apply(to: &model)
                }
                let shown = try Image.open(path, Image.Options(format: test.format, gate: .open)).content()
                #expect(isSame(shown, model), "step \(step) after \(deed.range)")
                if shown != model { return }
            }
            try tool("qemu-img", "check", "-q", "-f", test.format.rawValue, path)
            try tool("qemu-img", "convert", "-f", test.format.rawValue, "-O", "raw", path, folder + "/out.raw")
            #expect(isSame(try Array(Data(contentsOf: URL(filePath: folder + "/out.raw"))), model))
        }
    }

    /// Overlays show what is below them, and a copy of what is written in part.
    @Test(arguments: [ImageFacts.Format.qed, .vmdk]) func overlays(_ format: ImageFacts.Format) throws {
        try inFolder { folder in
            var random = Seeded(5)
            var model = content(1 << 20, &random)
            try Data(model).write(to: URL(filePath: folder + "/in.raw"))
            let base = folder + "/base"
            try tool("qemu-img", "convert", "-O", format.rawValue, folder + "/in.raw", base)
            var creation = Image.Creation(format, size: 1 << 20)
            creation.backing = BackingName("base", format: format.rawValue)
            creation.gate = .open
            try Image.create(folder + "/top", creation).close()
            var options = Image.Options(format: format, gate: .open)
            options.isWritable = true
            let top = try Image.open(folder + "/top", options)
            for deed in [Deed.write(100_352, [UInt8](repeating: 7, count: 5120)), .zero(65_536, 65_536, unmap: true)] {
                try deed.perform(on: top)
                deed.apply(to: &model)
            }
            try top.close()
            try Data(model).write(to: URL(filePath: folder + "/model.raw"))
            try tool("qemu-img", "compare", "-F", format.rawValue, folder + "/model.raw", folder + "/top")
        }
    }

    /// A byte of a packed grain, or of its frame, is another one: what QEMU refuses is refused.
    @Test func damagedGrainsAreRefused() throws {
        try inFolder { folder in
            var random = Seeded(29)
            let path = folder + "/a.vmdk"
            try Data(content(1 << 20, &random)).write(to: URL(filePath: folder + "/in.raw"))
            try tool(
                "qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized",
                folder + "/in.raw", path)
            let whole = try Data(contentsOf: URL(filePath: path))
            var refused = 0
            for _ in 0..<40 {
                var bytes = whole
                bytes[Int.random(in: 65_536..<bytes.count, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
                try bytes.write(to: URL(filePath: path))
                do {
                    let shown = try Image.open(path, Image.Options(format: .vmdk, gate: .closed)).content()
                    try Data(shown).write(to: URL(filePath: folder + "/out.raw"))
                } catch is ImageError {
                    refused += 1
                    continue
                }
                try tool("qemu-img", "compare", "-f", "vmdk", "-F", "raw", path, folder + "/out.raw")
            }
            #expect(refused > 10)
        }
    }

    /// Several extents are several files: none is opened that the gate does not let.
    @Test func extentsPassTheGate() throws {
        try inFolder { folder in
            try tool(
                "qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", folder + "/a.vmdk", "1M")
            #expect(throws: ImageError.self) {
                try Image.open(folder + "/a.vmdk", Image.Options(format: .vmdk, gate: .closed))
            }
            _ = try Image.open(folder + "/a.vmdk", Image.Options(format: .vmdk, gate: .folders([folder])))
        }
    }
}
