extension XMLDocument {
    /// The document with edits made, all at once: every XPath is evaluated on the document as it is now.
    ///
    /// Only the bytes of what is edited change. The result is parsed again and compared with this document; nothing but
    /// the edits may differ. An edit that changes nothing (the value is there already) leaves its bytes alone. The
    /// order of the edits counts only for what is inserted at one place.
    ///
    /// - Returns: the edited document; this one if nothing changes.
    ///
    /// - Throws: `edit`, where an XPath is invalid, matches nothing or several nodes; where two edits change the same
    ///   place; where a value cannot be written in XML; where the document's encoding is not based on ASCII.
    public func applying(_ edits: [XMLEdit]) throws(XMLError) -> XMLDocument {
        guard !edits.isEmpty else { return self }
        var plan = try EditPlan(self)
        for edit in edits { try plan.add(edit) }
        try plan.layOutInsertions()
        let bytes = try plan.result()
        guard bytes != source else { return self }
        let edited: XMLDocument
        do {
            edited = try XMLDocument(bytes, path: path)
        } catch {
            throw XMLError(.edit, "the edits would give a document that cannot be read: \(error.what)", path: path)
        }
        try plan.check(edited)
        return edited
    }

    /// The elements that an XPath selects, in document order; other nodes are left out.
    ///
    /// - Throws: `edit` if it is no XPath, uses a prefix that the document does not declare, or gives a value.
    public func elements(at xpath: String) throws(XMLError) -> [Element] {
        try DocumentObject(source, path: path).select(xpath).compactMap { selected in
            guard case .element(let index) = selected, index < nodes.count else { return nil }
            return Element(document: self, index: index)
        }
    }
}
