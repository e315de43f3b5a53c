internal import CLibXML2

/// A document as it was read: its bytes, and a tree that says where in them everything stands.
///
/// libxml2 parses; it is allowed no network, no other file and no entity but XML's own and short texts that the
/// document declares itself. The bytes are kept, so what is not edited is written back as it was (``source``).
public final class XMLDocument: Sendable {
    /// Limits on what is read.
    ///
    /// Real definitions have some 10 KB, 300 elements and 10 levels.
    public enum Limit {
        /// The most bytes of a document.
        public static let bytes = 10 << 20
        /// The deepest nesting, libxml2's own default limit.
        public static let depth = 256
        /// The most elements.
        public static let elements = 200_000
        /// The most attributes of one element; libxml2 compares each with each.
        public static let attributesOfOne = 512
        /// The most attributes altogether.
        public static let attributes = 500_000
        /// The most declarations of namespaces; libxml2 searches them one by one.
        public static let namespaces = 4_096
        /// The most entities that a document may declare.
        public static let entities = 64
        /// The most bytes of one entity's text.
        public static let entityBytes = 4_096
        /// The most bytes that all references to declared entities may come to.
        public static let expandedBytes = 1 << 20
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

        /// The name as the document spells it.
        var qualifiedName: String { prefix.map { "\($0):\(name)" } ?? name }
    }
    struct Attribute: Sendable, Equatable {
        var name: String
        var namespace: String?
        var value: String
    }

    /// The document's bytes as read.
    public let source: [UInt8]
    /// The file, as the caller named it.
    public let path: String
    /// Elements in document order.
    let nodes: [Node]
    /// Attributes of all elements, in the elements' order.
    let attributes: [Attribute]

    /// The root element.
    public var root: Element { Element(document: self, index: 0) }

    /// Parses a document.
    ///
    /// A DOCTYPE is allowed as far as it declares nothing but entities that stand for short texts.
    ///
    /// - Parameters:
    ///   - source: the document, at most ``Limit/bytes``.
    ///   - path: what to call it in errors.
    ///
    /// - Throws: `malformed` with the line; `refused` for external references, entities that hold elements or grow,
    ///   size and depth.
    public init(_ source: [UInt8], path: String) throws(XMLError) {
        self.source = source
        self.path = path
        try Hostility.check(source, path: path)
        var tree = try EventReader.read(source, path: path)
        if tree == nil { tree = try DocumentObject(source, path: path).flatTree() }
        guard let tree else { throw XMLError(.malformed, "the document has no root element", path: path) }
        nodes = tree.nodes
        attributes = tree.attributes
    }
}
