/// Why a text could not be read, or not be edited.
public struct AugeasError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The classes of failure a caller may want to tell apart.
    public enum Kind: Sendable, Hashable {
        /// The library is not installed, or too old.
        case notInstalled
        /// The grammar is not installed.
        case noLens
        /// The text is not in the grammar.
        case malformed
        /// The tree, as edited, cannot be written in the grammar.
        case unwritable
        /// The library refuses a call.
        case failed
    }
    /// The class of this failure.
    public var kind: Kind
    /// What is wrong; no full stop.
    public var what: String
    /// The text's line at fault, from 1; `nil` where none is.
    public var line: Int?
    /// The column in it, from 1, in bytes.
    public var column: Int?
    /// A sentence on what to do; `nil` if nothing helps.
    public var remedy: String?

    init(_ kind: Kind, _ what: String, line: Int? = nil, column: Int? = nil, remedy: String? = nil) {
        self.kind = kind
        self.what = what
        self.line = line
        self.column = column
        self.remedy = remedy
    }

    /// The failure in one line: *line:column: what. Remedy*
    public var description: String {
        var place = ""
        if let line { place = "line \(line)" + (column.map { ", column \($0)" } ?? "") + ": " }
        return place + what + (remedy.map { ". \($0)" } ?? "")
    }
}
