/// Why a configuration could not be used.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, with the value found and those allowed; no full stop.
    public var what: String
    /// The file.
    public var path: String
    /// Line, from 1; `nil` where the whole file is at fault.
    public var line: Int?
    /// Column, from 1.
    public var column: Int?
    /// A sentence on what to do.
    public var remedy: String?

    init(_ what: String, path: String, line: Int? = nil, column: Int? = nil, remedy: String? = nil) {
        self.what = what
        self.path = path
        self.line = line
        self.column = column
        self.remedy = remedy
    }

    /// `path:line:column: what`, then the remedy as a sentence of its own where there is one.
    public var description: String {
        var place = path
        if let line { place += ":\(line)" }
        if let column { place += ":\(column)" }
        return "\(place): \(what)" + (remedy.map { ". \($0)" } ?? "")
    }
}
