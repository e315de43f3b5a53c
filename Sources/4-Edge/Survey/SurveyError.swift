/// Why an estate could not be gathered.
public struct SurveyError: Error, Sendable, CustomStringConvertible {
    /// What is wrong; no full stop.
    public var what: String
    /// The file, folder or connection.
    public var place: String
    /// A sentence on what to do.
    public var remedy: String?

    /// A failure.
    public init(_ what: String, place: String, remedy: String? = nil) {
        self.what = what
        self.place = place
        self.remedy = remedy
    }

    /// `place: what`, then the remedy as a sentence of its own where there is one.
    public var description: String { "\(place): \(what)" + (remedy.map { ". \($0)" } ?? "") }
}
