import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Clusters that are packed, and those that are not worth it.
@Suite struct PackingTests {
    private func bytes(_ seed: UInt64, _ count: Int) -> [UInt8] {
        var random = Seeded(seed)
        return random.bytes(count)
    }

    private func packed(_ bytes: [UInt8]) -> [UInt8]? {
        let packer = Packer(.fastDeflate, most: bytes.count)
        return bytes.withUnsafeBytes { packer.pack($0).map { Array($0) } }
    }

    private func unpacked(_ bytes: [UInt8], _ count: Int) -> [UInt8]? {
        let inflater = Inflater()
        var result = [UInt8](repeating: 0, count: count)
        let done = bytes.withUnsafeBytes { from in
            result.withUnsafeMutableBytes { inflater.inflate(from, into: $0) }
        }
        return done ? result : nil
    }

    /// QEMU packs several clusters at once, and any may come first: those that lie close together are read at once in whatever order.
    @Test(.enabled(if: hasQemuImg, "qemu-img is not installed")) func packedClustersLieInAnyOrder() throws {
        try inFolder { folder in
            let count = 24
            let clusters = (0..<count).map { [UInt8](repeating: UInt8($0 + 1), count: 1024) }
            try Data(clusters.joined()).write(to: URL(filePath: folder + "/raw"))
            let path = folder + "/disk"
            try tool(
                "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=1k", folder + "/raw", path)
            let bytes = try Array(Data(contentsOf: URL(filePath: path)))
            func number(_ place: Int) -> Int { bytes[place..<place + 8].reduce(0) { $0 << 8 | Int($1) } }
            let table = number(number(40)) & 0xFF_FFFF_FFFF_FE00
            let entries = (0..<count).map { Array(bytes[table + $0 * 8..<table + $0 * 8 + 8]) }
            #expect(entries.allSatisfy { $0[0] & 0x40 != 0 })
            var random = Seeded(3)
            for round in 0..<200 {
                var order = Array(0..<count)
                // All of them anyhow, two that change places, or some of them several times.
                switch round % 3 {
                case 0: order.shuffle(using: &random)
                case 1: order.swapAt(Int.random(in: 0..<count, using: &random), round % count)
                default: order = order.map { _ in Int.random(in: 0..<count, using: &random) }
                }
                var damaged = bytes
                for (index, source) in order.enumerated() {
                    damaged.replaceSubrange(table + index * 8..<table + index * 8 + 8, with: entries[source])
                }
                let content = try Image.open(on: MemoryStorage(damaged), .qcow2).content()
                let isRight = content == Array(order.map { clusters[$0] }.joined())
                #expect(isRight, "\(order)")
            }
        }
    }

    @Test func randomBytesAreKnownWithoutTrying() {
        for seed in 1...40 {
            let cluster = bytes(UInt64(seed), 65_536)
            #expect(cluster.withUnsafeBytes { RandomBytes.areLikely($0) })
            #expect(packed(cluster) == nil)
        }
    }

    /// What only looks random is packed: what repeats within the window, and what has some text somewhere.
    @Test(arguments: ["repeated", "text at the end", "text in the middle", "text", "zeros", "short"])
    func whatCanBePackedIs(_ kind: String) {
        let text = Array(String(repeating: "GET /images/42.png 200 agent/7\n", count: 2200).utf8.prefix(65_536))
        var cluster = bytes(7, 65_536)
        switch kind {
        case "repeated": cluster = Array((0..<32).map { _ in bytes(9, 2048) }.joined())
        case "text at the end": cluster.replaceSubrange(57_344..., with: text[..<8192])
        case "text in the middle": cluster.replaceSubrange(30_000..<38_000, with: text[..<8000])
        case "text": cluster = text
        case "zeros": cluster = [UInt8](repeating: 0, count: 65_536)
        default: cluster = Array(text[..<4096])
        }
        guard let result = packed(cluster) else {
            Issue.record("it is not packed")
            return
        }
        #expect(result.count < cluster.count)
        #expect(unpacked(result, cluster.count) == cluster)
    }
}
