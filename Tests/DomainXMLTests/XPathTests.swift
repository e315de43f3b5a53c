import DomainXML
import Testing

@Suite struct XPathTests {
    static let guest =
        "<domain>\n<devices>\n<disk/>\n<disk/>\n<disk/>\n<disk/>\n<disk/>\n</devices>\n<vcpu>2</vcpu></domain>"

    @Test(arguments: [
        (
            "/domain/devices/disk",
            "/domain/devices/disk: 5 nodes match; an edit needs exactly one. Name one of them: /domain/devices/disk[1] (line 3), /domain/devices/disk[2] (line 4), /domain/devices/disk[3] (line 5), /domain/devices/disk[4] (line 6) …"
        ),
        (
            "/domain/devices/disk/@type",
            "/domain/devices/disk: 5 nodes match; an edit needs exactly one. Name one of them: /domain/devices/disk[1] (line 3), /domain/devices/disk[2] (line 4), /domain/devices/disk[3] (line 5), /domain/devices/disk[4] (line 6) …"
        ),
        (
            "/domain/cputune/shares",
            "/domain/cputune/shares: nothing matches. /domain is there, but not what follows it"
        ),
        (
            "/domain/devices/disk[9]/@type",
            "/domain/devices/disk[9]/@type: nothing matches. /domain/devices is there, but not what follows it"
        ),
        ("/network/name", "/network/name: nothing matches. The root element is <domain>"),
        ("//nothing", "//nothing: nothing matches. The root element is <domain>"),
        ("/domain[", "/domain[: this is not valid XPath (near character 9)"),
        ("", ": this is not an XPath expression"),
        ("/domain/\u{0}", "/domain/\u{0}: this is not an XPath expression"),
        ("count(//disk)", "count(//disk): this gives a value; an XPath that selects a node is needed"),
        ("string(/domain/vcpu)", "string(/domain/vcpu): this gives a value; an XPath that selects a node is needed"),
        ("nothing()", "nothing(): XPath has no such function"),
        ("document('/etc/passwd')", "document('/etc/passwd'): XPath has no such function"),
        ("/domain/qemu:commandline", "/domain/qemu:commandline: the document declares no such namespace prefix"),
        ("/", "/: this selects the document itself; elements, attributes and their texts can be edited"),
    ])
    func errors(xpath: String, message: String) {
        #expect(refusal(Self.guest, XMLEdit(xpath, .value("x"))) == "test.xml: " + message)
    }

    @Test func expensiveExpressionsEnd() {
        let deep = String(repeating: "//*[", count: 60) + "1" + String(repeating: "]", count: 60)
        #expect(
            refusal(
                String(repeating: "<a>", count: 200) + String(repeating: "</a>", count: 200), XMLEdit(deep, .value("x"))
            ).hasPrefix("test.xml: "))
        let nested = String(repeating: "(", count: 4000)
        #expect(refusal("<a/>", XMLEdit(nested, .value("x"))).contains("not valid XPath"))
    }

    @Test func relativeAndOtherPaths() throws {
        #expect(try edited(Self.guest, XMLEdit("domain/vcpu", .value("3"))).contains("<vcpu>3<"))
        #expect(try edited(Self.guest, XMLEdit("//vcpu[. = 2]", .value("3"))).contains("<vcpu>3<"))
        #expect(
            try edited(Self.guest, XMLEdit("//disk[last()]/@type", .value("file"))).contains(
                "<disk type='file'/>\n</devices>"))
    }

    @Test(arguments: [
        ("/domain/vcpu=4", "/domain/vcpu", "4"), ("/domain/vcpu=", "/domain/vcpu", ""),
        ("//disk[@device='a=b']/@x=1=2", "//disk[@device='a=b']/@x", "1=2"),
        ("//a[b=\"]=\"]/@c=d", "//a[b=\"]=\"]/@c", "d"), ("//a[name(..)='x']=y", "//a[name(..)='x']", "y"),
    ])
    func assignments(text: String, xpath: String, value: String) {
        #expect(XMLEdit(assignment: text) == XMLEdit(xpath, .value(value)))
    }

    @Test(arguments: ["", "=x", "/domain/vcpu", "//a[b='c']", "//a['=x"])
    func noAssignments(text: String) {
        #expect(XMLEdit(assignment: text) == nil)
    }

    /// Every element's own path finds it, whatever its namespace.
    @Test func ownPaths() throws {
        let source = """
            <a xmlns:q='urn:q'><b/><q:b/><b/><q:b><c/></q:b><d xmlns='urn:d'><e/><e xmlns=''/><e><f/></e></d><u:g/><b xmlns='urn:x'/></a>
            """
        let document = try XMLDocument(Array(source.utf8), path: "t")
        for element in Places.all(document) where element.name != "u:g" {
            #expect(try document.elements(at: element.xpath).map(\.xpath) == [element.xpath])
        }
        #expect(try document.elements(at: "//q:b").count == 2)
        #expect(Places.all(document).map(\.xpath).contains("/a/q:b[2]/c"))
        #expect(Places.all(document).map(\.xpath).contains("/a/*[name()='d']/*[name()='e'][3]/*[name()='f']"))
    }
}
