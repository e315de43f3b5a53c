internal import CLibXML2
internal import Synchronization

/// A document as it was read: its bytes, and a tree that says where in them everything stands.
///
/// libxml2 parses; it is allowed no network, no other file and no entity beyond XML's own. The bytes are kept, so what is not edited is written back
/// as it was (``source``).
public final class XMLDocument: Sendable {
    /// Limits on what is read. Real definitions have some 10 KB, 300 elements and 10 levels.
    public enum Limit {
        /// The most bytes of a document.
        public static let bytes = 10 << 20
        /// The deepest nesting, libxml2's own default limit.
        public static let depth = 256
        /// The most elements.
        public static let elements = 200_000
    }

    struct Node: Sendable {
        var name: String
        var prefix: String?
        var namespace: String?
        var line: Int32
        var parent: Int32
        var firstChild: Int32 = -1
        var nextSibling: Int32 = -1
        var attributes: Range<Int32>
        var text: String
    }
    struct Attribute: Sendable {
        var name: String
        var namespace: String?
        var value: String
    }

    /// The document's bytes as read.
    public let source: [UInt8]
    /// The file, as the caller named it.
    public let path: String
    let nodes: [Node]
    let attributes: [Attribute]

    /// The root element.
    public var root: Element { Element(document: self, index: 0) }

    /// Parses a document.
    ///
    /// - Parameters:
    ///   - source: the document, at most ``Limit/bytes``.
    ///   - path: what to call it in errors.
    ///
    /// - Throws: `malformed` with the line; `refused` for entities, external references, size and depth.
    public init(_ source: [UInt8], path: String) throws(XMLError) {
        self.source = source
        self.path = path
        guard source.count <= Limit.bytes else {
            throw XMLError(
                .refused, "the document has \(source.count) bytes; at most \(Limit.bytes) are read", path: path,
                remedy: "libvirt definitions have some kilobytes: is this the right file?")
        }
        _ = Self.libraryIsReady
        guard let context = xmlNewParserCtxt() else { throw XMLError(.io, "libxml2 has no memory left", path: path) }
        defer { xmlFreeParserCtxt(context) }
        nearmetal_xml_silence(context)
        let options = Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue | XML_PARSE_BIG_LINES.rawValue)
        let parsed = source.withUnsafeBytes { bytes in
            xmlCtxtReadMemory(context, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), nil, nil, options)
        }
        guard let parsed else { throw Self.lastError(context, path: path) }
        defer { xmlFreeDoc(parsed) }
        if parsed.pointee.intSubset != nil {
            throw XMLError(
                .refused, "the document has a DOCTYPE declaration, which could name entities and other files", path: path,
                remedy: "libvirt needs none: take it out")
        }
        var builder = TreeBuilder(path: path)
        guard let root = xmlDocGetRootElement(parsed) else { throw XMLError(.malformed, "the document has no root element", path: path) }
        try builder.add(root, parent: -1, depth: 1)
        nodes = builder.nodes
        attributes = builder.attributes
    }

    /// libxml2 sets its globals up once, before the first thread parses.
    private static let libraryIsReady: Bool = {
        xmlInitParser()
        return true
    }()

    private static func lastError(_ context: xmlParserCtxtPtr, path: String) -> XMLError {
        guard let error = xmlCtxtGetLastError(context) else { return XMLError(.malformed, "the document is not XML", path: path) }
        var message = error.pointee.message.map { String(cString: $0) } ?? "the document is not XML"
        while message.last?.isNewline == true || message.last == " " { message.removeLast() }
        let refusals: [UInt32] = [XML_ERR_ENTITY_LOOP.rawValue, XML_ERR_RESOURCE_LIMIT]
        let kind: XMLError.Kind = refusals.contains(UInt32(bitPattern: error.pointee.code)) ? .refused : .malformed
        return XMLError(kind, message, path: path, line: error.pointee.line > 0 ? Int(error.pointee.line) : nil)
    }
}

/// libxml2's `XML_ERR_RESOURCE_LIMIT`, which versions before 2.13 do not name.
private let XML_ERR_RESOURCE_LIMIT: UInt32 = 114

/// Copies libxml2's tree into flat arrays.
private struct TreeBuilder {
    let path: String
    var nodes: [XMLDocument.Node] = []
    var attributes: [XMLDocument.Attribute] = []

    mutating func add(_ node: xmlNodePtr, parent: Int32, depth: Int) throws(XMLError) {
        guard depth <= XMLDocument.Limit.depth, nodes.count < XMLDocument.Limit.elements else {
            throw XMLError(
                .refused,
                "the document has more than \(XMLDocument.Limit.depth) levels or \(XMLDocument.Limit.elements) elements", path: path,
                line: xmlGetLineNo(node))
        }
        let index = Int32(nodes.count)
        let firstAttribute = Int32(attributes.count)
        var attribute = node.pointee.properties
        while let current = attribute {
            attributes.append(
                XMLDocument.Attribute(
                    name: String(current.pointee.name), namespace: current.pointee.ns.flatMap { Optional(String($0.pointee.href)) },
                    value: content(of: current.pointee.children)))
            attribute = current.pointee.next
        }
        nodes.append(
            XMLDocument.Node(
                name: String(node.pointee.name),
                prefix: node.pointee.ns?.pointee.prefix.map { String($0) },
                namespace: node.pointee.ns?.pointee.href.map { String($0) },
                line: Int32(clamping: xmlGetLineNo(node)), parent: parent, attributes: firstAttribute..<Int32(attributes.count), text: ""))
        var previous: Int32 = -1
        var text = ""
        var child = node.pointee.children
        while let current = child {
            switch current.pointee.type {
            case XML_ELEMENT_NODE:
                let added = Int32(nodes.count)
                try add(current, parent: index, depth: depth + 1)
                if previous < 0 { nodes[Int(index)].firstChild = added } else { nodes[Int(previous)].nextSibling = added }
                previous = added
            case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
                if xmlIsBlankNode(current) == 0 { text += String(current.pointee.content) }
            default: break
            }
            child = current.pointee.next
        }
        nodes[Int(index)].text = text
    }

    private func content(of first: xmlNodePtr?) -> String {
        guard let first else { return "" }
        if first.pointee.next == nil, first.pointee.type == XML_TEXT_NODE { return String(first.pointee.content) }
        var text = ""
        var node: xmlNodePtr? = first
        while let current = node {
            if current.pointee.content != nil { text += String(current.pointee.content) }
            node = current.pointee.next
        }
        return text
    }
}

extension String {
    /// Copies one of libxml2's strings, which are UTF-8; empty for NULL.
    init(_ text: UnsafePointer<xmlChar>?) {
        self = text.map { String(cString: $0) } ?? ""
    }
    init(_ text: UnsafeMutablePointer<xmlChar>?) {
        self = text.map { String(cString: $0) } ?? ""
    }
}
