public import Changes
internal import Glibc
internal import LineDiff

/// Carries plans out and puts them back.
///
/// Before a step touches anything, the journal says what was there and what is to be; after it, what was read back. So whatever happens,
/// and whenever, ``recover()`` knows what to put back.
public struct Engine: Sendable {
    /// Places between which a step's work lies; a test may stop the process at any of them.
    public enum Boundary: String, Sendable, Hashable, CaseIterable {
        case transactionBegun, stepBegun, stepWritten, stepDone, allDone, rollbackBegun, aimNoted, aimWritten,
            stepUndone
    }
    let machine: Machine
    private let folder: StateFolder
    private let tool: String
    private let atBoundary: @Sendable (Boundary) -> Void

    /// An engine.
    ///
    /// - Parameters:
    ///   - machine: what is changed.
    ///   - folder: where journal and lock are.
    ///   - tool: the version, for history.
    ///   - atBoundary: called at each boundary.
    public init(
        _ machine: Machine, _ folder: StateFolder, tool: String,
        atBoundary: @escaping @Sendable (Boundary) -> Void = { _ in }
    ) {
        self.machine = machine
        self.folder = folder
        self.tool = tool
        self.atBoundary = atBoundary
    }

    // MARK: Apply

    /// Carries a plan out: all of it, or nothing.
    ///
    /// - Parameters:
    ///   - plan: what is to be done.
    ///   - progress: told of each step before it is taken.
    ///
    /// - Returns: the transaction.
    ///
    /// - Throws: `stale` before anything was changed; `undone` where a step failed and all is as before; `broken` where not all could be put back.
    public func apply(_ plan: Plan, progress: @Sendable (Int, Step) -> Void = { _, _ in })
        async throws(TransactionError)
        -> TransactionRecord
    {
        let lock = try StateFolder.Lock(folder)
        defer { withExtendedLifetime(lock) {} }
        let journal = try Journal(folder.journal)
        try refuseUnfinished(journal)
        var record = TransactionRecord(
            id: 0, state: .applying, root: machine.root, connection: plan.connection, started: Int64(time(nil)),
            boot: Self.bootID, tool: tool, steps: try await prepared(plan))
        record.id = try journal.begin(record)
        atBoundary(.transactionBegun)
        for index in record.steps.indices {
            progress(index, plan.steps[index])
            do throws(TransactionError) { try await take(index, of: &record, journal) } catch {
                try await fail(&record, journal, error)
            }
        }
        do throws(TransactionError) { try await confirm(record) } catch { try await fail(&record, journal, error) }
        atBoundary(.allDone)
        try journal.note(.applied, of: record.id)
        record.state = .applied
        return record
    }

    /// Steps with the states that are really there; refuses a plan that saw others.
    private func prepared(_ plan: Plan) async throws(TransactionError) -> [StepRecord] {
        var steps: [StepRecord] = []
        var reached: [Resource: ResourceState] = [:]
        var stale: [String] = []
        for (index, step) in plan.steps.enumerated() {
            let before: ResourceState
            var wanted = step.after
            if let earlier = reached[step.resource] {
                before = earlier
            } else {
                before = try await machine.state(of: step.resource)
                let plain = try await machine.plain(before, of: step.resource)
                guard machine.isSame(plain, step.before, for: step.resource) else {
                    stale.append(Self.difference(step.resource, step.before, plain))
                    continue
                }
                if step.resource.kind == .domain, let after = step.after {
                    wanted = machine.withSecrets(after, plain: plain, secret: before)
                    guard wanted != nil else {
                        throw TransactionError(
                            .failed, "the change touches a line with a password", place: step.resource.description,
                            remedy: "Make it with virsh edit")
                    }
                }
            }
            if let wanted { reached[step.resource] = wanted }
            // A file that is only edited keeps what it has.
            if step.resource.kind == .file, wanted?.attributes == nil { wanted?.attributes = before.attributes }
            steps.append(
                StepRecord(
                    ordinal: index, state: .planned, resource: step.resource, before: before, wanted: wanted,
                    command: step.command, disruption: step.disruption, reasons: step.reasons,
                    source: step.source))
        }
        guard stale.isEmpty else {
            throw TransactionError(
                .stale, "the plan is stale, nothing was changed: \(stale.joined(separator: "; "))",
                remedy: "Plan anew")
        }
        return steps
    }

    /// What changed since the plan was made, and by what to.
    private static func difference(_ resource: Resource, _ planned: ResourceState, _ now: ResourceState) -> String {
        switch (planned.text, now.text) {
        case (nil, _?): return "\(resource) exists now"
        case (_?, nil): return "\(resource) does not exist any more"
        case (let old?, let new?) where resource.isValue:
            return "\(resource) was \"\(old)\" and is \"\(new)\" now"
        case (let old?, let new?) where old != new:
            let lines = LineDiff.unified(from: old, to: new, oldName: "", newName: "", context: 0).split(
                separator: "\n")
            let changed = lines.filter {
                ($0.hasPrefix("-") || $0.hasPrefix("+")) && !$0.hasPrefix("---") && !$0.hasPrefix("+++")
            }
            return "\(resource) has changed: \(changed.prefix(4).joined(separator: " "))"
        default: return "\(resource) has another mode, owner or attribute now"
        }
    }

    private func take(_ index: Int, of record: inout TransactionRecord, _ journal: Journal)
        async throws(TransactionError)
    {
        let resource = record.steps[index].resource
        let now = try await machine.state(of: resource)
        guard machine.isSame(now, record.steps[index].before, for: resource) else {
            throw TransactionError(
                .stale,
                "somebody else has changed it meanwhile: "
                    + Self.difference(resource, record.steps[index].before, now))
        }
        record.steps[index].state = .begun
        try journal.note(record.steps[index], of: record.id)
        atBoundary(.stepBegun)
        if let wanted = record.steps[index].wanted {
            try await machine.put(wanted, to: resource)
            atBoundary(.stepWritten)
            let after = try await machine.state(of: resource)
            // libvirt stores a definition in its own form.
            let isTaken =
                resource.kind == .domain
                ? !machine.isSame(after, record.steps[index].before, for: resource)
                : machine.isSame(after, wanted, for: resource) || Self.isSuperset(after, wanted)
            guard isTaken else {
                throw TransactionError(
                    .failed, "it was written, but reads otherwise: " + Self.difference(resource, wanted, after),
                    place: resource.description)
            }
            record.steps[index].after = after
        } else {
            try await machine.make(resource, with: record.steps[index].command)
            atBoundary(.stepWritten)
            record.steps[index].after = try await machine.state(of: resource)
        }
        record.steps[index].state = .done
        try journal.note(record.steps[index], of: record.id)
        atBoundary(.stepDone)
    }

    /// A security module may label what is written: more attributes than wanted are no failure.
    private static func isSuperset(_ after: ResourceState, _ wanted: ResourceState) -> Bool {
        guard after.bytes == wanted.bytes, let now = after.attributes, let old = wanted.attributes else { return false }
        return now.mode == old.mode && now.owner == old.owner && now.group == old.group
            && old.extended.allSatisfy { now.extended[$0.key] == $0.value || !$0.key.hasPrefix("user.") }
    }

    /// Whether all that was done still stands at the end.
    private func confirm(_ record: TransactionRecord) async throws(TransactionError) {
        var last: [Resource: ResourceState] = [:]
        for step in record.steps { last[step.resource] = step.after }
        for step in record.steps {
            guard let after = last.removeValue(forKey: step.resource) else { continue }
            let now = try await machine.state(of: step.resource)
            guard machine.isSame(now, after, for: step.resource) else {
                throw TransactionError(
                    .failed, "it did not last: " + Self.difference(step.resource, after, now),
                    place: step.resource.description)
            }
        }
    }

    /// Undoes what was done, and ends with the error that made it necessary.
    private func fail(_ record: inout TransactionRecord, _ journal: Journal, _ cause: TransactionError)
        async throws(TransactionError) -> Never
    {
        let problems = await putBack(&record, journal)
        let state = Self.end(.undone, orStill: .applying, problems)
        let remark = [cause.description] + problems.map(\.description)
        try? journal.note(state, of: record.id, remark: remark.joined(separator: "\n"))
        if problems.isEmpty {
            throw TransactionError(
                .undone, "\(cause.what); everything is as it was before", place: cause.place, remedy: cause.remedy)
        }
        throw Self.failure(record.id, state, problems, after: "\(cause.what); and ", at: cause.place)
    }

    /// How a transaction ends: what failed may be tried again, what somebody else has changed may not.
    private static func end(
        _ end: TransactionRecord.State, orStill still: TransactionRecord.State, _ problems: [TransactionError]
    ) -> TransactionRecord.State {
        problems.isEmpty ? end : problems.allSatisfy { $0.kind == .broken } ? .broken : still
    }

    private static func failure(
        _ id: Int64, _ state: TransactionRecord.State, _ problems: [TransactionError], after cause: String = "",
        at place: String? = nil
    ) -> TransactionError {
        var said: [String] = []
        for problem in problems where !said.contains(problem.description) { said.append(problem.description) }
        let words = "\(cause)not all could be put back: \(said.joined(separator: "; "))"
        let show = "`nearmetal show \(id)` prints the commands that put it back"
        return state == .broken
            ? TransactionError(.broken, words, place: place, remedy: show)
            : TransactionError(
                .unfinished, words, place: place, remedy: "Mend that, then run `nearmetal recover`; \(show)")
    }

    /// Puts steps back, the last first.
    ///
    /// - Returns: what could not be put back.
    private func putBack(_ record: inout TransactionRecord, _ journal: Journal) async -> [TransactionError] {
        var problems: [TransactionError] = []
        for index in record.steps.indices.reversed() where [.begun, .done].contains(record.steps[index].state) {
            do throws(TransactionError) {
                try await undo(record.steps[index])
                record.steps[index].state = .undone
                try journal.note(record.steps[index], of: record.id)
                atBoundary(.stepUndone)
            } catch {
                problems.append(error)
            }
        }
        return problems
    }

    /// Puts back what was there before a step of a transaction that did not end.
    private func undo(_ step: StepRecord) async throws(TransactionError) {
        await machine.cleanUp(step.resource)
        let now = try await machine.state(of: step.resource)
        if isBack(now, step.before, step.resource) { return }
        // With the guest's run its values have ended.
        if step.resource.kind == .live, now.bytes == nil { return }
        let expected = step.after ?? step.wanted
        let isOurs =
            expected.map { machine.isSame(now, $0, for: step.resource) } ?? true
            || machine.isSame(now, step.before, for: step.resource)
        // A kernel setting, a menu, a definition in libvirt's form may stand between the two when the step was cut short.
        let mayBeBetween = step.state == .begun && step.resource.kind != .file
        guard isOurs || mayBeBetween || Self.isSuperset(now, expected ?? now) else {
            guard let merged = Self.merged(base: expected, ours: now, theirs: step.before) else {
                throw TransactionError(
                    .broken, "somebody else has changed it meanwhile", place: step.resource.description,
                    remedy: "Put it right by hand")
            }
            return try await put(merged, over: now, to: step.resource, isMerged: true)
        }
        try await put(step.before, over: now, to: step.resource)
    }

    /// Whether a state is back, folders made for it included: a kill may come between folder and file.
    private func isBack(_ now: ResourceState, _ wanted: ResourceState, _ resource: Resource) -> Bool {
        machine.isSame(now, wanted, for: resource)
            && (wanted.bytes != nil || now.missingFolders == wanted.missingFolders)
    }

    /// Puts a state back and reads it.
    ///
    /// libvirt gives back what it once gave as it was; to a definition that was merged it may add what that needs.
    private func put(
        _ state: ResourceState, over old: ResourceState, to resource: Resource, isMerged: Bool = false
    ) async throws(TransactionError) {
        try await machine.put(state, to: resource)
        let now = try await machine.state(of: resource)
        let isBack =
            machine.isSame(now, state, for: resource) || Self.isSuperset(now, state)
            || isMerged && resource.kind == .domain && !machine.isSame(now, old, for: resource)
                && Self.hasLines(of: state, now)
        guard isBack else {
            throw TransactionError(
                .broken, "it was put back, but reads otherwise: " + Self.difference(resource, state, now),
                place: resource.description)
        }
    }

    /// Whether each line of a text is in another as often.
    private static func hasLines(of part: ResourceState, _ whole: ResourceState) -> Bool {
        var counts: [Substring: Int] = [:]
        for line in (whole.text ?? "").split(separator: "\n") { counts[line, default: 0] += 1 }
        return (part.text ?? "").split(separator: "\n").allSatisfy { line in
            counts[line, default: 0] -= 1
            return counts[line, default: 0] >= 0
        }
    }

    /// A change of another taken together with the undoing of ours; `nil` where both touch the same lines.
    private static func merged(base: ResourceState?, ours: ResourceState, theirs: ResourceState) -> ResourceState? {
        guard let base = base?.bytes, let mine = ours.bytes, let old = theirs.bytes else { return nil }
        let merge = mergedTexts(base: base, ours: mine, theirs: old)
        return merge.conflicts == 0 ? ResourceState(merge.bytes, attributes: ours.attributes) : nil
    }

    private func refuseUnfinished(_ journal: Journal) throws(TransactionError) {
        guard let open = try journal.unfinished().first else { return }
        throw TransactionError(
            .unfinished, "transaction \(open.id) was cut short", place: folder.path,
            remedy: "Run `nearmetal recover` first")
    }

    private func refuseOtherRoot(_ record: TransactionRecord) throws(TransactionError) {
        guard record.root != machine.root else { return }
        throw TransactionError(
            .unknown, "transaction \(record.id) changed \(record.root)", remedy: "Give --root \(record.root)")
    }

    // MARK: Roll back

    /// Puts back what a transaction changed.
    ///
    /// Later transactions on the same things keep what they set: their own way back then leads to what was there before this one.
    ///
    /// - Throws: `unknown`; `stale` where somebody else has changed a thing since, before anything was touched.
    public func rollBack(_ id: Int64) async throws(TransactionError) -> TransactionRecord {
        let lock = try StateFolder.Lock(folder)
        defer { withExtendedLifetime(lock) {} }
        let journal = try Journal(folder.journal)
        try refuseUnfinished(journal)
        guard var record = try journal.transaction(id) else { throw Self.noTransaction(id) }
        guard record.state == .applied else {
            throw TransactionError(
                .unknown, "transaction \(id) is \(record.state.rawValue), not applied: there is nothing to roll back")
        }
        try refuseOtherRoot(record)
        // First all is looked at, then all is done.
        var seen: [Resource: ResourceState] = [:]
        for step in record.steps.reversed() where step.state == .done {
            let now: ResourceState
            if let known = seen[step.resource] { now = known } else { now = try await machine.state(of: step.resource) }
            seen[step.resource] = try aim(step, now, later: try journal.later(than: step, of: record)).state
        }
        try journal.note(.rollingBack, of: id)
        record.state = .rollingBack
        atBoundary(.rollbackBegun)
        return try await finishRollback(record, journal)
    }

    /// What a resource is to be when a step is taken out of its stack, and what the later steps' own states become.
    private func aim(_ step: StepRecord, _ now: ResourceState, later: [(id: Int64, step: StepRecord)])
        throws(TransactionError) -> (state: ResourceState, later: [(id: Int64, step: StepRecord)])
    {
        guard let after = step.after else { return (step.before, []) }
        // The guest runs anew, or somebody has set it since: what this step set is gone already.
        if step.resource.kind == .live, later.isEmpty, !machine.isSame(now, after, for: step.resource) {
            return (now, [])
        }
        func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool {
            machine.isSame(one, other, for: step.resource)
        }
        /// A state with this step's change taken out; where a later one changed the same lines, the later one's stay.
        func without(_ state: ResourceState) -> ResourceState {
            if isSame(state, after) { return step.before }
            guard step.resource.kind == .file || step.resource.kind == .domain, let base = after.bytes,
                let ours = state.bytes
            else { return state }
            let merge = mergedTexts(base: base, ours: ours, theirs: step.before.bytes ?? [])
            return ResourceState(merge.bytes, attributes: state.attributes)
        }
        guard let top = later.last?.step else {
            if isSame(now, after) || isSame(now, step.before) { return (step.before, []) }
            guard let merged = Self.merged(base: after, ours: now, theirs: step.before) else {
                throw TransactionError(
                    .stale, "nothing was changed: \(Self.difference(step.resource, after, now)), since the transaction",
                    remedy: "Put it right by hand (`nearmetal show` prints the commands), then try again")
            }
            return (merged, [])
        }
        if let expected = top.after, !isSame(now, expected), !isSame(now, without(expected)),
            Self.merged(base: expected, ours: now, theirs: without(expected)) == nil
        {
            throw TransactionError(
                .stale,
                "nothing was changed: \(Self.difference(step.resource, expected, now)), since a later transaction",
                remedy: "Put it right by hand, then try again")
        }
        let rebased = later.map { entry in
            var step = entry.step
            step.before = without(step.before)
            step.after = step.after.map(without)
            return (id: entry.id, step: step)
        }
        return (without(now), rebased)
    }

    private func finishRollback(_ record: TransactionRecord, _ journal: Journal) async throws(TransactionError)
        -> TransactionRecord
    {
        var record = record
        var problems: [TransactionError] = []
        for index in record.steps.indices.reversed() where record.steps[index].state == .done {
            do throws(TransactionError) { try await putOneBack(index, of: &record, journal) } catch {
                problems.append(error)
            }
        }
        record.state = Self.end(.rolledBack, orStill: .rollingBack, problems)
        let remark = problems.map(\.description).joined(separator: "\n")
        try journal.note(record.state, of: record.id, remark: problems.isEmpty ? nil : remark)
        guard problems.isEmpty else { throw Self.failure(record.id, record.state, problems) }
        return record
    }

    private func putOneBack(_ index: Int, of record: inout TransactionRecord, _ journal: Journal)
        async throws(TransactionError)
    {
        var step = record.steps[index]
        await machine.cleanUp(step.resource)
        let later = try journal.later(than: step, of: record)
        let now = try await machine.state(of: step.resource)
        // What was noted before a crash still holds: computed anew it would be taken out twice.
        if step.aim == nil {
            step.aim = try aim(step, now, later: later).state
            try journal.note(step, of: record.id)
            atBoundary(.aimNoted)
        }
        if let aim = step.aim, !isBack(now, aim, step.resource) {
            // Also what was there before may have been merged, when an earlier transaction was rolled back.
            try await put(aim, over: now, to: step.resource, isMerged: true)
            atBoundary(.aimWritten)
        }
        let rebased = try aim(step, step.after ?? now, later: later).later
        step.state = .undone
        record.steps[index] = step
        try journal.note(rebased + [(record.id, step)])
        atBoundary(.stepUndone)
    }

    // MARK: Recover

    /// Finishes what a crash or a power loss left: what was being applied is undone, what was being rolled back is rolled back.
    ///
    /// - Returns: the transactions it ended.
    public func recover() async throws(TransactionError) -> [TransactionRecord] {
        let lock = try StateFolder.Lock(folder)
        defer { withExtendedLifetime(lock) {} }
        let journal = try Journal(folder.journal)
        var ended: [TransactionRecord] = []
        for var record in try journal.unfinished() {
            try refuseOtherRoot(record)
            if record.state == .rollingBack {
                ended.append(try await finishRollback(record, journal))
                continue
            }
            let problems = await putBack(&record, journal)
            record.state = Self.end(.undone, orStill: .applying, problems)
            let remark = ["cut short; found by recover"] + problems.map(\.description)
            try journal.note(record.state, of: record.id, remark: remark.joined(separator: "\n"))
            guard problems.isEmpty else { throw Self.failure(record.id, record.state, problems) }
            ended.append(record)
        }
        return ended
    }

    /// Leaves what cannot be put back as it is: it counts as broken, and no longer keeps others from changing things.
    ///
    /// - Returns: the transactions given up.
    public func giveUp() async throws(TransactionError) -> [TransactionRecord] {
        let lock = try StateFolder.Lock(folder)
        defer { withExtendedLifetime(lock) {} }
        let journal = try Journal(folder.journal)
        var given: [TransactionRecord] = []
        for record in try journal.unfinished() {
            try journal.note(.broken, of: record.id, remark: "\(record.remark.map { $0 + "\n" } ?? "")given up")
            given += try journal.transaction(record.id).map { [$0] } ?? []
        }
        return given
    }

    // MARK: Look

    /// Transactions that are not finished.
    public func unfinished() throws(TransactionError) -> [TransactionRecord] {
        guard folder.hasJournal else { return [] }
        return try Journal(folder.journal).unfinished()
    }

    /// All transactions, the newest first.
    public static func history(_ folder: StateFolder) throws(TransactionError) -> [TransactionRecord] {
        guard folder.hasJournal else { return [] }
        return try Journal(folder.journal).transactions()
    }

    /// One transaction.
    public static func transaction(_ id: Int64, in folder: StateFolder) throws(TransactionError) -> TransactionRecord {
        guard folder.hasJournal, let record = try Journal(folder.journal).transaction(id) else {
            throw noTransaction(id)
        }
        return record
    }

    private static func noTransaction(_ id: Int64) -> TransactionError {
        TransactionError(.unknown, "there is no transaction \(id)", remedy: "`nearmetal history` lists them")
    }

    /// What transactions in force left, as it is now: the last word on each resource.
    public func drift(_ records: [TransactionRecord]) async throws(TransactionError) -> [Drift] {
        var last: [Resource: (id: Int64, step: StepRecord)] = [:]
        for record in records.sorted(by: { $0.id < $1.id })
        where record.state == .applied && record.root == machine.root {
            for step in record.steps where step.state == .done { last[step.resource] = (record.id, step) }
        }
        var drift: [Drift] = []
        for (resource, entry) in last.sorted(by: {
            ($0.value.id, $0.value.step.ordinal) < ($1.value.id, $1.value.step.ordinal)
        }) {
            guard let after = entry.step.after else { continue }
            var found = Drift(transaction: entry.id, resource: resource, expected: after)
            do throws(TransactionError) {
                let now = try await machine.state(of: resource)
                // What holds for a guest's run ends with it.
                if resource.kind == .live, now.bytes == nil { continue }
                found.now = now
                found.isInForce =
                    machine.isSame(now, after, for: resource) || Self.isSuperset(now, after)
                    || EnvironmentBlock.holds(entry.step, now)
            } catch {
                found.problem = error.description
            }
            drift.append(found)
        }
        return drift
    }

    /// The kernel's number of this boot.
    private static var bootID: String? {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].prefix { $0 != 0x0A }, as: UTF8.self)
    }
}

/// One thing a transaction set, as it is now.
public struct Drift: Sendable, Hashable {
    /// The transaction that set it last.
    public var transaction: Int64
    /// What it set.
    public var resource: Resource
    /// What it was set to.
    public var expected: ResourceState
    /// What it is now; `nil` where it cannot be read.
    public var now: ResourceState?
    /// Whether it is still as set; `nil` where it cannot be read.
    public var isInForce: Bool?
    /// Why it cannot be read.
    public var problem: String?
    /// A thing nobody has looked at yet.
    init(transaction: Int64, resource: Resource, expected: ResourceState) {
        self.transaction = transaction
        self.resource = resource
        self.expected = expected
    }
}
