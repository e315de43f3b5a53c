public import Quantities

/// Whether a host and its guests are ready for a target.
public struct ReadinessReport: Sendable {
    /// The target.
    public var target: ReadinessTarget
    /// What stands against moving the host.
    public var host: [ReadinessFinding]
    /// What could not be told of the host.
    public var hostUnknowns: [Unknown]
    /// The guests, in the estate's order.
    public var guests: [GuestReadiness]
}

/// Whether one guest is ready for a target.
public struct GuestReadiness: Sendable {
    /// The answer in a word.
    public enum Verdict: String, Sendable, Hashable {
        /// It will run there as it is.
        case ready
        /// It will not.
        case blocked
        /// Something that had to be known was not.
        case unknown
    }
    /// The guest's name.
    public var guest: String
    /// The file its definition was read from; `nil` where it came from libvirt.
    public var file: String?
    /// What stands against it, worst first.
    public var findings: [ReadinessFinding]
    /// What could not be told.
    public var unknowns: [Unknown]
    /// The answer: blocked by any error, else unknown where something is, else ready (warnings and hints may remain).
    public var verdict: Verdict {
        if findings.contains(where: { $0.severity == .error }) { return .blocked }
        return unknowns.isEmpty ? .ready : .unknown
    }
}

/// One thing that differs on the target.
public struct ReadinessFinding: Sendable, Hashable {
    /// What it is about.
    ///
    /// The text of each is kebab-case, forever.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The hypervisor or the kind of guest is not offered.
        case hypervisor
        /// The machine type is not there.
        case machineType = "machine-type"
        /// The machine type is there, and has an end.
        case machineTypeEnd = "machine-type-end"
        /// Spice and what belongs to it.
        case spice
        /// Another kind of screen.
        case graphics
        /// A CPU mode, model or feature.
        case cpuModel = "cpu-model"
        /// A device or disk protocol.
        case device
        /// Moving while running.
        case liveMigration = "live-migration"
        /// The host's own hardware.
        case hardware
    }
    /// How bad, with the words that practices use.
    public enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
        /// It will not run there as it is.
        case error
        /// It runs, and something is lost or ends soon.
        case warning
        /// Good to know.
        case info
        /// Worse is greater.
        public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rank > rhs.rank }
        /// 0 for the worst.
        public var rank: Int {
            switch self {
            case .error: 0
            case .warning: 1
            case .info: 2
            }
        }
    }
    /// What it is about.
    public var kind: Kind
    /// How bad.
    public var severity: Severity
    /// The device, model or feature; `nil` for the subject as a whole.
    public var part: String?
    /// What differs, in a sentence that names the values.
    public var what: Text
    /// Where it was seen.
    public var evidence: [ForesightEvidence]
    /// What to do.
    public var remedy: Text
    /// Exact commands, one a line.
    public var commands: [String]

    /// A finding.
    public init(
        _ kind: Kind, _ severity: Severity, part: String? = nil, _ what: Text, evidence: [ForesightEvidence],
        remedy: Text,
        commands: [String] = []
    ) {
        self.kind = kind
        self.severity = severity
        self.part = part
        self.what = what
        self.evidence = evidence
        self.remedy = remedy
        self.commands = commands
    }
}
