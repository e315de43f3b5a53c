/// A sentence for people in the two languages of the guide's readers.
public struct Text: Sendable, Hashable, ExpressibleByStringLiteral {
    /// English.
    public let english: String
    /// Simplified Chinese; the English sentence where a translation adds nothing (a command, a path).
    public let chinese: String

    /// A sentence in both languages.
    public init(_ english: String, _ chinese: String) {
        self.english = english
        self.chinese = chinese
    }

    /// A text that reads the same in both languages: a number, a path, a command.
    public init(stringLiteral value: String) {
        english = value
        chinese = value
    }

    /// A text that reads the same in both languages: a number, a path, a command.
    public init(verbatim value: String) {
        english = value
        chinese = value
    }

    /// The sentence in one language.
    public subscript(language: Language) -> String {
        switch language {
        case .english: english
        case .chinese: chinese
        }
    }

    /// Two texts one after the other, with a space between them in English.
    public static func + (first: Text, second: Text) -> Text {
        Text(first.english + " " + second.english, first.chinese + second.chinese)
    }
}

/// A language reports can be written in.
public enum Language: String, Sendable, CaseIterable {
    case english = "en"
    case chinese = "zh"

    /// The language a locale's name asks for, as in `LC_ALL`, `LC_MESSAGES` or `LANG` (`zh_CN.UTF-8`); English for any other.
    public init(locale: String) {
        self = locale.hasPrefix("zh") ? .chinese : .english
    }
}
