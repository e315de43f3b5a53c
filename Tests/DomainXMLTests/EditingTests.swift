import DomainXML
import Testing

@Suite struct AttributeEditTests {
    static let guest = """
        <!-- written by hand -->
        <domain type='kvm'  id="7">
        \t<name>web&amp;1</name>
          <vcpu placement='static'>2</vcpu>
          <devices>
            <disk type='file'
                  device='disk'><driver name="qemu" type='qcow2'/></disk>
            <disk type='file' device='cdrom'/>
          </devices>
        </domain>

        """

    @Test func setsAValueInItsQuotes() throws {
        #expect(
            try edited(Self.guest, XMLEdit("/domain/@id", .value("a\"b'c<d&e>")))
                == Self.guest.replacingOccurrences("id=\"7\"", "id=\"a&quot;b'c&lt;d&amp;e>\""))
        #expect(
            try edited(Self.guest, XMLEdit("/domain/@type", .value("a\"b'c")))
                == Self.guest.replacingOccurrences("'kvm'", "'a\"b&apos;c'"))
    }

    @Test func spacesThatWouldBeLostBecomeReferences() throws {
        let result = try edited(Self.guest, XMLEdit("/domain/@type", .value("a\tb\nc\rd e")))
        #expect(result.contains("type='a&#9;b&#10;c&#13;d e'"))
    }

    @Test func addsAMissingAttributeInTheStyleOfTheLast() throws {
        #expect(
            try edited(Self.guest, XMLEdit("/domain/vcpu/@current", .value("1")))
                == Self.guest.replacingOccurrences("placement='static'", "placement='static' current='1'"))
        #expect(
            try edited(Self.guest, XMLEdit("//disk[@device='disk']", .attribute("snapshot", "no")))
                == Self.guest.replacingOccurrences("device='disk'>", "device='disk'\n          snapshot='no'>"))
        #expect(try edited(Self.guest, XMLEdit("/domain/@x", .value("1"))).contains("id=\"7\" x=\"1\">"))
        #expect(try edited("<a/>", XMLEdit("/a/@b", .value("'"))) == "<a b='&apos;'/>")
        #expect(try edited("<a><b c=\"1\"/></a>", XMLEdit("/a/@d", .value("2"))) == "<a d=\"2\"><b c=\"1\"/></a>")
    }

    @Test func severalEditsAtOnce() throws {
        let result = try edited(
            Self.guest, XMLEdit("/domain/vcpu/@current", .value("1")), XMLEdit("/domain/vcpu", .value("4")),
            XMLEdit("/domain/vcpu/@placement", .value("auto")), XMLEdit("/domain/vcpu", .attribute("cpuset", "0-3")))
        #expect(
            result
                == Self.guest.replacingOccurrences(">2</vcpu>", " current='1' cpuset='0-3'>4</vcpu>")
                .replacingOccurrences("'static'", "'auto'"))
    }

    @Test func positionsAreThoseOfTheDocumentAsItIs() throws {
        let result = try edited(
            Self.guest, XMLEdit("/domain/devices/disk[1]", .remove),
            XMLEdit("/domain/devices/disk[2]/@device", .value("lun")))
        #expect(result.contains("  <devices>\n    <disk type='file' device='lun'/>\n  </devices>"))
    }

    @Test func removesAnAttribute() throws {
        #expect(
            try edited(Self.guest, XMLEdit("/domain", .removeAttribute("id")))
                == Self.guest.replacingOccurrences("  id=\"7\"", ""))
        #expect(
            try edited(Self.guest, XMLEdit("//disk[1]/@device", .remove))
                == Self.guest.replacingOccurrences("\n          device='disk'", ""))
    }

    @Test func theSameEditTwiceIsOne() throws {
        let edit = XMLEdit("/domain/@id", .value("8"))
        let added = XMLEdit("/domain/@x", .value("8"))
        #expect(try edited(Self.guest, edit, edit, added, added).contains("id=\"8\" x=\"8\">"))
    }

    @Test func emptyValues() throws {
        #expect(try edited(Self.guest, XMLEdit("/domain/@id", .value(""))).contains("id=\"\""))
        #expect(try edited("<a>x</a>", XMLEdit("/a", .value(""))) == "<a></a>")
        #expect(try edited("<a/>", XMLEdit("/a", .value(""))) == "<a/>")
    }

    @Test func valuesThatAreThereKeepTheirBytes() throws {
        let source = "<a b='&#65;&lt;'>x&#x41;<!-- c --></a>"
        #expect(try edited(source, XMLEdit("/a/@b", .value("A<")), XMLEdit("/a", .value("xA"))) == source)
    }

    @Test func qualifiedAttributes() throws {
        let source = "<a xmlns:q='urn:q'><b q:c='1'/></a>"
        #expect(try edited(source, XMLEdit("/a/b/@q:c", .value("2"))) == "<a xmlns:q='urn:q'><b q:c='2'/></a>")
        #expect(try edited(source, XMLEdit("/a/b/@q:d", .value("2"))) == "<a xmlns:q='urn:q'><b q:c='1' q:d='2'/></a>")
        #expect(try edited(source, XMLEdit("/a/b", .removeAttribute("q:c"))) == "<a xmlns:q='urn:q'><b/></a>")
        #expect(try edited("<a xml:lang='en'/>", XMLEdit("/a/@xml:lang", .value("zh"))) == "<a xml:lang='zh'/>")
        #expect(try edited("<a/>", XMLEdit("/a", .attribute("xml:lang", "zh"))) == "<a xml:lang='zh'/>")
        #expect(
            refusal("<a b='1'/>", XMLEdit("/a", .attribute("q:c", "2"))).contains("would change more than they say"))
    }
}

@Suite struct TextEditTests {
    @Test func keepsSpaceAndComments() throws {
        #expect(try edited("<a>\n  old &amp; \n</a>", XMLEdit("/a", .value("new"))) == "<a>\n  new \n</a>")
        #expect(
            try edited("<a><!-- why --> old <?pi x?></a>", XMLEdit("/a", .text("new")))
                == "<a><!-- why --> new <?pi x?></a>")
        #expect(try edited("<a>  <!-- why -->  </a>", XMLEdit("/a", .text("new"))) == "<a>new  <!-- why -->  </a>")
        #expect(try edited("<a> </a>", XMLEdit("/a", .text("new"))) == "<a>new</a>")
        #expect(try edited("<a\tb='1' />", XMLEdit("/a", .text("new"))) == "<a\tb='1'>new</a>")
        #expect(try edited("<a />", XMLEdit("/a/text()", .value("new"))) == "<a>new</a>")
        #expect(try edited("<a>x</a>", XMLEdit("/a/text()", .value("new"))) == "<a>new</a>")
        #expect(try edited("<q:a xmlns:q='u' />", XMLEdit("/q:a", .text("new"))) == "<q:a xmlns:q='u'>new</q:a>")
    }

    @Test func escapes() throws {
        #expect(
            try edited("<a>x</a>", XMLEdit("/a", .text("<&>\"' ]]> ]>\r\n\t")))
                == "<a>&lt;&amp;>\"' ]]&gt; ]>&#13;\n\t</a>")
        #expect(try edited("<a>x</a>", XMLEdit("/a", .text("é中😀\u{85}\u{2028}"))) == "<a>é中😀\u{85}\u{2028}</a>")
    }

    @Test func characterData() throws {
        #expect(try edited("<a> <![CDATA[x<y]]> </a>", XMLEdit("/a", .text("p&q"))) == "<a> <![CDATA[p&q]]> </a>")
        #expect(try edited("<a><![CDATA[x]]></a>", XMLEdit("/a", .text("p]]>q"))) == "<a>p]]&gt;q</a>")
        #expect(try edited("<a>1<![CDATA[x]]>2</a>", XMLEdit("/a", .text("p&q"))) == "<a>p&amp;q</a>")
        #expect(try XMLDocument(Array("<a>1<![CDATA[<x>]]>2</a>".utf8), path: "t").root.text == "1<x>2")
    }

    @Test func refusals() {
        #expect(
            refusal("<a><b/></a>", XMLEdit("/a", .text("x")))
                == "test.xml:1: /a: the element has other elements inside. Only the text of elements without children can be set"
        )
        #expect(
            refusal("<a>x<!-- -->y</a>", XMLEdit("/a", .text("z")))
                == "test.xml:1: /a: the element's text stands in 2 places, with comments between them")
        #expect(
            refusal("<a>x</a>", XMLEdit("/a", .text("\u{0}")))
                == "test.xml: /a: the value has the character U+0000, which XML forbids")
        #expect(
            refusal("<a>x</a>", XMLEdit("/a/@b", .value("\u{1B}[0m")))
                == "test.xml: /a/@b: the value has the character U+001B, which XML forbids")
        #expect(
            refusal("<a>x</a>", XMLEdit("/a", .text("\u{FFFF}")))
                == "test.xml: /a: the value has the character U+FFFF, which XML forbids")
    }
}

@Suite struct ElementEditTests {
    static let guest = """
        <domain type='kvm'>
            <name>web1</name>
            <memoryBacking>
                <hugepages/>
                <!-- more to come -->
            </memoryBacking>
            <features/>
            <devices>
                <disk/> <!-- the first -->

                <disk/>
            </devices>
        </domain>
        """

    @Test func insertsAfterTheLastChild() throws {
        #expect(
            try edited(Self.guest, XMLEdit("/domain/memoryBacking", .insert("<nosharepages/>")))
                == Self.guest.replacingOccurrences("to come -->", "to come -->\n        <nosharepages/>"))
        #expect(
            try edited(Self.guest, XMLEdit("/domain/features", .insert(" <acpi/>\n")))
                == Self.guest.replacingOccurrences("<features/>", "<features>\n        <acpi/>\n    </features>"))
        #expect(try edited("<a><b/></a>", XMLEdit("/a", .insert("<c/>"))) == "<a><b/><c/></a>")
        #expect(try edited("<a/>", XMLEdit("/a", .insert("<c/>"))) == "<a>\n  <c/>\n</a>")
        #expect(try edited("<a><b/></a>", XMLEdit("/a/b", .insert("<c/>"))) == "<a><b><c/></b></a>")
        #expect(try edited("<a>\n</a>", XMLEdit("/a", .insert("<c/>"))) == "<a>\n  <c/>\n</a>")
    }

    @Test func makesWhatIsMissingOnTheWay() throws {
        let result = try edited(
            Self.guest, XMLEdit("/domain/cputune/cachetune", .insert("<cache/>")),
            XMLEdit("/domain/cputune", .insert("<shares>10</shares>")),
            XMLEdit("/domain/cputune/cachetune", .insert("<monitor/>")))
        #expect(
            result
                == Self.guest.replacingOccurrences(
                    "    </devices>\n",
                    """
                        </devices>
                        <cputune>
                            <cachetune>
                                <cache/>
                                <monitor/>
                            </cachetune>
                            <shares>10</shares>
                        </cputune>

                    """))
    }

    @Test func movesAFragmentIn() throws {
        let fragment = "<launchSecurity type='sev'>\n  <cbitpos>47</cbitpos>\n  <!-- a\n b -->\n</launchSecurity>"
        #expect(
            try edited(Self.guest, XMLEdit("/domain", .insert(fragment))).hasSuffix(
                "    </devices>\n    <launchSecurity type='sev'>\n      <cbitpos>47</cbitpos>\n      <!-- a\n b -->\n    </launchSecurity>\n</domain>"
            ))
    }

    @Test func lineEndsAreTheDocuments() throws {
        let source = "<a>\r\n\t<b/>\r\n</a>\r\n"
        #expect(
            try edited(source, XMLEdit("/a/c", .insert("<d>\n<e/>\n</d>")))
                == "<a>\r\n\t<b/>\r\n\t<c>\r\n\t\t<d>\r\n\t\t<e/>\r\n\t\t</d>\r\n\t</c>\r\n</a>\r\n")
        #expect(try edited(source, XMLEdit("/a/b", .remove)) == "<a>\r\n</a>\r\n")
    }

    @Test func removesWithTheSpaceBefore() throws {
        #expect(
            try edited(Self.guest, XMLEdit("/domain/devices/disk[2]", .remove))
                == Self.guest.replacingOccurrences("\n\n        <disk/>", "\n"))
        #expect(
            try edited(Self.guest, XMLEdit("/domain/devices/disk[1]", .remove)).contains("<devices> <!-- the first -->")
        )
        #expect(try edited("<a>text <b/></a>", XMLEdit("/a/b", .remove)) == "<a>text </a>")
        #expect(try edited("<a><b/><c/></a>", XMLEdit("//b", .remove), XMLEdit("//c", .remove)) == "<a></a>")
    }

    @Test func removeAndInsertAtOnePlace() throws {
        #expect(
            try edited("<a>\n  <b/>\n</a>", XMLEdit("/a/b", .remove), XMLEdit("/a", .insert("<c/>")))
                == "<a>\n  <c/>\n</a>")
    }

    @Test func namespacesInFragments() throws {
        let source = "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  <name>a</name>\n</domain>"
        #expect(
            try edited(source, XMLEdit("/domain/qemu:commandline", .insert("<qemu:arg value='-s'/>"))).contains(
                "  <qemu:commandline>\n    <qemu:arg value='-s'/>\n  </qemu:commandline>\n</domain>"))
        #expect(
            try edited("<domain><name/></domain>", XMLEdit("/domain", .insert("<x:y xmlns:x='urn:x'/>")))
                == "<domain><name/><x:y xmlns:x='urn:x'/></domain>")
        #expect(
            refusal("<domain><name/></domain>", XMLEdit("/domain", .insert("<x:y/>"))).contains(
                "Is a namespace prefix declared where it is used?"))
        #expect(
            try edited("<a xmlns='urn:d'><b/></a>", XMLEdit("/*", .insert("<c/>"))) == "<a xmlns='urn:d'><b/><c/></a>")
    }

    @Test(arguments: [
        ("", "must be elements: it is empty"), ("text", "must be elements: text"), ("<a/>text", "must be elements"),
        ("<!-- c -->", "must be elements"),
        ("<a>", "not well-formed"), ("</x><y/><x>", "not well-formed"), ("<!DOCTYPE a><a/>", "not well-formed"),
        ("<a>&nbsp;</a>", "not well-formed"),
    ])
    func badFragments(fragment: String, words: String) {
        #expect(refusal("<domain/>", XMLEdit("/domain", .insert(fragment))).contains(words))
    }

    @Test func refusals() {
        #expect(refusal("<a/>", XMLEdit("/a", .remove)) == "test.xml: /a: the root element cannot be taken away")
        #expect(
            refusal("<a>t</a>", XMLEdit("/a", .insert("<b/>")))
                == "test.xml:1: /a: the element holds text, into which no elements are put")
        #expect(
            refusal("<a/>", XMLEdit("/a", .removeAttribute("b")))
                == "test.xml:1: /a: the element has no attribute \"b\"")
        #expect(
            refusal("<a xmlns:q='u'/>", XMLEdit("/a", .removeAttribute("xmlns:q")))
                == "test.xml: /a: \"xmlns:q\" declares a namespace, on which other names may depend. Declare it in the elements you insert"
        )
        for name in ["", "a b", "1a", "a=", "a'", "<", "a:b:c", ":a", "a/"] {
            #expect(
                refusal("<a/>", XMLEdit("/a", .attribute(name, "1")))
                    == "test.xml: /a: \"\(name)\" is not a name that can be written here")
        }
    }

    @Test func overlaps() {
        let source = "<a><b c='1'><d/></b></a>"
        #expect(
            refusal(source, XMLEdit("/a/b/@c", .value("2")), XMLEdit("//b/@c", .value("3")))
                == "test.xml: //b/@c: two edits change the same place: /a/b/@c=2 and //b/@c=3")
        #expect(
            refusal(source, XMLEdit("/a/b", .remove), XMLEdit("/a/b/@c", .value("3"))).contains(
                "two edits change the same place"))
        #expect(
            refusal(source, XMLEdit("/a/b/d", .remove), XMLEdit("/a/b", .remove)).contains(
                "two edits change the same place"))
        #expect(
            refusal(source, XMLEdit("/a/b", .remove), XMLEdit("/a/b", .insert("<e/>"))).contains(
                "two edits change the same place"))
        #expect(
            refusal("<a/>", XMLEdit("/a", .text("x")), XMLEdit("/a", .insert("<e/>"))).contains(
                "two edits change the same place"))
        #expect(
            refusal("<a b='1'/>", XMLEdit("/a/@b", .value("2")), XMLEdit("/a", .removeAttribute("b"))).contains(
                "two edits change the same place"))
    }
}

extension String {
    func replacingOccurrences(_ old: String, _ new: String) -> String {
        var result = ""
        var rest = self[...]
        while let found = rest.firstRange(of: old) {
            result += rest[..<found.lowerBound] + new
            rest = rest[found.upperBound...]
        }
        return result + rest
    }
}
