/// Why libvirt could not do what it was asked.
public struct LibvirtError: Error, Sendable, CustomStringConvertible {
    /// The classes of failure a caller may want to tell apart.
    public enum Kind: Sendable, Hashable {
        /// libvirt's library is not installed.
        case notInstalled
        /// No connection: no daemon, no permission, no such host.
        case noConnection
        /// The daemon did not answer in time.
        case timedOut
        /// The driver or the library is too old for the call.
        case unsupported
        /// There is no such domain (any more).
        case noDomain
        /// Anything else libvirt says.
        case failed
    }
    /// The class of this failure.
    public var kind: Kind
    /// The C function.
    public var function: String
    /// libvirt's own words; no full stop.
    public var message: String
    /// A sentence on what to do; `nil` if nothing helps.
    public var remedy: String?

    /// What helps where a daemon is gone or hangs.
    static let lookAtDaemon = "Look at the daemon: systemctl status libvirtd virtqemud"

    /// What helps where ssh should have carried the connection.
    static let trySecureShell = "See whether ssh gets there without a question, and whether libvirt runs there"

    /// An error.
    public init(_ kind: Kind, _ function: String, _ message: String, remedy: String? = nil) {
        self.kind = kind
        self.function = function
        self.message = message
        self.remedy = remedy
    }

    /// The message, then the remedy as a sentence of its own where there is one.
    public var description: String { message + (remedy.map { ". \($0)" } ?? "") }

    /// Whether a guest's agent lives and refused: a file that is not there, a command that is switched off.
    ///
    /// libvirt says `internal error` with the agent's own words then, and has codes of its own for an agent that is absent or does not answer.
    public var isRefusal: Bool { kind == .failed || kind == .unsupported }
}
