/// Elements to be put into a document.
struct Fragment {
    /// As given, without white space around it.
    let text: String
    private let bytes: [UInt8]
    /// Positions after which a line begins that holds nothing but white space and a tag: there the indentation may be
    /// changed.
    private let lineStarts: [Int]

    /// Whether characters beyond ASCII stand only where a reference can stand for them.
    var canBeEscaped: Bool { bytes.allSatisfy { $0 < 0x80 } || (!text.contains("<!") && !text.contains("<?")) }

    /// Reads a fragment: at least one element, and no text beside it.
    init(_ fragment: String, _ failure: (String) -> XMLError) throws(XMLError) {
        let trimmed = fragment.utf8.drop(while: Markup.isSpace).reversed().drop(while: Markup.isSpace).reversed()
        bytes = Array(trimmed)
        text = String(decoding: bytes, as: UTF8.self)
        let wrapped = Array("<x>".utf8) + bytes + Array("</x>".utf8)
        let parsed: XMLDocument
        do {
            parsed = try XMLDocument(wrapped, path: "fragment")
        } catch {
            throw failure("what is to be inserted is not well-formed XML: \(error.what)")
        }
        guard parsed.root.children.first(where: { _ in true }) != nil, parsed.root.text.isEmpty else {
            throw failure("what is to be inserted must be elements: \(text.isEmpty ? "it is empty" : text)")
        }
        var starts: [Int] = []
        if let markup = try? Markup(wrapped, skipping: 0) {
            for index in markup.elements.indices {
                for item in (try? markup.items(of: index)) ?? [] where item.kind == .text && markup.isBlank(item.range)
                {
                    starts += item.range.filter { wrapped[$0] == 0x0A }.map { $0 - 3 }
                }
            }
        }
        lineStarts = starts.sorted()
    }

    /// The fragment with each of its lines moved in.
    func indented(by indent: String, newline: String) -> String {
        var result: [UInt8] = []
        var position = 0
        for start in lineStarts {
            let end = start > position && bytes[start - 1] == 0x0D ? start - 1 : start
            result += bytes[position..<end]
            result += newline.utf8
            result += indent.utf8
            position = start + 1
        }
        result += bytes[position...]
        return String(decoding: result, as: UTF8.self)
    }
}

/// What is inserted into one element: fragments, and elements made on the way to them.
struct InsertionTree {
    /// The edit that began it, for error messages.
    let edit: XMLEdit
    private var root = Branch(name: "")

    private struct Branch {
        var name: String
        var parts: [Part] = []
    }
    private indirect enum Part {
        case fragment(Fragment)
        case branch(Branch)
    }

    init(edit: XMLEdit) { self.edit = edit }

    /// Adds a fragment inside elements of these names; those that were made for an earlier one are used again.
    mutating func add(_ fragment: Fragment, below names: [String]) { Self.add(fragment, names[...], to: &root) }

    private static func add(_ fragment: Fragment, _ names: ArraySlice<String>, to branch: inout Branch) {
        guard let name = names.first else { return branch.parts.append(.fragment(fragment)) }
        for (position, part) in branch.parts.enumerated() {
            if case .branch(var existing) = part, existing.name == name {
                add(fragment, names.dropFirst(), to: &existing)
                branch.parts[position] = .branch(existing)
                return
            }
        }
        var made = Branch(name: name)
        add(fragment, names.dropFirst(), to: &made)
        branch.parts.append(.branch(made))
    }

    /// The XML, without the indentation of its first line; `indent` nil writes all on one line.
    func written(indent: String?, _ layout: Layout) -> String { Self.written(root.parts, indent, layout) }

    private static func written(_ parts: [Part], _ indent: String?, _ layout: Layout) -> String {
        let texts = parts.map { part in
            switch part {
            case .fragment(let fragment):
                return indent.map { fragment.indented(by: $0, newline: layout.newline) } ?? fragment.text
            case .branch(let branch):
                let inside = written(branch.parts, indent.map { $0 + layout.unit }, layout)
                guard let indent else { return "<\(branch.name)>\(inside)</\(branch.name)>" }
                return
                    "<\(branch.name)>\(layout.newline)\(indent)\(layout.unit)\(inside)\(layout.newline)\(indent)</\(branch.name)>"
            }
        }
        return texts.joined(separator: indent.map { layout.newline + $0 } ?? "")
    }
}

/// How a document is laid out in lines.
struct Layout {
    private let markup: Markup
    /// What ends a line.
    let newline: String
    /// What a level is moved in by.
    let unit: String

    /// The layout of a document, two spaces a level where none is seen.
    init(_ markup: Markup) {
        self.markup = markup
        let first = markup.source.firstIndex(of: 0x0A)
        newline = first.map { $0 > 0 && markup.source[$0 - 1] == 0x0D } == true ? "\r\n" : "\n"
        var unit = "  "
        for element in markup.elements where element.parent >= 0 {
            guard let own = Self.indent(markup, element.whole.lowerBound),
                let outer = Self.indent(markup, markup.elements[element.parent].whole.lowerBound), own.hasPrefix(outer),
                own != outer
            else { continue }
            unit = String(own.dropFirst(outer.count))
            break
        }
        self.unit = unit
    }

    /// The white space before a position, if nothing else stands before it on its line.
    func indent(at position: Int) -> String? { Self.indent(markup, position) }

    private static func indent(_ markup: Markup, _ position: Int) -> String? {
        var start = position
        while start > 0, markup.source[start - 1] == 0x20 || markup.source[start - 1] == 0x09 { start -= 1 }
        guard start == 0 || markup.source[start - 1] == 0x0A else { return nil }
        return String(decoding: markup.source[start..<position], as: UTF8.self)
    }
}
