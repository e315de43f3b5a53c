import Quantities
import Testing

/// Command lines taken apart as a shell does it.
@Suite struct ShellWordsTests {
    @Test(arguments: [
        ("", []), ("  a  b ", ["a", "b"]), ("a 'b c' \"d e\"", ["a", "b c", "d e"]), ("a'b'\"c\"d", ["abcd"]),
        ("'it'\\''s'", ["it's"]), ("\"a\\\"b\\\\c\\d\"", ["a\"b\\c\\d"]), ("a \\\n b", ["a", "b"]),
        ("a \\\r\n b\r\n", ["a", "b"]), ("'' \"\"", ["", ""]), ("a\\ b", ["a b"]), ("# told\na # told\n", ["a"]),
        ("a#b", ["a#b"]), ("$HOME *", ["$HOME", "*"]), ("a 'x\ny'", ["a", "x\ny"]), ("a\\", ["a"]),
    ])
    func words(_ text: String, _ words: [String]) throws { #expect(try ShellWords.split(text) == words) }

    @Test(arguments: ["'a", "\"a", "\"a\\", "a; b", "a | b", "a & b", "a > b", "a\nb", "a < b"])
    func noCommand(_ text: String) { #expect(throws: ShellWords.Problem.self) { try ShellWords.split(text) } }

    /// What is quoted for a shell comes back.
    @Test func quotedWordsComeBack() throws {
        let words = ["", "a b", "it's", "\"", "\\", "a\nb", "#", "$(x)", "-append", "a;b|c", "日本", "\u{1B}[0m"]
        #expect(try ShellWords.split(words.map(\.shellWord).joined(separator: " ")) == words)
    }
}
