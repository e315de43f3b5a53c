/// What a libvirt host says it can do: `<capabilities>` and `<domainCapabilities>` together.
public struct HypervisorCapabilities: Sendable, Equatable {
    /// libvirt's version as major, minor, micro; `nil` where it is not said (capabilities read from a file).
    public var libvirtVersion: SoftwareVersion?
    /// QEMU's (or Xen's) version.
    public var hypervisorVersion: SoftwareVersion?
    /// The driver: `QEMU`, `Xen`, `Test`.
    public var driver: String?
    /// Kinds of guest the host can run: one for each architecture, domain type and emulator.
    public var guests: [GuestSupport] = []
    /// Models a guest's CPU can have here, by name, with whether QEMU can really give it (`usable`).
    public var cpuModels: [String: Bool] = [:]
    /// `host-passthrough`, `host-model`, `maximum`, `custom`, as far as supported.
    public var cpuModes: Set<String> = []
    /// The host's own CPU model and the features beyond it, as host-model would give them.
    public var hostModel: String?
    /// Features of ``hostModel`` by policy `require`.
    public var hostFeatures: Set<String> = []
    /// The migratable microcode revision, where said.
    public var microcode: String?
    /// Graphics types (`vnc`, `spice`) this QEMU offers; `nil` where domain capabilities do not say.
    public var graphicsTypes: Set<String>?
    /// Whether io_uring, iothreads and other features are offered, by element name of `<domainCapabilities>`.
    public var features: [String: Bool] = [:]
    /// Nothing known yet.
    public init() {}

    /// What the host offers for an architecture and domain type; the emulator narrows it where given.
    public func support(architecture: String?, type: String, emulator: String? = nil) -> GuestSupport? {
        guests.first {
            (architecture == nil || $0.architecture == architecture) && $0.type == type
                && (emulator == nil || $0.emulator == emulator)
        }
    }
}

/// One kind of guest a host can run.
public struct GuestSupport: Sendable, Equatable {
    /// `x86_64`.
    public var architecture: String
    /// `kvm`, `qemu`, `xen`.
    public var type: String
    /// `hvm`, `xen`, `exe`.
    public var osType: String
    /// Path of the emulator.
    public var emulator: String?
    /// Machine types.
    public var machines: [MachineType]
    /// A kind of guest.
    public init(architecture: String, type: String, osType: String = "hvm", emulator: String?, machines: [MachineType])
    {
        self.architecture = architecture
        self.type = type
        self.osType = osType
        self.emulator = emulator
        self.machines = machines
    }
}

/// A machine type of an emulator.
public struct MachineType: Sendable, Hashable {
    /// `pc-q35-8.2`, or an alias such as `q35`.
    public var name: String
    /// What the alias stands for.
    public var canonical: String?
    /// The most vCPUs.
    public var maxCPUs: Int?
    /// Whether QEMU says it will go.
    public var isDeprecated: Bool
    /// A machine type.
    public init(name: String, canonical: String? = nil, maxCPUs: Int? = nil, isDeprecated: Bool = false) {
        self.name = name
        self.canonical = canonical
        self.maxCPUs = maxCPUs
        self.isDeprecated = isDeprecated
    }
}

/// Three numbers of a release.
public struct SoftwareVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first number.
    public var major: Int
    /// The second.
    public var minor: Int
    /// The third.
    public var micro: Int
    /// A version.
    public init(_ major: Int, _ minor: Int = 0, _ micro: Int = 0) {
        self.major = major
        self.minor = minor
        self.micro = micro
    }
    /// libvirt's number: 1,000,000 × major + 1,000 × minor + micro.
    public init(encoded: UInt) {
        self.init(Int(encoded / 1_000_000), Int(encoded / 1_000 % 1_000), Int(encoded % 1_000))
    }
    /// Older is less.
    public static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.major, lhs.minor, lhs.micro) < (rhs.major, rhs.minor, rhs.micro)
    }
    /// `8.2.2`.
    public var description: String { "\(major).\(minor).\(micro)" }
}
