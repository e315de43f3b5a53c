public import Quantities

/// Logical CPUs and how they are arranged.
public struct CPUFacts: Sendable, Equatable {
    /// CPUs the kernel runs on, from `sys/devices/system/cpu/online`.
    public var online: Fact<CPUSet> = .unexamined("/sys/devices/system/cpu/online")
    /// CPUs that are switched off.
    public var offline: Fact<CPUSet> = .unexamined("/sys/devices/system/cpu/offline")
    /// CPUs that are plugged in.
    public var present: Fact<CPUSet> = .unexamined("/sys/devices/system/cpu/present")
    /// CPUs that could ever be.
    public var possible: Fact<CPUSet> = .unexamined("/sys/devices/system/cpu/possible")
    /// CPUs kept from the scheduler (`isolcpus=`).
    public var isolated: Fact<CPUSet> = .unexamined("/sys/devices/system/cpu/isolated")
    /// Where each CPU sits, ascending by number.
    ///
    /// CPUs whose topology the kernel does not give are absent from it.
    public var topology: Fact<[LogicalProcessor]> = .unexamined("/sys/devices/system/cpu/cpu*/topology")
    /// Physical packages.
    public var sockets: Fact<Int> = .unexamined("/sys/devices/system/cpu/cpu*/topology")
    /// Physical cores in all, not per socket.
    public var cores: Fact<Int> = .unexamined("/sys/devices/system/cpu/cpu*/topology")
    /// Threads of one core (the most that any core has).
    public var threads: Fact<Int> = .unexamined("/sys/devices/system/cpu/cpu*/topology")
    /// Whether simultaneous multithreading is in force.
    public var smtActive: Fact<Bool> = .unexamined("/sys/devices/system/cpu/smt/active")
    /// Caches, each once.
    public var caches: Fact<[CPUCache]> = .unexamined("/sys/devices/system/cpu/cpu*/cache")
    /// Vendor as cpuinfo has it (`GenuineIntel`).
    public var vendor: Fact<String> = .unexamined("/proc/cpuinfo")
    /// Model name.
    public var model: Fact<String> = .unexamined("/proc/cpuinfo")
    /// Microcode revision (`0xd0003a5`), where the architecture has one.
    public var microcode: Fact<String> = .unexamined("/proc/cpuinfo")
    /// Flags (x86) or features (Arm).
    public var flags: Fact<Set<String>> = .unexamined("/proc/cpuinfo")
    /// Frequency governor of the first CPU that has one.
    public var governor: Fact<String> = .unexamined("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")

    /// Nothing known yet.
    public init() {}

    /// The hardware threads that share a CPU's core, itself included; `nil` where that is not known.
    public func siblings(of cpu: Int) -> CPUSet? {
        topology.value?.first { $0.id == cpu }.flatMap { $0.siblings.isEmpty ? nil : $0.siblings }
    }
}

/// Where one logical CPU sits.
public struct LogicalProcessor: Sendable, Hashable {
    /// The kernel's number.
    public var id: Int
    /// Physical package; `nil` where the kernel does not say.
    public var socket: Int?
    /// Die in the package.
    public var die: Int?
    /// L2/L3 cluster.
    public var cluster: Int?
    /// Core, unique only within its package (and die).
    public var core: Int?
    /// Threads of its core, itself included; empty where the kernel does not say.
    public var siblings: CPUSet
    /// NUMA node, where known.
    public var node: Int?
    /// s390: the book its socket sits in, within which the socket's number is unique.
    public var book: Int?
    /// s390: the drawer its book sits in.
    public var drawer: Int?
    /// A CPU.
    public init(
        id: Int, socket: Int? = nil, die: Int? = nil, cluster: Int? = nil, core: Int? = nil, siblings: CPUSet,
        node: Int? = nil,
        book: Int? = nil, drawer: Int? = nil
    ) {
        self.id = id
        self.socket = socket
        self.die = die
        self.cluster = cluster
        self.core = core
        self.siblings = siblings
        self.node = node
        self.book = book
        self.drawer = drawer
    }
}

/// One cache and the CPUs that share it.
public struct CPUCache: Sendable, Hashable {
    /// Its level: 1, 2, 3 and so on.
    public var level: Int
    /// `Data`, `Instruction` or `Unified`.
    public var type: String
    /// Its size; `nil` where the kernel does not say.
    public var size: ByteCount?
    /// CPUs that share it.
    public var cpus: CPUSet
    /// A cache.
    public init(level: Int, type: String, size: ByteCount?, cpus: CPUSet) {
        self.level = level
        self.type = type
        self.size = size
        self.cpus = cpus
    }
}

/// NUMA nodes.
public struct NUMAFacts: Sendable, Equatable {
    /// The nodes, ascending; `missing` where the kernel has no NUMA.
    public var nodes: Fact<[NUMANode]> = .unexamined("/sys/devices/system/node")
    /// Values of `proc/vmstat` that begin with `numa_`.
    public var statistics: Fact<[String: UInt64]> = .unexamined("/proc/vmstat")
    /// Scan parameters of automatic balancing in milliseconds and MiB: from debugfs (kernels ≥ 5.13) or, before, sysctl; keyed by
    /// `scan_delay_ms`, `scan_period_min_ms`, `scan_period_max_ms`, `scan_size_mb`.
    public var balancingScan: Fact<[String: UInt64]> = .unexamined("/sys/kernel/debug/sched/numa_balancing")

    /// Nothing known yet.
    public init() {}

    /// A node by its number.
    public func node(_ id: Int) -> NUMANode? { nodes.value?.first { $0.id == id } }
    /// The numbers of all nodes.
    public var ids: Fact<NodeSet> { nodes.map { NodeSet($0.map(\.id)) } }
    /// The node a CPU belongs to.
    public func node(ofCPU cpu: Int) -> Int? { nodes.value?.first { $0.cpus.contains(cpu) }?.id }
    /// The nodes that some CPUs belong to.
    public func nodes(of cpus: CPUSet) -> NodeSet {
        NodeSet((nodes.value ?? []).filter { !$0.cpus.isDisjoint(with: cpus) }.map(\.id))
    }
}

/// One NUMA node.
public struct NUMANode: Sendable, Hashable {
    /// The kernel's number.
    public var id: Int
    /// Its CPUs as the node's own list has them; empty for a node of memory only.
    public var cpus: CPUSet
    /// Why ``cpus`` could not be read (and is empty); `nil` where it could.
    public var unknownCPUs: Unknown?
    /// Its memory (MemTotal).
    public var memory: Fact<ByteCount>
    /// Its free memory.
    public var free: Fact<ByteCount>
    /// Distances to all nodes in ascending order of their numbers; 10 is local.
    public var distances: Fact<[Int]>
    /// Huge pages of each size that the kernel offers here, ascending by size.
    public var hugePages: Fact<[HugePagePool]>
    /// A node.
    public init(
        id: Int, cpus: CPUSet, memory: Fact<ByteCount>, free: Fact<ByteCount>? = nil,
        distances: Fact<[Int]> = .known([10]),
        hugePages: Fact<[HugePagePool]> = .known([])
    ) {
        self.id = id
        self.cpus = cpus
        self.memory = memory
        self.free = free ?? memory
        self.distances = distances
        self.hugePages = hugePages
    }
}

/// The pool of huge pages of one size, on a node or on the whole host.
public struct HugePagePool: Sendable, Hashable {
    /// Size of a page.
    public var size: ByteCount
    /// `nr_hugepages`: pages reserved.
    public var total: Int
    /// `free_hugepages`: pages nobody uses.
    public var free: Int
    /// `surplus_hugepages`: pages beyond the reservation.
    public var surplus: Int
    /// `resv_hugepages`: pages promised, not yet used; the host's pool only.
    public var reserved: Int
    /// `nr_overcommit_hugepages`: the most surplus pages; the host's pool only.
    public var overcommit: Int
    /// A pool.
    public init(size: ByteCount, total: Int, free: Int? = nil, surplus: Int = 0, reserved: Int = 0, overcommit: Int = 0)
    {
        self.size = size
        self.total = total
        self.free = free ?? total
        self.surplus = surplus
        self.reserved = reserved
        self.overcommit = overcommit
    }
}
