import Quantities

/// Everything the practices read of a host, as it was at one moment.
///
/// Each part says what it could not read (``Fact``). ``unexamined`` is a host nobody looked at: every fact is unknown.
public struct HostFacts: Sendable, Equatable {
    /// The folder the facts were read below: `/` for the live machine, else a captured tree; `nil` if nobody looked.
    public var root: String?
    /// Kernel release, command line, modules and their parameters.
    public var kernel = KernelFacts()
    /// Distribution and other software of the system.
    public var system = SystemFacts()
    /// Which hypervisors are there.
    public var hypervisor = HypervisorFacts()
    /// Logical CPUs and how they are arranged.
    public var cpu = CPUFacts()
    /// NUMA nodes.
    public var numa = NUMAFacts()
    /// Memory, huge pages, THP, KSM, swap.
    public var memory = MemoryFacts()
    /// Kernel settings below /proc/sys.
    public var sysctl = SysctlFacts()
    /// Disks, mounts, NFS, multipath.
    public var storage = StorageFacts()
    /// What the boot loader will give the next kernel.
    public var boot = BootFacts()
    /// cgroup cpusets of guests.
    public var cgroups = CgroupFacts()
    /// systemd units and who owns settings.
    public var services = ServiceFacts()
    /// Running QEMU processes.
    public var processes = ProcessFacts()
    /// Network interfaces.
    public var network = NetworkFacts()
    /// What libvirt is configured to do, from /etc/libvirt.
    public var libvirt = LibvirtConfigurationFacts()

    /// A host nobody looked at.
    public static let unexamined = HostFacts()

    /// Nothing known yet.
    public init() {}
}

extension Fact {
    /// Unknown because nobody looked.
    static func unexamined(_ source: String) -> Fact { .unknown(Unknown(.notExamined, source: source)) }
}
