/// A thing on a host that has a state which can be read, put in place and put back.
///
/// Every step of a plan moves one resource from one state to another; apply, undo, comparison and verification are then the same for all kinds.
public struct Resource: Sendable, Hashable, CustomStringConvertible {
    /// Kinds of resources; each has a performer of its own.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A configuration file, by its absolute path below the root.
        case file
        /// A kernel setting that holds until the next boot, by its path below /proc/sys or /sys.
        case setting
        /// A guest's persistent definition, by the guest's name.
        case domain
        /// A systemd unit's enablement and activity, by its name.
        case unit
        /// A boot menu that a program makes from other files, by its path.
        case bootMenu = "boot-menu"
        /// A value of a running guest, as `GUEST/PARAMETER` with a ``LiveParameter``; it ends with the guest's run.
        case live
        /// Whether a guest starts with the host, `on` or `off`, by the guest's name.
        case autostart

        /// Whether a state is a value of a few words rather than a text, as a rule.
        var isValue: Bool { self == .setting || self == .unit || self == .live || self == .autostart }
        /// Whether libvirt reads and writes it.
        public var isLibvirts: Bool { self == .domain || self == .live || self == .autostart }
    }
    /// The kind.
    public var kind: Kind
    /// Path or name.
    public var name: String
    /// A resource.
    public init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }
    /// The setting behind a sysctl key: a dot separates folders, a slash stands for a dot within a name.
    ///
    /// - Source: sysctl.d(5).
    public static func sysctl(_ key: String) -> Resource {
        Resource(.setting, "/proc/sys/" + exchanged(key))
    }
    /// The sysctl key of a setting below /proc/sys; `nil` for anything else.
    public var sysctlKey: String? {
        kind == .setting && name.hasPrefix("/proc/sys/") ? Self.exchanged(name.dropFirst("/proc/sys/".count)) : nil
    }
    private static func exchanged(_ text: some StringProtocol) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            result.unicodeScalars.append(scalar == "." ? "/" : scalar == "/" ? "." : scalar)
        }
    }
    /// A parameter of a running guest.
    public static func live(_ guest: String, _ parameter: LiveParameter) -> Resource {
        Resource(.live, "\(guest)/\(parameter.name)")
    }
    /// Guest and parameter of a live value; `nil` where it is none.
    public var live: (guest: String, parameter: LiveParameter)? {
        // libvirt allows no slash in a name.
        guard kind == .live, let slash = name.lastIndex(of: "/"),
            let parameter = LiveParameter(name: name[name.index(after: slash)...])
        else { return nil }
        return (String(name[..<slash]), parameter)
    }
    /// Whether its states are values of a few words rather than texts.
    public var isValue: Bool { live.map { !$0.parameter.isText } ?? kind.isValue }
    /// Kind and name.
    public var description: String { "\(kind.rawValue) \(name)" }
}

/// What a resource is like at a moment.
public struct ResourceState: Sendable, Hashable {
    /// A file's bytes, a setting's value, a definition's XML, a unit's state in words; `nil` where it does not exist.
    public var bytes: [UInt8]?
    /// A file's mode, owner and extended attributes; `nil` where there are none, or the file's present ones are to stay.
    public var attributes: FileAttributes?
    /// Folders above an absent file that do not exist either, the outermost first; taken away with the file again.
    public var missingFolders: [String]
    /// A state.
    public init(_ bytes: [UInt8]?, attributes: FileAttributes? = nil, missingFolders: [String] = []) {
        self.bytes = bytes
        self.attributes = attributes
        self.missingFolders = missingFolders
    }
    /// A state in words.
    public init(text: String) { self.init(Array(text.utf8)) }
    /// It does not exist.
    public static let absent = ResourceState(nil)
    /// The state as text; `nil` where it does not exist.
    public var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
}

/// What a file has besides its bytes.
public struct FileAttributes: Sendable, Hashable {
    /// Permission bits with setuid, setgid and sticky, as `chmod` takes them.
    public var mode: UInt32
    /// Numeric user.
    public var owner: UInt32
    /// Numeric group.
    public var group: UInt32
    /// Extended attributes by their full name: access lists, security labels.
    public var extended: [String: [UInt8]]
    /// Attributes of a file.
    public init(mode: UInt32, owner: UInt32, group: UInt32, extended: [String: [UInt8]] = [:]) {
        self.mode = mode
        self.owner = owner
        self.group = group
        self.extended = extended
    }
    /// A configuration file that everybody may read.
    public static let configuration = FileAttributes(mode: 0o644, owner: 0, group: 0)
}
