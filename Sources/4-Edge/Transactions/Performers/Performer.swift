import Changes

/// Reads and writes the states of one kind of resource.
///
/// A new kind is a file with a performer, and its line in ``Machine``.
protocol Performer: Sendable {
    /// The present state.
    func read(_ name: String) async throws(TransactionError) -> ResourceState
    /// Puts a state in place: whole or not at all, and lasting once it has returned.
    func write(_ state: ResourceState, to name: String) async throws(TransactionError)
    /// Whether two states are one as far as this kind goes.
    func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool
    /// What is left of a write that was cut short, taken away.
    func cleanUp(_ name: String) async
}

extension Performer {
    func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool { one.bytes == other.bytes }
    func cleanUp(_ name: String) async {}
}
