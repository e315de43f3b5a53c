public import DiskImage
public import Inventory
public import Quantities

/// What a person says of a guest that is to be made; the rest is Nearmetal's choice.
public struct NewGuest: Sendable {
    /// What it boots from.
    public enum Start: Sendable, Hashable {
        /// A disk that has a system on it.
        case disk
        /// An installation from a CD image.
        case cdrom(String)
        /// A kernel of the host's.
        case kernel(String, initrd: String?, arguments: String?)
    }
    /// The system inside, as far as it matters to its devices.
    public enum OperatingSystem: String, Sendable, Hashable, CaseIterable { case linux, windows }
    /// A disk with what was asked for of it.
    public struct Disk: Sendable {
        /// The image as it is, or as it is going to be.
        public var image: ImageFacts
        /// Its absolute path.
        public var path: String
        /// What is asked for.
        public var wish: AddDisk.Wish
        /// A disk.
        public init(_ image: ImageFacts, at path: String, _ wish: AddDisk.Wish) {
            self.image = image
            self.path = path
            self.wish = wish
        }
    }

    /// Its name.
    public var name: String
    /// Memory at its start.
    public var memory: ByteCount
    /// vCPUs at its start.
    public var vcpus: Int
    /// How many vCPUs it may grow to.
    public var maximumVCPUs: Int?
    /// What it is for.
    public var workload: Workload
    /// Its disks.
    public var disks: [Disk] = []
    /// Networks with the addresses of their interfaces.
    public var networks: [(source: AddNIC.Source, mac: String)] = []
    /// What it boots from.
    public var start: Start = .disk
    /// The system inside.
    public var system: OperatingSystem = .linux
    /// `kvm` or `qemu`; `nil` takes kvm where the host has it.
    public var type: String?
    /// A machine type; `nil` takes the newest.
    public var machine: String?
    /// Whether its firmware is UEFI.
    public var isUEFI = false
    /// Whether it has a screen; `nil` gives one where somebody has to look.
    public var hasScreen: Bool?

    /// A guest of a name and a size.
    public init(name: String, memory: ByteCount, vcpus: Int, workload: Workload) {
        self.name = name
        self.memory = memory
        self.vcpus = vcpus
        self.workload = workload
    }
}
