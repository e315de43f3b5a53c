public import Quantities

/// Disks, mounts, NFS, multipath.
public struct StorageFacts: Sendable, Equatable {
    /// Whole disks and mapped devices, by name, from `sys/block`.
    public var disks: Fact<[BlockDevice]> = .unexamined("/sys/block")
    /// Mounts in order, from `proc/self/mountinfo` (else `proc/mounts`).
    public var mounts: Fact<[Mount]> = .unexamined("/proc/self/mountinfo")
    /// Mounts that fstab asks for.
    public var fstab: Fact<[Mount]> = .unexamined("/etc/fstab")
    /// NFS client: RPC calls and retransmissions, from `proc/net/rpc/nfs`; `missing` where no NFS client is loaded.
    public var nfsClient: Fact<NFSClientStatistics> = .unexamined("/proc/net/rpc/nfs")
    /// NFS server: threads, from `proc/net/rpc/nfsd` or `proc/fs/nfsd/threads`; `missing` where there is no server.
    public var nfsServer: Fact<NFSServerStatistics> = .unexamined("/proc/net/rpc/nfsd")
    /// Threads that the NFS server will start with: `threads` of `[nfsd]` in nfs.conf and nfs.conf.d, else `USE_KERNEL_NFSD_NUMBER` of sysconfig/nfs;
    /// `missing` where nothing is set.
    public var nfsServerThreads: Fact<ConfiguredSysctl> = .unexamined("/etc/nfs.conf")
    /// Multipath maps.
    public var multipath: Fact<[MultipathMap]> = .unexamined("multipath maps")

    /// Nothing known yet.
    public init() {}

    /// The mount a path lies on: the longest mount point that is a prefix of it; the last mounted wins among equals.
    public func mount(of path: String) -> Mount? {
        var best: Mount?
        for mount in mounts.value ?? []
        where mount.contains(path) && mount.path.utf8.count >= (best?.path.utf8.count ?? 0) { best = mount }
        return best
    }

    /// The disks a path lies on in the end: of a block device itself, or of the file system a file lies on, through
    /// partitions, LVM, dm and multipath down to devices that have no others below.
    ///
    /// Empty where there is no such disk (NFS, tmpfs); `nil` where it is unknown.
    public func disks(under path: String) -> [BlockDevice]? {
        guard let disks = disks.value else { return nil }
        let source = path.hasPrefix("/dev/") ? path : mount(of: path)?.source
        guard let source else { return mounts.value == nil ? nil : [] }
        guard let device = disks.first(where: { $0.owns(source) }) else { return source.hasPrefix("/dev/") ? nil : [] }
        var found: [BlockDevice] = []
        var visited: Set<String> = []
        func descend(_ device: BlockDevice) {
            guard visited.insert(device.name).inserted else { return }
            let below = device.slaves.compactMap { slave in
                disks.first { $0.name == slave || $0.partitions.contains(slave) }
            }
            if below.isEmpty { found.append(device) } else { below.forEach(descend) }
        }
        descend(device)
        return found
    }
}

/// A block device of `sys/block`.
public struct BlockDevice: Sendable, Hashable {
    /// Kernel name: `sda`, `nvme0n1`, `dm-3`, `md0`, `loop2`.
    public var name: String
    /// The scheduler in brackets; `nil` where the device has none (dm, loop: they have no queue of their own).
    public var scheduler: Fact<String>
    /// Schedulers to choose from.
    public var schedulers: [String]
    /// Spinning or not.
    public var isRotational: Fact<Bool>
    /// Size.
    public var size: Fact<ByteCount>
    /// `queue/nr_requests`.
    public var requests: Fact<Int>
    /// Whether the device takes discards (`discard_max_bytes` > 0).
    public var discards: Fact<Bool>
    /// Its partitions' names.
    public var partitions: [String]
    /// Devices it is made of (`slaves/`): disks or partitions.
    public var slaves: [String]
    /// Device-mapper name (`system-root`, `storage1`), for dm devices.
    public var mapperName: String?
    /// Device-mapper UUID (`LVM-…`, `mpath-3600…`, `CRYPT-…`), for dm devices.
    public var mapperUUID: String?
    /// Other names: symbolic links below /dev that lead here or to a partition.
    public var links: [String]
    /// Model, where the device tells.
    public var model: String?
    /// A block device.
    public init(
        name: String, scheduler: Fact<String> = .unknown(Unknown(.missing, source: "queue/scheduler")),
        schedulers: [String] = [],
        isRotational: Fact<Bool> = .known(false), size: Fact<ByteCount> = .unknown(Unknown(.missing, source: "size")),
        requests: Fact<Int> = .unknown(Unknown(.missing, source: "queue/nr_requests")),
        discards: Fact<Bool> = .unknown(Unknown(.missing, source: "queue/discard_max_bytes")),
        partitions: [String] = [],
        slaves: [String] = [], mapperName: String? = nil, mapperUUID: String? = nil, links: [String] = [],
        model: String? = nil
    ) {
        self.name = name
        self.scheduler = scheduler
        self.schedulers = schedulers
        self.isRotational = isRotational
        self.size = size
        self.requests = requests
        self.discards = discards
        self.partitions = partitions
        self.slaves = slaves
        self.mapperName = mapperName
        self.mapperUUID = mapperUUID
        self.links = links
        self.model = model
    }

    /// Non-volatile memory express: has queues of its own, wants no scheduler.
    public var isNVMe: Bool { name.hasPrefix("nvme") }

    /// Whether a path below /dev names this device or one of its partitions.
    public func owns(_ path: String) -> Bool {
        guard path.hasPrefix("/dev/") else { return false }
        let base = String(path.dropFirst(5))
        if base == name || partitions.contains(base) || links.contains(path) { return true }
        guard let mapperName, base.hasPrefix("mapper/") else { return false }
        return base.dropFirst(7) == mapperName
    }
}

/// A mount, or a line of fstab.
public struct Mount: Sendable, Hashable {
    /// Device, export or pseudo source.
    public var source: String
    /// Mount point.
    public var path: String
    /// File system type.
    public var type: String
    /// Options in order, mount's and super block's together; `rsize=1048576` as one string.
    public var options: [String]
    /// A mount.
    public init(source: String, path: String, type: String, options: [String] = []) {
        self.source = source
        self.path = path
        self.type = type
        self.options = options
    }
    /// `nfs` or `nfs4`.
    public var isNFS: Bool { type == "nfs" || type == "nfs4" }
    /// The value of an option (`rsize`); empty for a bare word that stands there; `nil` if it does not.
    public func option(_ name: String) -> String? {
        for option in options.reversed() {
            if option == name { return "" }
            if option.hasPrefix(name + "=") { return String(option.dropFirst(name.count + 1)) }
        }
        return nil
    }
    /// Whether a path lies at or below the mount point.
    public func contains(_ path: String) -> Bool {
        self.path == "/" || path == self.path || path.hasPrefix(self.path + "/")
    }
}

/// NFS client's RPC statistics since boot.
public struct NFSClientStatistics: Sendable, Hashable {
    /// RPC calls.
    public var calls: UInt64
    /// Calls sent again.
    public var retransmissions: UInt64
    /// Statistics.
    public init(calls: UInt64, retransmissions: UInt64) {
        self.calls = calls
        self.retransmissions = retransmissions
    }
}

/// NFS server's statistics.
public struct NFSServerStatistics: Sendable, Hashable {
    /// Threads.
    public var threads: Int
    /// Connections taken (`net` line's last number), a hint at how many clients there are; `nil` where not said.
    public var connections: UInt64?
    /// Statistics.
    public init(threads: Int, connections: UInt64? = nil) {
        self.threads = threads
        self.connections = connections
    }
}

/// A multipath map.
public struct MultipathMap: Sendable, Hashable {
    /// Its name: an alias, `mpatha`, or the WWID itself.
    public var name: String
    /// World-wide identifier.
    public var wwid: String
    /// Its device (`dm-6`).
    public var device: String
    /// Paths (`sdg`, `sdh`).
    public var paths: [String]
    /// A map.
    public init(name: String, wwid: String, device: String, paths: [String] = []) {
        self.name = name
        self.wwid = wwid
        self.device = device
        self.paths = paths
    }
}
