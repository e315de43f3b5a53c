import DiskImage
import Foundation
import Practices
import Quantities
import Testing

@testable import Reports

/// Trees of images, and advice for one, as they are read.
@Suite struct ImageReportTests {
    /// A qcow2 header, with what it lies on.
    private func write(_ path: String, backing: String? = nil, format: String? = "qcow2") throws {
        var bytes = [UInt8](repeating: 0, count: 65_536 * 3)
        func put(_ value: UInt64, _ width: Int, at offset: Int) {
            for index in 0..<width {
                bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
            }
        }
        for (value, width, place) in [
            (0x5146_49FB, 4, 0), (3, 4, 4), (16, 4, 20), (1 << 30, 8, 24), (2, 4, 36), (131_072, 8, 40),
            (65_536, 8, 48),
            (1, 4, 56), (4, 4, 96), (104, 4, 100),
        ] as [(UInt64, Int, Int)] { put(value, width, at: place) }
        if let backing {
            if let format {
                put(0xE279_2ACA, 4, at: 104)
                put(UInt64(format.utf8.count), 4, at: 108)
                for (index, byte) in format.utf8.enumerated() { bytes[112 + index] = byte }
            }
            put(1024, 8, at: 8)
            put(UInt64(backing.utf8.count), 4, at: 16)
            for (index, byte) in backing.utf8.enumerated() { bytes[1024 + index] = byte }
        }
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: path))
    }

    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "nearmetal-tree-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func draw(_ folder: String, _ gate: ImageChain.Gate? = nil) throws -> String {
        let forest = try ImageForest.read(folder, gate: gate ?? .folders([folder]))
        return ImageTreeReport.text(
            forest, in: folder, isASCII: true, language: .english, style: TextStyle(width: 100))
    }

    /// Two overlays on a base, one of them in a folder below; a chain that is broken, one that comes back, one that leads out.
    @Test func trees() throws {
        try inFolder { folder in
            try write(folder + "/base.qcow2")
            try write(folder + "/one.qcow2", backing: "base.qcow2")
            try write(folder + "/sub/two.qcow2", backing: "../base.qcow2")
            try write(folder + "/sub/three.qcow2", backing: "two.qcow2", format: nil)
            try write(folder + "/lost.qcow2", backing: "gone.qcow2")
            try write(folder + "/out.qcow2", backing: "/etc/hostname", format: "raw")
            try write(folder + "/ring-a.qcow2", backing: "ring-b.qcow2")
            try write(folder + "/ring-b.qcow2", backing: "ring-a.qcow2")
            let names = try draw(folder).split(separator: "\n").map { line in
                line.hasPrefix("    !") ? String(line) : String(line.split(separator: "  ")[0])
            }
            #expect(
                names == [
                    "base.qcow2", "|-- one.qcow2", "`-- sub/two.qcow2", "`-- sub/three.qcow2",
                    "    ! it does not declare the format of sub/two.qcow2: a guest could choose it (rebase -u -F)",
                    "lost.qcow2", "    ! what it lies on is not there: gone.qcow2", "out.qcow2",
                    "    ! what it lies on is outside, and was not opened: /etc/hostname (--allow-named)",
                    "ring-a.qcow2",
                    "    ! its chain comes back to it", "`-- ring-b.qcow2",
                ])
            let forest = try ImageForest.read(folder, gate: .folders([folder]))
            try SchemaTests().validate(
                ImageTreeReport.json(forest), schema: SchemaTests.schema("image-tree-1"))
        }
    }

    /// A thousand images are read in no time: nothing but their headers is.
    @Test func aThousandImages() throws {
        try inFolder { folder in
            try write(folder + "/base.qcow2")
            for number in 0..<1000 { try write(folder + "/\(number).qcow2", backing: "base.qcow2") }
            let forest = try ImageForest.read(folder, gate: .folders([folder]))
            #expect(forest.roots.count == 1 && forest.roots[0].overlays.count == 1000)
        }
    }

    @Test func advice() throws {
        var image = ImageFacts(path: "/images/a.qcow2", format: .qcow2, virtualSize: .known(ByteCount(gibibytes: 2048)))
        image.clusterSize = ByteCount(kibibytes: 64)
        var advice = ImageAdvice(image)
        func item(_ topic: String) -> ImageAdvice.Item? { advice.items.first { $0.topic == topic } }
        // 2 TiB ÷ 64 KiB × 8 bytes.
        #expect(item("l2-cache")?.isMet == false)
        #expect(item("l2-cache")?.commands.last?.hasSuffix("l2-cache-size=268435456") == true)
        #expect(item("cluster-size")?.isMet == false)
        image.clusterSize = ByteCount(mebibytes: 1)
        advice = ImageAdvice(image)
        #expect(item("l2-cache")?.isMet == true && item("cluster-size")?.isMet == true)
        image.encryption = .aes
        image.backingFile = "base.qcow2"
        advice = ImageAdvice(image)
        #expect(item("encryption")?.isMet == false && item("backing-format")?.isMet == false)
        advice = ImageAdvice(ImageFacts(path: "/a.vmdk", format: .vmdk, virtualSize: .known(ByteCount(gibibytes: 1))))
        #expect(item("format")?.isMet == false && item("l2-cache") == nil)
        try SchemaTests().validate(
            ImageAdviceReport.json(advice, of: image, language: .chinese), schema: SchemaTests.schema("image-advice-1"))
    }
}
