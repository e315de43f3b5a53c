import Foundation
import JSONText
import Testing
import ToolRunning

@Suite struct JSONWriterTests {
    private func text(indent: Int = 0, _ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter(indent: indent)
        write(&writer)
        return String(decoding: writer.written, as: UTF8.self)
    }

    @Test func writesEachKind() {
        let written = text { writer in
            writer.object { writer in
                writer.member("s", "a")
                writer.member("n", Int?.none)
                writer.member("none", String?.none)
                writer.member("i", UInt64.max)
                writer.member("b", true)
                writer.member("d", number: 0.5)
                writer.member("inf", number: .infinity)
                writer.member("a", array: [1, 2]) { $0.integer($1) }
                writer.member("o") { $0.member("x", -1) }
                writer.key("e")
                writer.array { _ in }
            }
        }
        #expect(
            written
                == #"{"s":"a","n":null,"none":null,"i":18446744073709551615,"b":true,"d":0.5,"inf":null,"a":[1,2],"o":{"x":-1},"e":[]}"#
        )
    }

    @Test func indents() {
        let written = text(indent: 2) { writer in
            writer.object { writer in
                writer.member("a", array: [1, 2]) { $0.integer($1) }
                writer.member("e") { _ in }
            }
        }
        #expect(written == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"e\": {}\n}")
    }

    /// Any string comes back from another reader as it was.
    @Test func stringsComeBack() throws {
        var random = SeededGenerator(named: "JSONWriterTests.stringsComeBack")
        let pool: [Unicode.Scalar] =
            (0..<0x80).compactMap { Unicode.Scalar($0 as UInt32) } + [
                "é", "中", "😀", "\u{2028}", "\u{FFFF}", "\u{10FFFF}",
            ]
        for _ in 0..<500 {
            var string = ""
            for _ in 0..<Int.random(in: 0..<20, using: &random) {
                string.unicodeScalars.append(pool.randomElement(using: &random) ?? "a")
            }
            let written = text(indent: 2) { writer in writer.array { $0.string(string) } }
            let read = try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [String]
            #expect(read == [string])
        }
    }

    /// Elements written elsewhere come out as if they had been written in place.
    @Test(arguments: [0, 1, 2]) func partsMakeTheSameText(_ indent: Int) {
        func element(_ json: inout JSONWriter, _ number: Int) { json.object { $0.member("n", number) } }
        func text(_ sizes: [Int]) -> String {
            var json = JSONWriter(indent: indent)
            json.object { json in
                json.key("list")
                json.array { json in
                    var number = 0
                    for size in sizes {
                        var part = json.part()
                        for _ in 0..<size {
                            element(&part, number)
                            number += 1
                        }
                        json.append(part)
                    }
                }
                json.member("after", true)
            }
            return String(decoding: json.written, as: UTF8.self)
        }
        var whole = JSONWriter(indent: indent)
        whole.object { json in
            json.key("list")
            json.array { json in for number in 0..<5 { element(&json, number) } }
            json.member("after", true)
        }
        let expected = String(decoding: whole.written, as: UTF8.self)
        for sizes in [[5], [0, 5], [2, 3], [1, 0, 4, 0], [1, 1, 1, 1, 1]] {
            #expect(text(sizes) == expected, "\(sizes)")
        }
    }
}
