internal import CAugeas
internal import Glibc
internal import Synchronization

/// A configuration file's text as a tree that can be edited.
///
/// Paths are Augeas' path expressions, relative to the file (`1/file`, `#comment[2]`). What is not edited comes back byte for byte. No file is read or written,
/// except for the grammars.
public struct ConfigTree: ~Copyable {
    /// A grammar that Augeas has for a kind of file.
    public enum Lens: String, Sendable, CaseIterable {
        /// `/etc/fstab`.
        case fstab = "Fstab.lns"
        /// Variables of a shell: sysconfig's files, `/etc/default/grub`; values have their quotes.
        case shellVariables = "Shellvars.lns"
        /// `/etc/sysctl.conf` and files of sysctl.d.
        case sysctl = "Sysctl.lns"
        /// Files of tmpfiles.d.
        case tmpfiles = "Tmpfiles.lns"
        /// `/etc/multipath.conf`.
        case multipath = "Multipath.lns"
        /// `/etc/libvirt/qemu.conf`; comes with libvirt, not with Augeas.
        case libvirtQEMU = "Libvirtd_qemu.lns"
        /// GRUB legacy's `menu.lst`.
        case grubLegacy = "Grub.lns"
    }

    /// A node of the tree, without its children.
    public struct Node: Sendable, Hashable {
        /// Its path.
        public var path: String
        /// The labels on the way to it, without positions among siblings.
        public var labels: [String]
        /// Its value; `nil` where it has none.
        public var value: String?
    }

    /// The most bytes a text may have: no configuration file has so many, and Augeas' time grows faster than its texts.
    public static let mostBytes = 1 << 18

    private let session: Session
    private let lens: Lens
    /// White space at the beginning that the grammar forgets; `nil` where it does not give back the rest either.
    private let forgotten: String?

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - text: the whole file.
    ///   - lens: its grammar.
    ///
    /// - Throws: where the text is not in the grammar, with the place.
    public init(text: String, lens: Lens) throws(AugeasError) {
        guard text.utf8.count <= Self.mostBytes else {
            throw AugeasError(.malformed, "it has \(text.utf8.count) bytes; more than \(Self.mostBytes) are not read")
        }
        if let position = text.utf8.firstIndex(of: 0) {
            let line = 1 + text.utf8[..<position].count { $0 == 0x0A }
            throw AugeasError(.malformed, "it has a NUL", line: line)
        }
        let session = try Session.take()
        try session.store(text, lens.rawValue)
        self.session = session
        self.lens = lens
        let isAtStake = text.first?.isWhitespace ?? false
        forgotten = isAtStake ? Self.forgotten(of: text, given: try? session.retrieve(lens.rawValue)) : ""
    }

    deinit { session.giveBack() }

    /// The value at a path; `nil` where there is no node, more than one, or one without a value.
    public func value(_ path: String) -> String? { session.value(Session.tree + path) }

    /// The paths of all nodes that an expression matches, in the file's order; none where it is no path.
    public func paths(_ expression: String) -> [String] {
        session.match(Session.tree + expression).map { String($0.dropFirst(Session.tree.count)) }
    }

    /// All nodes, parents before children, in the file's order.
    public func nodes() -> [Node] {
        paths("/*").map { path in
            let labels = Self.components(path).map { component in Self.label(component) }
            return Node(path: path, labels: labels, value: value(path))
        }
    }

    /// Gives a node a value; it and those above it are made where they are missing.
    public mutating func set(_ path: String, to value: String?) throws(AugeasError) {
        try session.set(Session.tree + path, value)
    }

    /// Makes a node beside another.
    ///
    /// - Parameters:
    ///   - label: the new node's.
    ///   - path: a node that exists.
    ///   - isBefore: before it rather than after it.
    ///
    /// - Throws: where there is no such node, or several.
    public mutating func insert(_ label: String, beside path: String, isBefore: Bool = false) throws(AugeasError) {
        try session.insert(label, Session.tree + path, isBefore)
    }

    /// Takes out the nodes that an expression matches, with all below them; answers how many that were.
    @discardableResult
    public mutating func remove(_ expression: String) throws(AugeasError) -> Int {
        try session.remove(Session.tree + expression)
    }

    /// The text of the tree as it is now.
    public func text() throws(AugeasError) -> String {
        guard let forgotten else { throw AugeasError(.unwritable, "its grammar does not give all of it back") }
        return forgotten + (try session.retrieve(lens.rawValue))
    }

    private static func forgotten(of text: String, given: String?) -> String? {
        guard let given else { return nil }
        let (all, kept) = (Array(text.utf8), Array(given.utf8))
        guard all.count >= kept.count, all.suffix(kept.count).elementsEqual(kept) else { return nil }
        let lost = all.dropLast(kept.count)
        return lost.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) } ? String(decoding: lost, as: UTF8.self) : nil
    }

    /// A label as it stands in a path: what means something there after a backslash.
    public static func escaped(_ label: String) -> String {
        var bytes: [UInt8] = []
        for byte in label.utf8 {
            switch byte {
            // Space ! ( ) , / = [ \\ ] |
            case 0x20, 0x21, 0x28, 0x29, 0x2C, 0x2F, 0x3D, 0x5B, 0x5C, 0x5D, 0x7C: bytes += [0x5C, byte]
            default: bytes.append(byte)
            }
        }
        return bytes == [0x2A] ? "\\*" : String(decoding: bytes, as: UTF8.self)
    }

    /// A path's components; a slash after a backslash belongs to a label.
    static func components(_ path: String) -> [String] {
        var components: [String] = []
        var current: [UInt8] = []
        var isEscaped = false
        for byte in path.utf8 {
            if byte == 0x2F, !isEscaped {
                components.append(String(decoding: current, as: UTF8.self))
                current = []
            } else {
                current.append(byte)
            }
            isEscaped = byte == 0x5C && !isEscaped
        }
        components.append(String(decoding: current, as: UTF8.self))
        return components
    }

    /// A component without position and backslashes.
    static func label(_ component: String) -> String {
        var bytes = Array(component.utf8)
        if bytes.last == 0x5D, let open = bytes.lastIndex(of: 0x5B), open > 0, bytes[open - 1] != 0x5C,
            bytes[(open + 1)...].dropLast().allSatisfy({ (0x30...0x39).contains($0) })
        {
            bytes.removeSubrange(open...)
        }
        var label: [UInt8] = []
        var isEscaped = false
        for byte in bytes {
            if byte == 0x5C, !isEscaped {
                isEscaped = true
            } else {
                label.append(byte)
                isEscaped = false
            }
        }
        return String(decoding: label, as: UTF8.self)
    }
}

/// A handle of Augeas with one text's tree in it.
///
/// To load a grammar takes far longer than to read a text (Shellvars: 80 ms), so a handle that is no longer needed is kept for the next text.
private struct Session: @unchecked Sendable {
    // SAFETY: a handle is in the pool, or with one owner, never both; Augeas has no state outside of its handles.
    let handle: OpaquePointer
    let library: Library

    /// Where the tree is, with the slash.
    static let tree = "/t/"
    private static let root = "/t"
    private static let given = "/given"
    private static let made = "/made"
    private static let pool = Mutex<[Session]>([])

    static func take() throws(AugeasError) -> Session {
        if let free = pool.withLock({ $0.popLast() }) { return free }
        let library = try Library.shared.get()
        let flags = AUG_NO_LOAD.rawValue | AUG_NO_MODL_AUTOLOAD.rawValue | AUG_NO_ERR_CLOSE.rawValue
        guard let handle = library.initialize("/", nil, flags) else {
            throw AugeasError(.failed, "Augeas does not start")
        }
        let session = Session(handle: handle, library: library)
        guard library.error(handle) == 0 else {
            let error = session.failure()
            library.close(handle)
            throw error
        }
        return session
    }

    /// Empties the handle and keeps it for the next.
    func giveBack() {
        for path in [Self.root, Self.given, Self.made] { _ = library.remove(handle, path) }
        let isKept =
            library.error(handle) == 0
            && Self.pool.withLock { pool in
                guard pool.count < 4 else { return false }
                pool.append(self)
                return true
            }
        if !isKept { library.close(handle) }
    }

    func store(_ text: String, _ lens: String) throws(AugeasError) {
        guard library.set(handle, Self.given, text) == 0, library.textStore(handle, lens, Self.given, Self.root) == 0
        else {
            let error = problem(.malformed) ?? failure()
            library.close(handle)
            throw error
        }
    }

    func retrieve(_ lens: String) throws(AugeasError) -> String {
        guard library.textRetrieve(handle, lens, Self.given, Self.root, Self.made) == 0,
            let text = value(Self.made)
        else { throw problem(.unwritable) ?? failure() }
        return text
    }

    func value(_ path: String) -> String? {
        var value: UnsafePointer<CChar>?
        guard library.get(handle, path, &value) == 1, let value else { return nil }
        return String(cString: value)
    }

    func match(_ expression: String) -> [String] {
        var found: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = library.match(handle, expression, &found)
        guard count > 0, let found else { return [] }
        defer { free(found) }
        return (0..<Int(count)).compactMap { index in
            guard let path = found[index] else { return nil }
            defer { free(path) }
            return String(cString: path)
        }
    }

    func set(_ path: String, _ value: String?) throws(AugeasError) {
        if let value, value.utf8.contains(0) { throw AugeasError(.unwritable, "a value has a NUL") }
        guard library.set(handle, path, value) == 0 else { throw failure() }
    }

    func insert(_ label: String, _ path: String, _ isBefore: Bool) throws(AugeasError) {
        guard library.insert(handle, path, label, isBefore ? 1 : 0) == 0 else { throw failure() }
    }

    func remove(_ expression: String) throws(AugeasError) -> Int {
        let count = library.remove(handle, expression)
        guard count >= 0 else { throw failure() }
        return Int(count)
    }

    /// What Augeas says about a text it could not read or write; the place is counted from 0 there.
    private func problem(_ kind: AugeasError.Kind) -> AugeasError? {
        let place = "/augeas/text\(Self.root)/error"
        guard value(place) != nil else { return nil }
        let message = value(place + "/message") ?? "it is not in the grammar"
        // Below the first line stand tree and grammar, some ten thousand characters of them.
        guard kind == .malformed else {
            let line = message.prefix { !$0.isNewline }
            return AugeasError(kind, "it cannot be written: \(line)")
        }
        return AugeasError(
            kind, "it cannot be read: \(message)", line: value(place + "/line").flatMap { Int($0) },
            column: value(place + "/char").flatMap { Int($0) }.map { $0 + 1 })
    }

    /// The last call's error.
    private func failure() -> AugeasError {
        let words = [library.errorMessage(handle), library.errorMinorMessage(handle), library.errorDetails(handle)]
            .compactMap { $0.map { String(cString: $0) } }
        let isLens = library.error(handle) == Int32(AUG_ENOLENS.rawValue)
        return AugeasError(
            isLens ? .noLens : .failed, words.isEmpty ? "Augeas failed without a word" : words.joined(separator: ": "),
            remedy: isLens ? "Install Augeas' grammars (augeas-lenses)" : nil)
    }
}
