public import Quantities

/// systemd units, and tools that own settings.
public struct ServiceFacts: Sendable, Equatable {
    /// Unit names (`cups.service`) that a target wants: links below `etc/systemd/system/*.wants`.
    public var enabled: Fact<Set<String>> = .unexamined("/etc/systemd/system")
    /// Units that run now: `run/systemd/units` and cgroups of system.slice.
    public var active: Fact<Set<String>> = .unexamined("/run/systemd")
    /// The default target (`graphical.target`).
    public var defaultTarget: Fact<String> = .unexamined("/etc/systemd/system/default.target")
    /// Tools that tune this host.
    public var owners: Fact<[SettingOwner]> = .unexamined("/etc/tuned")
    /// Variables of `etc/ksmtuned.conf`.
    public var ksmtuned: Fact<[String: String]> = .unexamined("/etc/ksmtuned.conf")
    /// Nothing known yet.
    public init() {}

    /// The tool that owns a setting, with its profile; `nil` where none does.
    ///
    /// The setting may have several names: a sysctl key, absolute paths.
    public func owner(of names: String...) -> String? {
        owners.value?.first { names.contains(where: $0.owns) }.map { owner in
            owner.profile.map { "\(owner.tool.rawValue) (\($0))" } ?? owner.tool.rawValue
        }
    }
}

/// A tool that sets kernel settings by itself.
public struct SettingOwner: Sendable, Hashable {
    /// Which tool.
    public enum Tool: String, Sendable, Hashable { case tuned, saptune, ksmtuned, ksm }
    /// The tool.
    public var tool: Tool
    /// Its profile or notes, if it says so (`virtual-host`, `HANA`).
    public var profile: String?
    /// What it sets, as sysctl keys or absolute sysfs paths, which may hold wildcards (`/sys/block/*/queue/scheduler`); empty if that is not known.
    public var settings: Set<String>
    /// Whether it sets a sysctl key or sysfs path.
    public func owns(_ setting: String) -> Bool {
        settings.contains(setting) || settings.contains { $0.contains("*") && Wildcard($0).matches(setting) }
    }
    /// An owner.
    public init(_ tool: Tool, profile: String? = nil, settings: Set<String> = []) {
        self.tool = tool
        self.profile = profile
        self.settings = settings
    }
}

/// cgroup cpusets of guests.
public struct CgroupFacts: Sendable, Equatable {
    /// 1 or 2 (unified); 1 for hybrid hosts, whose controllers are version 1.
    public var version: Fact<Int> = .unexamined("/sys/fs/cgroup")
    /// cpusets of libvirt's scopes below machine.slice (or `machine/`, `libvirt/qemu`).
    public var guests: Fact<[GuestCgroup]> = .unexamined("/sys/fs/cgroup/machine.slice")
    /// CPUs of machine.slice, where limited.
    public var machineCPUs: Fact<CPUSet> = .unexamined("/sys/fs/cgroup/machine.slice/cpuset.cpus.effective")
    /// Nodes of machine.slice, where limited.
    public var machineMems: Fact<NodeSet> = .unexamined("/sys/fs/cgroup/machine.slice/cpuset.mems.effective")
    /// Nothing known yet.
    public init() {}
}

/// The cpuset of one part of a guest (a vCPU, the emulator, an I/O thread).
public struct GuestCgroup: Sendable, Hashable {
    /// The guest's name as libvirt gave it to machined (`qemu-4-web1` → `web1`).
    public var guest: String
    /// `emulator`, `vcpu0`, `iothread1`, or empty for the scope itself.
    public var part: String
    /// CPUs allowed.
    public var cpus: CPUSet
    /// Nodes allowed for memory.
    public var mems: NodeSet
    /// The folder it was read from.
    public var path: String
    /// A cgroup.
    public init(guest: String, part: String, cpus: CPUSet, mems: NodeSet, path: String = "") {
        self.guest = guest
        self.part = part
        self.cpus = cpus
        self.mems = mems
        self.path = path
    }
}

/// Running QEMU processes.
public struct ProcessFacts: Sendable, Equatable {
    /// Those whose program is a qemu-system.
    public var qemu: Fact<[QEMUProcess]> = .unexamined("/proc/*/cmdline")
    /// Nothing known yet.
    public init() {}
}

/// One QEMU process.
public struct QEMUProcess: Sendable, Hashable {
    /// Process number.
    public var pid: Int
    /// The program (`/usr/bin/qemu-system-x86_64`).
    public var program: String
    /// Its arguments, the program included.
    public var arguments: [String]
    /// The guest's name from `-name` (`guest=web1` or plain).
    public var name: String?
    /// The guest's UUID from `-uuid`.
    public var uuid: String?
    /// Resident memory (VmRSS).
    public var resident: Fact<ByteCount>
    /// Pages by node in bytes, from `numa_maps`.
    public var memoryByNode: Fact<[Int: ByteCount]>
    /// CPUs its main thread may use (`Cpus_allowed_list`).
    public var allowedCPUs: Fact<CPUSet>
    /// Nodes its memory may come from (`Mems_allowed_list`).
    public var allowedNodes: Fact<NodeSet>
    /// CPUs each thread may use, by the thread's name (`CPU 0/KVM`, `IO iothread1`).
    public var threads: Fact<[String: CPUSet]>
    /// A process.
    public init(
        pid: Int, program: String, arguments: [String], name: String? = nil, uuid: String? = nil,
        resident: Fact<ByteCount> = .unknown(Unknown(.missing, source: "status")),
        memoryByNode: Fact<[Int: ByteCount]> = .unknown(Unknown(.missing, source: "numa_maps")),
        allowedCPUs: Fact<CPUSet> = .unknown(Unknown(.missing, source: "status")),
        allowedNodes: Fact<NodeSet> = .unknown(Unknown(.missing, source: "status")),
        threads: Fact<[String: CPUSet]> = .unknown(Unknown(.missing, source: "task"))
    ) {
        self.pid = pid
        self.program = program
        self.arguments = arguments
        self.name = name
        self.uuid = uuid
        self.resident = resident
        self.memoryByNode = memoryByNode
        self.allowedCPUs = allowedCPUs
        self.allowedNodes = allowedNodes
        self.threads = threads
    }
    /// Whether libvirt started it: its `-name guest=…` and monitor below libvirt's folder.
    public var isLibvirts: Bool { arguments.contains { $0.contains("/libvirt/") || $0.hasPrefix("guest=") } }
}

/// Network interfaces.
public struct NetworkFacts: Sendable, Equatable {
    /// IPv4 addresses of interfaces other than `lo`, from `proc/net/fib_trie` and `proc/net/route`; empty says that there is none.
    public var ipv4Addresses: Fact<[String]> = .unexamined("/proc/net/fib_trie")
    /// Names of interfaces.
    public var interfaces: Fact<[String]> = .unexamined("/sys/class/net")
    /// Nothing known yet.
    public init() {}
}

/// What libvirt is configured to do.
public struct LibvirtConfigurationFacts: Sendable, Equatable {
    /// qemu.conf's settings as written (`spice_listen` → `::1`), strings without quotes; those not commented out.
    public var qemuConf: Fact<[String: String]> = .unexamined("/etc/libvirt/qemu.conf")
    /// Guests that start with the host: names of files in `etc/libvirt/qemu/autostart`, in order.
    public var autostart: Fact<[String]> = .unexamined("/etc/libvirt/qemu/autostart")
    /// Emulators below `usr/bin` and `usr/libexec` (`/usr/bin/qemu-system-x86_64`).
    public var emulators: Fact<Set<String>> = .unexamined("/usr/bin")
    /// Nothing known yet.
    public init() {}
}
