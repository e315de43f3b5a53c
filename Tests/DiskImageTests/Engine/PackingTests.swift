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
