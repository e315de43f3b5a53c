public import DiskImage
public import DomainXML
public import HostFacts
public import Quantities

/// Everything one audit judges: a host, its guests, their images, and what the administrator set.
///
/// One value, gathered once.
public struct Estate: Sendable {
    /// The host; ``HostFacts/unexamined`` where only files are audited.
    public let host: HostFacts
    /// Whether the host is a subject of the audit (it is not where only definitions were given).
    public let hasHost: Bool
    /// The guests, in order of name.
    public let guests: [Guest]
    /// Images by absolute path: those guests name, and what these are backed by.
    ///
    /// An image that could not be opened is unknown.
    public let images: [String: Fact<ImageFacts>]
    /// Whether images were looked for at all.
    public let hasImages: Bool
    /// What libvirt says the host can do.
    public let capabilities: Fact<HypervisorCapabilities>
    /// What the hosts guests are to migrate to say they can do, by the name the settings give them.
    public let migrationTargets: [String: Fact<HypervisorCapabilities>]
    /// What the administrator set.
    public let settings: Settings
    /// The moment of the audit, in seconds since 1970.
    public let now: Int64
    /// What there is to know of backups and measurements.
    public let history: HistoryFacts
    /// What follows from several subjects together; computed once.
    public let relations: Relations

    /// An estate.
    public init(
        host: HostFacts, hasHost: Bool = true, guests: [Guest], images: [String: Fact<ImageFacts>] = [:],
        hasImages: Bool = false,
        capabilities: Fact<HypervisorCapabilities> = .unknown(
            Unknown(.notExamined, source: "capabilities", remedy: Guest.connect)),
        migrationTargets: [String: Fact<HypervisorCapabilities>] = [:], settings: Settings = Settings(), now: Int64 = 0,
        history: HistoryFacts = HistoryFacts()
    ) {
        self.host = host
        self.hasHost = hasHost
        self.guests = guests
        self.images = images
        self.hasImages = hasImages
        self.capabilities = capabilities
        self.migrationTargets = migrationTargets
        self.settings = settings
        self.now = now
        self.history = history
        relations = Relations(host: host, guests: guests, images: images)
    }

    /// Guests that run now, as far as is known.
    public var activeGuests: [Guest] { relations.active.map { guests[$0] } }
}

/// What Nearmetal's own records and backup folders say.
public struct HistoryFacts: Sendable, Hashable {
    /// When a guest's definition was last backed up, by guest name, in seconds since 1970.
    public var definitionBackups: Fact<[String: Int64]> = .unknown(
        Unknown(
            .notExamined, source: "backup folders",
            remedy: Text(
                "Name the folders under `backup: folders:` in nearmetal.yaml",
                "在 nearmetal.yaml 的 `backup: folders:` 中列出备份目录")))
    /// When a disk was last backed up, by image path.
    public var diskBackups: Fact<[String: Int64]> = .unknown(
        Unknown(
            .notExamined, source: "backup folders",
            remedy: Text(
                "Name the folders under `backup: folders:` in nearmetal.yaml",
                "在 nearmetal.yaml 的 `backup: folders:` 中列出备份目录")))
    /// Changes that were applied without a measurement before and after, by transaction.
    public var unmeasuredChanges: Fact<[String]> = .unknown(
        Unknown(
            .missing, source: "/var/lib/nearmetal",
            remedy: Text("No change was applied with Nearmetal yet", "尚未用 Nearmetal 应用过任何更改")))
    /// Nothing known yet.
    public init() {}
}

/// What follows from several guests, or from guests and host, together.
///
/// Computed once, in time linear in the guests.
public struct Relations: Sendable {
    /// Indices of guests that run now.
    public let active: [Int]
    /// vCPUs of guests that run now.
    public let activeVCPUs: Int
    /// `<memory>` of guests that run now, in all.
    public let activeMemory: ByteCount
    /// Guests that use an image, by its path as written, in order; with whether they write to it and whether they share it.
    public let imageUsers: [String: [ImageUse]]
    /// Which guests use which images, and which image is backed by which.
    public let images: ImageRelations
    /// Number of dedicated pins (`vcpupin` to a single CPU) by host CPU: guest names.
    public let dedicatedPins: [Int: [String]]

    /// Indices of guests that run now, and of those whose state nobody asked: files say what is defined, not what runs.
    public let mayRun: [Int]
    /// What guests take of memory and huge pages, and which of them are alike.
    public let memory: MemoryRelations

    /// One guest's use of an image.
    public struct ImageUse: Sendable, Hashable {
        /// The guest.
        public var guest: String
        /// Target device (`vda`).
        public var target: String
        /// Opened for writing.
        public var isWriter: Bool
        /// `<shareable/>`.
        public var isShareable: Bool
    }

    init(host: HostFacts, guests: [Guest], images: [String: Fact<ImageFacts>] = [:]) {
        self.images = ImageRelations(guests: guests, images: images)
        mayRun = guests.indices.filter { guests[$0].mayRun }
        memory = MemoryRelations(host: host, guests: guests, images: images)
        active = guests.indices.filter { guests[$0].isActive }
        activeVCPUs = active.reduce(0) { $0 + (guests[$1].definition?.currentVCPUs ?? 0) }
        activeMemory = active.reduce(.zero) { $0 + (guests[$1].definition?.memory ?? .zero) }
        var users: [String: [ImageUse]] = [:]
        var pins: [Int: [String]] = [:]
        for guest in guests {
            guard let domain = guest.definition else { continue }
            for disk in domain.devices("disk") {
                guard let source = disk.first("source"), let path = source["file"] ?? source["dev"] else { continue }
                let isWriter =
                    disk.first("readonly") == nil && disk["device"] != "cdrom" && disk.first("transient") == nil
                users[path, default: []].append(
                    ImageUse(
                        guest: guest.name, target: disk.first("target")?["dev"] ?? "?", isWriter: isWriter,
                        isShareable: disk.first("shareable") != nil))
            }
            var seen = Set<Int>()
            for pin in domain.root.first("cputune")?.all("vcpupin") ?? [] {
                guard let set = pin["cpuset"].flatMap({ CPUSet(libvirt: $0) }), set.count == 1, let cpu = set.first
                else {
                    continue
                }
                if seen.insert(cpu).inserted { pins[cpu, default: []].append(guest.name) }
            }
        }
        imageUsers = users
        dedicatedPins = pins
    }
}
