import Synchronization

/// A length that several threads read and one changes.
final class SharedLength: Sendable {
    private let number: Atomic<UInt64>
    init(_ value: UInt64) { number = Atomic(value) }
    var value: UInt64 {
        get { number.load(ordering: .relaxed) }
        set { number.store(newValue, ordering: .relaxed) }
    }
    /// Makes it at least as long.
    func grow(to value: UInt64) { number.max(value, ordering: .relaxed) }
}
