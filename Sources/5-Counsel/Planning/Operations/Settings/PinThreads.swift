import Changes
import DomainXML
public import Inventory
public import Quantities

/// Pins threads of a guest to host CPUs, or lets them run anywhere again (guide §4.5.3).
public struct PinThreads: GuestOperation {
    /// A thread of QEMU's.
    public enum Thread: Sendable, Hashable {
        /// A vCPU, from 0.
        case vcpu(Int)
        /// QEMU's own threads.
        case emulator
        /// An iothread, by its id from 1.
        case iothread(Int)
    }

    private let pins: [(thread: Thread, cpus: CPUSet?)]

    /// The operation.
    ///
    /// - Parameter pins: threads with their CPUs; `nil` takes the pin away.
    public init(_ pins: [(thread: Thread, cpus: CPUSet?)]) { self.pins = pins }

    /// vcpu-pinning.
    public var practice: String { "vcpu-pinning" }
    /// The threads and their CPUs.
    public var words: Text {
        let list = pins.map { "\($0.thread.words)=\($0.cpus?.description ?? "-")" }.joined(separator: " ")
        return Text("asked for: \(list)", "要求:\(list)")
    }

    /// The pins in the definition, and of the running threads.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        let online = estate.host.cpu.online.value
        var new = ""
        for (thread, cpus) in pins {
            if let cpus {
                guard !cpus.isEmpty else { throw Refusal("\(thread.words): no CPU is named") }
                if let online, !cpus.isSubset(of: online) {
                    throw Refusal(
                        "\(thread.words): the host has no CPU \(cpus.subtracting(online)) online",
                        remedy: "It has \(online)")
                }
            }
            if let domain = guest.persistent {
                try check(thread, domain)
                changes.persistent += edits(thread, cpus, domain, &new)
            }
            guard let live = guest.live else { continue }
            try check(thread, live)
            // A thread that is not pinned itself runs where all the guest's do.
            guard let place = cpus ?? live.cpuset ?? online else {
                changes.whyNotLive = Text("the host's CPUs are not known", "主机 CPU 未知")
                continue
            }
            changes.live.append(LiveChange(guest.name, thread.parameter, to: place.description))
        }
        if let domain = guest.persistent, !new.isEmpty {
            changes.persistent.append(DomainChange(domain.name, "/domain/cputune", .insert(new)))
        }
        return changes
    }

    private func check(_ thread: Thread, _ domain: DomainDefinition) throws(Refusal) {
        switch thread {
        case .vcpu(let vcpu) where vcpu >= domain.vcpus || vcpu < 0:
            throw Refusal("guest \(domain.name) has no vCPU \(vcpu)", remedy: "It has 0 to \(domain.vcpus - 1)")
        case .iothread(let id) where !domain.ioThreadIDs.contains(id):
            let known = domain.ioThreadIDs.sorted().map(String.init).joined(separator: ", ")
            throw Refusal(
                "guest \(domain.name) has no iothread \(id)", remedy: known.isEmpty ? "It has none" : "It has \(known)")
        default: break
        }
    }

    /// Edits of a pin that is there; one that is not is added to the new ones, which are put in together.
    private func edits(
        _ thread: Thread, _ cpus: CPUSet?, _ domain: DomainDefinition, _ new: inout String
    ) -> [DomainChange] {
        let present: Pin?
        switch thread {
        case .vcpu(let vcpu): present = domain.vcpuPins.first { $0.thread == vcpu }
        case .emulator: present = domain.emulatorPin
        case .iothread(let id): present = domain.iothreadPins.first { $0.thread == id }
        }
        guard let cpus else {
            return present.map { [DomainChange(domain.name, $0.element.xpath, .remove)] } ?? []
        }
        if let present {
            guard present.cpus != cpus else { return [] }
            return [
                DomainChange(
                    domain.name, present.element.xpath, .attribute("cpuset", cpus.description),
                    from: present.element["cpuset"])
            ]
        }
        new += thread.element(cpus)
        return []
    }
}

extension PinThreads.Thread {
    var parameter: LiveParameter {
        switch self {
        case .vcpu(let vcpu): .vcpuPin(vcpu)
        case .emulator: .emulatorPin
        case .iothread(let id): .iothreadPin(id)
        }
    }

    /// As the command line names it.
    var words: String {
        switch self {
        case .vcpu(let vcpu): "vcpu \(vcpu)"
        case .emulator: "emulator"
        case .iothread(let id): "iothread \(id)"
        }
    }

    func element(_ cpus: CPUSet) -> String {
        switch self {
        case .vcpu(let vcpu): "<vcpupin vcpu='\(vcpu)' cpuset='\(cpus)'/>"
        case .emulator: "<emulatorpin cpuset='\(cpus)'/>"
        case .iothread(let id): "<iothreadpin iothread='\(id)' cpuset='\(cpus)'/>"
        }
    }
}
