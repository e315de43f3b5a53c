/// A command line taken apart into words as a POSIX shell does it, without expanding anything.
public enum ShellWords {
    /// Why a text is no command line.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// A quote that nothing closes.
        case openQuote
        /// Something follows the first command: `;`, `|`, `&`, a redirection, or a second line.
        case secondCommand(Character)

        /// What is wrong, without a full stop.
        public var description: String {
            switch self {
            case .openQuote: "a quote is not closed"
            case .secondCommand(let character):
                "there is more than one command: \(character == "\n" ? "a line break" : "\"\(character)\"") outside quotes"
            }
        }
    }

    /// The words of one command.
    ///
    /// Quotes and backslashes are taken away; a backslash before a line break joins the lines; `#` begins a comment. Variables and patterns stay as they
    /// are written: nobody asked for them to be run.
    ///
    /// - Throws: ``Problem``.
    public static func split(_ text: String) throws(Problem) -> [String] {
        var words: [String] = []
        var word: String?
        var rest = text.replacingLineBreaks[...]
        var isEnded = false
        while let character = rest.popFirst() {
            switch character {
            case "'":
                guard let end = rest.firstIndex(of: "'") else { throw .openQuote }
                word = (word ?? "") + rest[..<end]
                rest = rest[rest.index(after: end)...]
            case "\"": word = (word ?? "") + (try quoted(&rest))
            case "\\":
                guard let next = rest.popFirst() else { break }
                if next != "\n" { word = (word ?? "") + String(next) }
            case "#" where word == nil: rest = rest.drop { $0 != "\n" }
            case " ", "\t", "\n":
                if let ended = word { words.append(ended) }
                word = nil
                if character == "\n", !words.isEmpty { isEnded = true }
            case ";", "|", "&", "<", ">": throw .secondCommand(character)
            default: word = (word ?? "") + String(character)
            }
            if isEnded, word != nil { throw .secondCommand("\n") }
        }
        if let word { words.append(word) }
        return words
    }

    /// What stands in double quotes; the first is taken already.
    private static func quoted(_ rest: inout Substring) throws(Problem) -> String {
        var text = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return text
            case "\\":
                guard let next = rest.popFirst() else { throw .openQuote }
                switch next {
                case "\"", "\\", "$", "`": text.append(next)
                case "\n": break
                default:
                    text.append("\\")
                    text.append(next)
                }
            default: text.append(character)
            }
        }
        throw .openQuote
    }
}

extension String {
    /// With the line breaks of other systems as this one's.
    fileprivate var replacingLineBreaks: String {
        contains("\r\n") ? String(map { $0 == "\r\n" ? "\n" : $0 }) : self
    }
}
