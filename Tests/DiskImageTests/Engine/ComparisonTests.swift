import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Whether two images show the same; several threads look.
@Suite struct ComparisonTests {
    /// An image of so many bytes, of a pattern, with one byte of another value.
    private func image(_ size: Int, oddAt place: Int? = nil) throws -> (Image, MemoryStorage) {
        var bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 512 * 7 + 1) }
        if let place { bytes[place] ^= 0xFF }
        let storage = MemoryStorage(bytes)
        return (try Image.open(on: storage, .raw), storage)
    }

    private static let size = 3 << 20

    /// The first difference counts, whichever thread finds one first.
    @Test(arguments: [0, 511, 512, 262_143, 262_144, 1_000_000, size - 1])
    func saysWhereTheFirstDifferenceIs(_ place: Int) throws {
        let (plain, _) = try image(Self.size)
        let (odd, storage) = try image(Self.size, oddAt: place)
        for later in [place, min(Self.size - 1, place + 300_000), Self.size - 1] where later > place {
            try storage.write([0], at: UInt64(later))
        }
        for _ in 0..<20 {
            #expect(try ImageComparison.compare(plain, odd) == .differs(at: UInt64(place)))
            #expect(try ImageComparison.compare(odd, plain) == .differs(at: UInt64(place)))
        }
    }

    @Test func isTheSame() throws {
        let (one, _) = try image(Self.size)
        let (other, _) = try image(Self.size)
        #expect(try ImageComparison.compare(one, other) == .same)
    }

    /// Behind its end the shorter one has zeros.
    @Test func sizesDiffer() throws {
        let (short, _) = try image(700_000)
        let (_, storage) = try image(700_000)
        try storage.resize(to: 1_400_000)
        #expect(try ImageComparison.compare(short, Image.open(on: storage, .raw)) == .same)
        try storage.write([1], at: 1_300_000)
        #expect(try ImageComparison.compare(short, Image.open(on: storage, .raw)) == .differs(at: 1_300_000))
        #expect(try ImageComparison.compare(Image.open(on: storage, .raw), short) == .differs(at: 1_300_000))
    }

    /// What cannot be read is no difference, and not the same either; only one in front of it is known.
    @Test func failuresAreTold() throws {
        for calls in 0..<12 {
            let (plain, _) = try image(Self.size)
            let (bad, storage) = try image(Self.size)
            storage.fail(after: calls)
            #expect(throws: ImageError.self, "after \(calls) calls") { try ImageComparison.compare(plain, bad) }
        }
    }

    @Test func canBeCalledOff() throws {
        let (one, _) = try image(Self.size)
        let (other, _) = try image(Self.size)
        #expect(throws: ImageError.self) { try ImageComparison.compare(one, other) { _ in false } }
    }
}
