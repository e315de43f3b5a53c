/// A kernel setting: now, and in a drop-in of sysctl.d for the next boot.
public struct SysctlChange: Change, Hashable {
    /// Dotted key.
    public var key: String
    /// The running value; `nil` where it could not be read.
    public var from: String?
    /// The value wanted, in the key's own unit; never `nil` from the initializer.
    public var to: String?
    /// A change.
    public init(_ key: String, from: String?, to: String) {
        self.key = key
        self.from = from
        self.to = to
    }
    /// Writes below /proc/sys and a drop-in of sysctl.d.
    public var kind: FixKind { .sysctl }
    /// The dotted key.
    public var target: String { key }
    /// `sysctl -w` for now, and a line of the drop-in for the next boot.
    public var commands: [String] {
        ["sysctl -w \(key)='\(to ?? "")'", "echo '\(key) = \(to ?? "")' >> /etc/sysctl.d/90-nearmetal.conf"]
    }
}

/// A file below /sys: now, and in a drop-in of tmpfiles.d for the next boot.
public struct SysfsChange: Change, Hashable {
    /// Absolute path.
    public var path: String
    /// The file's value, for a choice the chosen word; `nil` where it could not be read.
    public var from: String?
    /// The value wanted; never `nil` from the initializer.
    public var to: String?
    /// Whether it is kept for the next boot.
    public var isKept: Bool
    /// A change.
    public init(_ path: String, from: String?, to: String, isKept: Bool = true) {
        self.path = path
        self.from = from
        self.to = to
        self.isKept = isKept
    }
    /// Writes below /sys, and a drop-in of tmpfiles.d where it is kept.
    public var kind: FixKind { .sysfs }
    /// The file's path.
    public var target: String { path }
    /// A write for now and, where it is kept, a line of the drop-in for the next boot.
    public var commands: [String] {
        var commands = ["echo \(to ?? "") > \(path)"]
        if isKept { commands.append("echo 'w \(path) - - - - \(to ?? "")' >> /etc/tmpfiles.d/90-nearmetal.conf") }
        return commands
    }
}

/// A reservation of huge pages of one size, on one node or on the host.
public struct HugePagesChange: Change, Hashable {
    /// Page size in KiB, as the kernel's folder names have it.
    public var pageKiB: UInt64
    /// Node; `nil` spreads them over all.
    public var node: Int?
    /// The number of pages reserved now, in decimal; `nil` where it could not be read.
    public var from: String?
    /// The number of pages wanted, in decimal.
    public var to: String?
    /// A change of the number of pages.
    public init(pageKiB: UInt64, node: Int?, from: Int?, to: Int) {
        self.pageKiB = pageKiB
        self.node = node
        self.from = from.map(String.init)
        self.to = String(to)
    }
    /// Writes `nr_hugepages` below /sys.
    public var kind: FixKind { .sysfs }
    /// The `nr_hugepages` file of the size, on the node or on the host.
    public var target: String {
        let place = node.map { "/sys/devices/system/node/node\($0)" } ?? "/sys/kernel/mm"
        return "\(place)/hugepages/hugepages-\(pageKiB)kB/nr_hugepages"
    }
    /// Compacts memory first, so that the pages can be found, then reserves them until the next boot.
    public var commands: [String] {
        [
            "echo 1 > /proc/sys/vm/compact_memory", "echo \(to ?? "0") > \(target)",
            "echo 'w \(target) - - - - \(to ?? "0")' >> /etc/tmpfiles.d/90-nearmetal.conf",
        ]
    }
}

/// A parameter of the kernel command line, or of Xen's, through the boot loader.
public struct KernelParameterChange: Change, Hashable {
    /// The parameter's name; for ordered pairs the whole text goes into ``to``.
    public var name: String
    /// The value on the command line; `nil` where the parameter is absent, empty for the bare word.
    public var from: String?
    /// The value wanted; `nil` takes the parameter away, empty writes the bare word.
    public var to: String?
    /// Xen's command line rather than the kernel's.
    public var isForXen: Bool
    /// A change; `to` `nil` takes the parameter away, an empty string writes the bare word.
    public init(_ name: String, from: String?, to: String?, isForXen: Bool = false) {
        self.name = name
        self.from = from
        self.to = to
        self.isForXen = isForXen
    }
    /// Edits the boot loader's configuration; it holds from the next boot on.
    public var kind: FixKind { .cmdline }
    /// The parameter's name, after the command line it stands on.
    public var target: String { (isForXen ? "xen command line: " : "kernel command line: ") + name }
    /// The line of /etc/default/grub in a comment, then the command that writes the boot menu.
    public var commands: [String] {
        let variable = isForXen ? "GRUB_CMDLINE_XEN_DEFAULT" : "GRUB_CMDLINE_LINUX_DEFAULT"
        let word = to.map { $0.isEmpty ? name : "\(name)=\($0)" }
        return [
            word.map { "# /etc/default/grub: \(variable)=\"… \($0)\"" }
                ?? "# /etc/default/grub: take \(name) out of \(variable)",
            "grub2-mkconfig -o /boot/grub2/grub.cfg   # Debian: update-grub",
        ]
    }
}

/// A systemd unit: enabled, disabled, or written.
public struct UnitChange: Change, Hashable {
    /// What is done with the unit.
    public enum Action: Sendable, Hashable {
        /// Starts it now and at each boot.
        case enable
        /// Stops it now and leaves it out at boot; others may still start it.
        case disable
        /// Stops it now and keeps anything from starting it.
        case mask
        /// Writes a unit file with this text, then enables it.
        case write(String)
    }
    /// The unit's name.
    public var unit: String
    /// What is done.
    public var action: Action
    /// The unit's state as systemd names it (`enabled`, `disabled`); `nil` where it has none.
    public var from: String?
    /// A change.
    public init(_ unit: String, _ action: Action, from: String? = nil) {
        self.unit = unit
        self.action = action
        self.from = from
    }
    /// Calls systemctl, and writes the unit's file where the action brings one.
    public var kind: FixKind { .unit }
    /// The unit's name.
    public var target: String { unit }
    /// The state wanted; for a written unit, its text.
    public var to: String? {
        switch action {
        case .enable: "enabled"
        case .disable: "disabled"
        case .mask: "masked"
        case .write(let text): text
        }
    }
    /// The systemctl calls, after the file's text where one is written.
    public var commands: [String] {
        switch action {
        case .enable: ["systemctl enable --now \(unit)"]
        case .disable: ["systemctl disable --now \(unit)"]
        case .mask: ["systemctl mask --now \(unit)"]
        case .write(let text):
            [
                "cat > /etc/systemd/system/\(unit) <<'EOF'\n\(text)EOF", "systemctl daemon-reload",
                "systemctl enable --now \(unit)",
            ]
        }
    }
}

/// A setting in another configuration file.
public struct FileChange: Change, Hashable {
    /// Absolute path.
    public var path: String
    /// The setting, as the file's own grammar names it: `autoballoon`, `/mnt/images options`.
    public var setting: String
    /// The setting's value in the file; `nil` where it is not set.
    public var from: String?
    /// The value wanted; `nil` where the setting is taken out.
    public var to: String?
    /// A change.
    public init(_ path: String, _ setting: String, from: String?, to: String?) {
        self.path = path
        self.setting = setting
        self.from = from
        self.to = to
    }
    /// Edits one setting of a configuration file.
    public var kind: FixKind { .file }
    /// The path and the setting.
    public var target: String { "\(path): \(setting)" }
    /// The edit in a comment: only a person knows the file's grammar.
    public var commands: [String] { ["# \(path): \(setting): \(from ?? "(not set)") → \(to ?? "(not set)")"] }
}
