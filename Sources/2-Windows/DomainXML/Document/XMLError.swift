/// Why a document could not be used.
public struct XMLError: Error, Sendable, Hashable {
    /// The classes of failure.
    public enum Kind: Sendable, Hashable {
        /// The file could not be read.
        case io
        /// Not well-formed XML.
        case malformed
        /// Well-formed, and refused: entities, external references, too large, too deep.
        case refused
        /// Not the document that was expected (another root element).
        case unexpected
        /// An edit that cannot be made: no such node, an invalid value.
        case edit
    }
    /// The class of this failure.
    public var kind: Kind
    /// What is wrong, with the value found and the values allowed; no full stop.
    public var what: String
    /// The file, as the caller named it.
    public var path: String
    /// The line of the file at fault, from 1, where one is known.
    public var line: Int?
    /// A sentence on what to do; `nil` if nothing helps.
    public var remedy: String?

    /// A failure.
    public init(_ kind: Kind, _ what: String, path: String, line: Int? = nil, remedy: String? = nil) {
        self.kind = kind
        self.what = what
        self.path = path
        self.line = line
        self.remedy = remedy
    }
}

extension XMLError: CustomStringConvertible {
    /// The failure in one line: *where: what. Remedy*
    public var description: String {
        let place = line.map { "\(path):\($0)" } ?? path
        return "\(place): \(what)" + (remedy.map { ". \($0)" } ?? "")
    }
}
