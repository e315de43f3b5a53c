/// Where in a document's bytes its elements stand.
///
/// It reads what libxml2 has found well-formed, and knows just enough of XML to find tags; it is compared with
/// libxml2's tree before anything is edited by it.
struct Markup {
    /// An attribute, declarations of namespaces included.
    struct Attribute {
        /// The start of the white space before it.
        var lead: Int
        var name: Range<Int>
        /// The value between the quotes.
        var value: Range<Int>
        var quote: UInt8
        /// After the closing quote.
        var end: Int { value.upperBound + 1 }
    }
    /// An element.
    struct Element {
        var name: Range<Int>
        /// From `<` to after `>`.
        var startTag: Range<Int>
        var attributes: [Attribute]
        /// Written `<name/>`: `content` and `endTag` are empty, after it.
        var isEmpty: Bool
        var content: Range<Int>
        var endTag: Range<Int>
        /// Position of the element around it; -1 for the root.
        var parent: Int
        /// From its start tag to its end tag.
        var whole: Range<Int> { startTag.lowerBound..<endTag.upperBound }
    }
    /// A thing inside an element.
    struct Item: Equatable {
        enum Kind: Equatable { case text, cdata, comment, instruction, element(Int) }
        var kind: Kind
        var range: Range<Int>
    }
    /// The document is not what this reader expects; the byte where.
    struct Mismatch: Error {
        var offset: Int
    }

    let source: [UInt8]
    /// Elements in document order.
    private(set) var elements: [Element] = []

    /// Finds all elements.
    init(_ source: [UInt8], skipping mark: Int) throws(Mismatch) {
        self.source = source
        var open: [Int] = []
        var position = mark
        while let start = find(0x3C, from: position) {
            switch byte(start + 1) {
            case 0x3F: position = try end(of: "?>", from: start + 2)
            case 0x21: position = try afterDeclaration(start)
            case 0x2F:
                guard let index = open.popLast(), let close = find(0x3E, from: start) else {
                    throw Mismatch(offset: start)
                }
                let name = source[(start + 2)..<close].prefix { !Self.isSpace($0) }
                guard name == source[elements[index].name] else { throw Mismatch(offset: start) }
                elements[index].content = elements[index].startTag.upperBound..<start
                elements[index].endTag = start..<(close + 1)
                position = close + 1
            default:
                let element = try startTag(start, parent: open.last ?? -1)
                if !element.isEmpty { open.append(elements.count) }
                elements.append(element)
                position = element.startTag.upperBound
            }
        }
        guard open.isEmpty else { throw Mismatch(offset: source.count) }
    }

    /// An element's name as it is written.
    func name(_ index: Int) -> ArraySlice<UInt8> { source[elements[index].name] }

    /// What stands inside an element, in order; texts and CDATA sections side by side are told apart.
    func items(of index: Int) throws(Mismatch) -> [Item] {
        let content = elements[index].content
        var items: [Item] = []
        var position = content.lowerBound
        var child = index + 1
        while position < content.upperBound {
            guard source[position] == 0x3C else {
                let end = min(find(0x3C, from: position) ?? content.upperBound, content.upperBound)
                items.append(Item(kind: .text, range: position..<end))
                position = end
                continue
            }
            let start = position
            switch byte(start + 1) {
            case 0x3F:
                position = try end(of: "?>", from: start + 2)
                items.append(Item(kind: .instruction, range: start..<position))
            case 0x21:
                position = try afterDeclaration(start)
                items.append(Item(kind: byte(start + 2) == 0x5B ? .cdata : .comment, range: start..<position))
            default:
                guard child < elements.count, elements[child].parent == index,
                    elements[child].startTag.lowerBound == start
                else {
                    throw Mismatch(offset: start)
                }
                position = elements[child].endTag.upperBound
                items.append(Item(kind: .element(child), range: start..<position))
                child += 1
                while child < elements.count, elements[child].startTag.lowerBound < position { child += 1 }
            }
        }
        return items
    }

    /// Whether a range holds white space only.
    func isBlank(_ range: Range<Int>) -> Bool { source[range].allSatisfy(Self.isSpace) }

    /// White space, as XML has it.
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D }

    // MARK: Reading

    private func byte(_ position: Int) -> UInt8? { position < source.count ? source[position] : nil }

    private func find(_ wanted: UInt8, from start: Int) -> Int? {
        var position = start
        while position < source.count {
            if source[position] == wanted { return position }
            position += 1
        }
        return nil
    }

    /// After the next occurrence of a few characters.
    private func end(of text: StaticString, from start: Int) throws(Mismatch) -> Int {
        let last = text.utf8CodeUnitCount
        let wanted = (0..<last).map { text.utf8Start[$0] }
        var position = start
        while position + last <= source.count {
            if source[position] == wanted[0], source[position..<(position + last)].elementsEqual(wanted) {
                return position + last
            }
            position += 1
        }
        throw Mismatch(offset: start)
    }

    /// After what begins with `<!`: a comment, a CDATA section, a DOCTYPE.
    private func afterDeclaration(_ start: Int) throws(Mismatch) -> Int {
        let rest = source[start...]
        if rest.starts(with: "<!--".utf8) { return try end(of: "-->", from: start + 4) }
        if rest.starts(with: "<![CDATA[".utf8) { return try end(of: "]]>", from: start + 9) }
        guard rest.starts(with: "<!DOCTYPE".utf8) else { throw Mismatch(offset: start) }
        var position = start + 9
        var isInside = false
        while let current = byte(position) {
            switch current {
            case 0x22, 0x27:
                guard let close = find(current, from: position + 1) else { throw Mismatch(offset: position) }
                position = close + 1
            case 0x5B:
                isInside = true
                position += 1
            case 0x5D:
                isInside = false
                position += 1
            case 0x3E where !isInside: return position + 1
            case 0x3C where source[position...].starts(with: "<!--".utf8):
                position = try end(of: "-->", from: position + 4)
            case 0x3C where byte(position + 1) == 0x3F: position = try end(of: "?>", from: position + 2)
            default: position += 1
            }
        }
        throw Mismatch(offset: start)
    }

    private func startTag(_ start: Int, parent: Int) throws(Mismatch) -> Element {
        var position = start + 1
        let name = try self.name(&position)
        var attributes: [Attribute] = []
        while true {
            let lead = position
            skipSpace(&position)
            guard let current = byte(position) else { throw Mismatch(offset: start) }
            if current == 0x3E || current == 0x2F {
                let isEmpty = current == 0x2F
                if isEmpty, byte(position + 1) != 0x3E { throw Mismatch(offset: position) }
                let end = position + (isEmpty ? 2 : 1)
                return Element(
                    name: name, startTag: start..<end, attributes: attributes, isEmpty: isEmpty, content: end..<end,
                    endTag: end..<end,
                    parent: parent)
            }
            let key = try self.name(&position)
            skipSpace(&position)
            guard byte(position) == 0x3D else { throw Mismatch(offset: position) }
            position += 1
            skipSpace(&position)
            guard let quote = byte(position), quote == 0x22 || quote == 0x27,
                let close = find(quote, from: position + 1)
            else {
                throw Mismatch(offset: position)
            }
            attributes.append(Attribute(lead: lead, name: key, value: (position + 1)..<close, quote: quote))
            position = close + 1
        }
    }

    private func name(_ position: inout Int) throws(Mismatch) -> Range<Int> {
        let start = position
        while let current = byte(position), !Self.isSpace(current), current != 0x3D, current != 0x3E, current != 0x2F {
            position += 1
        }
        guard position > start else { throw Mismatch(offset: start) }
        return start..<position
    }

    private func skipSpace(_ position: inout Int) {
        while let current = byte(position), Self.isSpace(current) { position += 1 }
    }
}
