import DomainXML
import Foundation
import Testing
import ToolRunning

/// Documents made to cost time, memory or secrets.
@Suite struct HostileTests {
    private func error(_ bytes: [UInt8]) -> XMLError? {
        do {
            _ = try XMLDocument(bytes, path: "t.xml")
            return nil
        } catch {
            return error
        }
    }
    private func error(_ text: String) -> XMLError? { error(Array(text.utf8)) }

    /// It is refused, soon, in these words.
    private func isRefused(_ text: String, _ words: String, within limit: Duration = .seconds(5)) {
        var found: XMLError?
        let time = ContinuousClock().measure { found = error(text) }
        #expect(found?.kind == .refused, "\(text.prefix(60)): \(found?.description ?? "accepted")")
        #expect(
            words.isEmpty || found?.what.contains(words) == true,
            "\(text.prefix(60)): \(found?.description ?? "accepted")")
        #expect(time < limit)
    }

    // MARK: Entities

    @Test func smallEntitiesAreKept() throws {
        let source = """
            <?xml version="1.0"?>
            <!DOCTYPE domain [
              <!-- ]> -->
              <!ENTITY net "br0 &#38;amp; more">
              <!ENTITY outer '[&net;]'>
              <?pi ]> ?>
            ]>
            <domain a='&net;'><b>&outer;&amp;</b><c/></domain>
            """
        let document = try XMLDocument(Array(source.utf8), path: "t.xml")
        #expect(document.root["a"] == "br0 & more")
        #expect(document.root.first("b")?.text == "[br0 & more]&")
        #expect(try document.applying([]).source == Array(source.utf8))
        #expect(
            try edited(source, XMLEdit("/domain/c", .value("x"))) == source.replacingOccurrences("<c/>", "<c>x</c>"))
        #expect(
            try edited(source, XMLEdit("/domain/b", .value("x"))) == source.replacingOccurrences("&outer;&amp;", "x"))
        #expect(
            try edited(source, XMLEdit("/domain/@a", .value("br1")))
                == source.replacingOccurrences("a='&net;'", "a='br1'"))
        #expect(try edited(source, XMLEdit("/domain/@a", .value("br0 & more"))) == source)
        #expect(
            try edited("<!DOCTYPE domain><domain/>", XMLEdit("/domain", .value("x")))
                == "<!DOCTYPE domain><domain>x</domain>")
    }

    @Test func bombs() {
        var bomb = "<!DOCTYPE d [<!ENTITY a0 'lollollollollollol'>"
        for level in 1..<10 { bomb += "<!ENTITY a\(level) '" + String(repeating: "&a\(level - 1);", count: 10) + "'>" }
        isRefused(bomb + "]><d>&a9;</d>", "")
        isRefused(bomb + "]><d a='&a9;'/>", "")
        isRefused(bomb + "]><d a='&a4;&a4;&a4;&a4;&a4;&a4;&a4;'/>", "")
        let large = "<!DOCTYPE d [<!ENTITY a '" + String(repeating: "x", count: 4096) + "'>]><d>"
        isRefused(large + String(repeating: "&a;", count: 100_000) + "</d>", "entities come to more than")
        isRefused(
            "<!DOCTYPE d [<!ENTITY a '" + String(repeating: "x", count: 4097) + "'>]><d/>",
            "declares the entity a of 4097 bytes")
        isRefused(
            "<!DOCTYPE d [" + (0..<65).map { "<!ENTITY a\($0) 'x'>" }.joined() + "]><d/>",
            "declares more than 64 entities")
        isRefused("<!DOCTYPE d [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><d>&a;</d>", "")
        isRefused("<!DOCTYPE d [<!ENTITY a '<e/>'>]><d>&a;</d>", "declares the entity a that holds elements")
        isRefused("<!DOCTYPE d [<!ENTITY a '&#60;e/>'>]><d>&a;</d>", "declares the entity a that holds elements")
    }

    @Test func externalReferencesAreNotFollowed() throws {
        let canary = FileManager.default.temporaryDirectory.appending(path: "nearmetal-canary-\(UUID().uuidString)")
        try Data("<!ENTITY x 'canary'>".utf8).write(to: canary)
        defer { try? FileManager.default.removeItem(at: canary) }
        let before = try FileManager.default.attributesOfItem(atPath: canary.path)[.modificationDate] as? Date
        let url = "file://\(canary.path)"
        isRefused(
            "<!DOCTYPE d [<!ENTITY x SYSTEM '\(url)'>]><d>&x;</d>", "declares an external entity, x, which is not read")
        isRefused("<!DOCTYPE d [<!ENTITY x PUBLIC 'p' '\(url)'>]><d a='1'/>", "declares an external entity")
        isRefused(
            "<!DOCTYPE d [<!ENTITY % x SYSTEM '\(url)'> %x;]><d/>", "declares a parameter entity, x, which is not read")
        isRefused("<!DOCTYPE d [<!ENTITY % x '<!ENTITY y \"z\">'> %x;]><d>&y;</d>", "declares a parameter entity")
        isRefused("<!DOCTYPE d SYSTEM '\(url)'><d>&x;</d>", "names an external document type, which is not read")
        isRefused(
            "<!DOCTYPE d PUBLIC 'p' 'http://192.0.2.1/d.dtd'><d/>", "names an external document type, which is not read"
        )
        isRefused(
            "<!DOCTYPE d [<!NOTATION n SYSTEM 'n'><!ENTITY x SYSTEM '\(url)' NDATA n>]><d/>",
            "declares an external entity")
        isRefused(
            "<!DOCTYPE d [<!ATTLIST d a CDATA 'x'>]><d/>",
            "declares attributes, whose defaults are nowhere in the elements")
        #expect(
            error("<!DOCTYPE d [\n<!ENTITY x SYSTEM 'file:///etc/passwd'>]><d>&x;</d>")?.description
                == "t.xml:2: the document declares an external entity, x, which is not read. libvirt needs no DOCTYPE: take it out"
        )
        let after = try FileManager.default.attributesOfItem(atPath: canary.path)[.modificationDate] as? Date
        #expect(before == after)
    }

    // MARK: Size

    @Test func largeDocuments() {
        let words = error([UInt8](repeating: 0x20, count: (10 << 20) + 1))
        #expect(
            words?.description
                == "t.xml: the document has 10485761 bytes; at most 10485760 are read. libvirt definitions have some kilobytes: is this the right file?"
        )
        isRefused(String(repeating: "<a>", count: 257) + String(repeating: "</a>", count: 257), "more than 256 levels")
        #expect(error(String(repeating: "<a>", count: 256) + String(repeating: "</a>", count: 256)) == nil)
        isRefused(String(repeating: "<a>", count: 1_000_000), "more than 256 levels")
        isRefused("<a>" + String(repeating: "<b/>", count: 1_000_000) + "</a>", "or 200000 elements")
    }

    @Test func manyAttributes() {
        func tag(_ count: Int, _ quote: String = "'") -> String {
            "<a" + (0..<count).map { " a\($0)=\(quote)\(quote)" }.joined() + "/>"
        }
        #expect(error(tag(512)) == nil)
        isRefused(tag(900_000), "an element has more than 512 attributes")
        isRefused(tag(100_000, "\""), "an element has more than 512 attributes")
        isRefused(
            "<a" + (0..<100_000).map { " a\($0) = \n ''" }.joined() + "/>", "an element has more than 512 attributes")
        isRefused(
            "<a" + (0..<100_000).map { " xmlns:a\($0)='u'" }.joined() + "/>", "an element has more than 512 attributes")
        let some = " " + (0..<400).map { "a\($0)=''" }.joined(separator: " ")
        isRefused("<a>" + String(repeating: "<b\(some)/>", count: 2_000) + "</a>", "more than 500000 attributes")
        let declarations = (0..<400).map { " xmlns:a\($0)='u'" }.joined()
        isRefused(
            "<a>" + String(repeating: "<b\(declarations)/>", count: 100) + "</a>", "declares more than 4096 namespaces")
        #expect(
            error(Array("\u{FEFF}\(tag(100_000))".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }))?.what
                == "an element has more than 512 attributes")
    }

    @Test func longNamesAndTexts() throws {
        #expect(error("<" + String(repeating: "a", count: 1_000_000) + "/>")?.kind == .refused)
        let text = String(repeating: "x", count: 9_000_000)
        #expect(try XMLDocument(Array("<a>\(text)</a>".utf8), path: "t").root.text.utf8.count == 9_000_000)
        #expect(try XMLDocument(Array("<a b='\(text)'/>".utf8), path: "t").root["b"]?.utf8.count == 9_000_000)
    }

    /// Thousands of edits of thousands of elements end soon.
    @Test func manyEdits() throws {
        let source = "<a>\n" + (0..<2_000).map { "<b c='\($0)'/>\n" }.joined() + "</a>"
        let document = try XMLDocument(Array(source.utf8), path: "t")
        let edits = (1...300).map { XMLEdit("/a/b[\($0)]/@c", .value("x")) }
        #expect(try document.applying(edits).elements(at: "//b[@c='x']").count == 300)
    }

    /// All parts of a document cut short or changed are read or refused, and never more.
    @Test func damagedDocuments() {
        var random = SeededGenerator(named: "HostileTests.damagedDocuments")
        let source = Array((ReadingTests.strange + "").utf8)
        for length in 0..<source.count { _ = error(Array(source[..<length])) }
        for _ in 0..<3_000 {
            var bytes = source
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: position)
                default:
                    bytes.insert(
                        contentsOf: Array(
                            ["<", ">", "&", "'", "\"", "]]>", "<!--", "<![CDATA["].randomElement(using: &random)?.utf8
                                ?? "".utf8), at: position)
                }
            }
            guard let document = try? XMLDocument(bytes, path: "t") else { continue }
            // Whatever can be read can be edited, or is refused in words.
            for element in Places.all(document).prefix(8) {
                do {
                    let result = try document.applying([XMLEdit(element.xpath, .attribute("added", "&<'\""))])
                    #expect(result.root.name == document.root.name)
                } catch {
                    #expect(
                        !error.what.contains("places of its elements"),
                        "\(error): \(String(decoding: bytes, as: UTF8.self))")
                }
            }
        }
    }
}
