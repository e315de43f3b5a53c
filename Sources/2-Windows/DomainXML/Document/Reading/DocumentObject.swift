internal import CLibXML2

/// A document as libxml2's tree of nodes: for documents with a DOCTYPE, and to answer XPath.
final class DocumentObject {
    /// The document, owned.
    private let pointer: xmlDocPtr
    private let path: String
    private let bytes: Int

    /// Parses a document; a DOCTYPE may declare entities that stand for short texts, and nothing else that counts.
    init(_ source: [UInt8], path: String) throws(XMLError) {
        try LibXML.prepare(path: path)
        guard let context = LibXML.functions.newParserCtxt(), let handler = context.pointee.sax else {
            throw XMLError(.io, "libxml2 has no memory left", path: path)
        }
        defer { LibXML.functions.freeParserCtxt(context) }
        let declarations = Declarations()
        let errors = LibXML.FirstError(of: context, owner: Unmanaged.passUnretained(declarations).toOpaque())
        defer { withExtendedLifetime((errors, declarations)) {} }
        Self.guardDeclarations(handler)
        let parsed = LibXML.parse(source, context)
        if let refusal = declarations.refusal {
            if let parsed { LibXML.functions.freeDoc(parsed) }
            throw XMLError(
                .refused, "the document \(refusal)", path: path, line: declarations.line,
                remedy: "libvirt needs no DOCTYPE: take it out")
        }
        guard let parsed else { throw errors.error(path: path) }
        pointer = parsed
        self.path = path
        bytes = source.count
    }

    deinit { LibXML.functions.freeDoc(pointer) }

    // MARK: Declarations

    /// What a DOCTYPE declared so far.
    private final class Declarations {
        var entities = 0
        var refusal: String?
        var line: Int?
    }

    private static func refuse(_ pointer: UnsafeMutableRawPointer?, _ what: String) {
        guard let context = pointer?.assumingMemoryBound(to: xmlParserCtxt.self) else { return }
        if let declarations = declarations(pointer), declarations.refusal == nil {
            declarations.refusal = what
            declarations.line = context.pointee.input.map { Int($0.pointee.line) }
        }
        LibXML.functions.stopParser(context)
    }

    private static func declarations(_ pointer: UnsafeMutableRawPointer?) -> Declarations? {
        guard let context = pointer?.assumingMemoryBound(to: xmlParserCtxt.self) else { return nil }
        return LibXML.FirstError.owner(of: context).map { Unmanaged<Declarations>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Puts our refusals before libxml2's own handling of declarations.
    private static func guardDeclarations(_ handler: UnsafeMutablePointer<xmlSAXHandler>) {
        handler.pointee.internalSubset = { pointer, name, publicID, systemID in
            guard publicID == nil, systemID == nil else {
                return DocumentObject.refuse(pointer, "names an external document type, which is not read")
            }
            LibXML.functions.sax2InternalSubset(pointer, name, publicID, systemID)
        }
        // This is called for every document; it names something or not.
        handler.pointee.externalSubset = { pointer, _, publicID, systemID in
            guard publicID != nil || systemID != nil else { return }
            DocumentObject.refuse(pointer, "names an external document type, which is not read")
        }
        handler.pointee.resolveEntity = { pointer, _, _ in
            DocumentObject.refuse(pointer, "names an external entity, which is not read")
            return nil
        }
        handler.pointee.unparsedEntityDecl = { pointer, _, _, _, _ in
            DocumentObject.refuse(pointer, "declares an external entity, which is not read")
        }
        handler.pointee.attributeDecl = { pointer, _, _, _, _, _, choices in
            if let choices { LibXML.functions.freeEnumeration(choices) }
            DocumentObject.refuse(pointer, "declares attributes, whose defaults are nowhere in the elements")
        }
        handler.pointee.entityDecl = { pointer, name, type, publicID, systemID, content in
            DocumentObject.declare(pointer, name, type, publicID, systemID, content)
        }
    }

    private static func declare(
        _ pointer: UnsafeMutableRawPointer?, _ name: UnsafePointer<xmlChar>?, _ type: Int32,
        _ publicID: UnsafePointer<xmlChar>?,
        _ systemID: UnsafePointer<xmlChar>?, _ content: UnsafeMutablePointer<xmlChar>?
    ) {
        let spelled = String(name)
        guard type == XML_INTERNAL_GENERAL_ENTITY.rawValue, publicID == nil, systemID == nil else {
            let kind =
                type == XML_INTERNAL_PARAMETER_ENTITY.rawValue || type == XML_EXTERNAL_PARAMETER_ENTITY.rawValue
                ? "a parameter entity" : "an external entity"
            return refuse(pointer, "declares \(kind), \(spelled), which is not read")
        }
        let length = LibXML.bytes(content).count
        guard length <= XMLDocument.Limit.entityBytes else {
            return refuse(
                pointer,
                "declares the entity \(spelled) of \(length) bytes; at most \(XMLDocument.Limit.entityBytes) are expanded"
            )
        }
        guard !LibXML.bytes(content).contains(0x3C) else {
            return refuse(pointer, "declares the entity \(spelled) that holds elements; only texts are expanded")
        }
        guard let declarations = declarations(pointer) else { return }
        declarations.entities += 1
        guard declarations.entities <= XMLDocument.Limit.entities else {
            return refuse(pointer, "declares more than \(XMLDocument.Limit.entities) entities")
        }
        LibXML.functions.sax2EntityDecl(pointer, name, type, publicID, systemID, content)
    }

    // MARK: As flat tree

    /// The elements in document order, references to entities replaced.
    func flatTree() throws(XMLError) -> FlatTree {
        guard let root = LibXML.functions.docGetRootElement(pointer) else {
            throw XMLError(.malformed, "the document has no root element", path: path)
        }
        var tree = FlatTree(capacity: bytes)
        var budget = Budget()
        try add(root, to: &tree, &budget)
        return tree
    }

    /// What expanding entities has come to.
    private struct Budget {
        var bytes = 0
    }

    private func add(_ node: xmlNodePtr, to tree: inout FlatTree, _ budget: inout Budget) throws(XMLError) {
        let first = tree.attributes.count
        var declaration = node.pointee.nsDef
        while let current = declaration {
            tree.declare(1)
            declaration = current.pointee.next
        }
        var attribute = node.pointee.properties
        while let current = attribute {
            var value: [UInt8] = []
            try collect(current.pointee.children, into: &value, &budget)
            tree.attribute(
                String(current.pointee.name),
                namespace: current.pointee.ns.flatMap { Optional(String($0.pointee.href)) },
                String(decoding: value, as: UTF8.self))
            attribute = current.pointee.next
        }
        tree.begin(
            String(node.pointee.name), prefix: node.pointee.ns?.pointee.prefix.map { String($0) },
            namespace: node.pointee.ns?.pointee.href.map { String($0) },
            line: Int32(clamping: LibXML.functions.getLineNo(node)),
            firstAttribute: first)
        if let refusal = tree.refusal {
            throw XMLError(.refused, refusal, path: path, line: LibXML.functions.getLineNo(node))
        }
        var child = node.pointee.children
        while let current = child {
            switch current.pointee.type {
            case XML_ELEMENT_NODE: try add(current, to: &tree, &budget)
            case XML_TEXT_NODE:
                tree.text(
                    LibXML.bytes(current.pointee.content))
            case XML_ENTITY_REF_NODE:
                var text: [UInt8] = []
                try expand(current.pointee.name, into: &text, &budget, depth: 0)
                text.withUnsafeBufferPointer { tree.text($0) }
            case XML_CDATA_SECTION_NODE:
                tree.boundary()
                tree.text(
                    LibXML.bytes(current.pointee.content))
                tree.boundary()
            default: tree.boundary()
            }
            child = current.pointee.next
        }
        tree.end()
    }

    private func collect(_ first: xmlNodePtr?, into value: inout [UInt8], _ budget: inout Budget) throws(XMLError) {
        var node = first
        while let current = node {
            if current.pointee.type == XML_ENTITY_REF_NODE {
                try expand(current.pointee.name, into: &value, &budget, depth: 0)
            } else if let content = current.pointee.content {
                value.append(contentsOf: LibXML.bytes(content))
            }
            node = current.pointee.next
        }
    }

    private func expand(_ name: UnsafePointer<xmlChar>?, into value: inout [UInt8], _ budget: inout Budget, depth: Int)
        throws(XMLError)
    {
        guard let name, let entity = LibXML.functions.getDocEntity(pointer, name), let content = entity.pointee.content
        else {
            throw XMLError(.malformed, "the entity \(String(name)) is not declared", path: path)
        }
        let isPredefined = entity.pointee.etype == XML_INTERNAL_PREDEFINED_ENTITY
        let bytes = LibXML.bytes(content)
        budget.bytes += bytes.count
        guard budget.bytes <= XMLDocument.Limit.expandedBytes, depth < 16 else {
            throw XMLError(
                .refused,
                "the document's entities come to more than \(XMLDocument.Limit.expandedBytes) bytes, or refer to each other too deeply",
                path: path)
        }
        if isPredefined { return value.append(contentsOf: bytes) }
        var rest = bytes[...]
        while let byte = rest.first {
            guard byte == 0x26, let end = rest.firstIndex(of: 0x3B) else {
                value.append(byte)
                rest = rest.dropFirst()
                continue
            }
            let reference = Array(rest[(rest.startIndex + 1)..<end])
            rest = rest[(end + 1)...]
            if reference.first == 0x23 {
                let digits = String(
                    decoding: reference.dropFirst(reference.dropFirst().first == 0x78 ? 2 : 1), as: UTF8.self)
                let number = UInt32(digits, radix: reference.dropFirst().first == 0x78 ? 16 : 10)
                if let scalar = number.flatMap(Unicode.Scalar.init) {
                    value.append(contentsOf: String(Character(scalar)).utf8)
                }
            } else {
                var inner = reference + [0]
                try expandNamed(&inner, into: &value, &budget, depth: depth + 1)
            }
        }
    }

    private func expandNamed(_ name: inout [UInt8], into value: inout [UInt8], _ budget: inout Budget, depth: Int)
        throws(XMLError)
    {
        // A copy of the bytes: typed throws do not pass through withUnsafeBufferPointer.
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: name.count)
        defer { copy.deallocate() }
        _ = copy.initialize(from: name)
        try expand(copy.baseAddress, into: &value, &budget, depth: depth)
    }

    // MARK: XPath

    /// A node that an XPath expression selected.
    enum Selected: Equatable {
        /// The element of this index in document order.
        case element(Int)
        /// An attribute of an element, by the name as it is spelled.
        case attribute(of: Int, String)
        /// A text inside an element.
        case text(in: Int)
        /// The document, a comment, a namespace …
        case other(String)
    }

    /// Evaluates an expression that selects nodes.
    ///
    /// Prefixes are those that the document declares; where one stands for several namespaces, the first that is used.
    ///
    /// - Throws: `edit` if it is no XPath, uses a prefix that is not declared, or does not select nodes.
    func select(_ xpath: String) throws(XMLError) -> [Selected] {
        func invalid(_ what: String) -> XMLError { XMLError(.edit, "\(xpath): \(what)", path: path) }
        guard !xpath.isEmpty, !xpath.utf8.contains(0), xpath.utf8.count <= 4096 else {
            throw invalid("this is not an XPath expression")
        }
        var functions = LibXML.functions
        let before = nearmetal_xml_hush(&functions)
        defer { nearmetal_xml_unhush(&functions, before) }
        guard let context = LibXML.functions.xpathNewContext(pointer) else {
            throw XMLError(.io, "libxml2 has no memory left", path: path)
        }
        defer { LibXML.functions.xpathFreeContext(context) }
        nearmetal_xpath_silence(context)
        context.pointee.opLimit = 50_000_000
        context.pointee.node = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: xmlNode.self)
        var indices: [UnsafeMutableRawPointer: Int] = [:]
        register(LibXML.functions.docGetRootElement(pointer), context, &indices)
        guard let result = LibXML.functions.xpathEvalExpression(xpath, context) else {
            let error = context.pointee.lastError
            switch xmlParserErrors(UInt32(bitPattern: error.code)) {
            case XML_XPATH_UNDEF_PREFIX_ERROR: throw invalid("the document declares no such namespace prefix")
            case XML_XPATH_UNKNOWN_FUNC_ERROR: throw invalid("XPath has no such function")
            default: throw invalid("this is not valid XPath (near character \(error.int1 + 1))")
            }
        }
        defer { LibXML.functions.xpathFreeObject(result) }
        guard result.pointee.type == XPATH_NODESET else {
            throw invalid("this gives a value; an XPath that selects a node is needed")
        }
        guard let set = result.pointee.nodesetval, set.pointee.nodeNr > 0, let table = set.pointee.nodeTab else {
            return []
        }
        return (0..<Int(set.pointee.nodeNr)).compactMap { table[$0] }.map { selected($0, indices) }
    }

    private func selected(_ node: xmlNodePtr, _ indices: [UnsafeMutableRawPointer: Int]) -> Selected {
        func index(of node: xmlNodePtr?) -> Int? { node.flatMap { indices[UnsafeMutableRawPointer($0)] } }
        switch node.pointee.type {
        case XML_ELEMENT_NODE: return index(of: node).map(Selected.element) ?? .other("an element of an entity")
        case XML_ATTRIBUTE_NODE:
            guard let owner = index(of: node.pointee.parent) else { return .other("an attribute of an entity") }
            let name = String(node.pointee.name)
            // Nodes of attributes have the fields of xmlNode up to `doc`; the namespace stands further on.
            let namespace = UnsafeMutableRawPointer(node).assumingMemoryBound(to: xmlAttr.self).pointee.ns
            let prefix = namespace?.pointee.prefix.map { String($0) }
            return .attribute(of: owner, prefix.map { "\($0):\(name)" } ?? name)
        case XML_TEXT_NODE, XML_CDATA_SECTION_NODE, XML_ENTITY_REF_NODE:
            return index(of: node.pointee.parent).map(Selected.text) ?? .other("a text outside elements")
        case XML_COMMENT_NODE: return .other("a comment")
        case XML_PI_NODE: return .other("a processing instruction")
        case XML_NAMESPACE_DECL: return .other("a namespace")
        default: return .other("the document itself")
        }
    }

    /// Numbers the elements in document order, and makes their namespace prefixes known to XPath.
    private func register(
        _ root: xmlNodePtr?, _ context: xmlXPathContextPtr, _ indices: inout [UnsafeMutableRawPointer: Int]
    ) {
        var declared: [String: xmlNsPtr] = [:]
        var used: [String: xmlNsPtr] = [:]
        func note(_ namespace: xmlNsPtr?, in names: inout [String: xmlNsPtr]) {
            guard let namespace, let prefix = namespace.pointee.prefix else { return }
            let name = String(prefix)
            if names[name] == nil { names[name] = namespace }
        }
        var node = root
        while let current = node {
            if current.pointee.type == XML_ELEMENT_NODE {
                indices[UnsafeMutableRawPointer(current)] = indices.count
                note(current.pointee.ns, in: &used)
                var declaration = current.pointee.nsDef
                while let namespace = declaration {
                    note(namespace, in: &declared)
                    declaration = namespace.pointee.next
                }
                var attribute = current.pointee.properties
                while let next = attribute {
                    note(next.pointee.ns, in: &used)
                    attribute = next.pointee.next
                }
            }
            node = next(after: current, below: root)
        }
        for (prefix, namespace) in declared.merging(used, uniquingKeysWith: { $1 }) {
            _ = LibXML.functions.xpathRegisterNs(context, prefix, namespace.pointee.href)
        }
    }

    /// The next node in document order; what references to entities stand for is not entered.
    private func next(after node: xmlNodePtr, below root: xmlNodePtr?) -> xmlNodePtr? {
        if node.pointee.type == XML_ELEMENT_NODE, let child = node.pointee.children { return child }
        var current = node
        while current != root {
            if let sibling = current.pointee.next { return sibling }
            guard let parent = current.pointee.parent else { return nil }
            current = parent
        }
        return nil
    }
}
