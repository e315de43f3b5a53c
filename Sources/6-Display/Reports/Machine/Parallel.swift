import Advisor
import Dispatch
import JSONText
import Synchronization

/// Writing of long arrays on all CPUs.
///
/// What comes out is the same as if one wrote it all.
enum Parallel {
    /// Writes elements for each result of an audit into the array that is open.
    static func write(
        _ results: [Audit.Result], _ json: inout JSONWriter,
        _ element: @Sendable (inout JSONWriter, Audit.Result) -> Void
    ) {
        let chunk = 64
        guard results.count > chunk else {
            for result in results { element(&json, result) }
            return
        }
        let empty = json.part()
        let count = (results.count + chunk - 1) / chunk
        let parts = Mutex<[JSONWriter]>(Array(repeating: empty, count: count))
        DispatchQueue.concurrentPerform(iterations: count) { index in
            var part = empty
            for result in results[(index * chunk)..<min((index + 1) * chunk, results.count)] { element(&part, result) }
            parts.withLock { $0[index] = part }
        }
        for part in parts.withLock({ $0 }) { json.append(part) }
    }
}
