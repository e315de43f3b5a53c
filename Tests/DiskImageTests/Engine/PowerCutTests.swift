import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Images that were written to when the power went, or when their storage failed.
@Suite(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed")) struct PowerCutTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var options: String
        var cluster: Int
        var size: Int
        var testDescription: String { options }
    }

    static let cases = [
        Case(options: "cluster_size=512", cluster: 512, size: 200 << 10),
        Case(options: "cluster_size=4k", cluster: 4096, size: 1 << 20),
        Case(options: "extended_l2=on,cluster_size=16k", cluster: 16_384, size: 1 << 20),
        Case(options: "refcount_bits=8,cluster_size=1k", cluster: 1024, size: 400 << 10),
    ]

    static let cuts = ProcessInfo.processInfo.environment["NEARMETAL_CUTS"].flatMap { Int($0) } ?? 40

    private func fresh(_ test: Case, _ folder: String) throws -> [UInt8] {
        let path = folder + "/fresh.qcow2"
        try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", test.options, path, "\(test.size)")
        return try Array(Data(contentsOf: URL(filePath: path)))
    }

    /// Does so many deeds, the flushes between them, and notes what was on disk for sure at each.
    private func work(_ image: Image, _ deeds: Int, _ test: Case, _ random: inout Seeded) throws -> [Deed] {
        var done: [Deed] = []
        for _ in 0..<deeds {
            let deed = Deed.random(test.size / 512 * 512, cluster: test.cluster, &random)
            done.append(deed)
            try deed.perform(on: image)
        }
        return done
    }

    /// What was written since the last flush gets to the disk in any order, or not at all: sector by sector.
    @Test(arguments: cases) func atAnyPoint(_ test: Case) throws {
        try inFolder { folder in
            var random = Seeded(UInt64(test.cluster))
            let start = try fresh(test, folder)
            for round in 0..<4 {
                let storage = MemoryStorage(start)
                let image = try Image.open(on: storage, .qcow2)
                _ = try work(image, 12, test, &random)
                try image.flush()
                storage.record()
                // What holds from here on: what each sector may show.
                let held = storage.bytes
                var shown = try image.content()
                var touched = Touched(shown)
                var marks: [(event: Int, content: [UInt8])] = [(0, shown)]
                for _ in 0..<15 {
                    let deed = Deed.random(test.size / 512 * 512, cluster: test.cluster, &random)
                    try deed.perform(on: image)
                    let after = try image.content()
                    touched.note(after, in: deed.range)
                    shown = after
                    if case .flush = deed { marks.append((storage.events.count, shown)) }
                }
                try image.flush()
                marks.append((storage.events.count, shown))
                let events = storage.events
                for _ in 0..<Self.cuts / 4 {
                    let cut = Int.random(in: 0...events.count, using: &random)
                    let bytes = Self.after(events, cut: cut, held, &random)
                    let sure = marks.last { $0.event <= cut }?.content ?? marks[0].content
                    try verify(bytes, sure, touched, events: events.count, cut, "round \(round)", test, folder)
                }
            }
        }
    }

    /// The storage after a loss of power: all that was flushed, and of the rest some sectors.
    private static func after(_ events: [MemoryStorage.Event], cut: Int, _ held: [UInt8], _ random: inout Seeded)
        -> [UInt8]
    {
        var bytes = held
        var barrier = 0
        for (index, event) in events[..<cut].enumerated() { if case .flush = event { barrier = index } }
        for (index, event) in events[..<cut].enumerated() {
            switch event {
            case .flush: break
            case .resize(let length): MemoryStorage.resize(&bytes, Int(length))
            case .write(let offset, let written):
                if index < barrier {
                    MemoryStorage.put(written, Int(offset), &bytes)
                    continue
                }
                // The file may be longer already, whatever of it is there.
                if bytes.count < Int(offset) + written.count {
                    MemoryStorage.resize(&bytes, Int(offset) + written.count)
                }
                let isKept = Int.random(in: 0..<3, using: &random)
                guard isKept > 0 else { continue }
                var place = 0
                while place < written.count {
                    let end = min(written.count, (Int(offset) + place) / 512 * 512 + 512 - Int(offset))
                    if isKept == 2 || Bool.random(using: &random) {
                        MemoryStorage.put(Array(written[place..<end]), Int(offset) + place, &bytes)
                    }
                    place = end
                }
            }
        }
        return bytes
    }

    private func verify(
        _ bytes: [UInt8], _ sure: [UInt8], _ touched: Touched, events: Int, _ cut: Int, _ what: String,
        _ test: Case,
        _ folder: String
    ) throws {
        let path = folder + "/cut.qcow2"
        try Data(bytes).write(to: URL(filePath: path))
        let model = MetadataModel(bytes)
        #expect(model.errors.isEmpty, "\(what), cut \(cut) of \(events): \(model.errors.prefix(3))")
        let check = try qemuImgCheck(path)
        guard check.status == 0 || check.status == 3 else {
            Issue.record("\(what), cut \(cut) of \(events): \(check.text.prefix(700))")
            return
        }
        let content = try Image.open(on: MemoryStorage(bytes), .qcow2).content()
        // What was not touched since the last flush is as it was; what was, is as it was at some time.
        for place in differences(content, sure) {
            // Bytes of a write that was not flushed may be anything that lay in the clusters: zeros of a hole, or data freed before.
            guard touched[place] else {
                Issue.record("\(what), cut \(cut) of \(events): byte \(place) is lost")
                return
            }
        }
    }

    /// What was wrong with an image before it was repaired.
    enum Damage: CaseIterable {
        case noCounts, countsTooHigh, snapshotsTooLong
    }

    /// An image with two snapshots that is damaged, and what it showed.
    private func damaged(_ damage: Damage, _ folder: String) throws -> (bytes: [UInt8], content: [UInt8]) {
        let path = folder + "/damaged.qcow2"
        try tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", path, "1M")
        try tool("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 300k", "-c", "write -P 9 700k 64k", path)
        for name in ["one", "two"] { try tool("qemu-img", "snapshot", "-c", name, path) }
        try tool("qemu-io", "-f", "qcow2", "-c", "write -P 3 100k 300k", path)
        var bytes = try Array(Data(contentsOf: URL(filePath: path)))
        let content = try Image.open(on: MemoryStorage(bytes), .qcow2).content()
        func number(_ place: Int) -> Int { bytes[place..<place + 8].reduce(0) { $0 << 8 | Int($1) } }
        let counts = number(number(48))
        let snapshots = number(64)
        switch damage {
        case .noCounts: for index in counts..<counts + 4096 { bytes[index] = 0 }
        case .countsTooHigh:
            for index in stride(from: counts, to: counts + 2 * (bytes.count / 4096), by: 14) { bytes[index + 1] += 1 }
        case .snapshotsTooLong:
            // The second says of itself 2,000 bytes that nobody knows; its names are behind them.
            let second = snapshots + 72
            bytes.replaceSubrange(second + 36..<second + 40, with: [0, 0, 0x07, 0xD0])
            bytes.replaceSubrange(second + 40 + 2000..<second + 40 + 2004, with: Array("2two".utf8))
        }
        return (bytes, content)
    }

    /// A repair that the power was cut off from is done by the next one.
    @Test(arguments: Damage.allCases) func whileItIsRepaired(_ damage: Damage) throws {
        try inFolder { folder in
            var random = Seeded(29)
            let (start, content) = try damaged(damage, folder)
            let storage = MemoryStorage(start)
            storage.record()
            let first = try Qcow2Repair(storage).run(.all)
            #expect(first.corruptions == 0 && first.leaks == 0, "\(first)")
            #expect(first.corruptionsFixed + first.leaksFixed > 0)
            let names = try Image.open(on: MemoryStorage(storage.bytes), .qcow2).snapshots().map(\.name)
            #expect(names == ["one", "two"])
            let events = storage.events
            for _ in 0..<Self.cuts {
                let cut = Int.random(in: 0...events.count, using: &random)
                let again = MemoryStorage(Self.after(events, cut: cut, start, &random))
                let result = try Qcow2Repair(again).run(.all)
                #expect(result.corruptions == 0 && result.leaks == 0, "cut \(cut) of \(events.count): \(result)")
                let image = try Image.open(on: MemoryStorage(again.bytes), .qcow2)
                let isAsBefore = try image.content() == content
                #expect(isAsBefore, "cut \(cut) of \(events.count)")
                #expect(try image.snapshots().map(\.name) == names, "cut \(cut) of \(events.count)")
                let path = folder + "/cut.qcow2"
                try Data(again.bytes).write(to: URL(filePath: path))
                #expect(try qemuImgCheck(path).status == 0, "cut \(cut) of \(events.count)")
            }
        }
    }

    /// Whatever call fails: what was flushed before is there, and the image is whole but for leaks.
    @Test(arguments: cases) func theStorageFails(_ test: Case) throws {
        try inFolder { folder in
            let start = try fresh(test, folder)
            func run(_ fuse: Int?) throws -> (storage: MemoryStorage, sure: [UInt8], touched: Set<Int>, ended: Bool) {
                var random = Seeded(UInt64(test.cluster) + 3)
                let storage = MemoryStorage(start)
                let image = try Image.open(on: storage, .qcow2)
                let opened = storage.calls
                var sure = [UInt8](repeating: 0, count: test.size / 512 * 512)
                var model = sure
                var touched: Set<Int> = []
                if let fuse { storage.fail(after: max(0, fuse - opened)) }
                for _ in 0..<25 {
                    let deed = Deed.random(model.count, cluster: test.cluster, &random)
                    for sector in deed.range.lowerBound / 512..<deed.range.upperBound / 512 { touched.insert(sector) }
                    do { try deed.perform(on: image) } catch { return (storage, sure, touched, false) }
                    deed.apply(to: &model)
                    if case .flush = deed {
                        sure = model
                        touched = []
                    }
                }
                do { try image.flush() } catch { return (storage, sure, touched, false) }
                return (storage, model, [], true)
            }
            let whole = try run(nil)
            #expect(whole.ended)
            let calls = whole.storage.calls
            let stride = max(1, calls / max(10, Self.cuts))
            for fuse in Swift.stride(from: 1, to: calls, by: stride) {
                let broken = try run(fuse)
                let path = folder + "/failed.qcow2"
                try Data(broken.storage.bytes).write(to: URL(filePath: path))
                let check = try qemuImgCheck(path)
                guard check.status == 0 || check.status == 3 else {
                    Issue.record("call \(fuse) of \(calls): \(check.text.prefix(600))")
                    return
                }
                let content = try Image.open(on: MemoryStorage(broken.storage.bytes), .qcow2).content()
                for place in differences(content, broken.sure) {
                    // A discard may have been flushed: it leaves zeros.
                    guard broken.touched.contains(place / 512) || content[place] == 0 else {
                        Issue.record("call \(fuse) of \(calls): byte \(place) is lost")
                        return
                    }
                }
            }
        }
    }
}
