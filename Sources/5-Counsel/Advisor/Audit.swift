public import Inventory
public import Practices
public import Quantities

/// What an audit found: every subject with what every practice says of it.
public struct Audit: Sendable {
    /// What is judged.
    public struct Subject: Sendable, Hashable {
        /// Kinds of subjects, in the order they are reported.
        public enum Kind: String, Sendable, Hashable, CaseIterable { case host, configuration, guest, image }
        /// The kind.
        public var kind: Kind
        /// The host's name, the guest's, or the image's path.
        public var name: String
        /// The file a guest was read from; `nil` where it came from libvirt.
        public var file: String?
        /// A guest's workload.
        public var workload: Workload?
        /// A guest's state, where it is known.
        public var state: Guest.State?
        /// A subject.
        public init(kind: Kind, name: String, file: String? = nil, workload: Workload? = nil, state: Guest.State? = nil)
        {
            self.kind = kind
            self.name = name
            self.file = file
            self.workload = workload
            self.state = state
        }
    }

    /// A finding, with the practice that made it and the waiver that accepts it.
    public struct Entry: Sendable {
        /// Index of the practice in ``Audit/practices``.
        public var practice: Int
        /// The finding.
        public var finding: Finding
        /// The waiver; `nil` where it counts.
        public var waiver: Settings.Waiver?
        /// An entry.
        public init(practice: Int, finding: Finding, waiver: Settings.Waiver? = nil) {
            self.practice = practice
            self.finding = finding
            self.waiver = waiver
        }
    }

    /// A practice that could not judge a subject, or does not apply to it.
    public struct Remark<Reason: Sendable>: Sendable {
        /// Index of the practice in ``Audit/practices``.
        public var practice: Int
        /// The reason.
        public var reason: Reason
        /// A remark.
        public init(practice: Int, reason: Reason) {
            self.practice = practice
            self.reason = reason
        }
    }

    /// Everything said of one subject.
    public struct Result: Sendable {
        /// The subject.
        public var subject: Subject
        /// Findings, worst first, then in the guide's order.
        public var findings: [Entry] = []
        /// Practices that passed, as indices.
        public var passes: [Int] = []
        /// Practices that do not hold for it.
        public var notApplicable: [Remark<Text>] = []
        /// Practices that could not judge it.
        public var unknowns: [Remark<Unknown>] = []
        /// Nothing said yet.
        public init(subject: Subject) { self.subject = subject }
        /// The worst severity of findings that count; `nil` if there is none.
        public var worst: Severity? { findings.lazy.filter { $0.waiver == nil }.map(\.finding.severity).max() }
    }

    /// How many verdicts there are of each sort.
    public struct Summary: Sendable, Hashable {
        /// Findings by severity, without those that are waived.
        public var findings: [Severity: Int] = [:]
        /// Findings that are waived.
        public var waived = 0
        /// Practices that passed on a subject.
        public var passes = 0
        /// Practices that do not hold for a subject.
        public var notApplicable = 0
        /// Practices that could not judge a subject.
        public var unknowns = 0
        /// Subjects by kind.
        public var subjects: [Subject.Kind: Int] = [:]
        /// Findings of a severity.
        public subscript(severity: Severity) -> Int { findings[severity] ?? 0 }
    }

    /// The practices that were run, in the guide's order.
    public var practices: [About]
    /// The subjects: host, then guests, then images; the worst first within a kind.
    public var results: [Result]
    /// The counts.
    public var summary: Summary

    /// The worst severity of findings that count; `nil` if there is none.
    public var worst: Severity? { Severity.allCases.first { summary[$0] > 0 } }

    /// An audit of some results; counts them.
    public init(practices: [About], results: [Result]) {
        self.practices = practices
        self.results = results
        var summary = Summary()
        for result in results {
            summary.subjects[result.subject.kind, default: 0] += 1
            summary.passes += result.passes.count
            summary.notApplicable += result.notApplicable.count
            summary.unknowns += result.unknowns.count
            for entry in result.findings {
                if entry.waiver == nil {
                    summary.findings[entry.finding.severity, default: 0] += 1
                } else {
                    summary.waived += 1
                }
            }
        }
        self.summary = summary
    }
}
