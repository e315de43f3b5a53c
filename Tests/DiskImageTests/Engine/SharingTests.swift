import Foundation
import Testing
import ToolRunning

@testable import DiskImage

/// On file systems that share data between files, images are converted without copying any.
@Suite(.serialized) struct SharingTests {
    private static func has(_ program: String) -> Bool {
        ["/usr/sbin/", "/sbin/", "/usr/bin/"].contains { FileManager.default.isExecutableFile(atPath: $0 + program) }
    }

    /// A file system in a file; `nil` where none can be mounted.
    private static func mounted(_ kind: String, in folder: String) throws -> String? {
        guard geteuid() == 0, has("mkfs.\(kind)"), has("losetup") else { return nil }
        let (file, place) = ("\(folder)/\(kind)", "\(folder)/mounted")
        _ = try tool("truncate", "-s", "512M", file)
        _ = try tool("mkfs.\(kind)", "-q", file)
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        return (try? tool("mount", "-o", "loop", file, place)) == nil ? nil : place
    }

    /// Bytes that are taken on a file system.
    private func taken(_ folder: String) throws -> Int {
        sync()
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { throw RunFailure("statvfs: \(errno)") }
        return Int(status.f_blocks - status.f_bfree) * Int(status.f_frsize)
    }

    @Test(arguments: ["xfs", "btrfs"])
    func dataAreShared(_ kind: String) throws {
        try inFolder { folder in
            guard let place = try Self.mounted(kind, in: folder) else {
                print("no \(kind) can be mounted here: not tried")
                return
            }
            defer { _ = try? tool("umount", place) }
            let raw = place + "/a.raw"
            _ = try tool("dd", "if=/dev/urandom", "of=\(raw)", "bs=1M", "count=64", "status=none")
            _ = try tool("truncate", "-s", "96M", raw)
            let before = try taken(place)

            var options = ImageConversion.Options()
            options.isTargetNew = true
            func convert(_ from: String, _ format: ImageFacts.Format, _ to: String, _ kind: ImageFacts.Format) throws {
                let source = try Image.open(from, Image.Options(format: format, gate: .closed))
                let target = try Image.create(to, Image.Creation(kind, size: source.size))
                try ImageConversion(source, to: target, options).run()
                try target.close()
            }
            try convert(raw, .raw, place + "/b.qcow2", .qcow2)
            try convert(place + "/b.qcow2", .qcow2, place + "/c.raw", .raw)
            try convert(place + "/b.qcow2", .qcow2, place + "/d.qcow2", .qcow2)

            // Three images of 64 MiB of data, in less room than the half of one.
            #expect(try taken(place) - before < 32 << 20)
            _ = try tool("cmp", raw, place + "/c.raw")
            for name in ["b", "d"] {
                _ = try tool("qemu-img", "check", "-q", "-f", "qcow2", "\(place)/\(name).qcow2")
                _ = try tool("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, "\(place)/\(name).qcow2")
            }
            // What is written to one shows in that one only.
            var writing = Image.Options(format: .qcow2, gate: .closed)
            writing.isWritable = true
            let image = try Image.open(place + "/b.qcow2", writing)
            try [UInt8](repeating: 7, count: 4096).withUnsafeBytes { try image.write($0, at: 1 << 20) }
            try image.close()
            _ = try tool("cmp", raw, place + "/c.raw")
            _ = try tool("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, place + "/d.qcow2")
        }
    }
}
