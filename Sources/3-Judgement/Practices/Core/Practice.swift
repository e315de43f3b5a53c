public import Changes
public import DiskImage
public import DomainXML
public import HostFacts
public import Inventory
public import Quantities

/// One rule of the guide: a pure function from facts to verdicts, with its texts and its examples.
///
/// A practice is a `struct` in a file of its own that conforms to ``HostPractice``, ``GuestPractice`` or ``ImagePractice`` (or to two of them); the
/// build lists it by itself. It calls no system, clock or environment.
public protocol Practice: Sendable {
    /// What it is, and its texts.
    var about: About { get }
    /// Cases that make it fire and cases that do not. They are its tests and its documentation.
    var examples: Examples { get }
    /// Itself where it judges hosts; `nil` elsewhere.
    ///
    /// Here and not by a cast: casting a hundred practices to three protocols would take a third of a short run.
    var onHost: (any HostPractice)? { get }
    /// Itself where it judges guests; `nil` elsewhere.
    var onGuest: (any GuestPractice)? { get }
    /// Itself where it judges images; `nil` elsewhere.
    var onImage: (any ImagePractice)? { get }
    /// Itself where it judges settings; `nil` elsewhere.
    var onSettings: (any SettingsPractice)? { get }
}

extension Practice {
    /// None.
    public var onHost: (any HostPractice)? { nil }
    /// None.
    public var onGuest: (any GuestPractice)? { nil }
    /// None.
    public var onImage: (any ImagePractice)? { nil }
    /// None.
    public var onSettings: (any SettingsPractice)? { nil }
}

extension HostPractice {
    /// Itself.
    public var onHost: (any HostPractice)? { self }
}

extension GuestPractice {
    /// Itself.
    public var onGuest: (any GuestPractice)? { self }
}

extension ImagePractice {
    /// Itself.
    public var onImage: (any ImagePractice)? { self }
}

extension SettingsPractice {
    /// Itself.
    public var onSettings: (any SettingsPractice)? { self }
}

/// A practice about the host.
public protocol HostPractice: Practice {
    /// Judges a host; `estate` holds the guests and settings it serves.
    func judge(_ host: HostFacts, in estate: Estate) -> Judgement
}

/// A practice about what the administrator set, host or no host; it reads `estate.settings` alone.
public protocol SettingsPractice: HostPractice {}

/// A practice about a guest.
public protocol GuestPractice: Practice {
    /// Judges one definition of a guest. It is called for the live and for the persistent definition, and the advisor puts the answers together:
    /// a finding's `holds` is filled in there.
    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement
}

/// A practice about a disk image.
public protocol ImagePractice: Practice {
    /// Judges one image.
    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement
}

/// What a practice is: identity, place in the guide, texts.
///
/// A class, as a run hands it around for every guest.
public final class About: Sendable {
    /// What a practice judges.
    public enum Scope: String, Sendable, Hashable, CaseIterable { case host, guest, image, inside }

    /// Kebab-case, forever.
    public let id: String
    /// Names it had before.
    public let aliases: [String]
    /// Section of the guide (`4.1.4`).
    public let section: String
    /// What it judges.
    public let scopes: [Scope]
    /// Severities its findings can have, worst first.
    public let severities: [Severity]
    /// How its findings are put right.
    public let fixes: [FixKind]
    /// A few words.
    public let title: Text
    /// Why it matters, in a sentence or two.
    public let why: Text
    /// What following it costs: the guide always names one.
    public let tradeOff: Text
    /// What the guide says where upstream has moved on since; `nil` where the guide still holds.
    public let guideSays: Text?
    /// What holds today; `nil` where the guide still holds.
    public let today: Text?
    /// Where the facts are from: documents of the kernel, QEMU, libvirt, or the guide alone.
    public let sources: [String]
    /// Domain types it holds for (`kvm`, `qemu`, `xen` …); other guests are not applicable.
    ///
    /// Empty: every type.
    public let domainTypes: Set<String>
    /// Whether it holds for confidential guests (SEV, TDX) too.
    public let holdsForConfidential: Bool

    /// Whether a waiver can accept its findings.
    public var canBeWaived: Bool { id != "waiver-expired" }

    /// A description.
    public init(
        id: String, aliases: [String] = [], section: String, scopes: [Scope], severities: [Severity], fixes: [FixKind],
        title: Text,
        why: Text, tradeOff: Text, guideSays: Text? = nil, today: Text? = nil, sources: [String] = [],
        domainTypes: Set<String> = ["kvm", "qemu"], holdsForConfidential: Bool = true
    ) {
        self.id = id
        self.aliases = aliases
        self.section = section
        self.scopes = scopes
        self.severities = severities
        self.fixes = fixes
        self.title = title
        self.why = why
        self.tradeOff = tradeOff
        self.guideSays = guideSays
        self.today = today
        self.sources = sources
        self.domainTypes = domainTypes
        self.holdsForConfidential = holdsForConfidential
    }
}

/// How bad a finding is, worst first.
public enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
    /// A guest will not start, data are at risk, or the guide forbids it.
    case error
    /// Measurable harm, or against a strong recommendation.
    case warning
    /// Better for this workload.
    case advice
    /// Good to know.
    case info
    /// Worse is greater: `info < advice < warning < error`.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rank > rhs.rank }
    /// 0 for the worst.
    public var rank: Int {
        switch self {
        case .error: 0
        case .warning: 1
        case .advice: 2
        case .info: 3
        }
    }
}
