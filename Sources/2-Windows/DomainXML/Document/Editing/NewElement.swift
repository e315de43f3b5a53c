/// An element to be written: values are escaped, so that no name or path can become markup.
public struct NewElement: Sendable, Hashable, CustomStringConvertible {
    /// Its name.
    public var name: String
    /// Attributes in order.
    public var attributes: [Attribute]
    /// Text; beside children there is none.
    public var text: String?
    /// Elements inside, in order.
    public var children: [NewElement]

    /// An attribute of an element to be written.
    public struct Attribute: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Its value, as it is meant.
        public var value: String
        /// An attribute.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// An element.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - attributes: those that are `nil` are left out.
    ///   - text: its text.
    ///   - children: those that are `nil` are left out.
    public init(
        _ name: String, _ attributes: KeyValuePairs<String, String?> = [:], text: String? = nil,
        _ children: [NewElement?] = []
    ) {
        self.name = name
        self.attributes = attributes.compactMap { name, value in value.map { Attribute(name: name, value: $0) } }
        self.text = text
        self.children = children.compactMap { $0 }
    }

    /// An element of a document with all that is in it, but what is in other namespaces.
    public init(_ element: Element) {
        name = element.name
        attributes = element.attributes.map { Attribute(name: $0.name, value: $0.value) }
        children = element.children.filter { $0.namespace == nil }.map(NewElement.init)
        text = children.isEmpty && !element.text.isEmpty ? element.text : nil
    }

    /// The element as XML, a line for each child.
    public var description: String {
        var lines: [String] = []
        write(to: &lines, indent: "")
        return lines.joined(separator: "\n")
    }

    private func write(to lines: inout [String], indent: String) {
        let escape = Escape(isUTF8: true)
        var tag = "\(indent)<\(name)"
        for attribute in attributes {
            let value = escape.attribute(Self.writable(attribute.value), quote: 0x27)
            tag += " \(attribute.name)='\(String(decoding: value, as: UTF8.self))'"
        }
        if !children.isEmpty {
            lines.append(tag + ">")
            for child in children { child.write(to: &lines, indent: indent + "  ") }
            lines.append("\(indent)</\(name)>")
        } else if let text {
            let value = String(decoding: escape.text(Self.writable(text)), as: UTF8.self)
            lines.append("\(tag)>\(value)</\(name)>")
        } else {
            lines.append(tag + "/>")
        }
    }

    /// XML has no way to write control characters: each becomes a replacement character, which no path has by chance.
    private static func writable(_ value: String) -> String {
        guard Escape.forbidden(in: value) != nil else { return value }
        return String(
            String.UnicodeScalarView(
                value.unicodeScalars.map { scalar in
                    Escape.forbidden(in: String(scalar)) == nil ? scalar : "\u{FFFD}"
                }))
    }
}
