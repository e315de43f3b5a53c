import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Snapshots, sizes, backing files: what changes more than data.
@Suite(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed")) struct StructureTests {
    static let steps = ProcessInfo.processInfo.environment["NEARMETAL_STEPS"].flatMap { Int($0) } ?? 60

    private func with<Value>(
        _ path: String, isWritable: Bool = true, backing: Bool = true, _ body: (Image) throws -> Value
    )
        throws -> Value
    {
        var options = Image.Options(format: .qcow2, gate: .open)
        options.isWritable = isWritable
        options.opensBacking = backing
        let image = try Image.open(path, options)
        let value = try body(image)
        if isWritable { try image.close() }
        return value
    }

    /// Zeros over the end of one unit and the start of the next, whatever is in either: no part of them is left out.
    @Test(arguments: [("cluster_size=4k", 4096), ("extended_l2=on,cluster_size=64k", 2048)])
    func zerosGoOverBorders(_ options: String, _ unit: Int) throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            for states in 0..<9 {
                for unmap in [true, false] {
                    try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "1M")
                    var model = [UInt8](repeating: 0, count: 1 << 20)
                    try with(path) { image in
                        for (number, state) in [states % 3, states / 3].enumerated() {
                            let deed: Deed
                            switch state {
                            case 1: deed = .write(number * unit, [UInt8](repeating: 7, count: unit))
                            case 2: deed = .zero(number * unit, unit, unmap: false)
                            default: continue
                            }
                            try deed.perform(on: image)
                            deed.apply(to: &model)
                        }
                        let deed = Deed.zero(unit - 1024, 1536, unmap: unmap)
                        try deed.perform(on: image)
                        deed.apply(to: &model)
                    }
                    let shown = try with(path, isWritable: false) { try $0.content() }
                    #expect(isSame(shown, model), "states \(states), unmap \(unmap)")
                }
            }
        }
    }

    @Test(arguments: [
        ("cluster_size=512", 512), ("cluster_size=4k", 4096), ("cluster_size=64k", 65_536),
        ("extended_l2=on,cluster_size=16k", 16_384), ("refcount_bits=64,cluster_size=1k", 1024),
    ])
    func snapshotsAndSizesInTurnWithQEMU(_ options: String, _ cluster: Int) throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            var random = Seeded(UInt64(cluster) &+ UInt64(Self.steps))
            var model = [UInt8](repeating: 0, count: 40 * cluster / 512 * 512)
            var kept: [String: [UInt8]] = [:]
            var number = 0
            try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "\(model.count)")
            for step in 0..<Self.steps {
                let isOurs = Int.random(in: 0..<3, using: &random) > 0
                var what = ""
                switch Int.random(in: 0..<9, using: &random) {
                case 0, 1:
                    number += 1
                    let name = "s\(number)"
                    what = "create \(name)"
                    if isOurs {
                        try with(path) { try $0.createSnapshot(name) }
                    } else {
                        try tool("qemu-img", "snapshot", "-c", name, path)
                    }
                    kept[name] = model
                case 2:
                    guard let name = kept.keys.sorted().randomElement(using: &random) else { continue }
                    what = "apply \(name)"
                    if isOurs {
                        try with(path) { try $0.applySnapshot(name) }
                    } else {
                        try tool("qemu-img", "snapshot", "-a", name, path)
                    }
                    model = kept[name] ?? []
                case 3:
                    guard let name = kept.keys.sorted().randomElement(using: &random) else { continue }
                    what = "delete \(name)"
                    if isOurs {
                        try with(path) { try $0.deleteSnapshot(name) }
                    } else {
                        try tool("qemu-img", "snapshot", "-d", name, path)
                    }
                    kept[name] = nil
                case 4:
                    let size = Int.random(in: 1...80 * cluster / 512, using: &random) * 512
                    what = "resize \(model.count) to \(size)"
                    if isOurs {
                        try with(path) { try $0.resize(to: UInt64(size)) }
                    } else {
                        try tool("qemu-img", "resize", "-q", "--shrink", "-f", "qcow2", path, "\(size)")
                    }
                    let old = model.count
                    MemoryStorage.resize(&model, size)
                    if !isOurs, size > old {
                        // QEMU brings to light what was in the last cluster when the image was longer.
                        let tail = old..<min(size, (old + cluster - 1) / cluster * cluster)
                        let shown = try with(path, isWritable: false) { try $0.content() }
                        model.replaceSubrange(tail, with: shown[tail])
                    }
                default:
                    let deed = Deed.random(model.count, cluster: cluster, &random)
                    if case .discard = deed { continue }
                    what = "\(deed.range)"
                    try with(path) { try deed.perform(on: $0) }
                    deed.apply(to: &model)
                }
                let shown = try with(path, isWritable: false) { try $0.content() }
                guard isSame(shown, model) else {
                    let place = zip(shown, model).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? -1
                    Issue.record("step \(step), ours \(isOurs), \(what): \(shown.count) bytes, byte \(place) differs")
                    return
                }
                let check = try qemuImgCheck(path)
                guard check.status == 0 else {
                    Issue.record("step \(step), ours \(isOurs), \(what): \(check.text.prefix(600))")
                    return
                }
            }
            let listed = try with(path, isWritable: false) { try $0.snapshots() }
            #expect(Set(listed.map(\.name)) == Set(kept.keys))
            for (name, content) in kept {
                let out = folder + "/out.raw"
                try tool("qemu-img", "convert", "-l", name, "-f", "qcow2", "-O", "raw", path, out)
                // The tool shows a snapshot with the size the image has now.
                let shown = try Array(Data(contentsOf: URL(filePath: out)))
                let count = min(shown.count, content.count)
                #expect(shown[..<count] == content[..<count], "\(name)")
                try with(path) { try $0.applySnapshot(name) }
                #expect(isSame(try with(path, isWritable: false) { try $0.content() }, content), "\(name)")
            }
        }
    }

    private func filled(_ path: String, _ count: Int, _ random: inout Seeded, _ words: [String] = []) throws -> [UInt8]
    {
        let raw = path + ".raw"
        var bytes = [UInt8](repeating: 0, count: count)
        for _ in 0..<20 {
            let start = Int.random(in: 0..<count / 512, using: &random) * 512
            let length = min(count - start, Int.random(in: 1...300, using: &random) * 512)
            bytes.replaceSubrange(
                start..<start + length, with: random.bytes(length))
        }
        try Data(bytes).write(to: URL(filePath: raw))
        try tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path)
        return bytes
    }

    @Test func aRebasedImageShowsTheSame() throws {
        try inFolder { folder in
            for seed in 1...8 {
                var random = Seeded(UInt64(seed))
                let sizes = (0..<3).map { _ in Int.random(in: 100...4000, using: &random) * 512 }
                _ = try filled(folder + "/a.qcow2", sizes[0], &random)
                _ = try filled(folder + "/b.qcow2", sizes[1], &random)
                let top = folder + "/top.qcow2"
                try tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", top, "\(sizes[2])")
                try with(top) { image in
                    for _ in 0..<5 {
                        let deed = Deed.random(sizes[2], cluster: 65_536, &random)
                        try deed.perform(on: image)
                    }
                }
                let before = try with(top, isWritable: false) { try $0.content() }
                try with(top) { image in
                    let other = try Image.open(folder + "/b.qcow2", Image.Options(format: .qcow2, gate: .closed))
                    try image.takeUp(whatDiffersFrom: other)
                    try image.setBacking(BackingName("b.qcow2", format: "qcow2"))
                }
                #expect(isSame(try with(top, isWritable: false) { try $0.content() }, before), "seed \(seed)")
                #expect(try qemuImgCheck(top).status == 0)
                try tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", top, folder + "/out.raw")
                #expect(isSame(try Array(Data(contentsOf: URL(filePath: folder + "/out.raw"))), before), "seed \(seed)")
                try with(top) { image in
                    try image.takeUp(whatDiffersFrom: nil)
                    try image.setBacking(nil)
                }
                #expect(isSame(try with(top, isWritable: false) { try $0.content() }, before), "alone, seed \(seed)")
                #expect(try !tool("qemu-img", "info", top).contains("backing"))
            }
        }
    }

    @Test func whatIsCommittedIsBelow() throws {
        try inFolder { folder in
            for seed in 1...6 {
                var random = Seeded(UInt64(seed) + 90)
                let size = Int.random(in: 200...4000, using: &random) * 512
                _ = try filled(folder + "/base.qcow2", size, &random)
                let top = folder + "/top.qcow2"
                try tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", top)
                try with(top) { image in
                    for _ in 0..<8 { try Deed.random(size, cluster: 65_536, &random).perform(on: image) }
                }
                let before = try with(top, isWritable: false) { try $0.content() }
                var options = ImageConversion.Options()
                options.layers = 1
                options.targetIsZero = false
                let settings = options
                try with(top, backing: false) { image in
                    try with(folder + "/base.qcow2") { base in try ImageConversion(image, to: base, settings).run() }
                    try image.makeEmpty()
                }
                for file in ["base", "top"] {
                    #expect(isSame(try with("\(folder)/\(file).qcow2", isWritable: false) { try $0.content() }, before))
                    #expect(try qemuImgCheck("\(folder)/\(file).qcow2").status == 0)
                }
                #expect(
                    try tool("qemu-img", "map", "--output=json", top).contains("\"depth\": 0, \"present\": true")
                        == false)
            }
        }
    }

    /// Many ways of writing one image: what comes out is what went in, and QEMU says the same.
    @Test(arguments: [
        "", "cluster_size=512", "cluster_size=4k,refcount_bits=1", "cluster_size=2M", "compat=0.10", "extended_l2=on",
        "compression_type=zstd", "preallocation=metadata", "preallocation=falloc", "preallocation=full",
        "lazy_refcounts=on",
    ])
    func convertedImagesShowTheSame(_ options: String) throws {
        try inFolder { folder in
            var random = Seeded(77)
            let bytes = try filled(folder + "/in.qcow2", (5 << 20) + 512, &random)
            let source = try Image.open(folder + "/in.qcow2", Image.Options(format: .qcow2, gate: .closed))
            var creation = Image.Creation(.qcow2, size: source.size)
            for option in options.split(separator: ",") {
                let pair = option.split(separator: "=").map(String.init)
                switch pair[0] {
                case "cluster_size": creation.qcow2.clusterSize = ["512": 512, "4k": 4096, "2M": 2 << 20][pair[1]] ?? 0
                case "refcount_bits": creation.qcow2.refcountBits = UInt64(pair[1]) ?? 0
                case "compat": creation.qcow2.version = 2
                case "extended_l2": creation.qcow2.extendedL2 = true
                case "compression_type": creation.qcow2.isZstd = true
                case "lazy_refcounts": creation.qcow2.lazyRefcounts = true
                default: creation.preallocation = Image.Preallocation(rawValue: pair[1]) ?? .off
                }
            }
            for isCompressed in creation.preallocation == .off ? [false, true] : [false] {
                let path = folder + "/out.qcow2"
                let target = try Image.create(path, creation)
                var settings = ImageConversion.Options()
                settings.isTargetNew = creation.preallocation == .off
                settings.isCompressed = isCompressed
                try ImageConversion(source, to: target, settings).run()
                try target.close()
                #expect(try qemuImgCheck(path).status == 0, "\(isCompressed)")
                #expect(isSame(try with(path, isWritable: false) { try $0.content() }, bytes))
                try tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, folder + "/out.raw")
                #expect(
                    isSame(try Array(Data(contentsOf: URL(filePath: folder + "/out.raw"))), bytes), "\(isCompressed)")
            }
        }
    }
}
