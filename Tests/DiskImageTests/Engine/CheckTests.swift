import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// What a check finds and a repair leaves, beside what `qemu-img check` finds.
@Suite struct CheckTests {
    private static func options(_ item: ImageCase) -> Image.Options {
        Image.Options(format: .qcow2, gate: .folders([item.folder]))
    }

    private func status(_ check: ImageCheck) -> Int { check.corruptions > 0 ? 2 : check.leaks > 0 ? 3 : 0 }

    /// Healthy images: every number; damaged ones: the verdict.
    @Test(
        .enabled(if: ImageCase.corpus != nil, "the corpora are not here"),
        arguments: ["qcow2", "qcow2-broken", "chains"])
    func agreesWithQEMU(_ kind: String) throws {
        var compared = 0
        try ImageCase.each(of: kind) { item in
            guard let expected = item.answer("check"), item.format == "qcow2" else { return }
            let found: ImageCheck
            do { found = try Image.check(item.path, Self.options(item)).check } catch {
                // What it lies on may be of a kind nobody opens here.
                let isStricter = expected.exit != 0 || item.tags.contains("broken") || kind == "chains"
                #expect(isStricter, "\(item.name): \(error)")
                return
            }
            compared += 1
            guard [0, 2, 3].contains(expected.exit) else { return }
            #expect(status(found) == expected.exit, "\(item.name): \(found)")
            guard expected.exit == 0, let json = expected.json else { return }
            func number(_ key: String) -> UInt64 { (json[key] as? NSNumber)?.uint64Value ?? 0 }
            #expect(found.totalClusters == number("total-clusters"), "\(item.name)")
            #expect(found.allocatedClusters == number("allocated-clusters"), "\(item.name)")
            #expect(found.fragmentedClusters == number("fragmented-clusters"), "\(item.name)")
            #expect(found.compressedClusters == number("compressed-clusters"), "\(item.name)")
            #expect(found.imageEnd == number("image-end-offset"), "\(item.name)")
        }
        #expect(compared > 10)
    }

    /// Damaged images that QEMU repairs are repaired; what they showed they show.
    ///
    /// Left alone on purpose are a cluster of data that is a table, too, and tables of snapshots and bitmaps that are gone, where QEMU throws away
    /// what it cannot find.
    @Test(.enabled(if: ImageCase.corpus != nil && hasQemuImg, "the corpora or qemu-img are not here"))
    func repairsWhatQEMURepairs() throws {
        var repaired = 0
        try ImageCase.each(of: "qcow2-broken") { item in
            guard let expected = item.answer("check"), [2, 3].contains(expected.exit), item.format == "qcow2" else {
                return
            }
            let peer = item.folder + "/peer.qcow2"
            try FileManager.default.copyItem(atPath: item.path, toPath: peer)
            _ = try? tool("qemu-img", "check", "-q", "-f", "qcow2", "-r", "all", peer)
            let opened = try? Image.open(item.path, Self.options(item))
            let before = opened.flatMap { $0.size < 16 << 20 ? try? $0.content() : nil }
            try opened?.close()
            let ours = try Image.check(item.path, Self.options(item), repair: .all).check
            let theirs = try qemuImgCheck(item.path)
            #expect(theirs.status == Int32(status(ours)), "\(item.name): \(theirs.text.prefix(300))")
            if !item.name.hasPrefix("broken-snapshot-table"), !item.name.hasPrefix("broken-bitmap-table"),
                try qemuImgCheck(peer).status == 0
            {
                #expect(status(ours) == 0, "\(item.name): \(ours)")
                repaired += 1
            }
            guard let before, !item.name.hasPrefix("broken-l2-is-itself") else { return }
            let after = try Image.open(item.path, Self.options(item)).content()
            #expect(after == before, "\(item.name) shows something else")
        }
        #expect(repaired > 30)
    }

    /// A repair that is interrupted at any call leaves no more wrong than there was, and the next one ends it.
    @Test(.enabled(if: hasQemuImg, "qemu-img is not installed"), arguments: ["compat=1.1", "refcount_bits=1"])
    func anInterruptedRepairIsTakenUp(_ options: String) throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", options + ",cluster_size=4k", path, "4M")
            try tool("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 300k", "-c", "write -P 9 2M 64k", path)
            var bytes = try Array(Data(contentsOf: URL(filePath: path)))
            let content = try Image.open(on: MemoryStorage(bytes), .qcow2).content()
            // No reference count is right.
            let table = bytes[48..<56].reduce(0) { $0 << 8 | Int($1) }
            let block = bytes[table..<table + 8].reduce(0) { $0 << 8 | Int($1) }
            for index in block..<block + 4096 { bytes[index] = 0 }
            var fuse = 1
            while true {
                let storage = MemoryStorage(bytes)
                storage.fail(after: fuse)
                let isDone = (try? Qcow2Repair(storage).run(.all)) != nil
                #expect(try Image.open(on: MemoryStorage(storage.bytes), .qcow2).content() == content, "call \(fuse)")
                let again = MemoryStorage(storage.bytes)
                let result = try Qcow2Repair(again).run(.all)
                #expect(result.corruptions == 0 && result.leaks == 0, "call \(fuse): \(result)")
                #expect(MetadataModel(again.bytes).errors.isEmpty, "call \(fuse)")
                if isDone { break }
                fuse += 1
            }
            #expect(fuse > 5)
        }
    }

    /// An image with lazy reference counts that was not closed is put right when it is opened for writing.
    @Test(.enabled(if: hasQemuImg, "qemu-img is not installed")) func lazyReferenceCountsAreRebuilt() throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", path, "64M")
            // It is killed, and leaves the image as it is.
            _ = try? tool("qemu-io", "-f", "qcow2", "-c", "write -P 5 0 20M", "-c", "flush", "-c", "abort", path)
            #expect(ImageFacts.read(path: path).value?.isDirty == true)
            var options = Image.Options(format: .qcow2, gate: .open)
            options.isWritable = true
            let image = try Image.open(path, options)
            try [UInt8](repeating: 6, count: 512).withUnsafeBytes { try image.write($0, at: 512) }
            try image.close()
            #expect(ImageFacts.read(path: path).value?.isDirty == false)
            #expect(try qemuImgCheck(path).status == 0)
            let content = try Image.open(path, Image.Options(format: .qcow2, gate: .open)).content()
            #expect(content[0] == 5 && content[512] == 6 && content[1024] == 5 && content[(20 << 20) - 1] == 5)
        }
    }
}
