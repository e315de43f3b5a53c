import Dispatch
import Synchronization

/// Work that may block, on threads of its own rather than on the cooperative pool.
enum Blocking {
    /// Does one thing.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: work()) }
        }
    }

    /// Does a thing to each run of a few elements, on all CPUs; answers stand in order.
    static func map<Input: Sendable, Result: Sendable>(
        _ inputs: [Input], chunk: Int, _ work: @escaping @Sendable (ArraySlice<Input>) -> Result
    ) async -> [Result] {
        guard inputs.count > chunk else { return [await run { work(inputs[...]) }] }
        return await run {
            let count = (inputs.count + chunk - 1) / chunk
            let results = Mutex<[Result?]>(Array(repeating: nil, count: count))
            DispatchQueue.concurrentPerform(iterations: count) { index in
                let result = work(inputs[(index * chunk)..<min((index + 1) * chunk, inputs.count)])
                results.withLock { $0[index] = result }
            }
            return results.withLock { $0.compactMap(\.self) }
        }
    }
}
