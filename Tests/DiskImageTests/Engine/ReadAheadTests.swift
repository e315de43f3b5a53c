import Foundation
import Testing
import ToolRunning

@testable import DiskImage

/// What the kernel is asked to read before it is needed.
@Suite struct ReadAheadTests {
    private let piece = 2 << 20

    private func range(_ number: Int) -> Range<Int> { number * piece..<(number + 1) * piece }

    /// Pieces that follow one another are all asked for, once each, and never far ahead.
    @Test func whatFollowsIsAskedForOnce() {
        var ahead = ReadAhead()
        var end = 0
        for number in 0..<100 {
            if let next = ahead.next(range(number)) {
                #expect(next.lowerBound == end)
                end = next.upperBound
            }
            #expect(end >= range(number).upperBound)
            #expect(end <= range(number).upperBound + ReadAhead.most)
        }
        #expect(end > range(99).upperBound)
    }

    /// Several readers take pieces in turn, each as soon as it can.
    @Test func nearbyOrderDoesNotMatter() {
        var ahead = ReadAhead()
        var asked: [Range<Int>] = []
        for number in stride(from: 0, to: 96, by: 4) {
            for other in [1, 0, 3, 2] { if let next = ahead.next(range(number + other)) { asked.append(next) } }
        }
        #expect(zip(asked, asked.dropFirst()).filter { $0.upperBound != $1.lowerBound }.count <= 1)
        #expect(asked.map(\.count).max() ?? 0 <= ReadAhead.most + 4 * piece)
    }

    /// Small reads, and large ones here and there, ask for nothing but themselves.
    @Test func nothingIsAskedForInVain() {
        var ahead = ReadAhead()
        #expect(ahead.next(0..<65536) == nil)
        #expect(ahead.next(.max - piece..<(.max)) == nil)
        for number in [900, 100, 700, 300] { #expect(ahead.next(range(number)) == range(number)) }
    }

    /// What comes next gets into the page cache while it was not read.
    @Test func theKernelReadsIt() throws {
        try inFolder { folder in
            let path = folder + "/a"
            #expect(FileManager.default.createFile(atPath: path, contents: Data(count: 32 << 20)))
            _ = try tool("sync", path)
            // coreutils' way to have a file's pages dropped.
            _ = try tool("dd", "if=\(path)", "iflag=nocache", "count=0")
            func pages() -> Int? {
                (try? tool("fincore", "--noheadings", "--output", "PAGES", path))
                    .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            }
            guard pages() == 0 else {
                print("the page cache cannot be emptied or counted on this file system: not tried")
                return
            }
            let storage = try FileStorage(path, isWritable: false)
            for number in 0..<2 { _ = try storage.bytes(at: UInt64(number * piece), count: piece) }
            let read = 2 * piece / 4096
            var count = 0
            for _ in 0..<500 where count <= read {
                count = pages() ?? 0
                usleep(10_000)
            }
            #expect(count > read)
        }
    }
}
