import Foundation
import Testing
import ToolRunning

@testable import DiskImage

/// References are counted in memory that goes by what is in use.
@Suite struct ClusterCountsTests {
    /// Beside a dictionary.
    @Test func countLikeADictionary() throws {
        var random = SeededGenerator(seed: 5)
        for size: UInt64 in [1, 65_536, 65_537, 1 << 30] {
            var counts = ClusterCounts()
            try counts.grow(to: size)
            var model: [UInt64: UInt64] = [:]
            let places = (0..<50).map { _ in UInt64.random(in: 0..<size, using: &random) } + [0, size - 1]
            for _ in 0..<20_000 {
                // One is counted far more often than the rest.
                let cluster =
                    Int.random(in: 0..<3, using: &random) == 0 ? places[0] : places.randomElement(using: &random) ?? 0
                try counts.add(cluster)
                model[cluster, default: 0] += 1
            }
            for place in places { #expect(counts[place] == model[place] ?? 0) }
            #expect(counts[size] == 0 && counts[.max] == 0)
            #expect(counts.last == model.keys.max())
            var found: [UInt64] = []
            var next: UInt64 = 0
            while let cluster = counts.first(in: next..<size) {
                found.append(cluster)
                next = cluster + 1
            }
            #expect(found == model.keys.sorted())
            let copy = counts
            try counts.add(places[0])
            #expect(counts[places[0]] == copy[places[0]] + 1)
        }
        var many = ClusterCounts()
        try many.grow(to: 8)
        for _ in 0..<70_000 { try many.add(7) }
        #expect(many[7] == ClusterCounts.mostReferences)
    }

    /// Neither a file that could hold too many nor one that does takes all memory.
    @Test func areBounded() throws {
        var counts = ClusterCounts()
        #expect(throws: ClusterCounts.Excess.self) { try counts.grow(to: 1 << 40) }
        try counts.grow(to: 1 << 35)
        #expect(throws: ClusterCounts.Excess.self) {
            for page: UInt64 in 0..<4000 { try counts.add(page << 16) }
        }
    }

    /// A file of eight TiB, nearly all of it a hole: checked, and repaired.
    @Test func ofAHugeFile() throws {
        try inFolder { folder in
            let path = folder + "/huge.qcow2"
            let image = try Image.create(path, Image.Creation(.qcow2, size: 1 << 30))
            try [UInt8](repeating: 1, count: 65_536).withUnsafeBytes { try image.write($0, at: 0) }
            try image.close()
            let options = Image.Options(format: .qcow2, gate: .closed)
            let file = try FileHandle(forUpdating: URL(filePath: path))
            func number(_ place: UInt64) throws -> UInt64 {
                try file.seek(toOffset: place)
                return try #require(try file.read(upToCount: 8)).reduce(0) { $0 << 8 | UInt64($1) }
            }
            guard truncate(path, 8 << 40) == 0 else { return print("the file system has no such large files") }
            #expect(try Image.check(path, options).check.corruptions == 0)
            // The second cluster's data lie at seven TiB, where nothing is counted.
            let table = try number(try number(40)) & Qcow2Geometry.Bits.offset
            try file.seek(toOffset: table + 8)
            var entry = (Qcow2Geometry.Bits.copied | 7 << 40).bigEndian
            try file.write(contentsOf: withUnsafeBytes(of: &entry) { Data($0) })
            #expect(try Image.check(path, options).check.corruptions > 0)
            #expect(try Image.check(path, options, repair: .all).check.corruptions == 0)
            #expect(try Image.check(path, options).check.leaks == 0)
            let after = try Image.open(path, options)
            #expect(try after.status(at: 65_536, limit: 65_536).kind == .data(at: 7 << 40))
            var bytes = [UInt8](repeating: 0, count: 4096)
            try bytes.withUnsafeMutableBytes { try after.read(into: $0, at: 0) }
            #expect(bytes.allSatisfy { $0 == 1 })
        }
    }
}
