import Foundation

/// Random numbers that can be had again: SplitMix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The same numbers on each run.
    public init(seed: UInt64) { state = seed }

    /// Other numbers on each run: the seed is printed when a test begins, and taken from NEARMETAL_SEED if set.
    public init(named name: String) {
        state =
            ProcessInfo.processInfo.environment["NEARMETAL_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 1 ... .max)
        print("\(name): NEARMETAL_SEED=\(state)")
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
