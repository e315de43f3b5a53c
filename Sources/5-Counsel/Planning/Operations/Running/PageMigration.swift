import DomainXML
public import HostFacts
public import Inventory
public import Quantities

/// A running guest's memory that is to move to other nodes of the host (guide §4.6.3).
public struct PageMigration: Sendable, Hashable {
    /// QEMU's process.
    public let pid: Int
    /// The guest's UUID: what makes the process the guest's.
    public let uuid: String
    /// Nodes its memory lies on that it is to leave.
    public let from: NodeSet
    /// Nodes it is to lie on.
    public let to: NodeSet
    /// What lies where before.
    public let before: [Int: ByteCount]
    /// What tells the nodes: the command line, the definition, the process.
    public let source: Text

    /// What lies elsewhere than wanted.
    public var remote: ByteCount { Self.remote(before, to) }

    /// What lies elsewhere than on some nodes.
    public static func remote(_ memory: [Int: ByteCount], _ nodes: NodeSet) -> ByteCount {
        memory.filter { !nodes.contains($0.key) }.values.reduce(.zero, +)
    }

    /// What has to move, and whether it can.
    ///
    /// - Parameters:
    ///   - guest: the running guest.
    ///   - host: its host, with processes and nodes.
    ///   - wanted: the nodes asked for; `nil` for those it is bound to.
    ///
    /// - Throws: why it cannot be had.
    public init(of guest: Guest, on host: HostFacts, to wanted: NodeSet?) throws(Refusal) {
        guard guest.isActive, let domain = guest.live ?? guest.definition else {
            throw Refusal(
                "guest \(guest.name) does not run", remedy: "Its memory is placed when it starts: guest set numatune")
        }
        guard case .known(let nodes) = host.numa.nodes else {
            throw Refusal("the nodes of this host are not known: \(host.numa.nodes.reason?.why.english ?? "")")
        }
        guard nodes.count > 1 else { throw Refusal("this host has one NUMA node: there is nowhere to move to") }
        guard let uuid = domain.uuid, case .known(let processes) = host.processes.qemu,
            let process = processes.first(where: { $0.uuid == uuid })
        else {
            throw Refusal(
                "the QEMU process of guest \(guest.name) is not seen", remedy: "Run as root on the host it runs on")
        }
        guard case .known(let memory) = process.memoryByNode else {
            throw Refusal(
                "where the memory of guest \(guest.name) lies is not known: \(process.memoryByNode.reason?.why.english ?? "")",
                remedy: "Run as root")
        }
        let withMemory = NodeSet(nodes.filter { $0.memory.value != .zero }.map(\.id))
        (to, source) = try Self.target(wanted, domain, process, host, withMemory, guest.name)
        guard !to.isEmpty, to.isSubset(of: withMemory) else {
            throw Refusal(
                "the host has no memory on node \(to.subtracting(withMemory))", remedy: "It has nodes \(withMemory)")
        }
        pid = process.pid
        self.uuid = uuid
        before = memory
        let target = to
        from = NodeSet(memory.filter { $0.value > .zero && !target.contains($0.key) }.map(\.key))
        let free = nodes.filter { target.contains($0.id) }.compactMap(\.free.value).reduce(.zero, +)
        // Reserved huge pages are not counted as free memory, and come on top.
        let reserved = nodes.filter { target.contains($0.id) }.compactMap(\.hugePages.value).joined().reduce(
            ByteCount.zero
        ) {
            $0 + $1.size * UInt64(max(0, $1.free))
        }
        let remote = Self.remote(memory, target)
        guard remote <= free + reserved else {
            throw Refusal(
                "\(remote) of guest \(guest.name) lie elsewhere, and node \(target) has \(free + reserved) free",
                remedy: "Make room there, or name more nodes: --to")
        }
    }

    private static func target(
        _ wanted: NodeSet?, _ domain: DomainDefinition, _ process: QEMUProcess, _ host: HostFacts,
        _ withMemory: NodeSet, _ name: String
    ) throws(Refusal) -> (NodeSet, Text) {
        if let wanted { return (wanted, Text("asked for", "按要求")) }
        if let tuning = domain.numaTuning {
            var nodes = tuning.memory?.nodes ?? NodeSet()
            for cell in tuning.cells { nodes = nodes.union(cell.nodes ?? NodeSet()) }
            if !nodes.isEmpty, nodes != withMemory {
                return (nodes, Text("its <numatune>", "其 <numatune>"))
            }
        }
        if let allowed = process.allowedNodes.value, !allowed.isEmpty, !withMemory.isSubset(of: allowed) {
            return (allowed.intersection(withMemory), Text("the nodes its process may use", "其进程可用的节点"))
        }
        var cpus = CPUSet()
        for (thread, set) in process.threads.value ?? [:] where thread.hasPrefix("CPU ") { cpus = cpus.union(set) }
        let near = host.numa.nodes(of: cpus).intersection(withMemory)
        if !near.isEmpty, near != withMemory { return (near, Text("where its vCPUs are pinned to", "其虚拟 CPU 绑定的节点")) }
        throw Refusal(
            "guest \(name) is bound to no node: its memory may lie on any",
            remedy: "Name nodes with --to, or bind it: nearmetal guest set numatune")
    }
}
