import Changes
import DomainXML
import HostFacts
public import Inventory
public import Quantities

/// Pins a guest's vCPUs to CPUs of one node of the host that nobody else is pinned to (guide §4.5.3, §4.6).
///
/// Each vCPU gets a core of its own while there are any; QEMU's own threads and I/O threads get what is left of the node.
public struct PinTogether: GuestOperation {
    /// The operation.
    public init() {}

    /// vcpu-pinning.
    public var practice: String { "vcpu-pinning" }
    /// What is asked for.
    public var words: Text { Text("asked for: its threads together on one node", "要求:将其线程集中在一个节点上") }

    /// The pins, and where they are.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard let domain = guest.definition else { return GuestChanges() }
        let nodes: [NUMANode]
        switch estate.host.numa.nodes {
        case .unknown(let reason):
            throw Refusal("the host's nodes are not known: \(reason.why.english)", remedy: "Name the CPUs")
        case .known(let value): nodes = value
        }
        let memory = domain.memory ?? .zero
        // Where its memory has to be, its CPUs are best.
        let bound = domain.numaTuning?.memory.flatMap { $0.isBinding ? $0.nodes : nil }
        var best: (node: NUMANode, free: [Int])?
        for node in nodes.sorted(by: { $0.id < $1.id }) where bound?.contains(node.id) ?? true {
            let free = node.cpus.members.filter { cpu in
                !(estate.relations.dedicatedPins[cpu] ?? []).contains { $0 != guest.name }
                    && estate.host.cpu.online.value?.contains(cpu) ?? true
            }
            guard free.count >= domain.vcpus, node.memory.value.map({ $0 >= memory }) ?? true else { continue }
            if free.count > best?.free.count ?? 0 { best = (node, free) }
        }
        guard let best else {
            throw Refusal(
                "no node\(bound.map { " of \($0)" } ?? "") has \(domain.vcpus) CPUs that nobody is pinned to, and \(memory)",
                remedy: "Name the CPUs, or give it fewer vCPUs")
        }
        let chosen = Self.cores(best.free, domain.vcpus, estate.host.cpu)
        let rest = best.free.filter { !chosen.contains($0) }
        let others = rest.isEmpty ? best.node.cpus : CPUSet(rest)
        var pins: [(thread: PinThreads.Thread, cpus: CPUSet?)] = chosen.enumerated().map { (.vcpu($0), CPUSet([$1])) }
        pins.append((.emulator, others))
        pins += domain.ioThreadIDs.sorted().map { (.iothread($0), others) }
        var changes = try PinThreads(pins).changes(of: guest, in: estate)
        if bound == nil, nodes.count > 1 {
            changes.notes.append(
                Text(
                    "its memory may still lie elsewhere: nearmetal guest set numatune \(guest.name.shellWord) \(best.node.id)",
                    "其内存仍可能位于其他节点:nearmetal guest set numatune \(guest.name.shellWord) \(best.node.id)"))
        }
        return changes
    }

    /// CPUs of different cores first, then their siblings.
    private static func cores(_ free: [Int], _ count: Int, _ cpu: CPUFacts) -> [Int] {
        var first: [Int] = []
        var later: [Int] = []
        var taken = Set<Int>()
        for id in free {
            if taken.contains(id) { later.append(id) } else { first.append(id) }
            taken.formUnion(cpu.siblings(of: id)?.members ?? [id])
        }
        return Array((first + later).prefix(count))
    }
}
