import DomainXML
import Foundation
import FoundationXML
import Testing
import ToolRunning

/// Every document of the corpora, unedited and with random edits, against another reader (FoundationXML).
@Suite(.enabled(if: Corpora.folder != nil, "the corpora are not beside the checkout"))
struct CorpusTests {
    @Test(arguments: Corpora.families)
    func parsesAndComesBack(family: String) throws {
        let files = Corpora.documents(family)
        #expect(!files.isEmpty)
        for (path, bytes) in files {
            let document = try DomainXML.XMLDocument(bytes, path: path)
            #expect(document.source == bytes, "\(path)")
            #expect(try document.applying([]).source == bytes)
            let known = try Shape(bytes)
            #expect(Shape(document.root) == known, "\(path) is read as another reader reads it")
        }
    }

    /// An edit that sets what is there already gives the same bytes; this goes through the whole editor, and checks
    /// `Element.xpath` too.
    @Test(arguments: Corpora.families)
    func settingWhatIsThereChangesNothing(family: String) throws {
        for (path, bytes) in Corpora.documents(family) {
            let document = try DomainXML.XMLDocument(bytes, path: path)
            var edits: [XMLEdit] = []
            for element in Places.all(document).prefix(60) {
                for (name, value) in element.attributes where !name.contains(":") && element[name] == value {
                    edits.append(XMLEdit(element.xpath + "/@" + name, .value(value)))
                }
                if element.children.first(where: { _ in true }) == nil {
                    edits.append(XMLEdit(element.xpath, .text(element.text)))
                }
            }
            #expect(try document.applying(edits).source == bytes, "\(path)")
        }
    }

    @Test(arguments: Corpora.families)
    func randomEditsChangeWhatTheySay(family: String) throws {
        var random = SeededGenerator(named: "randomEditsChangeWhatTheySay(\(family))")
        for (path, bytes) in Corpora.documents(family) {
            let document = try DomainXML.XMLDocument(bytes, path: path)
            var expected = try Shape(bytes)
            var edits: [XMLEdit] = []
            let places = Places.all(document)
            var used = Set<Int>()
            for _ in 0..<4 {
                let position = Int.random(in: 0..<places.count, using: &random)
                guard used.insert(position).inserted else { continue }
                let element = places[position]
                let value = Self.value(&random)
                let plain = element.attributes.filter { !$0.name.contains(":") && element[$0.name] == $0.value }.map(
                    \.name)
                if let name = plain.randomElement(using: &random), Bool.random(using: &random) {
                    edits.append(XMLEdit(element.xpath + "/@" + name, .value(value)))
                    expected.elements[position].attributes[name] = value
                } else if Bool.random(using: &random) {
                    edits.append(XMLEdit(element.xpath, .attribute("added-here", value)))
                    expected.elements[position].attributes["added-here"] = value
                } else if element.children.first(where: { _ in true }) == nil, !value.isEmpty,
                    value.first?.isWhitespace == false, value.last?.isWhitespace == false
                {
                    edits.append(XMLEdit(element.xpath, .text(value)))
                    expected.elements[position].text = value
                }
            }
            let result = try document.applying(edits)
            #expect(try Shape(result.source) == expected, "\(path): \(edits)")
            #expect(Shape(result.root) == expected, "\(path): \(edits)")
            for edit in edits {
                let single = try document.applying([edit]).source
                let (old, new) = Self.difference(bytes, single)
                #expect(
                    !bytes[old].contains(0x3E) && !bytes[old].contains(0x3C) || single[new].contains(0x3C),
                    "\(path): \(edit)")
                #expect(old.count <= 4096)
            }
        }
    }

    /// What is inserted can be taken away again, and then all is as before but for the white space of empty elements.
    @Test(arguments: ["domains", "domain-edits"])
    func insertAndRemove(family: String) throws {
        for (path, bytes) in Corpora.documents(family) {
            let document = try DomainXML.XMLDocument(bytes, path: path)
            guard document.root.name == "domain" else { continue }
            let inserted = try document.applying([
                XMLEdit("/domain", .insert("<inserted-here a='1'><b/></inserted-here>")),
                XMLEdit("/domain/made-here/too", .insert("<c/>")),
            ])
            #expect(inserted.root.first("made-here", "too", "c") != nil)
            let removed = try inserted.applying([
                XMLEdit("/domain/inserted-here", .remove), XMLEdit("/domain/made-here", .remove),
            ])
            if document.root.children.first(where: { _ in true }) != nil {
                #expect(removed.source == bytes, "\(path)")
            } else {
                #expect(Shape(removed.root) == Shape(document.root), "\(path)")
            }
        }
    }

    /// virt-manager's edits: what its `-out.xml` says is reached from `-in.xml` by edits, in whatever order elements
    /// stand.
    @Test func editsOfVirtManager() throws {
        let files = Dictionary(uniqueKeysWithValues: Corpora.documents("domain-edits").map { ($0.path, $0.bytes) })
        var kinds: [String: Int] = [:]
        for (path, before) in files where path.hasSuffix("-in.xml") {
            guard let after = files[path.replacingOccurrences(of: "-in.xml", with: "-out.xml")] else { continue }
            let old = try DomainXML.XMLDocument(before, path: path)
            let new = try DomainXML.XMLDocument(after, path: path)
            let edits = Self.edits(from: old.root, to: new.root)
            let result = try old.applying(edits)
            #expect(Self.unordered(result.root) == Self.unordered(new.root), "\(path): \(edits)")
            for edit in edits { kinds["\(edit.action)".prefix { $0 != "(" }.description, default: 0] += 1 }
        }
        #expect(Set(kinds.keys) == ["attribute", "removeAttribute", "text", "insert", "remove"], "\(kinds)")
    }

    /// Edits that make one element like another.
    private static func edits(from old: Element, to new: Element) -> [XMLEdit] {
        var edits: [XMLEdit] = []
        for (name, value) in new.attributes where old[name] != value {
            edits.append(XMLEdit(old.xpath, .attribute(name, value)))
        }
        for (name, _) in old.attributes where new[name] == nil {
            edits.append(XMLEdit(old.xpath, .removeAttribute(name)))
        }
        var rest = Array(new.children)
        for child in old.children {
            let exact = rest.firstIndex { unordered($0) == unordered(child) }
            let alike = rest.firstIndex { other in
                other.name == child.name && !old.children.contains { unordered($0) == unordered(other) }
                    && other["type"] == child["type"]
            }
            if let exact {
                rest.remove(at: exact)
            } else if let alike {
                edits += Self.edits(from: child, to: rest.remove(at: alike))
            } else {
                edits.append(XMLEdit(child.xpath, .remove))
            }
        }
        edits += rest.map { XMLEdit(old.xpath, .insert(written($0))) }
        let isLeaf = old.children.first(where: { _ in true }) == nil && new.children.first(where: { _ in true }) == nil
        if isLeaf, old.text != new.text { edits.append(XMLEdit(old.xpath, .text(new.text))) }
        return edits
    }

    /// An element as XML.
    private static func written(_ element: Element) -> String {
        func escaped(_ text: String) -> String {
            text.replacingOccurrences("&", "&amp;").replacingOccurrences("<", "&lt;").replacingOccurrences(
                "'", "&apos;")
        }
        let name = element.namespace?.contains("qemu") == true ? "qemu:" + element.name : element.name
        let attributes = element.attributes.map { " \($0.name)='\(escaped($0.value))'" }.joined()
        return "<\(name)\(attributes)>\(escaped(element.text))\(element.children.map(written).joined())</\(name)>"
    }

    /// An element as a text in which order counts for nothing.
    private static func unordered(_ element: Element) -> String {
        let attributes = element.attributes.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: " ")
        return "(\(element.name) \(attributes) \(element.text) \(element.children.map(unordered).sorted().joined()))"
    }

    private static func value(_ random: inout SeededGenerator) -> String {
        let pool = [
            "a", "Z", "9", " ", "<", ">", "&", "'", "\"", "]]>", "&amp;", "é", "中", "😀", "\t", "\n", "\r", "--", "=",
            "\u{85}",
        ]
        return (0..<Int.random(in: 0..<8, using: &random)).compactMap { _ in pool.randomElement(using: &random) }
            .joined()
    }

    /// What differs, without the bytes that both begin and end with.
    private static func difference(_ old: [UInt8], _ new: [UInt8]) -> (Range<Int>, Range<Int>) {
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var end = 0
        while end < min(old.count, new.count) - start, old[old.count - 1 - end] == new[new.count - 1 - end] { end += 1 }
        return (start..<(old.count - end), start..<(new.count - end))
    }
}

/// All elements of a document, in order.
enum Places {
    static func all(_ document: DomainXML.XMLDocument) -> [Element] {
        var found: [Element] = []
        func add(_ element: Element) {
            found.append(element)
            for child in element.children { add(child) }
        }
        add(document.root)
        return found
    }
}

/// A document without its layout: what two readers must agree on.
struct Shape: Equatable {
    struct Item: Equatable {
        var depth: Int
        var name: String
        var attributes: [String: String]
        var text: String
    }
    var elements: [Item] = []

    init(_ root: Element) { add(root, 0) }

    private mutating func add(_ element: Element, _ depth: Int) {
        let attributes = Dictionary(
            element.attributes.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        elements.append(Item(depth: depth, name: element.name, attributes: attributes, text: element.text))
        for child in element.children { add(child, depth + 1) }
    }

    /// As FoundationXML reads it.
    init(_ bytes: [UInt8]) throws {
        let document = try FoundationXML.XMLDocument(data: Data(bytes), options: [.nodePreserveWhitespace])
        if let root = document.rootElement() { add(root, 0) }
    }

    private mutating func add(_ element: FoundationXML.XMLElement, _ depth: Int) {
        var attributes: [String: String] = [:]
        for attribute in element.attributes ?? [] {
            let name = attribute.localName ?? attribute.name ?? ""
            if attributes[name] == nil { attributes[name] = attribute.stringValue ?? "" }
        }
        var text = ""
        var run = ""
        func end() {
            if run.utf8.contains(where: { $0 > 0x20 }) { text += run }
            run = ""
        }
        for child in element.children ?? [] {
            if child.kind == .text { run += child.stringValue ?? "" } else { end() }
        }
        end()
        let trimmed = text.utf8.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
        elements.append(
            Item(
                depth: depth, name: element.localName ?? element.name ?? "", attributes: attributes,
                text: String(decoding: Array(trimmed), as: UTF8.self)))
        for child in element.children ?? [] {
            if let child = child as? FoundationXML.XMLElement { add(child, depth + 1) }
        }
    }
}
