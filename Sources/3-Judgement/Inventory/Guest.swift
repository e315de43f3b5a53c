public import DomainXML
public import Quantities

/// A guest: its definitions, and what is known of it while it runs.
public struct Guest: Sendable {
    /// States libvirt tells apart.
    public enum State: String, Sendable, Hashable {
        case running, blocked, paused, shuttingDown = "shutting-down", shutOff = "shut-off", crashed, suspended
        /// Whether it holds memory and CPUs of the host.
        public var isActive: Bool { self != .shutOff && self != .crashed }
    }
    /// Where a definition came from.
    public enum Origin: Sendable, Hashable {
        /// A file.
        case file(String)
        /// A libvirt connection.
        case libvirt(String)
        /// Nearmetal's own example.
        case example
    }

    /// The file its definition was read from; `nil` where it came from libvirt or the example.
    public var file: String? {
        if case .file(let path) = origin { path } else { nil }
    }

    /// Its name, unique on a host; for files without one the file's name.
    public var name: String
    /// Where it came from.
    public var origin: Origin
    /// What holds at its next start; `nil` for a transient guest, which has no next start.
    public var persistent: DomainDefinition?
    /// What holds while it runs; `nil` while it does not.
    public var live: DomainDefinition?
    /// Its state.
    public var state: Fact<State> = .unknown(Unknown(.notExamined, source: "virDomainGetState", remedy: Guest.connect))
    /// Whether it starts with the host.
    public var isAutostart: Fact<Bool> = .unknown(
        Unknown(.notExamined, source: "virDomainGetAutostart", remedy: Guest.connect))
    /// Statistics of a running guest.
    public var statistics: Fact<GuestStatistics> = .unknown(
        Unknown(.notExamined, source: "virConnectGetAllDomainStats", remedy: Guest.connect))
    /// libvirt's own messages: what taints it, what is deprecated in it.
    public var messages: Fact<[String]> = .unknown(
        Unknown(.notExamined, source: "virDomainGetMessages", remedy: Guest.connect))
    /// What its agent told of the inside.
    public var inside: Fact<InsideFacts> = .unknown(
        Unknown(
            .notExamined, source: "guest agent",
            remedy: Text("Run a guest agent in the guest and use --inside", "在客户机中运行 guest agent 并使用 --inside")))
    /// The workload, from metadata or configuration.
    public var workload: Workload = .general

    /// What to do to have libvirt asked.
    public static let connect = Text(
        "Ask libvirt: nearmetal check --connect URI", "连接 libvirt:nearmetal check --connect URI")

    /// A guest.
    public init(name: String, origin: Origin, persistent: DomainDefinition?, live: DomainDefinition? = nil) {
        self.name = name
        self.origin = origin
        self.persistent = persistent
        self.live = live
    }

    /// Whether it runs, as far as is known.
    public var isActive: Bool { live != nil || state.value?.isActive == true }
    /// The definition that tells most of the guest as it is: the live one, else the persistent.
    public var definition: DomainDefinition? { live ?? persistent }
}

/// What a guest is for: advice depends on it.
public enum Workload: String, Sendable, Hashable, CaseIterable {
    case general, database, latency, compute, storage, web, homogeneous
    case singleThreaded = "single-threaded"
}

/// Statistics of a running guest, from one bulk call.
///
/// What libvirt did not give is `nil`: it is not zero.
public struct GuestStatistics: Sendable, Hashable {
    /// CPU time of the whole guest in nanoseconds.
    public var cpuTime: UInt64?
    /// Mean load of its vCPUs, from 0 to 1, over the time observed; `nil` where it was not measured.
    public var load: Double?
    /// vCPUs in use.
    public var vcpus: Int?
    /// What the balloon leaves it.
    public var balloonCurrent: ByteCount?
    /// Resident memory of its process.
    public var resident: ByteCount?
    /// What the guest itself counts as usable.
    public var usable: ByteCount?
    /// Memory the guest has unused.
    public var unused: ByteCount?
    /// Disks, in order.
    public var disks: [DiskStatistics] = []
    /// Statistics.
    public init() {}

    /// Statistics of one disk since the guest started.
    public struct DiskStatistics: Sendable, Hashable {
        /// Target (`vda`).
        public var target: String
        /// Source path, where it is a file or device.
        public var path: String?
        /// Requests.
        public var reads: UInt64?
        /// Requests.
        public var writes: UInt64?
        /// Bytes.
        public var bytesRead: UInt64?
        /// Bytes.
        public var bytesWritten: UInt64?
        /// Size the guest sees.
        public var capacity: ByteCount?
        /// What the image takes.
        public var allocation: ByteCount?
        /// A disk.
        public init(target: String, path: String? = nil) {
            self.target = target
            self.path = path
        }
    }
}

/// What a guest agent told of the inside of a guest.
///
/// Not trusted: sizes are bounded where it is read.
public struct InsideFacts: Sendable, Hashable {
    /// Chosen scheduler of each block device inside (`vda` → `none`).
    public var schedulers: Fact<[String: String]>
    /// Drivers bound to virtio devices, by device (`virtio0` → `virtio_blk`); a device without one maps to an empty string.
    public var virtioDrivers: Fact<[String: String]>
    /// `rng_current`; empty where none is chosen.
    public var rngCurrent: Fact<String>
    /// `rng_available`.
    public var rngAvailable: Fact<[String]>
    /// Kernel release inside.
    public var kernelRelease: Fact<String>
    /// Services that run or are enabled inside.
    public var services: Fact<Set<String>>
    /// The agent's version.
    public var agentVersion: Fact<String> = .unknown(Unknown(.notExamined, source: "guest agent: guest-info"))
    /// The operating system, as it names itself (`SUSE Linux Enterprise Server 15 SP6`).
    public var system: Fact<String> = .unknown(Unknown(.notExamined, source: "guest agent: guest-get-osinfo"))
    /// Serial numbers of the disks the guest sees.
    public var diskSerials: Fact<[String]> = .unknown(Unknown(.notExamined, source: "guest agent: guest-get-disks"))
    /// Facts of the inside.
    public init(
        schedulers: Fact<[String: String]>, virtioDrivers: Fact<[String: String]>, rngCurrent: Fact<String>,
        rngAvailable: Fact<[String]>, kernelRelease: Fact<String>, services: Fact<Set<String>>
    ) {
        self.schedulers = schedulers
        self.virtioDrivers = virtioDrivers
        self.rngCurrent = rngCurrent
        self.rngAvailable = rngAvailable
        self.kernelRelease = kernelRelease
        self.services = services
    }
}
