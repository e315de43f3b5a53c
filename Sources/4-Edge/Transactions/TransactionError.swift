/// Why a plan was not carried out, or not undone: what, where, and what to do.
public struct TransactionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Sorts of failures.
    public enum Kind: Sendable, Hashable {
        /// Another process is at work.
        case busy
        /// A state has changed since the plan was made.
        case stale
        /// A step failed; what was done before it has been undone.
        case undone
        /// A step failed, and not all could be undone.
        case broken
        /// A transaction of an earlier run is not finished.
        case unfinished
        /// Nothing is known of what was asked for.
        case unknown
        /// The machine refused.
        case failed
    }
    /// The sort.
    public var kind: Kind
    /// What is wrong; no full stop.
    public var what: String
    /// The resource, file or folder; `nil` where it is of no one.
    public var place: String?
    /// What to do; `nil` if nothing helps.
    public var remedy: String?

    /// A failure.
    public init(_ kind: Kind, _ what: String, place: String? = nil, remedy: String? = nil) {
        self.kind = kind
        self.what = what
        self.place = place
        self.remedy = remedy
    }

    /// The failure in one line: *where: what. Remedy*
    public var description: String { (place.map { "\($0): " } ?? "") + what + (remedy.map { ". \($0)" } ?? "") }
}
