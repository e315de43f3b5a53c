/// An element of a document.
public struct Element: Sendable {
    /// The document it belongs to.
    public let document: XMLDocument
    let index: Int

    var node: XMLDocument.Node { document.nodes[index] }

    /// Local name, without a prefix.
    public var name: String { document.nodes[index].name }
    /// Namespace URI; `nil` for libvirt's own elements.
    public var namespace: String? { document.nodes[index].namespace }
    /// Line of the start tag's end in the file, from 1.
    public var line: Int { Int(document.nodes[index].line) }
    /// Its own text, without that of children; white space around it is taken off.
    public var text: String {
        let text = document.nodes[index].text
        guard text.utf8.first.map({ $0 <= 0x20 }) == true || text.utf8.last.map({ $0 <= 0x20 }) == true else {
            return text
        }
        let trimmed = text.utf8.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
        return String(decoding: Array(trimmed), as: UTF8.self)
    }

    /// An attribute's value without a namespace; `nil` where it is absent.
    public subscript(attribute: String) -> String? {
        for position in document.nodes[index].attributes {
            if document.attributes[Int(position)].name == attribute, document.attributes[Int(position)].namespace == nil
            {
                return document.attributes[Int(position)].value
            }
        }
        return nil
    }

    /// All attributes in order, with their local names.
    public var attributes: [(name: String, value: String)] {
        document.nodes[index].attributes.map { (document.attributes[Int($0)].name, document.attributes[Int($0)].value) }
    }

    /// The element around it.
    public var parent: Element? { node.parent < 0 ? nil : Element(document: document, index: Int(node.parent)) }

    /// Child elements in order.
    public var children: Children { Children(document: document, first: document.nodes[index].firstChild) }

    /// The first child of a name without a namespace.
    public func first(_ name: String) -> Element? {
        var child = document.nodes[index].firstChild
        while child >= 0 {
            if document.nodes[Int(child)].name == name, document.nodes[Int(child)].namespace == nil {
                return Element(document: document, index: Int(child))
            }
            child = document.nodes[Int(child)].nextSibling
        }
        return nil
    }

    /// The first element down a way of names: `first("source", "reservations")`.
    public func first(_ name: String, _ rest: String...) -> Element? {
        var element = first(name)
        for name in rest { element = element?.first(name) }
        return element
    }

    /// All children of a name without a namespace.
    public func all(_ name: String) -> [Element] { children.filter { $0.name == name && $0.namespace == nil } }

    /// Where it stands, as XPath: `/domain/devices/disk[2]/driver`.
    ///
    /// Positions are given where there are several of the name.
    public var xpath: String {
        guard let parent else { return "/" + qualifiedName }
        var position = 0
        var count = 0
        // A prefix stands for its namespace, however others spell it; `name()` looks at the spelling only.
        let isDefault = node.prefix == nil && node.namespace != nil
        for sibling in parent.children where sibling.node.name == node.name {
            guard isDefault ? sibling.node.prefix == nil : sibling.node.namespace == node.namespace else { continue }
            count += 1
            if sibling.index == index { position = count }
        }
        return parent.xpath + "/" + qualifiedName + (count > 1 ? "[\(position)]" : "")
    }

    /// Its name as XPath has it: a default namespace has no prefix that XPath could use.
    private var qualifiedName: String {
        if let prefix = node.prefix { return "\(prefix):\(node.name)" }
        return node.namespace == nil && !node.name.utf8.contains(0x3A) ? node.name : "*[name()='\(node.name)']"
    }

    /// Children of an element, in order.
    public struct Children: Sequence, IteratorProtocol, Sendable {
        let document: XMLDocument
        var first: Int32
        /// The next child.
        public mutating func next() -> Element? {
            guard first >= 0 else { return nil }
            defer { first = document.nodes[Int(first)].nextSibling }
            return Element(document: document, index: Int(first))
        }
    }
}
