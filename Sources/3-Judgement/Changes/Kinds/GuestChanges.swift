import Quantities

/// An edit of a guest's persistent definition.
public struct DomainChange: Change, Hashable {
    /// What is edited.
    public enum Edit: Sendable, Hashable {
        /// Sets an attribute of the element.
        case attribute(String, String)
        /// Sets the element's text.
        case text(String)
        /// Puts a fragment inside the element, after its last child; elements missing on the way are made.
        case insert(String)
        /// Takes the element away.
        case remove
        /// Takes an attribute away.
        case removeAttribute(String)
    }
    /// The guest's name.
    public var guest: String
    /// The element.
    public var xpath: String
    /// The edit.
    public var edit: Edit
    /// The value in the definition as it was read; `nil` where element or attribute is absent.
    public var from: String?
    /// A change.
    public init(_ guest: String, _ xpath: String, _ edit: Edit, from: String? = nil) {
        self.guest = guest
        self.xpath = xpath
        self.edit = edit
        self.from = from
    }
    /// Edits the persistent definition; the running domain keeps its own until its next start.
    public var kind: FixKind { .xml }
    /// `GUEST: XPATH`, with `/@NAME` where an attribute is meant.
    public var target: String {
        switch edit {
        case .attribute(let name, _), .removeAttribute(let name): "\(guest): \(xpath)/@\(name)"
        default: "\(guest): \(xpath)"
        }
    }
    /// The value, text or fragment wanted; `nil` where something is taken out.
    public var to: String? {
        switch edit {
        case .attribute(_, let value), .text(let value), .insert(let value): value
        case .remove, .removeAttribute: nil
        }
    }
    /// `virsh edit` with the edit in a comment, since virsh has no command for a single node.
    public var commands: [String] {
        // The comment stays on the command's line, whatever a definition says.
        var comment = "\(target): \(from ?? "(absent)") → \(to ?? "(taken out)")"
        if comment.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x85 || $0.value >> 1 == 0x1014 }) {
            comment = comment.split(whereSeparator: \.isNewline).joined(separator: " ")
        }
        return ["virsh edit \(guest.shellWord)   # \(comment)"]
    }
}

/// A change of a running guest through libvirt.
public struct LiveChange: Change, Hashable {
    /// The guest's name.
    public var guest: String
    /// What is changed.
    public var parameter: LiveParameter
    /// The running value; `nil` where it was not read.
    public var from: String?
    /// The value wanted.
    public var value: String
    /// A change.
    public init(_ guest: String, _ parameter: LiveParameter, from: String? = nil, to value: String) {
        self.guest = guest
        self.parameter = parameter
        self.from = from
        self.value = value
    }
    /// Changes the running domain, through libvirt.
    public var kind: FixKind { .live }
    /// `GUEST: PARAMETER`.
    public var target: String { "\(guest): \(parameter.name)" }
    /// The value wanted.
    public var to: String? { value }
    /// The same with virsh.
    public var commands: [String] { [parameter.command(guest, value)] }
}

/// An operation on a disk image.
///
/// The guest that uses it must be off.
public struct ImageChange: Change, Hashable {
    /// The image.
    public var path: String
    /// The qemu-img command line that does the same, without `qemu-img` (`rebase -u -F qcow2 -b base.qcow2 web1.qcow2`).
    public var operation: String
    /// What the image's header says; `nil` where it says nothing.
    public var from: String?
    /// What the header shall say; `nil` where the operation alone says it.
    public var to: String?
    /// A change.
    public init(_ path: String, _ operation: String, from: String? = nil, to: String? = nil) {
        self.path = path
        self.operation = operation
        self.from = from
        self.to = to
    }
    /// Changes a disk image, while its guest is off.
    public var kind: FixKind { .image }
    /// The image's path.
    public var target: String { path }
    /// The operation as a qemu-img command line.
    public var commands: [String] { ["qemu-img \(operation)"] }
}
