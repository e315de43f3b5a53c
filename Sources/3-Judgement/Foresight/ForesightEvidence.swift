public import DomainXML

/// Where a prediction's reason was seen: a file or an XPath, and the value found there.
public struct ForesightEvidence: Sendable, Hashable {
    /// A path on the host, or an XPath.
    public var source: String
    /// The value there.
    public var value: String
    /// Line of the definition's file, from 1; `nil` for other sources.
    public var line: Int?
    /// Evidence.
    public init(_ source: String, _ value: String, line: Int? = nil) {
        self.source = source
        self.value = value
        self.line = line
    }
    /// Evidence in a definition: an element, with a value.
    public init(_ element: Element, _ value: String) {
        self.init(element.xpath, value, line: element.line)
    }
}
