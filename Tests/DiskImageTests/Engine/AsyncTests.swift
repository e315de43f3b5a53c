import DiskImage
import Foundation
import Testing

/// The calls that do not block.
@Suite struct AsyncTests {
    @Test func manyAtOnce() async throws {
        let path = NSTemporaryDirectory() + "nearmetal-async-\(UUID().uuidString).qcow2"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let image = try Image.create(path, Image.Creation(.qcow2, size: 8 << 20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let bytes = [UInt8](repeating: UInt8(number + 1), count: 3000)
                    try await image.write(bytes, at: UInt64(number) * 100_000)
                    #expect(try await image.read(count: 3000, at: UInt64(number) * 100_000) == bytes)
                }
            }
            try await group.waitForAll()
        }
        try await image.writeZeroes(at: 0, count: 65_536, unmap: true)
        #expect(try await image.blockStatus(at: 0, limit: 65_536).isZero)
        try await image.discard(at: 65_536, count: 65_536)
        try await image.flush()
        await #expect(throws: ImageError.self) { try await image.read(count: 512, at: 8 << 20) }
        #expect(try await image.read(count: 512, at: 6_300_000).allSatisfy { $0 == 64 })
        try image.close()
    }
}
