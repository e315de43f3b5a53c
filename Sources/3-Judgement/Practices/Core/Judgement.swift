public import Changes
public import DomainXML
public import Quantities

/// What a practice says of one subject: findings and what could not be read; else that it does not apply; else a pass.
public struct Judgement: Sendable {
    /// What is wrong.
    public var findings: [Finding] = []
    /// What could not be read and would have been needed.
    ///
    /// A judgement that has some is never a pass.
    public var unknowns: [Unknown] = []
    /// Why the practice does not apply here; `nil` where it does.
    public var notApplicable: Text?

    /// Nothing said yet: a pass unless something is added.
    public init() {}
    /// All is well.
    public static var pass: Judgement { Judgement() }
    /// The practice does not hold here.
    public static func notApplicable(_ why: Text) -> Judgement {
        var judgement = Judgement()
        judgement.notApplicable = why
        return judgement
    }
    /// It cannot be told.
    public static func unknown(_ reason: Unknown) -> Judgement {
        var judgement = Judgement()
        judgement.unknowns = [reason]
        return judgement
    }
    /// A fact of the kernel that cannot be read: where its file is missing the feature is absent, and the practice does not hold; else it cannot be told.
    static func unreadable(_ reason: Unknown, absent: Text) -> Judgement {
        reason.cause == .missing ? .notApplicable(absent) : .unknown(reason)
    }
    /// One finding.
    public static func finding(_ finding: Finding) -> Judgement {
        var judgement = Judgement()
        judgement.findings = [finding]
        return judgement
    }
    /// Adds a finding.
    public mutating func add(_ finding: Finding) { findings.append(finding) }
    /// Adds a reason why something cannot be told; the same reason once.
    public mutating func add(_ reason: Unknown?) {
        if let reason, !unknowns.contains(reason) { unknowns.append(reason) }
    }
    /// Whether all is well.
    public var isPass: Bool { findings.isEmpty && unknowns.isEmpty && notApplicable == nil }
}

/// One thing that is wrong with one subject.
public struct Finding: Sendable {
    /// When a finding holds: for a guest in the running domain and at its next start, for the host now and after a reboot.
    public struct Holds: OptionSet, Sendable, Hashable {
        /// Bit 0: now; bit 1: at the next start; 0: at neither, which no finding has when it is reported.
        public let rawValue: UInt8
        /// The moments that the bits name.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Now.
        public static let running = Holds(rawValue: 1)
        /// At the next start of the guest, or of the host.
        public static let nextStart = Holds(rawValue: 2)
        /// Both.
        public static let both: Holds = [.running, .nextStart]
    }

    /// How bad.
    public var severity: Severity
    /// The device (target or alias), image, node, disk or mount that it is about; `nil` for the subject as a whole.
    public var part: String?
    /// What is wrong, in a sentence that names the values.
    public var what: Text
    /// The value found, with its unit.
    public var observed: String
    /// The value wanted, with its unit.
    public var expected: String
    /// When it holds.
    ///
    /// For guests the advisor fills it in.
    public var holds: Holds
    /// How to put it right.
    public var remedy: Remedy
    /// Where it was seen.
    public var evidence: [Evidence]
    /// The tool or file that owns the setting, where one does.
    public var owner: String?

    /// A finding.
    public init(
        _ severity: Severity, part: String? = nil, _ what: Text, observed: String, expected: String,
        holds: Holds = .both,
        remedy: Remedy, evidence: [Evidence] = [], owner: String? = nil
    ) {
        self.severity = severity
        self.part = part
        self.what = what
        self.observed = observed
        self.expected = expected
        self.holds = holds
        self.remedy = remedy
        self.evidence = evidence
        self.owner = owner
    }
}

/// Where something was seen: a file or an XPath, and the value found there.
public struct Evidence: Sendable, Hashable {
    /// A path on the host, or an XPath.
    public var source: String
    /// The value there.
    public var value: String
    /// Line of the definition's file, from 1.
    public var line: Int?
    /// Evidence.
    public init(_ source: String, _ value: String, line: Int? = nil) {
        self.source = source
        self.value = value
        self.line = line
    }
    /// Evidence in a definition: an element, with a value (an attribute's, or what is missing there).
    public init(_ element: Element, _ value: String) {
        self.init(element.xpath, value, line: element.line)
    }
}
