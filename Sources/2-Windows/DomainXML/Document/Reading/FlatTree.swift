internal import CLibXML2

/// Elements and attributes in flat arrays, built in document order.
struct FlatTree {
    private(set) var nodes: [XMLDocument.Node] = []
    private(set) var attributes: [XMLDocument.Attribute] = []
    /// Elements that are not closed yet: their index and that of their last child.
    private var open: [(index: Int32, lastChild: Int32)] = []
    /// The text since the last tag or comment.
    private var run: [UInt8] = []
    private var isRunBlank = true
    private var namespaces = 0
    /// What was refused; nothing is added from then on.
    private(set) var refusal: String?

    init(capacity bytes: Int) {
        nodes.reserveCapacity(min(bytes / 36 + 4, XMLDocument.Limit.elements))
        attributes.reserveCapacity(min(bytes / 28 + 4, XMLDocument.Limit.attributes))
        open.reserveCapacity(16)
    }

    /// Adds an attribute of the element that ``begin(_:prefix:namespace:line:firstAttribute:)`` opens next.
    mutating func attribute(_ name: String, namespace: String?, _ value: String) {
        guard refusal == nil else { return }
        attributes.append(XMLDocument.Attribute(name: name, namespace: namespace, value: value))
        if attributes.count > XMLDocument.Limit.attributes {
            refusal = "the document has more than \(XMLDocument.Limit.attributes) attributes"
        }
    }

    /// Counts declarations of namespaces.
    mutating func declare(_ count: Int) {
        namespaces += count
        if namespaces > XMLDocument.Limit.namespaces {
            refusal = "the document declares more than \(XMLDocument.Limit.namespaces) namespaces"
        }
    }

    /// Opens an element whose attributes are those from `firstAttribute` on.
    mutating func begin(_ name: String, prefix: String?, namespace: String?, line: Int32, firstAttribute: Int) {
        boundary()
        guard refusal == nil else { return }
        guard open.count < XMLDocument.Limit.depth, nodes.count < XMLDocument.Limit.elements else {
            refusal =
                "the document has more than \(XMLDocument.Limit.depth) levels or \(XMLDocument.Limit.elements) elements"
            return
        }
        let index = Int32(nodes.count)
        if let parent = open.last {
            if parent.lastChild < 0 {
                nodes[Int(parent.index)].firstChild = index
            } else {
                nodes[Int(parent.lastChild)].nextSibling = index
            }
            open[open.count - 1].lastChild = index
        }
        nodes.append(
            XMLDocument.Node(
                name: name, prefix: prefix, namespace: namespace, line: line, parent: open.last?.index ?? -1,
                attributes: Int32(firstAttribute)..<Int32(attributes.count), text: ""))
        open.append((index, -1))
    }

    /// Closes the element opened last.
    mutating func end() {
        boundary()
        guard refusal == nil else { return }
        _ = open.popLast()
    }

    /// Adds text inside the open element.
    mutating func text(_ bytes: UnsafeBufferPointer<UInt8>) {
        if isRunBlank {
            for byte in bytes where byte > 0x20 {
                isRunBlank = false
                break
            }
        }
        run.append(contentsOf: bytes)
    }

    /// Ends a run of text: at tags, comments and CDATA sections.
    ///
    /// Runs of white space only are layout, and dropped.
    mutating func boundary() {
        guard !run.isEmpty else { return }
        defer {
            run.removeAll(keepingCapacity: true)
            isRunBlank = true
        }
        guard !isRunBlank, refusal == nil, let current = open.last else { return }
        let text = String(decoding: run, as: UTF8.self)
        if nodes[Int(current.index)].text.isEmpty {
            nodes[Int(current.index)].text = text
        } else {
            nodes[Int(current.index)].text += text
        }
    }

    /// Refuses the document.
    mutating func refuse(_ what: String) { refusal = refusal ?? what }
}
