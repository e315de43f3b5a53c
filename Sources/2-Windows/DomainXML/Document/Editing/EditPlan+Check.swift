extension EditPlan {
    /// An element as it is expected after the edits.
    private struct Expected {
        var depth: Int
        var name: String
        /// `nil` where it is not compared: in what was inserted.
        var namespace: String??
        var attributes: [XMLDocument.Attribute]
        /// How many of them are new, at the end.
        var added = 0
        var text: String
        /// The text is compared without the white space around it.
        var isTextEdited = false
        /// A child was taken away: texts before and after it are one now, and white space between them may count.
        var lostChild = false
        var isInserted = false
    }

    /// Compares an edited document with what the edits ought to give: only they may have changed anything.
    func check(_ edited: XMLDocument) throws(XMLError) {
        let expected = try expectedElements()
        var depths: [Int] = []
        func fail(_ name: String, _ line: Int32) -> XMLError {
            XMLError(
                .edit,
                "the edits would change more than they say (at <\(name)>, line \(line) of the result), so none was made",
                path: document.path,
                remedy:
                    "Is a namespace prefix declared where it is used? Else please report this as a mistake in nearmetal"
            )
        }
        guard edited.nodes.count == expected.count else { throw fail(edited.root.name, edited.nodes[0].line) }
        for (node, wanted) in zip(edited.nodes, expected) {
            let depth = node.parent < 0 ? 0 : depths[Int(node.parent)] + 1
            depths.append(depth)
            let attributes = edited.attributes[Int(node.attributes.lowerBound)..<Int(node.attributes.upperBound)]
            guard depth == wanted.depth, node.qualifiedName == wanted.name, same(attributes, wanted), same(node, wanted)
            else {
                throw fail(node.qualifiedName, node.line)
            }
        }
    }

    private func same(_ node: XMLDocument.Node, _ wanted: Expected) -> Bool {
        if wanted.isInserted {
            // A prefix that is declared nowhere stays part of the name.
            guard !node.name.utf8.contains(0x3A) else { return false }
        } else if wanted.namespace != .some(node.namespace) {
            return false
        }
        if wanted.lostChild, !wanted.isTextEdited {
            return node.text.utf8.filter { !Markup.isSpace($0) } == wanted.text.utf8.filter { !Markup.isSpace($0) }
        }
        return wanted.isTextEdited ? trimmed(node.text) == trimmed(wanted.text) : node.text == wanted.text
    }

    private func same(_ attributes: ArraySlice<XMLDocument.Attribute>, _ wanted: Expected) -> Bool {
        guard attributes.count == wanted.attributes.count else { return false }
        let old = wanted.isInserted ? 0 : wanted.attributes.count - wanted.added
        return zip(attributes, wanted.attributes).enumerated().allSatisfy { position, pair in
            let (found, wanted) = pair
            // New ones come with their prefix as written: it must be declared.
            guard position >= old, wanted.namespace == nil, let colon = wanted.name.utf8.firstIndex(of: 0x3A) else {
                return found == wanted
            }
            return found.namespace != nil && found.value == wanted.value
                && found.name.utf8.elementsEqual(wanted.name.utf8[wanted.name.utf8.index(after: colon)...])
        }
    }

    private func trimmed(_ text: String) -> [UInt8] {
        Array(text.utf8.drop(while: Markup.isSpace).reversed().drop(while: Markup.isSpace).reversed())
    }

    /// The elements of this document with the edits made to them, in document order.
    private func expectedElements() throws(XMLError) -> [Expected] {
        var result: [Expected] = []
        var open: [Int] = []
        var depths: [Int] = []
        var positions = [Int](repeating: 0, count: document.nodes.count)
        var removedUpTo = -1
        func close(to depth: Int) throws(XMLError) {
            while open.count > depth, let index = open.popLast() {
                guard let inserted = expectations[index]?.inserted, !inserted.isEmpty else { continue }
                result += try insertedElements(inserted, depth: depths[index] + 1)
            }
        }
        for (index, node) in document.nodes.enumerated() {
            let depth = node.parent < 0 ? 0 : depths[Int(node.parent)] + 1
            depths.append(depth)
            if removedUpTo >= 0, depth > removedUpTo { continue }
            removedUpTo = -1
            try close(to: depth)
            let expectation = expectations[index]
            if expectation?.isRemoved == true {
                removedUpTo = depth
                if let parent = open.last { result[positions[parent]].lostChild = true }
                continue
            }
            open.append(index)
            positions[index] = result.count
            var attributes: [XMLDocument.Attribute] = []
            for (position, place) in node.attributes.enumerated() {
                var attribute = document.attributes[Int(place)]
                if let change = expectation?.attributes[position] {
                    guard let value = change else { continue }
                    attribute.value = value
                }
                attributes.append(attribute)
            }
            let added = expectation?.added ?? []
            attributes += added.map { XMLDocument.Attribute(name: $0.name, namespace: nil, value: $0.value) }
            result.append(
                Expected(
                    depth: depth, name: node.qualifiedName, namespace: .some(node.namespace), attributes: attributes,
                    added: added.count, text: expectation?.text ?? node.text, isTextEdited: expectation?.text != nil))
        }
        try close(to: 0)
        return result
    }

    private func insertedElements(_ text: String, depth: Int) throws(XMLError) -> [Expected] {
        let fragment = try XMLDocument(Array("<x>\(text)</x>".utf8), path: document.path)
        var depths: [Int] = []
        return fragment.nodes.enumerated().compactMap { index, node in
            depths.append(node.parent < 0 ? depth - 1 : depths[Int(node.parent)] + 1)
            guard index > 0 else { return nil }
            return Expected(
                depth: depths[index], name: node.qualifiedName,
                attributes:
                    Array(fragment.attributes[Int(node.attributes.lowerBound)..<Int(node.attributes.upperBound)]),
                text: node.text, isInserted: true)
        }
    }
}
