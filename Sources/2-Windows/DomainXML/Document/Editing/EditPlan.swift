/// Turns edits into replacements of bytes, and says what the result must be.
struct EditPlan {
    /// Bytes in place of others.
    struct Replacement {
        var range: Range<Int>
        var bytes: [UInt8]
        var edit: XMLEdit
    }
    /// A place that one edit alone may change.
    private enum Place: Hashable {
        case attribute(Int, String)
        case text(Int)
        case element(Int)
    }
    /// What an edited element is to be.
    struct Expectation {
        var isRemoved = false
        /// The new text.
        var text: String?
        /// New values of attributes by their position among those that declare no namespace; `nil` takes one away.
        var attributes: [Int: String?] = [:]
        /// Attributes added, in order.
        var added: [(name: String, value: String)] = []
        /// XML put inside, after the last child.
        var inserted = ""
    }

    let document: XMLDocument
    let markup: Markup
    let escape: Escape
    private let object: DocumentObject
    private var replacements: [Replacement] = []
    private var places: [Place: XMLEdit] = [:]
    private(set) var expectations: [Int: Expectation] = [:]
    private var insertions: [Int: InsertionTree] = [:]

    /// Finds the places of a document's elements.
    init(_ document: XMLDocument) throws(XMLError) {
        let encoding = TextEncoding(of: document.source)
        guard encoding.family == .utf8 || encoding.family == .asciiBased else {
            throw XMLError(
                .edit, "documents in \(encoding.name) are read, but not edited", path: document.path,
                remedy: "Convert it first: iconv -f \(encoding.name) -t UTF-8, and change its XML declaration")
        }
        self.document = document
        escape = Escape(isUTF8: encoding.family == .utf8)
        do {
            markup = try Markup(document.source, skipping: encoding.markBytes)
        } catch {
            throw Self.mismatch(document, "byte \(error.offset)")
        }
        object = try DocumentObject(document.source, path: document.path)
        try compare()
    }

    private static func mismatch(_ document: XMLDocument, _ place: String) -> XMLError {
        XMLError(
            .edit, "the places of its elements cannot be told for certain (\(place)), so it is not edited",
            path: document.path,
            remedy: "This is a mistake in nearmetal: please report it, with the document")
    }

    /// Compares the places with libxml2's tree: the same elements, in the same order, with as many attributes.
    private func compare() throws(XMLError) {
        guard markup.elements.count == document.nodes.count else {
            throw Self.mismatch(document, "\(markup.elements.count) elements, not \(document.nodes.count)")
        }
        for (index, node) in document.nodes.enumerated() {
            let name = markup.name(index)
            let isComparable = escape.isUTF8 || name.allSatisfy { $0 < 0x80 }
            guard !isComparable || name.elementsEqual(node.qualifiedName.utf8),
                markup.elements[index].parent == Int(node.parent),
                ordinaryAttributes(of: index).count == node.attributes.count
            else { throw Self.mismatch(document, "line \(node.line), <\(node.qualifiedName)>") }
        }
    }

    /// Attributes that declare no namespace: those that libxml2 calls attributes.
    private func ordinaryAttributes(of index: Int) -> [Markup.Attribute] {
        markup.elements[index].attributes.filter { attribute in
            let name = markup.source[attribute.name]
            guard name.starts(with: "xmlns".utf8) else { return true }
            let rest = name.dropFirst(5)
            // `xmlns:` and `xmlns:1` declare nothing: libxml2 lets them pass for attributes.
            return rest.isEmpty
                ? false
                : rest.first != 0x3A || !XPathSteps.isName(String(decoding: rest.dropFirst().prefix(1), as: UTF8.self))
        }
    }

    private func failure(_ edit: XMLEdit, _ what: String, line: Int? = nil, remedy: String? = nil) -> XMLError {
        XMLError(.edit, "\(edit.xpath): \(what)", path: document.path, line: line, remedy: remedy)
    }

    private func line(_ index: Int) -> Int { Int(document.nodes[index].line) }

    private mutating func claim(_ place: Place, for edit: XMLEdit) throws(XMLError) {
        if let other = places.updateValue(edit, forKey: place), other != edit {
            throw failure(edit, "two edits change the same place: \(other) and \(edit)")
        }
    }

    private mutating func replace(_ range: Range<Int>, _ bytes: [UInt8], _ edit: XMLEdit) {
        replacements.append(Replacement(range: range, bytes: bytes, edit: edit))
    }

    // MARK: Finding

    /// Adds an edit.
    mutating func add(_ edit: XMLEdit) throws(XMLError) {
        let selected = try object.select(edit.xpath)
        guard selected.count <= 1 else { throw ambiguous(edit, edit.xpath, selected) }
        guard let found = selected.first else { return try addMissing(edit) }
        switch (found, edit.action) {
        case (.element(let index), .value(let value)), (.element(let index), .text(let value)):
            try setText(of: index, value, edit)
        case (.text(let index), .value(let value)), (.text(let index), .text(let value)):
            try setText(of: index, value, edit)
        case (.attribute(let index, let name), .value(let value)): try setAttribute(of: index, name, value, edit)
        case (.attribute(let index, let name), .remove): try removeAttribute(of: index, name, edit)
        case (.element(let index), .attribute(let name, let value)): try setAttribute(of: index, name, value, edit)
        case (.element(let index), .insert(let fragment)): try insert(fragment, in: index, below: [], edit)
        case (.element(let index), .remove): try remove(index, edit)
        case (.element(let index), .removeAttribute(let name)): try removeAttribute(of: index, name, edit)
        case (.other(let what), _):
            throw failure(edit, "this selects \(what); elements, attributes and their texts can be edited")
        case (.attribute, _): throw failure(edit, "this selects an attribute; an element is needed")
        case (.text, _): throw failure(edit, "this selects a text; an element is needed")
        }
    }

    private func ambiguous(_ edit: XMLEdit, _ xpath: String, _ selected: [DocumentObject.Selected]) -> XMLError {
        let places = selected.prefix(4).map { selected in
            switch selected {
            case .element(let index): "\(Element(document: document, index: index).xpath) (line \(line(index)))"
            case .attribute(let index, let name):
                "\(Element(document: document, index: index).xpath)/@\(name) (line \(line(index)))"
            case .text(let index): "\(Element(document: document, index: index).xpath)/text() (line \(line(index)))"
            case .other(let what): what
            }
        }
        let more = selected.count > places.count ? " …" : ""
        return XMLError(
            .edit, "\(xpath): \(selected.count) nodes match; an edit needs exactly one", path: document.path,
            remedy: "Name one of them: " + places.joined(separator: ", ") + more)
    }

    private func missing(_ edit: XMLEdit) throws(XMLError) -> XMLError {
        var path = edit.xpath
        while let (parent, _) = XPathSteps.split(path) {
            if let count = try? object.select(parent).count, count > 0 {
                return failure(edit, "nothing matches", remedy: "\(parent) is there, but not what follows it")
            }
            path = parent
        }
        return failure(edit, "nothing matches", remedy: "The root element is <\(document.root.name)>")
    }

    /// An edit of what is not there yet: an attribute of an element, its first text, or elements on the way to a
    /// fragment.
    private mutating func addMissing(_ edit: XMLEdit) throws(XMLError) {
        switch edit.action {
        case .value(let value):
            guard let (parent, step) = XPathSteps.split(edit.xpath), step == "text()" || step.hasPrefix("@") else {
                throw try missing(edit)
            }
            let owners = try object.select(parent)
            guard owners.count <= 1 else { throw ambiguous(edit, parent, owners) }
            guard case .element(let index)? = owners.first else { throw try missing(edit) }
            if step == "text()" { return try setText(of: index, value, edit) }
            try setAttribute(of: index, String(step.dropFirst()), value, edit)
        case .insert(let fragment):
            var names: [String] = []
            var path = edit.xpath
            while true {
                guard let (parent, step) = XPathSteps.split(path), XPathSteps.isName(step) else {
                    throw try missing(edit)
                }
                names.insert(step, at: 0)
                path = parent
                let found = try object.select(path)
                guard found.count <= 1 else { throw ambiguous(edit, path, found) }
                guard let only = found.first else { continue }
                guard case .element(let index) = only else { throw try missing(edit) }
                return try insert(fragment, in: index, below: names, edit)
            }
        default: throw try missing(edit)
        }
    }

    // MARK: Attributes

    private func refuse(_ value: String, _ edit: XMLEdit) throws(XMLError) {
        if let scalar = Escape.forbidden(in: value) {
            let number = String(scalar.value, radix: 16, uppercase: true)
            let digits = String(repeating: "0", count: max(0, 4 - number.count)) + number
            throw failure(edit, "the value has the character U+\(digits), which XML forbids")
        }
    }

    private func checkName(_ name: String, _ edit: XMLEdit) throws(XMLError) {
        guard XPathSteps.isName(name), escape.isUTF8 || name.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw failure(edit, "\"\(name)\" is not a name that can be written here")
        }
        guard name != "xmlns", !name.hasPrefix("xmlns:") else {
            throw failure(
                edit, "\"\(name)\" declares a namespace, on which other names may depend",
                remedy: "Declare it in the elements you insert")
        }
    }

    private mutating func setAttribute(of index: Int, _ name: String, _ value: String, _ edit: XMLEdit) throws(XMLError)
    {
        try checkName(name, edit)
        try refuse(value, edit)
        try claim(.attribute(index, name), for: edit)
        let existing = ordinaryAttributes(of: index)
        if let position = existing.firstIndex(where: { markup.source[$0.name].elementsEqual(name.utf8) }) {
            let old = document.attributes[Int(document.nodes[index].attributes.lowerBound) + position].value
            guard old != value, expectations[index]?.attributes[position] == nil else { return }
            replace(existing[position].value, escape.attribute(value, quote: existing[position].quote), edit)
            expectations[index, default: Expectation()].attributes[position] = .some(value)
            return
        }
        guard expectations[index]?.added.contains(where: { $0.name == name }) != true else { return }
        let element = markup.elements[index]
        let last = element.attributes.last
        // In the style of the last one: on a line of its own, or after a space; in its quotes.
        let before = last.map { Array(markup.source[$0.lead..<$0.name.lowerBound]) } ?? []
        let lead = before.contains(0x0A) ? before : [0x20]
        let quote = last?.quote ?? usualQuote
        let written = lead + Array(name.utf8) + [0x3D, quote] + escape.attribute(value, quote: quote) + [quote]
        let end = last?.end ?? element.name.upperBound
        replace(end..<end, written, edit)
        expectations[index, default: Expectation()].added.append((name, value))
    }

    private var usualQuote: UInt8 { markup.elements.lazy.compactMap(\.attributes.first).first?.quote ?? 0x27 }

    private mutating func removeAttribute(of index: Int, _ name: String, _ edit: XMLEdit) throws(XMLError) {
        try checkName(name, edit)
        let existing = ordinaryAttributes(of: index)
        guard let position = existing.firstIndex(where: { markup.source[$0.name].elementsEqual(name.utf8) }) else {
            throw failure(edit, "the element has no attribute \"\(name)\"", line: line(index))
        }
        try claim(.attribute(index, name), for: edit)
        guard expectations[index]?.attributes[position] == nil else { return }
        replace(existing[position].lead..<existing[position].end, [], edit)
        expectations[index, default: Expectation()].attributes[position] = .some(nil)
    }

    // MARK: Texts

    private func items(of index: Int) throws(XMLError) -> [Markup.Item] {
        do {
            return try markup.items(of: index)
        } catch {
            throw Self.mismatch(document, "byte \(error.offset)")
        }
    }

    private mutating func setText(of index: Int, _ value: String, _ edit: XMLEdit) throws(XMLError) {
        try refuse(value, edit)
        try claim(.text(index), for: edit)
        let items = try items(of: index)
        guard items.allSatisfy({ if case .element = $0.kind { false } else { true } }) else {
            throw failure(
                edit, "the element has other elements inside", line: line(index),
                remedy: "Only the text of elements without children can be set")
        }
        guard Element(document: document, index: index).text != value, expectations[index]?.text == nil else { return }
        let element = markup.elements[index]
        var runs: [Range<Int>] = []
        var isJoined = false
        for item in items {
            switch item.kind {
            case .text where markup.isBlank(item.range) && !isJoined: break
            case .text, .cdata:
                if isJoined, let last = runs.popLast() {
                    runs.append(last.lowerBound..<item.range.upperBound)
                } else {
                    runs.append(item.range)
                }
                isJoined = true
            default: isJoined = false
            }
        }
        guard runs.count <= 1 else {
            throw failure(
                edit, "the element's text stands in \(runs.count) places, with comments between them", line: line(index)
            )
        }
        if let run = runs.first {
            let range = trimmed(run)
            let isCharacterData = items.contains(Markup.Item(kind: .cdata, range: range))
            let staysCharacterData =
                isCharacterData && !value.contains("]]>") && !value.contains("\r")
                && (escape.isUTF8 || value.utf8.allSatisfy { $0 < 0x80 })
            replace(range, staysCharacterData ? Array("<![CDATA[\(value)]]>".utf8) : escape.text(value), edit)
        } else if element.isEmpty {
            replaceEmptyTag(index, with: escape.text(value), edit)
        } else if items.allSatisfy({ $0.kind == .text }) {
            replace(element.content, escape.text(value), edit)
        } else {
            replace(element.content.lowerBound..<element.content.lowerBound, escape.text(value), edit)
        }
        expectations[index, default: Expectation()].text = value
    }

    /// A range without the white space at its ends.
    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        let bytes = markup.source[range]
        let first = bytes.firstIndex { !Markup.isSpace($0) } ?? range.upperBound
        let last = bytes.lastIndex { !Markup.isSpace($0) } ?? first
        return first..<max(first, min(last + 1, range.upperBound))
    }

    /// Writes `<name …>content</name>` for `<name …/>`.
    private mutating func replaceEmptyTag(_ index: Int, with content: [UInt8], _ edit: XMLEdit) {
        let element = markup.elements[index]
        let end = element.attributes.last?.end ?? element.name.upperBound
        replace(
            end..<element.startTag.upperBound, [0x3E] + content + [0x3C, 0x2F] + Array(markup.name(index)) + [0x3E],
            edit)
    }

    // MARK: Elements

    private mutating func remove(_ index: Int, _ edit: XMLEdit) throws(XMLError) {
        guard index > 0 else { throw failure(edit, "the root element cannot be taken away") }
        try claim(.element(index), for: edit)
        guard expectations[index]?.isRemoved != true else { return }
        let whole = markup.elements[index].whole
        let siblings = try items(of: markup.elements[index].parent)
        var start = whole.lowerBound
        if let position = siblings.firstIndex(where: { $0.kind == .element(index) }), position > 0 {
            let before = siblings[position - 1]
            // The white space back to the line's end; more of it separates other things.
            if before.kind == .text, markup.isBlank(before.range) {
                let newline = markup.source[before.range].lastIndex(of: 0x0A)
                start =
                    newline.map { $0 > before.range.lowerBound && markup.source[$0 - 1] == 0x0D ? $0 - 1 : $0 }
                    ?? before.range.lowerBound
            }
        }
        replace(start..<whole.upperBound, [], edit)
        expectations[index, default: Expectation()].isRemoved = true
    }

    private mutating func insert(_ fragment: String, in index: Int, below names: [String], _ edit: XMLEdit)
        throws(XMLError)
    {
        let fragment = try Fragment(fragment) { [self] what in failure(edit, what) }
        guard escape.isUTF8 || fragment.canBeEscaped else {
            throw failure(edit, "the fragment has characters that this document's encoding lacks in a name or comment")
        }
        let hasText = try items(of: index).contains {
            $0.kind == .cdata || ($0.kind == .text && !markup.isBlank($0.range))
        }
        guard !hasText else {
            throw failure(edit, "the element holds text, into which no elements are put", line: line(index))
        }
        insertions[index, default: InsertionTree(edit: edit)].add(fragment, below: names)
    }

    /// Writes what is inserted in each element, once all of it is known.
    mutating func layOutInsertions() throws(XMLError) {
        let layout = Layout(markup)
        for (index, tree) in insertions.sorted(by: { $0.key < $1.key }) {
            let items = try items(of: index)
            let last = items.last { $0.kind != .text || !markup.isBlank($0.range) }
            let written: String
            if let last {
                let lastElement = items.last { if case .element = $0.kind { true } else { false } } ?? last
                let indent = layout.indent(at: lastElement.range.lowerBound)
                written = tree.written(indent: indent, layout)
                replace(
                    last.range.upperBound..<last.range.upperBound,
                    escape.markup((indent.map { layout.newline + $0 } ?? "") + written), tree.edit)
            } else {
                let own =
                    index == 0
                    ? layout.indent(at: markup.elements[0].whole.lowerBound) ?? ""
                    : layout.indent(at: markup.elements[index].whole.lowerBound)
                written = tree.written(indent: own.map { $0 + layout.unit }, layout)
                let content = own.map { layout.newline + $0 + layout.unit + written + layout.newline + $0 } ?? written
                if markup.elements[index].isEmpty {
                    replaceEmptyTag(index, with: escape.markup(content), tree.edit)
                } else {
                    replace(markup.elements[index].content, escape.markup(content), tree.edit)
                }
            }
            expectations[index, default: Expectation()].inserted = written
        }
    }

    // MARK: Result

    /// The document's bytes with all replacements made.
    func result() throws(XMLError) -> [UInt8] {
        let ordered = replacements.enumerated().sorted {
            ($0.element.range.lowerBound, $0.element.range.upperBound, $0.offset) < (
                $1.element.range.lowerBound, $1.element.range.upperBound, $1.offset
            )
        }.map(\.element)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(document.source.count + ordered.reduce(0) { $0 + $1.bytes.count })
        var position = 0
        var last: Replacement?
        for replacement in ordered {
            guard replacement.range.lowerBound >= position else {
                throw failure(
                    replacement.edit,
                    "two edits change the same place: \(last?.edit ?? replacement.edit) and \(replacement.edit)")
            }
            bytes += document.source[position..<replacement.range.lowerBound]
            bytes += replacement.bytes
            position = replacement.range.upperBound
            last = replacement
        }
        bytes += document.source[position...]
        return bytes
    }
}
