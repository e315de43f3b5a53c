import JSONText
import Testing

/// Reading JSON from outside.
@Suite struct JSONValueTests {
    @Test func readsEachKind() throws {
        let value = try JSONValue(#" {"a":[1,-2.5,true,false,null,"x\né😀"],"b":{}} "#)
        #expect(
            value
                == .object([
                    "a": .array([.integer(1), .number(-2.5), .bool(true), .bool(false), .null, .string("x\né😀")]),
                    "b": .object([:]),
                ]))
        #expect(value["a"]?.array?.first?.integer == 1)
        #expect(value["c"] == nil)
    }

    @Test func keepsWholeNumbersWhole() throws {
        #expect(try JSONValue("9223372036854775807").integer == .max)
        #expect(try JSONValue("9223372036854775808").integer == nil)
        #expect(try JSONValue("1e3") == .number(1000))
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "-", "1.", "1e", "1e999", "tru",
        "nul", "\"",
        "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\u{1}\"", "[1] 2", "{1:2}", "+1", ".5", "\"\\u12g4\"",
    ]) func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(text) }
    }

    @Test func saysWhere() {
        #expect(throws: JSONError(what: "no JSON value", offset: 4)) { try JSONValue("[1, x]") }
    }

    @Test func boundsDepth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(nested(JSONValue.depthLimit))
        #expect(throws: JSONError.self) { try JSONValue(nested(JSONValue.depthLimit + 1)) }
        #expect(throws: JSONError.self) { try JSONValue(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func readsWhatIsWritten() throws {
        var writer = JSONWriter(indent: 2)
        writer.string("\"quoted\" \\ / \n\t\u{7f} 中文")
        #expect(try JSONValue(String(decoding: writer.written, as: UTF8.self)).text == "\"quoted\" \\ / \n\t\u{7f} 中文")
    }
}
