/// A kernel setting: now, and in a drop-in of sysctl.d for the next boot.
public struct SysctlChange: Change, Hashable {
    /// Dotted key.
    public var key: String
    public var from: String?
    public var to: String?
    /// A change.
    public init(_ key: String, from: String?, to: String) {
        self.key = key
        self.from = from
        self.to = to
    }
    public var kind: FixKind { .sysctl }
    public var target: String { key }
    public var commands: [String] {
        ["sysctl -w \(key)='\(to ?? "")'", "echo '\(key) = \(to ?? "")' >> /etc/sysctl.d/90-nearmetal.conf"]
    }
}

/// A file below /sys: now, and in a drop-in of tmpfiles.d for the next boot.
public struct SysfsChange: Change, Hashable {
    /// Absolute path.
    public var path: String
    public var from: String?
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
    public var kind: FixKind { .sysfs }
    public var target: String { path }
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
    public var from: String?
    public var to: String?
    /// A change of the number of pages.
    public init(pageKiB: UInt64, node: Int?, from: Int?, to: Int) {
        self.pageKiB = pageKiB
        self.node = node
        self.from = from.map(String.init)
        self.to = String(to)
    }
    public var kind: FixKind { .sysfs }
    public var target: String {
        let place = node.map { "/sys/devices/system/node/node\($0)" } ?? "/sys/kernel/mm"
        return "\(place)/hugepages/hugepages-\(pageKiB)kB/nr_hugepages"
    }
    public var commands: [String] {
        ["echo 1 > /proc/sys/vm/compact_memory", "echo \(to ?? "0") > \(target)"]
    }
}

/// A parameter of the kernel command line, or of Xen's, through the boot loader.
public struct KernelParameterChange: Change, Hashable {
    /// The parameter's name; for ordered pairs the whole text goes into ``to``.
    public var name: String
    public var from: String?
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
    public var kind: FixKind { .cmdline }
    public var target: String { (isForXen ? "xen command line: " : "kernel command line: ") + name }
    public var commands: [String] {
        let variable = isForXen ? "GRUB_CMDLINE_XEN_DEFAULT" : "GRUB_CMDLINE_LINUX_DEFAULT"
        let word = to.map { $0.isEmpty ? name : "\(name)=\($0)" }
        return [
            word.map { "# /etc/default/grub: \(variable)=\"… \($0)\"" } ?? "# /etc/default/grub: take \(name) out of \(variable)",
            "grub2-mkconfig -o /boot/grub2/grub.cfg   # Debian: update-grub",
        ]
    }
}

/// A systemd unit: enabled, disabled, or written.
public struct UnitChange: Change, Hashable {
    /// What is done with the unit.
    public enum Action: Sendable, Hashable {
        case enable, disable, mask
        /// Writes a unit file with this text, then enables it.
        case write(String)
    }
    /// The unit's name.
    public var unit: String
    /// What is done.
    public var action: Action
    public var from: String?
    /// A change.
    public init(_ unit: String, _ action: Action, from: String? = nil) {
        self.unit = unit
        self.action = action
        self.from = from
    }
    public var kind: FixKind { .unit }
    public var target: String { unit }
    public var to: String? {
        switch action {
        case .enable: "enabled"
        case .disable: "disabled"
        case .mask: "masked"
        case .write(let text): text
        }
    }
    public var commands: [String] {
        switch action {
        case .enable: ["systemctl enable --now \(unit)"]
        case .disable: ["systemctl disable --now \(unit)"]
        case .mask: ["systemctl mask --now \(unit)"]
        case .write(let text):
            ["cat > /etc/systemd/system/\(unit) <<'EOF'\n\(text)EOF", "systemctl daemon-reload", "systemctl enable --now \(unit)"]
        }
    }
}

/// A setting in another configuration file.
public struct FileChange: Change, Hashable {
    /// Absolute path.
    public var path: String
    /// The setting, as the file's own grammar names it: `autoballoon`, `/mnt/images options`.
    public var setting: String
    public var from: String?
    public var to: String?
    /// A change.
    public init(_ path: String, _ setting: String, from: String?, to: String?) {
        self.path = path
        self.setting = setting
        self.from = from
        self.to = to
    }
    public var kind: FixKind { .file }
    public var target: String { "\(path): \(setting)" }
    public var commands: [String] { ["# \(path): \(setting): \(from ?? "(not set)") → \(to ?? "(not set)")"] }
}
