import Foundation
import ImageModels
import Testing
import ToolRunning

@testable import DiskImage

/// What is read and written past the page cache, in blocks that the kernel takes.
@Suite struct DirectTests {
    /// Opens past the page cache; `nil` on a file system that has no such way.
    private func opened(_ path: String, _ caching: FileStorage.Caching = .none) throws -> FileStorage? {
        do { return try FileStorage(creating: path, caching: caching) } catch {
            #expect(error.what == "filesystem does not support O_DIRECT")
            #expect(!FileManager.default.fileExists(atPath: path))
            print("no O_DIRECT on this file system: not tried")
            return nil
        }
    }

    /// Any bytes at any place, also at the end, which then is where it was asked to be.
    @Test func anythingIsReadAndWritten() throws {
        try inFolder { folder in
            let path = folder + "/a"
            guard let storage = try opened(path) else { return }
            var random = Seeded(11)
            var model: [UInt8] = []
            for _ in 0..<400 {
                let offset = Int.random(in: 0...(model.count + 5000), using: &random)
                let isWhole = Bool.random(using: &random)
                let unit = isWhole ? 4096 : 1
                let place = offset / unit * unit
                let count = Int.random(in: 1...(isWhole ? 12 : 20_000), using: &random) * unit
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    try storage.resize(to: UInt64(place))
                    model = Array(model.prefix(place)) + [UInt8](repeating: 0, count: max(0, place - model.count))
                case 1:
                    let bytes = try storage.bytes(at: UInt64(place), count: count)
                    let wanted = Array(model.dropFirst(place).prefix(count))
                    #expect(bytes == wanted + [UInt8](repeating: 0, count: count - wanted.count))
                default:
                    let bytes = random.bytes(count)
                    try storage.write(bytes, at: UInt64(place))
                    model += [UInt8](repeating: 0, count: max(0, place + count - model.count))
                    model.replaceSubrange(place..<place + count, with: bytes)
                }
                #expect(try storage.length() == UInt64(model.count))
            }
            try storage.flush()
            #expect(try Data(contentsOf: URL(filePath: path)) == Data(model))
        }
    }

    /// Those who write parts of one block, or at the end of the file, do not undo each other's work.
    @Test func partsOfABlockAreWrittenAtOnce() throws {
        try inFolder { folder in
            let path = folder + "/a"
            guard let storage = try opened(path) else { return }
            let (writers, pieces, size) = (4, 300, 1000)
            Threads.run(writers) { writer in
                for piece in 0..<pieces {
                    let place = (piece * writers + writer) * size
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: writer + piece * writers), count: size)
                    do { try storage.write(bytes, at: UInt64(place)) } catch { Issue.record(error) }
                }
            }
            // A block is data as a whole, as QEMU has it.
            #expect(try storage.extent(at: 0) == StorageExtent(isData: true, length: 293 * 4096))
            let bytes = try Data(contentsOf: URL(filePath: path))
            #expect(bytes.count == writers * pieces * size)
            for index in 0..<writers * pieces {
                #expect(bytes[index * size..<(index + 1) * size].allSatisfy { $0 == UInt8(truncatingIfNeeded: index) })
            }
        }
    }

    /// Nothing of it stays in the page cache, written or read.
    @Test func thePageCacheStaysEmpty() throws {
        try inFolder { folder in
            let path = folder + "/a"
            guard let storage = try opened(path, .directsync) else { return }
            try storage.write([UInt8](repeating: 7, count: 1 << 20), at: 0)
            #expect(try storage.bytes(at: 100, count: 600_000).allSatisfy { $0 == 7 })
            guard let pages = try? tool("fincore", "--noheadings", "--output", "PAGES", path) else { return }
            #expect(pages.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
        }
    }

    /// A whole image is made, written, grown and checked so.
    @Test(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed"), arguments: ["512", "64k"])
    func anImageIsWritten(_ cluster: String) throws {
        try inFolder { folder in
            let path = folder + "/a.qcow2"
            guard try opened(folder + "/tried") != nil else { return }
            _ = try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=\(cluster)", path, "1M")
            var options = Image.Options(format: .qcow2, gate: .closed)
            (options.isWritable, options.caching) = (true, .none)
            let image = try Image.open(path, options)
            var random = Seeded(5)
            var model = [UInt8](repeating: 0, count: 1 << 20)
            for _ in 0..<100 {
                let count = Int.random(in: 1...9000, using: &random)
                let place = Int.random(in: 0...(model.count - count), using: &random)
                let bytes = random.bytes(count)
                try bytes.withUnsafeBytes { try image.write($0, at: UInt64(place)) }
                model.replaceSubrange(place..<place + count, with: bytes)
            }
            try image.close()
            _ = try tool("qemu-img", "check", "-q", path)
            _ = try tool("qemu-img", "convert", "-O", "raw", path, folder + "/raw")
            #expect(try Data(contentsOf: URL(filePath: folder + "/raw")) == Data(model))
        }
    }
}
