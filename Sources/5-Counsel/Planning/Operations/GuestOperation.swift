public import Changes
public import Inventory
public import Quantities

/// One thing a person asks for of one guest, such as more memory; a kind of it is one file here.
public protocol GuestOperation: Sendable {
    /// The practice whose subject it is.
    var practice: String { get }
    /// What is asked for, in words.
    var words: Text { get }
    /// Whether it needs to know what the guest's agent tells of its inside.
    var asksInside: Bool { get }
    /// What has to change.
    ///
    /// - Parameters:
    ///   - guest: the guest as it is.
    ///   - estate: the host it runs on, whose facts may be unknown, and the other guests.
    ///
    /// - Returns: edits and changes; none where all is so already.
    ///
    /// - Throws: why it cannot be had.
    func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges
}

extension GuestOperation {
    /// Most need nothing of the inside.
    public var asksInside: Bool { false }
}

/// What an operation changes: the definition of the next start, and the running guest.
public struct GuestChanges: Sendable {
    /// Edits of the persistent definition; none where it says so already.
    public var persistent: [DomainChange] = []
    /// Changes of the running guest; none where it does not run.
    public var live: [LiveChange] = []
    /// Why the running guest cannot have it now; `nil` where it can.
    public var whyNotLive: Text?
    /// What a person has to know.
    public var notes: [Text] = []
    /// No change.
    public init() {}
}

/// Why something asked for cannot be had, and what could be done instead.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why.
    public let why: String
    /// What to do; empty where there is nothing.
    public let remedy: String
    /// A refusal.
    public init(_ why: String, remedy: String = "") {
        self.why = why
        self.remedy = remedy
    }
    /// Both.
    public var description: String { remedy.isEmpty ? why : "\(why). \(remedy)" }
}

/// Which of a guest's two states an operation is for.
public struct Scope: Sendable, Hashable {
    /// The running guest.
    public var live: Bool
    /// Its next start.
    public var config: Bool
    /// Whether both were named, so that neither may be left out.
    public var isStrict: Bool
    /// The states that were named; where none was, all there are.
    public init(live: Bool, config: Bool) {
        isStrict = live || config
        self.live = live || !config
        self.config = config || !live
    }
}
