internal import Changes
public import Libvirt

/// Restarts guests, one at a time and in order, so that their new definitions hold.
public struct GuestRestart: Sendable {
    /// What became of a guest.
    public enum Outcome: Sendable, Hashable {
        /// It runs with its new definition.
        case restarted
        /// It did not shut down in time, and goes on running as it was.
        case stillRunning(why: String)
        /// It did not start with its new definition: the old one was put back by a transaction of its own, and it runs with that.
        case putBack(why: String, transaction: Int64)
        /// It does not run.
        case down(why: String)
        /// It was not tried, since the one before it did not start.
        case notTried
    }
    private let connection: Connection
    private let limit: Int
    private let cutsPower: Bool

    /// A way of restarting guests.
    ///
    /// - Parameters:
    ///   - connection: an open one.
    ///   - limit: seconds a guest has to shut down.
    ///   - cutsPower: whether the power of one that does not is cut.
    public init(_ connection: Connection, limit: Int, cutsPower: Bool) {
        self.connection = connection
        self.limit = limit
        self.cutsPower = cutsPower
    }

    /// Shuts a guest down in order.
    ///
    /// - Parameters:
    ///   - guest: its name.
    ///   - progress: told of the seconds since it was asked.
    ///
    /// - Returns: why it runs still; `nil` where it is off.
    public func shutDown(_ guest: String, progress: @Sendable (Int) -> Void) async -> String? {
        let clock = ContinuousClock()
        let start = clock.now
        var asked = 0
        do throws(LibvirtError) {
            while try await connection.isActive(guest) {
                let seconds = Int(start.duration(to: clock.now).components.seconds)
                progress(seconds)
                guard seconds < limit else {
                    guard cutsPower else { return "it has not shut down within \(limit) seconds" }
                    try await ask(guest) { () async throws(LibvirtError) in try await connection.destroy(guest) }
                    continue
                }
                // A guest that was just booting may have missed the first word.
                if asked == 0 || (asked == 1 && seconds >= limit / 2) {
                    asked += 1
                    try await ask(guest) { () async throws(LibvirtError) in try await connection.shutDown(guest) }
                }
                try? await Task.sleep(for: .milliseconds(250))
            }
            return nil
        } catch {
            return "libvirt: \(error.message)"
        }
    }

    /// Asks a guest for something that it refuses where it went off just before.
    private func ask(_ guest: String, _ request: () async throws(LibvirtError) -> Void) async throws(LibvirtError) {
        do { try await request() } catch { if try await connection.isActive(guest) { throw error } }
    }

    /// Starts a guest.
    ///
    /// - Returns: why it does not run; `nil` where it does.
    public func start(_ guest: String) async -> String? {
        do throws(LibvirtError) {
            try await connection.start(guest)
            return nil
        } catch {
            return "libvirt: \(error.message)"
        }
    }
}

extension Engine {
    /// Restarts the running guests whose definitions a transaction changed.
    ///
    /// The first that does not start ends it: what is wrong with its definition may be wrong with the others' too.
    ///
    /// - Parameters:
    ///   - record: the transaction.
    ///   - restart: how.
    ///   - putsBack: whether a guest that does not start gets the definition back that it had before the transaction.
    ///   - progress: told of guest, and seconds since it was asked to shut down.
    ///
    /// - Returns: what became of each running guest, in the order of the steps.
    ///
    /// - Throws: where libvirt does not tell which guests run.
    public func restartGuests(
        of record: TransactionRecord, _ restart: GuestRestart, putsBack: Bool,
        progress: @Sendable (String, Int) -> Void = { _, _ in }
    ) async throws(TransactionError) -> [(guest: String, outcome: GuestRestart.Outcome)] {
        var outcomes: [(guest: String, outcome: GuestRestart.Outcome)] = []
        var hasFailed = false
        for step in record.steps where step.resource.kind == .domain && step.disruption >= .guestRestart {
            let guest = step.resource.name
            guard try await machine.runs(guest) else { continue }
            if hasFailed {
                outcomes.append((guest, .notTried))
                continue
            }
            if let why = await restart.shutDown(guest, progress: { progress(guest, $0) }) {
                outcomes.append((guest, .stillRunning(why: why)))
                continue
            }
            guard let why = await restart.start(guest) else {
                outcomes.append((guest, .restarted))
                continue
            }
            hasFailed = true
            guard putsBack else {
                outcomes.append((guest, .down(why: why)))
                continue
            }
            outcomes.append((guest, await putBack(step, of: record, because: why, restart)))
        }
        return outcomes
    }

    /// Puts a definition back in a transaction of its own, and starts the guest with it.
    private func putBack(
        _ step: StepRecord, of record: TransactionRecord, because why: String, _ restart: GuestRestart
    ) async -> GuestRestart.Outcome {
        let guest = step.resource.name
        do throws(TransactionError) {
            let now = try await machine.plain(try await machine.state(of: step.resource), of: step.resource)
            var plan = Plan(root: record.root, connection: record.connection)
            plan.steps = [
                Step(
                    step.resource, from: now, to: step.before, reasons: step.reasons, disrupts: .nothing)
            ]
            let done = try await apply(plan)
            if let still = await restart.start(guest) { return .down(why: "\(why); with its old one: \(still)") }
            return .putBack(why: why, transaction: done.id)
        } catch {
            return .down(why: "\(why); and its old definition could not be put back: \(error)")
        }
    }
}
