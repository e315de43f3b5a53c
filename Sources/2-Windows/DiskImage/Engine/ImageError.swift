/// Why something could not be done with a disk image.
public struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Kinds of failures that callers tell apart.
    public enum Kind: Sendable, Hashable {
        /// There is no such file.
        case missing
        /// It may not be opened, or the gate that was passed does not let it.
        case denied
        /// Another process uses it.
        case locked
        /// The system failed to read or write.
        case failed
        /// The image contradicts itself or its format.
        case malformed
        /// A format, or a feature of one, that is not there.
        case unsupported
        /// What was asked for makes no sense.
        case invalid
        /// There is no room.
        case full
        /// It was opened, and its tables cannot be walked, or not be put right.
        case notChecked
    }
    /// The kind.
    public let kind: Kind
    /// What it is about; empty where the caller knows.
    public var path: String
    /// What is wrong, in a few words.
    public let what: String
    /// What to do; empty where there is nothing to be said.
    public let remedy: String
    /// A failure.
    public init(_ kind: Kind, _ what: String, path: String = "", remedy: String = "") {
        self.kind = kind
        self.what = what
        self.path = path
        self.remedy = remedy
    }
    init(_ fault: Malformed, path: String = "") { self.init(.malformed, fault.what, path: path) }
    /// All of it on a line.
    public var description: String { path.isEmpty ? described : "\(path): \(described)" }
    /// Whether a chain of images comes back to itself.
    public var isLoop: Bool { what.hasSuffix(" creates an infinite loop.") }
    /// What is wrong and what to do, without what it is about.
    public var described: String { what + (remedy.isEmpty ? "" : ". \(remedy)") }
    /// The same, with what it is about where it was not known.
    public func at(_ path: String) -> ImageError {
        var error = self
        if error.path.isEmpty { error.path = path }
        return error
    }
}
