import Advisor
import Changes
import Practices
import Quantities

/// A remedy that a finding proposes: its changes are made together, or not at all.
struct Proposal {
    let about: About
    let subject: Audit.Subject
    let finding: Finding
    /// Its place in the audit: settles what severity does not.
    let order: Int

    var changes: [any Change] { finding.remedy.changes }

    var reason: Step.Reason {
        Step.Reason(practice: about.id, subject: subject.name, what: finding.what, tradeOff: about.tradeOff)
    }

    /// What a person has to know of it, after the practice that says so.
    var note: Text? {
        finding.remedy.note.map { Text("\(about.id): \($0.english)", "\(about.id):\($0.chinese)") }
    }

    func leftOut(_ why: Text, commands: [String]? = nil) -> Plan.LeftOut {
        Plan.LeftOut(
            practice: about.id, subject: subject.name, why: why,
            commands: commands ?? (changes.isEmpty ? finding.remedy.commands : changes.flatMap(\.commands)))
    }

    /// Whether it changes both the host and a definition, which is no use without the other.
    var isMixed: Bool {
        changes.contains { $0 is DomainChange }
            && changes.contains {
                !($0 is DomainChange || $0 is LiveChange || $0.isHugePages || [.image, .hand].contains($0.kind))
            }
    }

    /// What it is for, in one plan and the next.
    struct Key: Hashable {
        var practice: String
        var subject: String
        var targets: [String]
    }
    var key: Key {
        Key(
            practice: about.id, subject: subject.name,
            targets: changes.map { "\($0.target) → \($0.to ?? "")" })
    }

    /// What of it no step carries out, whoever plans.
    ///
    /// - Parameter requested: practices that were asked for by name.
    ///
    /// - Returns: `nil` where there is no such thing.
    func leftToPerson(requested: Set<String>) -> Plan.LeftOut? {
        let remedy = finding.remedy
        if remedy.isOnlyOnRequest, !requested.contains(about.id) {
            return leftOut(
                Text("only when asked for by name: --only \(about.id)", "仅在按名称要求时执行:--only \(about.id)"))
        }
        guard !changes.isEmpty else {
            guard !remedy.commands.isEmpty || remedy.note != nil else { return nil }
            return leftOut(remedy.note ?? Text("by hand", "手动处理"))
        }
        guard changes.contains(where: { [.image, .hand].contains($0.kind) }) else { return nil }
        // A definition is edited all the same.
        return leftOut(
            Text("operations on images are left to you", "对映像的操作由您执行"),
            commands: changes.filter { !($0 is DomainChange) }.flatMap(\.commands))
    }

    /// The worse finding first, then the guide's order: the rule that settles conflicts.
    static func precedes(_ one: Proposal, _ other: Proposal) -> Bool {
        (one.finding.severity.rank, one.order) < (other.finding.severity.rank, other.order)
    }

    /// What findings that count propose, of some kinds of subjects.
    static func of(_ audit: Audit, _ kinds: Set<Audit.Subject.Kind>) -> [Proposal] {
        var proposals: [Proposal] = []
        for result in audit.results where kinds.contains(result.subject.kind) {
            for entry in result.findings where entry.waiver == nil {
                proposals.append(
                    Proposal(
                        about: audit.practices[entry.practice], subject: result.subject, finding: entry.finding,
                        order: proposals.count))
            }
        }
        return proposals
    }
}

/// What is told of a step that several proposals ask for.
struct Tally {
    private(set) var reasons: [Step.Reason] = []
    private(set) var disruption = Disruption.nothing
    var notes: [Text] = []

    init(_ proposals: Proposal...) { for proposal in proposals { add(proposal) } }

    mutating func add(_ proposal: Proposal) {
        if !reasons.contains(proposal.reason) { reasons.append(proposal.reason) }
        disruption = max(disruption, proposal.finding.remedy.disruption)
        if let note = proposal.note, !notes.contains(note) { notes.append(note) }
    }

    func step(_ resource: Resource, from before: ResourceState, to after: ResourceState?) -> Step {
        Step(resource, from: before, to: after, reasons: reasons, disrupts: disruption, notes: notes)
    }
}

/// Which proposal has a target; the first one that comes keeps it.
struct Claims {
    private var owners: [String: (value: String?, proposal: Proposal)] = [:]
    private(set) var settled: [Plan.Settled] = []

    /// Claims the targets of some changes; `false` where another proposal wants another value of one of them.
    mutating func claim(_ changes: [any Change], for proposal: Proposal) -> Bool {
        for change in changes {
            guard let owner = owners[change.target], owner.value != change.to,
                owner.proposal.about.id != proposal.about.id || owner.proposal.subject != proposal.subject
            else { continue }
            settled.append(
                Plan.Settled(
                    target: change.target, chosen: owner.proposal.about.id, value: owner.value,
                    refused: proposal.about.id, refusedValue: change.to))
            return false
        }
        for change in changes { owners[change.target] = (change.to, proposal) }
        return true
    }
}
