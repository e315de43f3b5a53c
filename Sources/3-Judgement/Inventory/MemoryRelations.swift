public import DiskImage
public import DomainXML
public import HostFacts
public import Quantities

/// What all guests take of the host's memory together, and which are alike.
///
/// Computed once, in time linear in the guests.
public struct MemoryRelations: Sendable {
    /// Page sizes in force.
    public let pages: HostPageSizes
    /// Huge pages of guests that run.
    public let hugePagesRunning: HugePageTotals
    /// Huge pages of guests that are defined and known not to run.
    public let hugePagesStopped: HugePageTotals
    /// Huge pages of guests whose state nobody asked.
    public let hugePagesUnasked: HugePageTotals
    /// Huge pages of every guest as it will start next, with sizes as the next boot has them.
    public let hugePagesDefined: HugePageTotals
    /// Whether any definition, live or persistent, asks for huge pages.
    public var usesHugePages: Bool {
        !(hugePagesRunning.isEmpty && hugePagesStopped.isEmpty && hugePagesUnasked.isEmpty && hugePagesDefined.isEmpty)
    }
    /// Names of guests that ask for huge pages, in order; at most ten.
    public let hugePageGuests: [String]
    /// Memory of guests that run.
    public let running: Sum
    /// Memory of guests that start with the host: those that run, those with autostart, and those of which neither was asked.
    public let starting: Sum
    /// How many guests that may run KSM could merge have a key of ``likeness(of:images:)``.
    public let alike: [String: Int]
    /// Guests that may run and that KSM could merge.
    public let mergeable: Int
    /// Of those, guests of which nothing tells what they are like.
    public let unlabelled: Int
    /// Running QEMU processes by the guest's UUID: positions in the host's list.
    private let processes: [String: Int]

    /// Memory of several guests.
    public struct Sum: Sendable, Hashable {
        /// How many.
        public var guests = 0
        /// RAM in ordinary pages.
        public var ordinary = ByteCount.zero
        /// RAM in huge pages.
        public var huge = ByteCount.zero
        /// QEMU's own memory.
        public var overhead = ByteCount.zero
        /// Guests whose definition says no size.
        public var unsized = 0
        /// Ordinary memory in all.
        public var total: ByteCount { ordinary + overhead }

        mutating func add(_ domain: DomainDefinition, _ demand: MemoryDemand) {
            guests += 1
            ordinary += demand.ordinary
            huge += demand.huge
            overhead += demand.overhead
            if domain.memory == nil, domain.initialMemory == nil { unsized += 1 }
        }
    }

    init(host: HostFacts, guests: [Guest], images: [String: Fact<ImageFacts>]) {
        let base = host.memory.pageSize.value ?? ByteCount(kibibytes: 4)
        let now = HostPageSizes(defaultHuge: host.memory.defaultHugePageSize.value, base: base)
        var later = now
        if case .known(let supply) = HugePageSupply.nextBoot(on: host) { later.defaultHuge = supply.defaultSize }
        var processes: [String: Int] = [:]
        for (index, process) in (host.processes.qemu.value ?? []).enumerated() {
            if let uuid = process.uuid { processes[uuid] = index }
        }
        var hugeRunning = HugePageTotals()
        var hugeStopped = HugePageTotals()
        var hugeUnasked = HugePageTotals()
        var hugeDefined = HugePageTotals()
        var names: [String] = []
        var running = Sum()
        var starting = Sum()
        var alike: [String: Int] = [:]
        var mergeable = 0
        var unlabelled = 0
        for guest in guests {
            guard let domain = guest.definition else { continue }
            var isHuge = false
            if domain.usesMemoryPages {
                let demand = HugePageDemand(of: domain, on: now)
                isHuge = !demand.isEmpty
                if guest.isActive {
                    hugeRunning.add(demand)
                } else if guest.mayRun {
                    hugeUnasked.add(demand)
                } else {
                    hugeStopped.add(demand)
                }
            }
            if let persistent = guest.persistent, persistent.usesMemoryPages {
                let demand = HugePageDemand(of: persistent, on: later)
                isHuge = isHuge || !demand.isEmpty
                hugeDefined.add(demand)
            }
            if isHuge, names.count < 10 { names.append(guest.name) }
            if guest.isActive {
                let resident = Self.resident(of: guest, domain, host, processes)
                running.add(
                    domain,
                    MemoryDemand(
                        of: domain, pages: now, balloon: guest.statistics.value?.balloonCurrent, resident: resident))
            }
            if guest.startsWithHost, let next = guest.persistent {
                starting.add(next, MemoryDemand(of: next, pages: later))
            }
            if guest.mayRun, domain.isQEMU, domain.unmergeable == nil {
                mergeable += 1
                let keys = Self.likeness(of: guest, domain, images: images)
                if keys.isEmpty { unlabelled += 1 }
                for key in keys { alike[key, default: 0] += 1 }
            }
        }
        pages = now
        hugePagesRunning = hugeRunning
        hugePagesStopped = hugeStopped
        hugePagesUnasked = hugeUnasked
        hugePagesDefined = hugeDefined
        hugePageGuests = names
        self.running = running
        self.starting = starting
        self.alike = alike
        self.mergeable = mergeable
        self.unlabelled = unlabelled
        self.processes = processes
    }

    /// The process of a guest, found by its UUID.
    public func process(of domain: DomainDefinition, on host: HostFacts) -> QEMUProcess? {
        guard let uuid = domain.uuid, let index = processes[uuid], let all = host.processes.qemu.value,
            all.indices.contains(index)
        else { return nil }
        return all[index]
    }

    /// Resident memory of a guest's process: from libvirt's statistics, else from the process itself; `nil` where neither is known.
    public func resident(of guest: Guest, _ domain: DomainDefinition, on host: HostFacts) -> ByteCount? {
        guest.isActive ? Self.resident(of: guest, domain, host, processes) : nil
    }

    private static func resident(
        of guest: Guest, _ domain: DomainDefinition, _ host: HostFacts, _ processes: [String: Int]
    ) -> ByteCount? {
        if let resident = guest.statistics.value?.resident { return resident }
        guard let uuid = domain.uuid, let index = processes[uuid], let all = host.processes.qemu.value,
            all.indices.contains(index)
        else { return nil }
        return all[index].resident.value
    }

    /// What makes guests alike to KSM: their operating system as declared, the images they were made from, a workload of many like guests.
    public static func likeness(of guest: Guest, _ domain: DomainDefinition, images: [String: Fact<ImageFacts>])
        -> [String]
    {
        var keys: [String] = []
        if guest.workload == .homogeneous { keys.append("workload") }
        if let os = domain.osInfo { keys.append("os " + os) }
        for disk in domain.devices where disk.name == "disk" && disk["device"] != "cdrom" && disk.namespace == nil {
            let disk = Disk(disk)
            var base: String?
            if let written = disk.backingChain.last?.path {
                base = written
            } else if !images.isEmpty, var path = disk.path {
                for _ in 0..<16 {
                    guard let image = images[path]?.value, let backing = image.backingFile else { break }
                    path = Self.absolute(backing, beside: path)
                    base = path
                }
            }
            if let base { keys.append("image " + base) }
        }
        return keys
    }

    private static func absolute(_ path: String, beside other: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let slash = other.lastIndex(of: "/") else { return path }
        return other[...slash] + path
    }
}

extension Guest {
    /// Whether it runs, or nobody asked whether it does.
    public var mayRun: Bool { isActive || state.value == nil }
    /// Whether it is to be expected after the host's next boot: it runs now, has autostart, or neither was asked.
    public var startsWithHost: Bool {
        isActive || isAutostart.value == true || (state.value == nil && isAutostart.value == nil)
    }
}

extension DomainDefinition {
    /// A guest of QEMU, with KVM or without.
    public var isQEMU: Bool { type == "kvm" || type == "qemu" }
    /// Whether a page size stands anywhere in it.
    var usesMemoryPages: Bool { wantsHugePages || memoryDevices.contains { $0.pageSize != nil } }
}
