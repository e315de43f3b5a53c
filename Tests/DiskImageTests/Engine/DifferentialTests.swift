import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Images that this engine and QEMU write to in turn.
@Suite(.enabled(if: hasQemuImg, "qemu-img and qemu-io are not installed")) struct DifferentialTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var options: String
        var cluster: Int
        var size: Int
        var hasBacking = false
        var testDescription: String { options + (hasBacking ? " on a base" : "") }
    }

    static let cases: [Case] = [
        Case(options: "cluster_size=512", cluster: 512, size: 300 << 10),
        Case(options: "cluster_size=4k", cluster: 4096, size: 2 << 20),
        Case(options: "cluster_size=64k", cluster: 65_536, size: 5 << 20),
        Case(options: "cluster_size=2M", cluster: 2 << 20, size: 9 << 20),
        Case(options: "cluster_size=4k", cluster: 4096, size: (2 << 20) + 1536, hasBacking: true),
        Case(options: "cluster_size=64k", cluster: 65_536, size: (3 << 20) + 512, hasBacking: true),
        Case(options: "compat=0.10,cluster_size=4k", cluster: 4096, size: 1 << 20),
        Case(options: "compat=0.10,cluster_size=4k", cluster: 4096, size: 1 << 20, hasBacking: true),
        Case(options: "extended_l2=on,cluster_size=16k", cluster: 16_384, size: 2 << 20),
        Case(options: "extended_l2=on,cluster_size=16k", cluster: 16_384, size: (2 << 20) + 1024, hasBacking: true),
        Case(options: "extended_l2=on,cluster_size=64k", cluster: 65_536, size: 5 << 20, hasBacking: true),
        Case(options: "refcount_bits=1,cluster_size=512", cluster: 512, size: 200 << 10),
        Case(options: "refcount_bits=64,cluster_size=1k", cluster: 1024, size: 600 << 10),
    ]

    /// Steps of each case; a long run sets more.
    static let steps = ProcessInfo.processInfo.environment["NEARMETAL_STEPS"].flatMap { Int($0) } ?? 60

    @Test(arguments: cases) func inTurnWithQEMU(_ test: Case) throws {
        try inFolder { folder in
            let seed = UInt64(Self.steps) &* 31 &+ UInt64(test.cluster) &+ (test.hasBacking ? 7 : 0)
            var random = Seeded(seed)
            let path = folder + "/disk.qcow2"
            var model = [UInt8](repeating: 0, count: test.size / 512 * 512)
            var words = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", test.options]
            if test.hasBacking {
                // Shorter than what lies on it.
                let base = random.bytes(model.count * 3 / 4 / 512 * 512)
                try Data(base).write(to: URL(filePath: folder + "/base.raw"))
                model.replaceSubrange(0..<base.count, with: base)
                words += ["-b", "base.raw", "-F", "raw"]
            }
            let made = words + [path, "\(test.size)"]
            try run(made)
            for step in 0..<Self.steps {
                let deed = Deed.random(model.count, cluster: test.cluster, &random)
                let isOurs = Int.random(in: 0..<3, using: &random) > 0
                let before = model
                if isOurs {
                    try with(path) { image in try deed.perform(on: image) }
                    deed.apply(to: &model)
                } else if let command = deed.command {
                    try run(["qemu-io", "-f", "qcow2", "-c", command, path])
                    if case .write(let start, let bytes) = deed {
                        Deed.write(start, [UInt8](repeating: bytes[0], count: bytes.count)).apply(to: &model)
                    } else {
                        deed.apply(to: &model)
                    }
                }
                let shown = try with(path) { try $0.content() }
                if case .discard(let start, let count) = deed {
                    for place in start..<start + count where shown[place] != before[place] {
                        #expect(shown[place] == 0, "step \(step), seed \(seed): byte \(place) after \(deed.range)")
                        model[place] = shown[place]
                    }
                }
                guard isSame(shown, model) else {
                    let places = differences(shown, model)
                    let place = places.first ?? 0
                    Issue.record(
                        "step \(step), seed \(seed), ours \(isOurs): \(places.count) bytes from \(place) to \(places.last ?? 0) differ (\(shown[place]) for \(model[place]), before \(before[place])) after \(deed.kind) \(deed.range)"
                    )
                    return
                }
                let model = MetadataModel(try Array(Data(contentsOf: URL(filePath: path))))
                #expect(
                    model.errors.isEmpty && model.leaks == 0, "step \(step), seed \(seed): \(model.errors.prefix(3))")
                let check = try qemuImgCheck(path)
                guard check.status == 0 else {
                    Issue.record("step \(step), seed \(seed), ours \(isOurs), \(deed.range): \(check.text.prefix(600))")
                    return
                }
            }
            try run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, folder + "/out.raw"])
            #expect(isSame(try Array(Data(contentsOf: URL(filePath: folder + "/out.raw"))), model))
        }
    }

    private func run(_ words: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(words)")
    }

    private func with<Value>(_ path: String, _ body: (Image) throws -> Value) throws -> Value {
        var options = Image.Options(format: .qcow2, gate: .open)
        options.isWritable = true
        let image = try Image.open(path, options)
        let value = try body(image)
        try image.close()
        return value
    }

    /// Several threads that write to the same clusters lose nothing of one another.
    @Test(arguments: [
        ("cluster_size=4k", 4096), ("extended_l2=on,cluster_size=16k", 16_384), ("cluster_size=64k", 65_536),
    ])
    func threadsDoNotDisturbOneAnother(_ options: String, _ cluster: Int) throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            let size = 4 << 20
            try run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "\(size)"])
            let wanted = Model(size)
            try with(path) { image in
                // Each thread has sectors of its own, next to those of the others.
                Threads.run(4) { thread in
                    var random = Seeded(UInt64(thread) + 5)
                    for _ in 0..<200 {
                        let sector = Int.random(in: 0..<size / 512 / 4, using: &random) * 4 + thread
                        let bytes = [UInt8](repeating: UInt8.random(in: 1...255, using: &random), count: 512)
                        do {
                            try bytes.withUnsafeBytes { try image.write($0, at: UInt64(sector * 512)) }
                            wanted.put(bytes, sector * 512)
                            var back = [UInt8](repeating: 0, count: 512)
                            try back.withUnsafeMutableBytes { try image.read(into: $0, at: UInt64(sector * 512)) }
                            #expect(back == bytes)
                            if Int.random(in: 0..<40, using: &random) == 0 { try image.flush() }
                        } catch { Issue.record("\(error)") }
                    }
                }
            }
            #expect(isSame(try with(path) { try $0.content() }, wanted.bytes))
            let model = MetadataModel(try Array(Data(contentsOf: URL(filePath: path))))
            #expect(model.errors.isEmpty && model.leaks == 0, "\(model.errors.prefix(3))")
            let check = try qemuImgCheck(path)
            #expect(check.status == 0, "\(check.text.prefix(500))")
        }
    }

    private final class Model: @unchecked Sendable {
        private let lock = NSLock()
        private var all: [UInt8]
        init(_ size: Int) { all = [UInt8](repeating: 0, count: size) }
        func put(_ bytes: [UInt8], _ place: Int) {
            lock.withLock { all.replaceSubrange(place..<place + bytes.count, with: bytes) }
        }
        var bytes: [UInt8] { lock.withLock { all } }
    }
}
