/// One edit of a document: where, by XPath, and what.
public struct XMLEdit: Sendable, Hashable {
    /// What is done to what the XPath selects, which must be exactly one node.
    public enum Action: Sendable, Hashable {
        /// Gives it a value: an attribute its value, an element its text. An attribute that an existing element lacks
        /// (`…/@name`) is added.
        case value(String)
        /// Sets an attribute of the element, which is added where it is absent.
        case attribute(String, String)
        /// Sets the element's text. White space and comments around it stay; an element with elements inside is
        /// refused.
        case text(String)
        /// Puts elements inside the element, after its last child; elements missing on the way are made.
        case insert(String)
        /// Takes the element (or attribute) away, with the white space before it.
        case remove
        /// Takes an attribute of the element away.
        case removeAttribute(String)
    }
    /// Selects the node, with the prefixes the document declares.
    public var xpath: String
    /// The edit.
    public var action: Action

    /// An edit.
    public init(_ xpath: String, _ action: Action) {
        self.xpath = xpath
        self.action = action
    }

    /// An edit written `XPATH=VALUE`, as on the command line; `nil` if there is no `=` or nothing before it.
    ///
    /// The first `=` outside brackets, parentheses and quotes ends the XPath
    /// (`//disk[@device='cdrom']/driver/@cache=none`); the rest, which may be empty, is the value.
    public init?(assignment: String) {
        var depth = 0
        var quote: UInt8?
        let bytes = Array(assignment.utf8)
        for (index, byte) in bytes.enumerated() {
            if let open = quote {
                if byte == open { quote = nil }
                continue
            }
            switch byte {
            case 0x22, 0x27: quote = byte
            case 0x5B, 0x28: depth += 1
            case 0x5D, 0x29: depth -= 1
            case 0x3D where depth == 0:
                guard index > 0 else { return nil }
                self.init(
                    String(decoding: bytes[..<index], as: UTF8.self),
                    .value(String(decoding: bytes[(index + 1)...], as: UTF8.self)))
                return
            default: break
            }
        }
        return nil
    }
}

extension XMLEdit: CustomStringConvertible {
    /// The edit in one line: `/domain/vcpu/@current=4`.
    public var description: String {
        switch action {
        case .value(let value), .text(let value): "\(xpath)=\(value)"
        case .attribute(let name, let value): "\(xpath)/@\(name)=\(value)"
        case .insert(let fragment): "\(xpath): insert \(fragment)"
        case .remove: "\(xpath): remove"
        case .removeAttribute(let name): "\(xpath)/@\(name): remove"
        }
    }
}
