import Glibc

/// Numbers that look random, and are the same each time.
public struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    /// Numbers of a seed, and of NEARMETAL_SEED where that is set.
    public init(_ seed: UInt64) { state = (seed &+ Self.given &* 1_000_003) &* 0x9E37_79B9_7F4A_7C15 | 1 }

    private static let given = getenv("NEARMETAL_SEED").flatMap { UInt64(String(cString: $0)) } ?? 0

    /// The next one.
    public mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// Bytes, all above one.
    public mutating func bytes(_ count: Int, above least: Int = -1) -> [UInt8] {
        (0..<count).map { _ in UInt8(least + 1 + Int(next() >> 32) % (255 - least)) }
    }
}
