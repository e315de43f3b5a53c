internal import CLibXML2

/// Reads a document by libxml2's events (SAX2): no tree of C nodes is built, which is half the time of parsing.
///
/// A document with a DOCTYPE is given up at once; ``DocumentObject`` reads those.
enum EventReader {
    /// The elements of a document; `nil` if it has a DOCTYPE.
    static func read(_ source: [UInt8], path: String) throws(XMLError) -> FlatTree? {
        try LibXML.prepare(path: path)
        guard let context = LibXML.functions.newParserCtxt() else {
            throw XMLError(.io, "libxml2 has no memory left", path: path)
        }
        defer { LibXML.functions.freeParserCtxt(context) }
        // The callbacks get an address, not a class: thousands of calls a document spend nothing on counting
        // references.
        let reader = UnsafeMutablePointer<Reader>.allocate(capacity: 1)
        reader.initialize(to: Reader(context, bytes: source.count))
        defer { reader.deinitialize(count: 1).deallocate() }
        guard let handler = context.pointee.sax else { throw XMLError(.io, "libxml2 has no memory left", path: path) }
        handler.initialize(to: Self.handler)
        let errors = LibXML.FirstError(of: context)
        defer { withExtendedLifetime(errors) {} }
        context.pointee.userData = UnsafeMutableRawPointer(reader)
        if let document = LibXML.parse(source, context) { LibXML.functions.freeDoc(document) }
        let isWellFormed = context.pointee.wellFormed == 1
        if reader.pointee.hasDocumentType { return nil }
        if let refusal = reader.pointee.tree.refusal {
            throw XMLError(.refused, refusal, path: path, line: Int(reader.pointee.refusedLine))
        }
        guard isWellFormed else { throw errors.error(path: path) }
        guard !reader.pointee.tree.nodes.isEmpty else {
            throw XMLError(.malformed, "the document has no root element", path: path)
        }
        return reader.pointee.tree
    }

    /// What libxml2's callbacks build.
    private struct Reader {
        let context: xmlParserCtxtPtr
        var tree: FlatTree
        var hasDocumentType = false
        var refusedLine: Int32 = 0
        var names = NameCache()

        init(_ context: xmlParserCtxtPtr, bytes: Int) {
            self.context = context
            tree = FlatTree(capacity: bytes)
        }

        var line: Int32 { context.pointee.input?.pointee.line ?? 0 }

        mutating func stopIfRefused() {
            guard tree.refusal != nil, refusedLine == 0 else { return }
            refusedLine = max(1, line)
            LibXML.functions.stopParser(context)
        }

        mutating func begin(
            _ name: UnsafePointer<xmlChar>, _ prefix: UnsafePointer<xmlChar>?, _ uri: UnsafePointer<xmlChar>?,
            namespaces: Int32,
            attributes count: Int32, _ attributes: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?
        ) {
            let first = tree.attributes.count
            if namespaces > 0 { tree.declare(Int(namespaces)) }
            if let attributes, count > 0 {
                for position in 0..<Int(count) {
                    let field = attributes + position * 5
                    guard let local = field[0], let start = field[3], let end = field[4] else { continue }
                    let value = Self.value(UnsafeBufferPointer(start: start, count: end - start))
                    var name = names[local]
                    if let prefix = field[1], field[2] == nil { name = "\(names[prefix]):\(name)" }
                    tree.attribute(name, namespace: field[1] == nil ? nil : field[2].map { names[$0] }, value)
                }
            }
            var name = names[name]
            // As libxml2's own tree has it: without a declaration the prefix is part of the name.
            if let prefix, uri == nil { name = "\(names[prefix]):\(name)" }
            tree.begin(
                name, prefix: uri == nil ? nil : prefix.map { names[$0] }, namespace: uri.map { names[$0] }, line: line,
                firstAttribute: first)
            if tree.refusal != nil { stopIfRefused() }
        }

        /// An attribute's value.
        ///
        /// libxml2 has replaced all references but those to `&`, which it spells `&#38;` here.
        private static func value(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
            guard bytes.contains(0x26) else { return String(decoding: bytes, as: UTF8.self) }
            var value: [UInt8] = []
            var rest = bytes[...]
            while let byte = rest.first {
                value.append(byte)
                rest = rest.dropFirst(byte == 0x26 && rest.starts(with: "&#38;".utf8) ? 5 : 1)
            }
            return String(decoding: value, as: UTF8.self)
        }
    }

    private static func reader(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Reader>? {
        pointer?.assumingMemoryBound(to: Reader.self)
    }

    private static var handler: xmlSAXHandler {
        var handler = xmlSAXHandler()
        handler.initialized = UInt32(XML_SAX2_MAGIC)
        handler.internalSubset = { pointer, _, _, _ in
            guard let reader = EventReader.reader(pointer) else { return }
            reader.pointee.hasDocumentType = true
            LibXML.functions.stopParser(reader.pointee.context)
        }
        handler.startElementNs = { pointer, name, prefix, uri, namespaces, _, count, _, attributes in
            guard let reader = EventReader.reader(pointer), let name else { return }
            reader.pointee.begin(name, prefix, uri, namespaces: namespaces, attributes: count, attributes)
        }
        handler.endElementNs = { pointer, _, _, _ in EventReader.reader(pointer)?.pointee.tree.end() }
        let characters: charactersSAXFunc = { pointer, text, count in
            guard let text, count > 0 else { return }
            EventReader.reader(pointer)?.pointee.tree.text(UnsafeBufferPointer(start: text, count: Int(count)))
        }
        handler.characters = characters
        handler.ignorableWhitespace = characters
        handler.cdataBlock = { pointer, text, count in
            guard let reader = EventReader.reader(pointer), let text, count > 0 else { return }
            reader.pointee.tree.boundary()
            reader.pointee.tree.text(UnsafeBufferPointer(start: text, count: Int(count)))
            reader.pointee.tree.boundary()
        }
        handler.comment = { pointer, _ in EventReader.reader(pointer)?.pointee.tree.boundary() }
        handler.processingInstruction = { pointer, _, _ in EventReader.reader(pointer)?.pointee.tree.boundary() }
        return handler
    }
}

/// Names as Swift strings.
///
/// libxml2 keeps one copy of each name for the whole document, so its address tells which it is.
private struct NameCache {
    private var addresses: [UnsafePointer<xmlChar>?] = Array(repeating: nil, count: 128)
    private var texts: [String] = Array(repeating: "", count: 128)

    subscript(_ name: UnsafePointer<xmlChar>) -> String {
        mutating get {
            let address = UInt(bitPattern: name)
            let slot = Int((address ^ (address >> 7)) & 127)
            if addresses[slot] == name { return texts[slot] }
            let text = String(name)
            addresses[slot] = name
            texts[slot] = text
            return text
        }
    }
}
