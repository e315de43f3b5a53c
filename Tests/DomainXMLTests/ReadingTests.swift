import DomainXML
import Foundation
import Testing

/// What is read, whatever it looks like, and what is refused.
@Suite struct ReadingTests {
    private func parse(_ bytes: [UInt8]) throws(XMLError) -> XMLDocument { try XMLDocument(bytes, path: "t.xml") }
    private func parse(_ text: String) throws(XMLError) -> XMLDocument {
        try XMLDocument(Array(text.utf8), path: "t.xml")
    }
    private func error(_ bytes: [UInt8]) -> XMLError? {
        do {
            _ = try parse(bytes)
            return nil
        } catch {
            return error
        }
    }
    private func error(_ text: String) -> XMLError? { error(Array(text.utf8)) }

    /// Layout, quotes, references and whatever else a document may have, kept by an edit elsewhere.
    static let strange =
        "\u{FEFF}<?xml version='1.0'\tencoding=\"UTF-8\" standalone='yes' ?>\r\n<!-- < & \" -->\r\n<?pi <x a='>'?>\r\n"
        + "<domain\ttype = \"k>v'm\"\r\n  xmlns='urn:d' xmlns:q='urn:q' >\r\n\t<![CDATA[ </domain> ]]><!----><name>a&#x26;&lt;&#60;b</name >"
        + "<q:x q:y='&quot;&apos;'/><e></e ><e\n/><t>\u{85}\u{2028}é</t>\r<x xmlns=''>1</x></domain>\r\n<!-- end --><?p?>\n\n"

    @Test func everythingStrangeIsKept() throws {
        let document = try parse(Self.strange)
        #expect(String(decoding: document.source, as: UTF8.self) == Self.strange)
        #expect(document.root["type"] == "k>v'm")
        #expect(document.root.text == "</domain>")
        #expect(document.root.children.map(\.name) == ["name", "x", "e", "e", "t", "x"])
        #expect(document.root.children.map(\.text) == ["a&<<b", "", "", "", "\u{85}\u{2028}é", "1"])
        let edited = try document.applying([XMLEdit("//x[.='1']", .value("2"))])
        #expect(String(decoding: edited.source, as: UTF8.self) == Self.strange.replacingOccurrences(">1<", ">2<"))
        let attribute = try document.applying([XMLEdit("//q:x/@q:y", .value("z'"))])
        #expect(
            String(decoding: attribute.source, as: UTF8.self)
                == Self.strange.replacingOccurrences("&quot;&apos;", "z&apos;"))
    }

    @Test func lines() throws {
        let root = try parse("<a>\n<b\n c='1'/>\r\n<d/></a>").root
        #expect(root.line == 1)
        #expect(root.children.map(\.line) == [3, 4])
    }

    @Test func prefixesThatNothingDeclares() throws {
        let root = try parse("<a><q:b q:c='1' d='2'/></a>").root
        #expect(root.children.map(\.name) == ["q:b"])
        #expect(root.children.map { $0["d"] } == ["2"])
        #expect(root.children.flatMap(\.attributes).map(\.name) == ["q:c", "d"])
    }

    @Test func ampersandsInAttributes() throws {
        let root = try parse("<a b='&amp;#38; &#38;lt; &amp;' c='&#38;#38;&#x26;'/>").root
        #expect(root["b"] == "&#38; &lt; &")
        #expect(root["c"] == "&#38;&")
    }

    @Test func xIncludeIsNotProcessed() throws {
        let canary = FileManager.default.temporaryDirectory.appending(path: "nearmetal-canary-\(UUID().uuidString)")
        try Data("canary".utf8).write(to: canary)
        defer { try? FileManager.default.removeItem(at: canary) }
        let source =
            "<domain xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='\(canary.path)' parse='text'/></domain>"
        let document = try parse(source)
        #expect(document.root.text.isEmpty)
        #expect(document.root.children.map(\.name) == ["include"])
        let edited = try document.applying([XMLEdit("/domain/@type", .value("kvm"))])
        #expect(!String(decoding: edited.source, as: UTF8.self).contains("canary<"))
    }

    // MARK: Encodings

    @Test func latin1() throws {
        let source =
            Array("<?xml version='1.0' encoding='ISO-8859-1'?><a b='".utf8) + [0xE9] + Array("'>x<!-- ".utf8) + [0xFF]
            + Array(" --></a>".utf8)
        let document = try parse(source)
        #expect(document.source == source)
        #expect(document.root["b"] == "é")
        let edited = try document.applying([XMLEdit("/a", .value("ü中")), XMLEdit("/a/@c", .value("ß"))])
        let wanted =
            Array("<?xml version='1.0' encoding='ISO-8859-1'?><a b='".utf8) + [0xE9]
            + Array("' c='&#223;'>&#252;&#20013;<!-- ".utf8) + [0xFF]
            + Array(" --></a>".utf8)
        #expect(edited.source == wanted)
        #expect(edited.root.text == "ü中")
        #expect(try document.applying([XMLEdit("/a/@b", .value("é"))]).source == source)
        let ask: (XMLEdit) -> String = { edit in
            do {
                return String(decoding: try document.applying([edit]).source, as: UTF8.self)
            } catch {
                return "\(error)"
            }
        }
        #expect(ask(XMLEdit("/a", .attribute("é", "1"))).contains("is not a name that can be written here"))
        #expect(
            ask(XMLEdit("/a/x", .insert("<b><!-- é --></b>"))).contains(
                "has characters that this document's encoding lacks")
                || ask(XMLEdit("/a/x", .insert("<b><!-- é --></b>"))).contains("holds text"))
    }

    @Test(arguments: ["GB18030", "GBK", "EUC-JP", "windows-1252", "US-ASCII"])
    func otherEncodingsBasedOnASCII(name: String) throws {
        let document = try parse("<?xml version=\"1.0\" encoding=\"\(name)\"?>\n<a b='1'/>")
        #expect(try document.applying([XMLEdit("/a/@b", .value("é"))]).root["b"] == "é")
    }

    @Test func utf16() throws {
        let text = "<?xml version='1.0' encoding='UTF-16'?><a b='é'>中</a>"
        for (mark, isBig) in [([0xFE, 0xFF] as [UInt8], true), ([0xFF, 0xFE], false)] {
            let source =
                mark
                + text.utf16.flatMap { isBig ? [UInt8($0 >> 8), UInt8($0 & 255)] : [UInt8($0 & 255), UInt8($0 >> 8)] }
            let document = try parse(source)
            #expect(document.source == source)
            #expect(document.root["b"] == "é")
            #expect(document.root.text == "中")
            #expect(try document.applying([]).source == source)
            let message = #expect(throws: XMLError.self) { try document.applying([XMLEdit("/a", .value("x"))]) }
            #expect(
                message?.description
                    == "t.xml: documents in UTF-16 are read, but not edited. Convert it first: iconv -f UTF-16 -t UTF-8, and change its XML declaration"
            )
        }
    }

    @Test(arguments: ["UTF-7", "EBCDIC-US", "ISO-2022-JP", "Shift_JIS", "nonsense"])
    func encodingsThatAreRefused(name: String) {
        let refused = error("<?xml version='1.0' encoding='\(name)'?><a/>")
        #expect(refused?.kind == .refused)
        #expect(refused?.what == "the encoding \(name) is not read")
    }

    @Test func bytesThatAreNotTheEncoding() {
        #expect(error([0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E])?.kind == .malformed)
        #expect(error("<?xml version='1.0' encoding='UTF-16'?><a/>")?.kind == .malformed)
    }

    /// libxml2 would print errors of encodings; what is wrong is in our error, and nowhere else.
    @Test func nothingIsPrinted() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let source = Array("<?xml version='1.0' encoding='GB18030'?><a>".utf8) + [0x81, 0x00, 0xFF, 0xFF, 0x3C]
            _ = try? XMLDocument(source, path: "t.xml")
            _ = try? XMLDocument([0xFF, 0xFE, 0x3C, 0x00, 0x00, 0xD8, 0x00, 0xD8], path: "t.xml")
            _ = try? XMLDocument(Array("<a b='1' b='2'>&x;".utf8), path: "t.xml")
            _ = try? XMLDocument(Array("<a/>".utf8), path: "t.xml").elements(at: "/a[")
            _ = try? XMLDocument(Array("<a/>".utf8), path: "t.xml").elements(at: "nothing()")
        }
        #expect(result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } == "")
    }

    // MARK: What is malformed

    @Test(arguments: [
        "", " ", "text", "<a>", "<a></b>", "<a b=c/>", "<a b='1' b='2'/>", "<a>&nbsp;</a>", "<a/><b/>", "<a>\u{0}</a>",
        "<a b='<'/>", "<", "<!-- -->",
    ])
    func malformed(source: String) {
        #expect(error(source)?.kind == .malformed, "\(source)")
    }

    @Test func malformedHasTheLine() {
        #expect(error("<a>\n<b>\n</a>")?.description == "t.xml:3: Opening and ending tag mismatch: b line 2 and a")
    }
}
