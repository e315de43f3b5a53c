import Foundation

enum Environment {
    /// The seed of random tests, to repeat a failure.
    static let seed = ProcessInfo.processInfo.environment["NEARMETAL_SEED"].flatMap(UInt64.init)
}
