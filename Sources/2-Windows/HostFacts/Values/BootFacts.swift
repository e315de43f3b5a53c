public import Quantities

/// What the boot loader will give the next kernel.
public struct BootFacts: Sendable, Equatable {
    /// A boot loader's way of configuration.
    public enum Loader: String, Sendable, Hashable, CaseIterable {
        /// `etc/default/grub` + `grub2-mkconfig` (SUSE, Red Hat).
        case grub2Mkconfig = "grub2-mkconfig"
        /// `etc/default/grub` + `update-grub` (Debian).
        case updateGrub = "update-grub"
        /// Boot loader specification entries with grubby (Red Hat).
        case grubby
        /// `etc/kernel/cmdline` + sdbootutil (openSUSE, SL Micro).
        case sdbootutil
        /// SLE 11's `boot/grub/menu.lst`.
        case menuLst = "menu.lst"
        /// s390's zipl.
        case zipl
    }
    /// The loader found.
    public var loader: Fact<Loader> = .unexamined("boot loader")
    /// Parameters the next kernel will get, as the loader's own configuration (generated menu or entry) has them, `root=` and its like included.
    public var nextCommandLine: Fact<KernelCommandLine> = .unexamined("boot loader")
    /// The file that ``nextCommandLine`` was read from.
    public var nextSource: String?
    /// Parameters written by the administrator (`GRUB_CMDLINE_LINUX` and `_DEFAULT`, `etc/kernel/cmdline`).
    public var configured: Fact<KernelCommandLine> = .unexamined("/etc/default/grub")
    /// The file that ``configured`` was read from.
    public var configuredSource: String?
    /// Xen's own parameters (`GRUB_CMDLINE_XEN` and `_DEFAULT`).
    public var configuredXen: Fact<KernelCommandLine> = .unexamined("/etc/default/grub")
    /// What tmpfiles.d writes into files at boot (lines of type `w`), by the file's absolute path; of each file of a name the one that wins (`/etc` before
    /// `/run` before `/usr/lib`).
    public var tmpfiles: Fact<[String: ConfiguredSysctl]> = .unexamined("/etc/tmpfiles.d")
    /// Nothing known yet.
    public init() {}
}
