import Foundation
import Testing
import ToolRunning

@testable import DiskImage

/// What QEMU's own tests of images found here, each kept small.
@Suite(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed")) struct PeerTests {
    private func open(
        _ path: String, _ format: ImageFacts.Format = .qcow2, isWritable: Bool = true
    ) throws -> Image {
        var options = Image.Options(format: format, gate: .open)
        options.isWritable = isWritable
        return try Image.open(path, options)
    }

    /// An image of some clusters of 64 KiB, each filled with a byte; `nil` leaves one out.
    private func make(
        _ path: String, _ clusters: [UInt8?], _ format: ImageFacts.Format = .qcow2, backing: String? = nil,
        cluster: UInt64 = 65_536
    ) throws {
        var creation = Image.Creation(format, size: UInt64(clusters.count) * 65_536)
        creation.backing = backing.map { BackingName($0, format: format.rawValue) }
        creation.qcow2.clusterSize = cluster
        creation.gate = .open
        try Image.create(path, creation).close()
        let image = try open(path, format)
        for (number, byte) in clusters.enumerated() {
            guard let byte else { continue }
            try [UInt8](repeating: byte, count: 65_536).withUnsafeBytes {
                try image.write($0, at: UInt64(number) * 65_536)
            }
        }
        try image.close()
    }

    /// The first byte of each cluster, as QEMU reads it; every other one has to be the same.
    private func shown(_ path: String, _ format: ImageFacts.Format = .qcow2) throws -> [UInt8] {
        let raw = path + ".shown"
        try tool("qemu-img", "convert", "-f", format.rawValue, "-O", "raw", path, raw)
        let bytes = Array(FileManager.default.contents(atPath: raw) ?? Data())
        return stride(from: 0, to: bytes.count, by: 65_536).map { start in
            let piece = bytes[start..<min(start + 65_536, bytes.count)]
            return piece.allSatisfy { $0 == piece.first } ? piece.first ?? 0 : 0xEE
        }
    }

    /// Nothing was below, and what is going to be below has data: the zeros have to be written down.
    @Test(arguments: [ImageFacts.Format.qcow2, .qed]) func zerosStayZerosOverANewBackingFile(
        _ format: ImageFacts.Format
    ) throws {
        try inFolder { folder in
            let (top, base) = (folder + "/top", folder + "/base")
            try make(top, [2, nil, 1, nil], format)
            try make(base, [1, 1, 1, nil], format)
            let image = try open(top, format)
            let new = try open(base, format, isWritable: false)
            try image.takeUp(whatDiffersFrom: new)
            try image.setBacking(BackingName("base", format: format.rawValue))
            try image.close()
            #expect(try shown(top, format) == [2, 0, 1, 0])
        }
    }

    @Test func anImageOfNoSizeHasNoTable() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try make(path, [])
            #expect(try qemuImgCheck(path).status == 0)
            let image = try open(path)
            try image.createSnapshot("none")
            try image.close()
            #expect(try qemuImgCheck(path).status == 0)
            let again = try open(path)
            try again.resize(to: 1 << 20)
            try again.close()
            #expect(try qemuImgCheck(path).status == 0)
        }
    }

    /// Clusters have their places before they are written, and the new ones read as zeros, whoever had them before.
    @Test(arguments: Image.Preallocation.allCases, [false, true])
    func growingWithPlaces(_ kind: Image.Preallocation, _ hasSubclusters: Bool) throws {
        try inFolder { folder in
            let path = folder + "/disk"
            let kinds = hasSubclusters ? "extended_l2=on" : "extended_l2=off"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", kinds, path, "1M")
            try tool("qemu-io", "-f", "qcow2", "-c", "write -P 5 0 1M", "-c", "discard 512k 512k", path)
            let image = try open(path)
            try image.resize(to: 1 << 19)
            try image.resize(to: 2 << 20, kind)
            let end = try image.content()[(1 << 19)...]
            #expect(end.allSatisfy { $0 == 0 })
            try image.close()
            #expect(try qemuImgCheck(path).status == 0)
            let length = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            if kind != .off { #expect(length >= 2 << 20) }
            try tool("qemu-io", "-f", "qcow2", "-c", "write -P 6 1M 1M", path)
            let after = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            if kind != .off { #expect(after == length) }
        }
    }

    /// What a smaller image needs no more goes back to the file system, with the counts that counted it.
    @Test func shrinkingGivesBack() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", path, "8M")
            try tool("qemu-io", "-f", "qcow2", "-c", "write -P 5 7M 1M", "-c", "write -P 6 0 7M", path)
            let image = try open(path)
            try image.resize(to: 1 << 20)
            try image.close()
            #expect(try qemuImgCheck(path).status == 0)
            let blocks = try tool("stat", "-c", "%b", path).trimmingCharacters(in: .newlines)
            #expect(Int(blocks) ?? .max < 10_240)
            #expect(try shown(path) == [UInt8](repeating: 6, count: 16))
        }
    }

    /// What later versions keep with a snapshot stays when the table is written anew.
    @Test func unknownPartsOfSnapshotsStay() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try make(path, [1])
            let first = try open(path)
            try first.createSnapshot("one")
            try first.close()
            var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            let table = Int(bytes[64..<72].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
            // 8 bytes more than are known lie before the names.
            bytes += [UInt8](repeating: 0, count: 64)
            bytes[table + 39] += 8
            bytes.replaceSubrange(table + 64..<table + 76, with: Array("novelty!1one".utf8))
            try Data(bytes).write(to: URL(filePath: path))
            let second = try open(path)
            #expect(try second.snapshots().map(\.name) == ["one"])
            try second.createSnapshot("two")
            try second.close()
            let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
            #expect(text.components(separatedBy: "novelty!").count == 3)
            #expect(try qemuImgCheck(path).status == 0)
        }
    }

    /// Counts that are too narrow for what is referred to are put right by wider ones.
    @Test func narrowCountsAreWidened() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "refcount_bits=1", path, "128k")
            try tool("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", path)
            var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            func word(_ place: Int) -> Int { bytes[place + 1..<place + 8].reduce(0) { $0 << 8 | Int($1) } }
            // The second cluster of the disk is where the first one is.
            let table = word(word(40))
            bytes.replaceSubrange(table + 8..<table + 16, with: bytes[table..<table + 8])
            try Data(bytes).write(to: URL(filePath: path))
            let options = Image.Options(format: .qcow2, gate: .closed)
            let failure = #expect(throws: ImageError.self) { try Image.check(path, options, repair: .all) }
            #expect(failure?.remedy.contains("refcount_bits=2") == true)
            var amendment = Qcow2Amendment()
            amendment.refcountBits = 2
            try open(path).amend(amendment)
            #expect(try qemuImgCheck(path).status == 0)
            #expect(try shown(path) == [7, 7])
        }
    }

    /// Each goes on from the table as it is, not as it was when the image was opened.
    @Test func snapshotsOfOneOpenImageAreAllKept() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try make(path, [1])
            let image = try open(path)
            for name in ["one", "two", "three"] { try image.createSnapshot(name) }
            try image.deleteSnapshot("two")
            #expect(try image.snapshots().map(\.name) == ["one", "three"])
            try image.close()
            #expect(try qemuImgCheck(path).status == 0)
            let again = try open(path)
            #expect(try again.snapshots().map(\.name) == ["one", "three"])
        }
    }

    /// What is too much of a table of snapshots is taken out, and the rest of it stays.
    @Test func snapshotsThatAreTooMuchAreTakenOut() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            func put(_ bytes: [UInt8], at place: Int) throws {
                let file = try FileHandle(forUpdating: URL(filePath: path))
                try file.seek(toOffset: UInt64(place))
                try file.write(contentsOf: Data(bytes))
                try file.close()
            }
            func refuses(_ words: String) throws {
                let failure = #expect(throws: ImageError.self) { try open(path, isWritable: false) }
                #expect(failure?.described.contains(words) == true, "\(failure?.described ?? "")")
                let options = Image.Options(format: .qcow2, gate: .closed)
                let verdict = #expect(throws: ImageError.self) { try Image.check(path, options) }
                #expect(verdict?.described.contains(words) == true, "\(verdict?.described ?? "")")
                #expect(try qemuImgCheck(path).status != 0)
            }
            func repairs(fixing count: Int, leaving names: [String]) throws {
                let options = Image.Options(format: .qcow2, gate: .closed)
                let check = try Image.check(path, options, repair: .all).check
                #expect(check.corruptions == 0)
                #expect(check.leaks == 0)
                #expect(check.corruptionsFixed == count)
                #expect(try qemuImgCheck(path).status == 0)
                #expect(try open(path, isWritable: false).snapshots().map(\.name) == names)
                #expect(try shown(path) == [1])
            }
            try make(path, [1])
            for name in ["one", "two"] {
                let image = try open(path)
                try image.createSnapshot(name)
                try image.close()
            }
            let bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            let table = Int(bytes[64..<72].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
            // The second says of itself 64 KiB that nobody knows; its names are behind them.
            let second = table + 72
            try put([0, 1, 0, 0], at: second + 36)
            try put(Array("2two".utf8), at: second + 40 + 65_536)
            try refuses("Too much extra metadata in snapshot table entry 1. You can force-remove")
            try repairs(fixing: 2, leaving: ["one", "two"])
        }
    }

    /// Of more snapshots than there may be the first are kept.
    @Test func snapshotsBehindTheLastAreDropped() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            // Of version 2, in which 40 bytes of zeros are a snapshot.
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", path, "64k")
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.seek(toOffset: 60)
            try file.write(contentsOf: Data([0, 2, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0]))
            try file.truncate(atOffset: 1 << 20 + 40 * 131_072)
            try file.close()
            #expect(throws: ImageError.self) { try open(path, isWritable: false) }
            let options = Image.Options(format: .qcow2, gate: .closed)
            #expect(throws: ImageError.self) { try Image.check(path, options) }
            let check = try Image.check(path, options, repair: .all).check
            #expect(check.corruptions == 0)
            #expect(check.leaks == 0)
            #expect(try qemuImgCheck(path).status == 0)
            #expect(try open(path, isWritable: false).snapshots().count == 65_536)
        }
    }

    /// A snapshot whose table cannot be one is neither shown nor taken out.
    @Test func snapshotsThatCannotBeAreLeftAlone() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try make(path, [1])
            let image = try open(path)
            try image.createSnapshot("one")
            try image.close()
            var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            let table = Int(bytes[64..<72].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
            bytes[table + 6] ^= 2
            try Data(bytes).write(to: URL(filePath: path))
            for deed in [Image.applySnapshot, Image.deleteSnapshot] {
                let image = try open(path)
                #expect(throws: ImageError.self) { try deed(image)("one") }
                try image.close()
            }
            #expect(FileManager.default.contents(atPath: path) == Data(bytes))
        }
    }

    /// Subclusters that show what is below go on doing so when their cluster's place is put right.
    @Test func repairsKeepWhatIsBelow() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try make(folder + "/base", [4, 4])
            try tool(
                "qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", "-b", "base", "-F", "qcow2", path)
            try tool("qemu-io", "-f", "qcow2", "-c", "write -P 5 0 2k", "-c", "write -z 0 2k", path)
            var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            func word(_ place: Int) -> Int { bytes[place + 1..<place + 8].reduce(0) { $0 << 8 | Int($1) } }
            let entry = word(word(40)) & 0xFF_FFFF_FFFF_FE00
            // Not at a cluster's start any more.
            bytes[entry + 6] |= 2
            try Data(bytes).write(to: URL(filePath: path))
            let (_, check) = try Image.check(path, Image.Options(format: .qcow2, gate: .open), repair: .all)
            #expect(check.corruptions == 0)
            #expect(try qemuImgCheck(path).status == 0)
            let image = try open(path, isWritable: false)
            let content = try image.content()
            #expect(content[..<2048].allSatisfy { $0 == 0 })
            #expect(content[2048...].allSatisfy { $0 == 4 })
        }
    }

    /// Bits nobody here knows say that something is up to date which a repair makes out of date.
    @Test func repairsClearUnknownMarks() throws {
        try inFolder { folder in
            let path = folder + "/disk"
            try make(path, [1])
            var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            bytes[88] = 0x80
            try Data(bytes).write(to: URL(filePath: path))
            _ = try Image.check(path, Image.Options(format: .qcow2, gate: .open))
            #expect(FileManager.default.contents(atPath: path)?[88] == 0x80)
            _ = try Image.check(path, Image.Options(format: .qcow2, gate: .open), repair: .leaks)
            #expect(FileManager.default.contents(atPath: path)?[88] == 0)
        }
    }
}
