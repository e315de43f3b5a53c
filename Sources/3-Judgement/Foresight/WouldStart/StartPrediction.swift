public import Quantities

/// Whether one guest would start if the host rebooted now.
public struct StartPrediction: Sendable {
    /// The answer.
    public enum Verdict: Sendable {
        /// Nothing known stands against it, and all that had to be known was.
        case starts
        /// It would not start; each reason by itself is enough.
        case fails([StartObstacle])
        /// Nothing known stands against it, and something that had to be known was not.
        case unknown([Unknown])
    }
    /// The guest's name.
    public var guest: String
    /// The file its definition was read from; `nil` where it came from libvirt.
    public var file: String?
    /// The answer.
    public var verdict: Verdict
    /// What does not keep it from starting and may harm it once it runs, or keeps it from starting at another moment.
    public var risks: [StartObstacle]
    /// What could not be told; also beside a failure.
    public var unknowns: [Unknown]
    /// Whether it starts with the host.
    public var autostart: Fact<Bool>
    /// Its place among the guests that start with the host, from 1; `nil` for those that do not.
    public var place: Int?

    /// Whether the answer is that it starts.
    public var starts: Bool {
        if case .starts = verdict { true } else { false }
    }
    /// Why it fails; empty where it does not.
    public var obstacles: [StartObstacle] {
        if case .fails(let obstacles) = verdict { obstacles } else { [] }
    }
}

/// One reason why a guest would not start.
public struct StartObstacle: Sendable, Hashable {
    /// The reasons, each in a file of `WouldStart/`.
    ///
    /// The text of each is kebab-case, forever.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// It is defined nowhere: a transient guest is gone with the reboot.
        case transient
        /// The definition is one that libvirt or QEMU refuses.
        case invalidDefinition = "invalid-definition"
        /// No KVM, another architecture, or no such hypervisor.
        case hypervisor
        /// The emulator is gone.
        case emulator
        /// The emulator has no such machine type.
        case machineType = "machine-type"
        /// The CPU model, mode or a feature is not to be had here.
        case cpuModel = "cpu-model"
        /// A pin names only CPUs that will not be there.
        case cpuPin = "cpu-pin"
        /// Memory is bound to nodes that are not there, or that have too little.
        case numaMemory = "numa-memory"
        /// Too few huge pages of a size.
        case hugePages = "huge-pages"
        /// No mount of hugetlbfs for a page size.
        case hugePagesMount = "huge-pages-mount"
        /// Too little memory when its turn comes.
        case memory
        /// `<hard_limit>` is too low for it.
        case hardLimit = "hard-limit"
        /// Asynchronous I/O is used up when its turn comes.
        case aio
        /// An image, or one it is backed by, is not there or cannot be read as what it is declared to be.
        case image
        /// Another guest has an image open.
        case imageLock = "image-lock"
        /// The kind of screen is not offered.
        case graphics
        /// The screen cannot listen where it is told to.
        case listenAddress = "listen-address"
        /// Another guest listens on its port.
        case portTaken = "port-taken"
        /// A device of the host that another guest has, or that cannot be assigned.
        case hostDevice = "host-device"
        /// The bridge or interface it is plugged into is not there.
        case networkInterface = "network-interface"
    }
    /// The reason.
    public var kind: Kind
    /// The device, node, CPU, page size or image that it is about; `nil` for the guest as a whole.
    public var part: String?
    /// What is wrong, in a sentence that names the values.
    public var what: Text
    /// Where it was seen.
    public var evidence: [ForesightEvidence]
    /// What to do.
    public var remedy: Text
    /// Exact commands, one a line.
    public var commands: [String]

    /// A reason.
    public init(
        _ kind: Kind, part: String? = nil, _ what: Text, evidence: [ForesightEvidence], remedy: Text,
        commands: [String] = []
    ) {
        self.kind = kind
        self.part = part
        self.what = what
        self.evidence = evidence
        self.remedy = remedy
        self.commands = commands
    }
}
