public import Quantities

/// One typed change a remedy would make.
///
/// The change engine carries it out; here it is a value that can be printed and compared.
public protocol Change: Sendable {
    /// How it is carried out.
    var kind: FixKind { get }
    /// What is changed: a sysctl key, a path, a unit, `GUEST: XPATH`.
    var target: String { get }
    /// The value the facts showed; `nil` where there was none.
    var from: String? { get }
    /// The value wanted; `nil` where the thing is taken away.
    var to: String? { get }
    /// Commands a person could type to the same effect, one a line.
    var commands: [String] { get }
}

/// Ways of carrying a remedy out (PRACTICES: fix kinds).
public enum FixKind: String, Sendable, Hashable, CaseIterable {
    /// Kernel setting below /proc/sys, and a drop-in in sysctl.d.
    case sysctl
    /// File below /sys, and a drop-in in tmpfiles.d.
    case sysfs
    /// Kernel command line through the boot loader.
    case cmdline
    /// systemd unit.
    case unit
    /// Another configuration file.
    case file
    /// Persistent domain definition.
    case xml
    /// Running domain, through libvirt.
    case live
    /// Disk image.
    case image
    /// Explained, never done automatically.
    case hand
}

/// What carrying a remedy out disturbs, from least to most.
public enum Disruption: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Nothing.
    case nothing
    /// A running guest notices, and goes on.
    case live
    /// The guest must be shut down and started.
    case guestRestart = "guest-restart"
    /// The host must be rebooted.
    case hostReboot = "host-reboot"
    /// Less disturbing is less.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rank < rhs.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// How to put a finding right.
public struct Remedy: Sendable {
    /// Typed changes, in order; empty where it can only be done by hand.
    public var changes: [any Change]
    /// Exact commands for a person, one a line; for what has no typed change.
    public var commands: [String]
    /// What a person has to know or decide.
    public var note: Text?
    /// What it disturbs.
    public var disruption: Disruption
    /// Whether a plan has it only where its practice is named: what it may break cannot be seen from the host.
    public var isOnlyOnRequest = false

    /// The same, planned only where its practice is named.
    public var onRequest: Remedy {
        var remedy = self
        remedy.isOnlyOnRequest = true
        return remedy
    }

    /// Typed changes.
    public static func changes(_ changes: [any Change], disrupts: Disruption, note: Text? = nil) -> Remedy {
        Remedy(changes: changes, commands: [], note: note, disruption: disrupts)
    }
    /// One typed change.
    public static func change(_ change: any Change, disrupts: Disruption, note: Text? = nil) -> Remedy {
        Remedy(changes: [change], commands: [], note: note, disruption: disrupts)
    }
    /// By hand.
    public static func byHand(_ note: Text, commands: [String] = [], disrupts: Disruption = .nothing) -> Remedy {
        Remedy(changes: [], commands: commands, note: note, disruption: disrupts)
    }
    /// Nothing is to be done: the finding informs.
    public static let none = Remedy(changes: [], commands: [], note: nil, disruption: .nothing)

    /// The kinds of fix it needs; `hand` where there is no typed change.
    public var kinds: [FixKind] { changes.isEmpty ? [.hand] : changes.map(\.kind) }
}
