public import Quantities

/// The distribution and the versions of what matters on it.
public struct SystemFacts: Sendable, Equatable {
    /// From `etc/os-release`.
    public var distribution: Fact<Distribution> = .unexamined("/etc/os-release")
    /// The host's name.
    public var hostName: Fact<String> = .unexamined("/proc/sys/kernel/hostname")
    /// Seconds since boot, from `proc/uptime`.
    public var uptime: Fact<Double> = .unexamined("/proc/uptime")
    /// 1, 5 and 15 minute load averages, from `proc/loadavg`.
    public var loadAverages: Fact<[Double]> = .unexamined("/proc/loadavg")
    /// Whether root is read-only and changes go through `transactional-update` (SL Micro, Leap Micro).
    public var isTransactional: Fact<Bool> = .unexamined("transactional-update")
    /// Whether `sys/firmware/efi` is there.
    public var isEFI: Fact<Bool> = .unexamined("/sys/firmware/efi")

    /// Nothing known yet.
    public init() {}
}

/// os-release's words.
public struct Distribution: Sendable, Hashable {
    /// `ID`: `sles`, `opensuse-leap`, `debian`.
    public var id: String
    /// `ID_LIKE`, split.
    public var like: [String]
    /// `VERSION_ID`: `15.6`, `12`; empty on rolling releases.
    public var version: String
    /// `PRETTY_NAME`.
    public var name: String
    /// A distribution.
    public init(id: String, like: [String] = [], version: String = "", name: String = "") {
        self.id = id
        self.like = like
        self.version = version
        self.name = name.isEmpty ? id : name
    }
    /// SLES, openSUSE, SL Micro.
    public var isSUSE: Bool {
        id.hasPrefix("sle") || id.hasPrefix("opensuse") || id.hasPrefix("sl-") || like.contains("suse")
    }
}

/// Which hypervisors the host has, and whether this "host" is itself a guest.
public struct HypervisorFacts: Sendable, Equatable {
    /// A hypervisor in use on the host.
    public enum Kind: String, Sendable, Hashable, CaseIterable { case kvm, xen, virtualBox = "virtualbox", vmware }
    /// Those whose modules are loaded or whose interfaces exist.
    public var present: Fact<Set<Kind>> = .unexamined("/proc/modules")
    /// Whether `dev/kvm` exists.
    public var kvmDevice: Fact<Bool> = .unexamined("/dev/kvm")
    /// The hypervisor this machine runs under (`hypervisor` CPU flag, DMI), or `nil` on bare metal.
    public var under: Fact<String?> = .unexamined("/sys/class/dmi/id/sys_vendor")
    /// Xen dom0's command line, from `sys/hypervisor/properties` or boot configuration; known only under Xen.
    public var xenCommandLine: Fact<KernelCommandLine> = .unexamined("/sys/hypervisor")
    /// xl.conf's settings (`autoballoon` → `off`), from `etc/xen/xl.conf`.
    public var xlConfiguration: Fact<[String: String]> = .unexamined("/etc/xen/xl.conf")

    /// Nothing known yet.
    public init() {}
}
