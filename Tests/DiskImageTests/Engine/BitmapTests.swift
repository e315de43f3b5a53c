import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Persistent bitmaps that both this engine and QEMU keep.
@Suite(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed")) struct BitmapTests {
    private func writable(_ path: String) throws -> Image {
        var options = Image.Options(format: .qcow2, gate: .open)
        options.isWritable = true
        return try Image.open(path, options)
    }

    private func noted(_ path: String, _ name: String, size: Int, granularity: UInt64) throws -> [Int] {
        let image = try Image.open(path, Image.Options(format: .qcow2, gate: .open))
        let bitmap = try image.bitmap(name)
        #expect(bitmap.granularity == granularity)
        return stride(from: 0, to: size, by: Int(granularity)).filter { bitmap[UInt64($0)] }.map {
            $0 / Int(granularity)
        }
    }

    /// What was written is noted, whoever wrote it; what a switched-off bitmap says stays.
    @Test(arguments: ["cluster_size=512", "cluster_size=64k", "extended_l2=on"])
    func writesAreNoted(_ options: String) throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            let size = 2 << 20
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "\(size)")
            try tool("qemu-img", "bitmap", "--add", "-g", "4k", path, "one")
            try tool("qemu-img", "bitmap", "--add", "--disable", path, "off")
            var random = Seeded(9)
            var model = Set<Int>()
            for step in 0..<30 {
                let deed = Deed.random(size, cluster: 65_536, &random)
                if case .flush = deed { continue }
                for place in stride(
                    from: deed.range.lowerBound / 4096, to: (deed.range.upperBound - 1) / 4096 + 1, by: 1)
                {
                    model.insert(place)
                }
                if Bool.random(using: &random), let command = deed.command {
                    // QEMU notes of a discard what it gives back only.
                    if case .discard = deed { continue }
                    try tool("qemu-io", "-f", "qcow2", "-c", command, path)
                } else {
                    let image = try writable(path)
                    try deed.perform(on: image)
                    try image.close()
                }
                let shown = Set(try noted(path, "one", size: size, granularity: 4096))
                #expect(model.isSubset(of: shown), "step \(step): \(model.subtracting(shown))")
                model = shown
                #expect(try noted(path, "off", size: size, granularity: clusterOf(path)).isEmpty)
                #expect(try qemuImgCheck(path).status == 0, "step \(step)")
            }
            #expect(MetadataBitmap.qemuAgrees(path, names: ["one", "off"]))
        }
    }

    private func clusterOf(_ path: String) throws -> UInt64 {
        let image = try Image.open(path, Image.Options(format: .qcow2, gate: .open))
        return min(max(image.clusterSize ?? 65_536, 4096), 65_536)
    }

    /// Bits are kept in pages; whatever is done with them, they are those of a plain set.
    @Test func bitsAreThoseOfASet() {
        var random = Seeded(21)
        var size: UInt64 = 90_000 * 512
        var bitmap = ImageBitmap(granularity: 512, size: size)
        var model = Set<UInt64>()
        for _ in 0..<30 {
            let count = UInt64.random(in: 1...(Bool.random(using: &random) ? 30_000_000 : 5000), using: &random)
            let offset = UInt64.random(in: 0..<size + 5000, using: &random)
            let end = min(offset + count, size)
            let bits = offset < end ? offset / 512..<(end - 1) / 512 + 1 : 0..<0
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                size = UInt64.random(in: 1...120_000 * 512, using: &random)
                bitmap.resize(to: size)
                model = model.filter { $0 < (size + 511) / 512 }
            case 1:
                var other = ImageBitmap(granularity: 512, size: size + 100_000)
                other.set(offset, count)
                bitmap.merge(other)
                // The other one is longer.
                let all = offset / 512..<min(offset + count - 1, size + 99_999) / 512 + 1
                model.formUnion(all.filter { $0 < (size + 511) / 512 })
            case 2:
                var other = ImageBitmap(granularity: 4096, size: size)
                other.set(offset, count)
                bitmap.merge(other)
                let wide = bits.isEmpty ? bits : bits.lowerBound / 8 * 8..<((bits.upperBound - 1) / 8 + 1) * 8
                model.formUnion(wide.filter { $0 < (size + 511) / 512 })
            default:
                bitmap.set(offset, count)
                model.formUnion(bits)
            }
            let total = (size + 511) / 512
            #expect((0..<total).allSatisfy { bitmap[$0 * 512] == model.contains($0) })
            var stored = ImageBitmap(granularity: 512, size: size)
            for start in stride(from: 0, to: bitmap.byteCount, by: 1500) {
                guard let bytes = bitmap.bytes(start..<min(start + 1500, bitmap.byteCount)) else { continue }
                stored.put(bytes, at: start)
            }
            #expect(stored == bitmap)
        }
    }

    /// A bitmap of half a gigabyte, of which little is there, as QEMU makes it.
    @Test func largeOnesAreKept() throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            let size: UInt64 = 2 << 40
            try tool("qemu-img", "create", "-q", "-f", "qcow2", path, "\(size)")
            try tool("qemu-img", "bitmap", "--add", "-g", "512", path, "theirs")
            let places: [UInt64] = [0, 12_345 << 20, size - 1024]
            for place in places {
                let image = try writable(path)
                try [UInt8](repeating: 1, count: 700).withUnsafeBytes { try image.write($0, at: place) }
                try image.close()
            }
            let image = try writable(path)
            try image.change(bitmap: "ours", .add(granularity: 512))
            try image.change(bitmap: "ours", .merge(try image.bitmap("theirs")))
            try image.close()
            for name in ["theirs", "ours"] {
                let bitmap = try Image.open(path, Image.Options(format: .qcow2, gate: .open)).bitmap(name)
                for place in places {
                    #expect(bitmap[place] && bitmap[place + 512])
                    #expect(place == 0 || !bitmap[place - 1])
                    #expect(place + 1024 >= size || !bitmap[place + 1024])
                }
            }
            #expect(try qemuImgCheck(path).status == 0)
            #expect(MetadataBitmap.qemuAgrees(path, names: ["theirs", "ours"]))
        }
    }

    /// What a directory of many bitmaps can have kept is bounded, though a word of a table stands for much.
    @Test(arguments: [("2M", UInt64(2) << 40, UInt64(0)), ("512", 4 << 30, 1)])
    func manyAreNotKept(_ cluster: String, _ size: UInt64, _ word: UInt64) throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=\(cluster)", path, "\(size)")
            let driver = try #require(try writable(path).driver as? Qcow2Driver)
            let words = (size / 4096).dividedUp(by: driver.header.clusterSize)
            let place = try driver.file.length().dividedUp(by: driver.header.clusterSize) * driver.header.clusterSize
            try driver.file.write(Qcow2Table.bytes([UInt64](repeating: word, count: Int(words))[...]), at: place)
            let entry = Qcow2Bitmaps.Entry(
                name: "a", granularity: 512, isInUse: false, isAutomatic: true, tableOffset: place, tableSize: words)
            var budget = Qcow2Bitmaps.mostBytes
            var loaded = 0
            #expect(throws: ImageError.self) {
                while loaded < 1000 {
                    _ = try Qcow2Bitmaps.load(driver.file, driver.header, entry, &budget)
                    loaded += 1
                }
            }
            // Each takes a mebibyte: of pages' places in the one image, of bits in the other.
            #expect((60...63).contains(loaded))
        }
    }

    /// Merging, clearing and taking out leave what QEMU reads and checks.
    @Test func operations() throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
            var image = try writable(path)
            try image.change(bitmap: "fine", .add(granularity: 512))
            try image.change(bitmap: "coarse", .add(granularity: 1 << 20))
            #expect(throws: ImageError.self) { try image.change(bitmap: "fine", .add(granularity: 512)) }
            try [UInt8](repeating: 1, count: 1024).withUnsafeBytes { try image.write($0, at: 5 << 20) }
            try image.close()
            #expect(try noted(path, "fine", size: 64 << 20, granularity: 512) == [10_240, 10_241])
            #expect(try noted(path, "coarse", size: 64 << 20, granularity: 1 << 20) == [5])
            image = try writable(path)
            try image.change(bitmap: "coarse", .clear)
            try image.change(bitmap: "coarse", .merge(try image.bitmap("fine")))
            try image.change(bitmap: "fine", .remove)
            try image.close()
            #expect(try noted(path, "coarse", size: 64 << 20, granularity: 1 << 20) == [5])
            #expect(try qemuImgCheck(path).status == 0)
            #expect(MetadataBitmap.qemuAgrees(path, names: ["coarse"]))
            image = try writable(path)
            try image.change(bitmap: "coarse", .remove)
            try image.close()
            #expect(MetadataBitmap.qemuAgrees(path, names: []))
            let check = try Image.check(path, Image.Options(format: .qcow2, gate: .open)).check
            #expect(check.corruptions == 0 && check.leaks == 0)
        }
    }

    /// After a loss of power nobody takes a bitmap for right that is not; the image itself is whole.
    @Test func powerCuts() throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", path, "1M")
            try tool("qemu-img", "bitmap", "--add", path, "b")
            try tool("qemu-io", "-f", "qcow2", "-c", "write 0 64k", path)
            let start = try Array(Data(contentsOf: URL(filePath: path)))
            var fuse = 1
            while true {
                let storage = MemoryStorage(start)
                let image = try Image.open(on: storage, .qcow2)
                storage.fail(after: fuse)
                var isDone = false
                do {
                    try [UInt8](repeating: 1, count: 4096).withUnsafeBytes { try image.write($0, at: 512 << 10) }
                    try image.close()
                    isDone = true
                } catch {}
                let after = try Image.open(on: MemoryStorage(storage.bytes), .qcow2)
                let check = try Qcow2Repair(MemoryStorage(storage.bytes)).run(nil)
                #expect(check.corruptions == 0, "call \(fuse)")
                if let bitmap = try? after.bitmap("b"), try after.content()[512 << 10] == 1 {
                    #expect(bitmap[512 << 10], "call \(fuse): written, and not noted")
                }
                if isDone { break }
                fuse += 1
            }
            #expect(fuse > 8)
        }
    }
}

/// What QEMU says of bitmaps.
enum MetadataBitmap {
    static func qemuAgrees(_ path: String, names: [String]) -> Bool {
        guard let text = try? tool("qemu-img", "info", "--output=json", path),
            let json = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let specific = (json["format-specific"] as? [String: Any])?["data"] as? [String: Any]
        else { return false }
        let bitmaps = specific["bitmaps"] as? [[String: Any]] ?? []
        return bitmaps.compactMap { $0["name"] as? String } == names
            && bitmaps.allSatisfy { !(($0["flags"] as? [String]) ?? []).contains("in-use") }
    }
}
