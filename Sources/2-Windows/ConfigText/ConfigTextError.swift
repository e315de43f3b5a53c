/// Why a text was not edited.
public struct ConfigTextError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or the variable in it.
    public var place: String
    /// What is wrong; no full stop.
    public var what: String

    /// A failure.
    public init(_ place: String, _ what: String) {
        self.place = place
        self.what = what
    }

    /// The failure in one line: *where: what*.
    public var description: String { "\(place): \(what)" }
}
