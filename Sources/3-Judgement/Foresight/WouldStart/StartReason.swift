import DomainXML
import HostFacts
import Inventory
import Quantities

/// One reason why a guest might not start: each is a file of this folder.
protocol StartReason: Sendable {
    /// Whether the answer depends on the guests that started before.
    var dependsOnOthers: Bool { get }
    /// Says what stands against the start of a guest, given what those before it hold.
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer)
}

extension StartReason {
    var dependsOnOthers: Bool { false }
}

/// What the reasons say of one guest.
struct StartAnswer {
    var obstacles: [StartObstacle] = []
    var risks: [StartObstacle] = []
    var unknowns: [Unknown] = []

    mutating func add(_ obstacle: StartObstacle) { obstacles.append(obstacle) }
    mutating func risk(_ obstacle: StartObstacle) {
        if !risks.contains(obstacle) { risks.append(obstacle) }
    }
    mutating func unknown(_ reason: Unknown?) {
        if let reason, !unknowns.contains(reason) { unknowns.append(reason) }
    }
}

/// A guest whose start is examined, with what it asks for; worked out once.
struct Candidate {
    let name: String
    let domain: DomainDefinition
    let disks: [Disk]
    let hugePages: HugePageDemand
    let memory: MemoryDemand
    let aioEvents: Int
    let images: [ImageNeed]

    init(_ name: String, _ domain: DomainDefinition, _ host: BootedHost) {
        self.name = name
        self.domain = domain
        disks = domain.disks
        hugePages = HugePageDemand(of: domain, on: host.pages)
        memory = MemoryDemand(of: domain, pages: host.pages)
        aioEvents = AIODemand(of: domain, qemu: host.qemu).events
        images = ImageNeed.needs(of: disks, in: host.estate)
    }

    /// Evidence in the definition: the element of a way of names, with a value.
    func evidence(_ element: Element?, _ value: String) -> ForesightEvidence {
        ForesightEvidence(element ?? domain.root, value)
    }
    var editCommand: String { "virsh edit \(name.shellWord)" }
}

/// What the guests that started earlier hold.
///
/// A guest that lacks a resource counts as if it had been given it: which of two guests comes first is not for certain (libvirt's order is not
/// fixed), and a guest that would only start because another failed is not one to rely on. So more pages or memory never turn a start into a failure.
struct HeldResources {
    var hugePages = HugePageTotals()
    var aioEvents = 0
    var memory = ByteCount.zero
    var images: [String: ImageHold] = [:]
    var ports: [Int: String] = [:]
    var devices: [String: String] = [:]
    var strictMemory: [NodeSet: ByteCount] = [:]
    /// Names of guests, in order.
    var guests: [String] = []

    /// Lets a guest start.
    mutating func admit(_ guest: Candidate) {
        hugePages.add(guest.hugePages)
        let (sum, overflow) = aioEvents.addingReportingOverflow(guest.aioEvents)
        aioEvents = overflow ? Int.max : sum
        memory += guest.memory.total
        for need in guest.images { images[need.key, default: ImageHold()].add(need, guest.name) }
        for port in PortTaken.fixedPorts(of: guest.domain) where ports[port.number] == nil {
            ports[port.number] = guest.name
        }
        for device in HostDeviceTaken.exclusiveDevices(of: guest.domain) where devices[device.source] == nil {
            devices[device.source] = guest.name
        }
        for bound in NUMAMemory.strictNeeds(of: guest) { strictMemory[bound.nodes, default: .zero] += bound.size }
        guests.append(guest.name)
    }
}
