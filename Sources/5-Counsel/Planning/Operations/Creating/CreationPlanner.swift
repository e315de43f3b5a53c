public import Advisor
public import Changes
import DiskImage
import DomainXML
public import Inventory
import Practices
import Quantities

/// Plans a guest that does not exist yet: a definition in which the practices find nothing to better.
///
/// The practices themselves make it so; what they ask of a guest is written down once.
public struct CreationPlanner: Sendable {
    /// What is planned, and what is left.
    public struct Answer: Sendable {
        /// One step: the definition.
        public var plan: Plan
        /// The definition.
        public var definition: String
        /// What the practices still find in it, on this host.
        public var audit: Audit
    }

    private let states: any StateSource
    private let connection: String?

    /// A planner.
    ///
    /// - Parameters:
    ///   - states: tells what is there already.
    ///   - connection: the libvirt connection the guest is going to be of.
    public init(states: any StateSource, connection: String?) {
        self.states = states
        self.connection = connection
    }

    /// The plan.
    ///
    /// - Parameters:
    ///   - new: what is asked for.
    ///   - estate: the host, and the guests it has.
    ///
    /// - Returns: the plan with the definition.
    ///
    /// - Throws: why there can be no such guest.
    public func plan(_ new: NewGuest, in estate: Estate) async throws(Refusal) -> Answer {
        try Self.check(new, estate)
        let resource = Resource(.domain, new.name)
        switch await states.look(at: resource) {
        case .unknown(let reason): throw Refusal("\(new.name): \(reason.why.english)")
        case .known(let state):
            guard state.bytes == nil else {
                throw Refusal("there is a guest \(new.name) already", remedy: "Take another name")
            }
        }
        let support = try Self.support(new, estate)
        let usesHostModel = !estate.settings.migrationTargets.isEmpty
        let first = new.definition(support, usesHostModel: usesHostModel).description + "\n"
        let domain: DomainDefinition
        do { domain = try DomainDefinition(xml: first, path: new.name) } catch { throw Refusal("\(error)") }
        var guest = Guest(name: new.name, origin: .libvirt(connection ?? ""), persistent: domain)
        guest.state = .known(.shutOff)
        guest.workload = new.workload
        var images = estate.images
        for disk in new.disks where images[disk.path] == nil { images[disk.path] = .known(disk.image) }
        let with = Estate(
            host: estate.host, hasHost: estate.hasHost, guests: estate.guests + [guest], images: images,
            hasImages: estate.hasImages, capabilities: estate.capabilities, migrationTargets: estate.migrationTargets,
            settings: estate.settings, now: estate.now, history: estate.history)
        var selection = Advice.Selection()
        selection.guests = [Self.pattern(new.name)]
        // A guest that was not there has no backup to be old; one that is to be emulated is on purpose.
        selection.except = ["backup-fresh"] + (new.type == "qemu" ? ["tcg"] : [])
        let advice = Advice(selection, settings: estate.settings)
        let end = await Self.bettered(with, advice)
        guard let definition = end.persistent else { throw Refusal("there is no definition") }
        let text = String(decoding: definition.root.document.source, as: UTF8.self)
        var plan = Plan(root: "/", connection: connection)
        var notes: [Text] = []
        for disk in new.disks where disk.image.fileSize.value == nil {
            notes.append(Text("\(disk.path) is made; a rollback leaves it where it is", "将创建 \(disk.path);回滚不会删除它"))
        }
        plan.steps = [
            Step(
                resource, from: .absent, to: ResourceState(text: text),
                reasons: [
                    Step.Reason(
                        practice: "guests-under-libvirt", subject: new.name,
                        what: Text(
                            "asked for: a guest for the workload \(new.workload.rawValue)",
                            "要求:创建用于 \(new.workload.rawValue) 的客户机"),
                        tradeOff: Text("", ""))
                ], disrupts: .nothing, notes: notes)
        ]
        let audit = await advice.audit([with.guests.count - 1], of: with.with(guests: estate.guests + [end]))
        return Answer(plan: plan, definition: text, audit: audit)
    }

    /// The last guest with all the practices ask for; with huge pages only where the host has them now, since it would not start else.
    private static func bettered(_ estate: Estate, _ advice: Advice) async -> Guest {
        let whole = await GuestPlanner(advice: advice, without: [], requested: []).plan(estate)
        guard let last = whole.guests.last, last.persistent?.wantsHugePages == true, estate.hasHost else {
            return await GuestPlanner(advice: advice, without: [hugePages], requested: []).plan(estate).guests.last
                ?? estate.guests[estate.guests.count - 1]
        }
        var host = Advice.Selection()
        host.only = ["huge-pages-*"]
        let hostAdvice = Advice(host, settings: estate.settings)
        func errors(_ guests: [Guest]) async -> Set<String> {
            let audit = await hostAdvice.auditHost(estate.with(guests: guests))
            return Set(
                audit.results.flatMap(\.findings).filter { $0.finding.severity == .error }.map(\.finding.what.english))
        }
        let before = await errors(Array(estate.guests.dropLast()))
        let after = await errors(whole.guests.dropLast() + [last])
        if after.isSubset(of: before) { return last }
        return await GuestPlanner(advice: advice, without: [hugePages], requested: []).plan(estate).guests.last ?? last
    }

    private static let hugePages = "huge-pages-guest"

    /// Its name as a wildcard that matches nothing else.
    private static func pattern(_ name: String) -> String {
        name.map { "*?[".contains($0) ? "[\($0)]" : String($0) }.joined()
    }

    private static func check(_ new: NewGuest, _ estate: Estate) throws(Refusal) {
        guard new.memory > .zero else { throw Refusal("a guest needs memory") }
        guard new.vcpus > 0 else { throw Refusal("a guest needs at least 1 vCPU") }
        if let most = new.maximumVCPUs, most < new.vcpus {
            throw Refusal("the maximum, \(most), is less than the \(new.vcpus) vCPUs asked for")
        }
        if let total = estate.host.memory.total.value, new.memory > total {
            throw Refusal("\(new.memory) is more than the host's \(total)")
        }
        let most = max(new.vcpus, new.maximumVCPUs ?? 0)
        if let online = estate.host.cpu.online.value?.count, most > online {
            throw Refusal("\(most) vCPUs are more than the host's \(online) CPUs", remedy: "Ask for \(online) or fewer")
        }
        var targets = Set<String>()
        for disk in new.disks {
            if let target = disk.wish.target, !targets.insert(target).inserted {
                throw Refusal("two disks are called \(target)")
            }
            try AddDisk(disk.image, at: disk.path, disk.wish).refuseUsed(by: new.name, estate)
        }
        guard Set(new.disks.map(\.path)).count == new.disks.count else { throw Refusal("a disk is named twice") }
        for network in new.networks { try AddNIC(network.source, mac: network.mac).refuseTaken(estate) }
    }

    /// The kind of guest of those the host can run.
    private static func support(_ new: NewGuest, _ estate: Estate) throws(Refusal) -> GuestSupport {
        let capabilities: HypervisorCapabilities
        switch estate.capabilities {
        case .unknown(let reason): throw Refusal("what the host can run is not known: \(reason.why.english)")
        case .known(let value): capabilities = value
        }
        let architecture = estate.host.kernel.architecture.value ?? "x86_64"
        let types = new.type.map { [$0] } ?? ["kvm", "qemu"]
        for type in types {
            guard let support = capabilities.support(architecture: architecture, type: type) else { continue }
            if let machine = new.machine, !support.machines.isEmpty,
                !support.machines.contains(where: { $0.name == machine })
            {
                throw Refusal(
                    "this host's QEMU has no machine type \(machine.prefix(64))",
                    remedy: "virsh capabilities lists them")
            }
            return support
        }
        let kinds = capabilities.guests.filter { $0.architecture == architecture }.map(\.type)
        throw Refusal(
            "this host runs no \(architecture) guests of type \(types.joined(separator: " or "))",
            remedy: kinds.isEmpty ? "" : "It runs \(Set(kinds).sorted().joined(separator: ", "))")
    }
}
