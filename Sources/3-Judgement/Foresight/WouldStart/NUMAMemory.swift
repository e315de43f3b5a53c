import DomainXML
import HostFacts
import Inventory
import Quantities

/// Memory bound to nodes that are not there, or that have too little of it.
struct NUMAMemory: StartReason {
    var dependsOnOthers: Bool { true }

    /// Ordinary memory that may come from some nodes only.
    static func strictNeeds(of guest: Candidate) -> [(nodes: NodeSet, size: ByteCount)] {
        guard let tuning = guest.domain.numaTuning, guest.hugePages.isEmpty else { return [] }
        let cells = guest.domain.guestCells
        guard !cells.isEmpty, !tuning.cells.isEmpty else {
            guard let policy = tuning.memory, policy.isBinding, policy.placement != "auto", let nodes = policy.nodes
            else { return [] }
            return [(nodes, guest.domain.memoryAtStart ?? .zero)]
        }
        var needs: [NodeSet: ByteCount] = [:]
        for cell in cells {
            guard let policy = tuning.policy(ofCell: cell.id) ?? tuning.memory, policy.isBinding,
                let nodes = policy.nodes
            else { continue }
            needs[nodes, default: .zero] += cell.memory ?? .zero
        }
        return needs.sorted { $0.key.members.lexicographicallyPrecedes($1.key.members) }.map { ($0.key, $0.value) }
    }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        guard let tuning = guest.domain.numaTuning else { return }
        let policies = ([tuning.memory].compactMap { $0 } + tuning.cells).filter {
            $0.placement != "auto" && $0.nodes != nil
        }
        guard !policies.isEmpty else { return }
        let nodes: [NUMANode]
        switch host.facts.numa.nodes {
        case .known(let known): nodes = known
        case .unknown(let reason):
            // A kernel without NUMA has node 0 alone.
            guard reason.cause == .missing else {
                answer.unknown(reason)
                return
            }
            nodes = [NUMANode(id: 0, cpus: [], memory: host.facts.memory.total)]
        }
        let there = NodeSet(nodes.map(\.id))
        var isAbsent = false
        for policy in policies {
            guard let wanted = policy.nodes else { continue }
            let absent = wanted.subtracting(there)
            guard !absent.isEmpty else { continue }
            isAbsent = true
            let obstacle = StartObstacle(
                .numaMemory, part: "node \(absent)",
                Text(
                    "its memory is to come from node \(wanted), and the host has no node \(absent) (it has \(there))",
                    "其内存应来自节点 \(wanted),但主机没有节点 \(absent)(现有 \(there))"),
                evidence: [
                    guest.evidence(policy.element, wanted.description),
                    ForesightEvidence("/sys/devices/system/node", there.description),
                ],
                remedy: Text("Name nodes that are there.", "指定存在的节点。"),
                commands: [
                    "virsh numatune \(guest.name.shellWord) --nodeset \(wanted.intersection(there).isEmpty ? there : wanted.intersection(there)) --config"
                ])
            answer.add(obstacle)
        }
        guard !isAbsent else { return }
        for need in Self.strictNeeds(of: guest) { examine(need, guest, host, held, nodes, &answer) }
    }

    private func examine(
        _ need: (nodes: NodeSet, size: ByteCount), _ guest: Candidate, _ host: BootedHost, _ held: HeldResources,
        _ nodes: [NUMANode],
        _ answer: inout StartAnswer
    ) {
        guard let supply = host.hugePages.value else {
            answer.unknown(host.hugePages.reason)
            return
        }
        var room = ByteCount.zero
        for node in nodes where need.nodes.contains(node.id) {
            guard let memory = node.memory.value else {
                answer.unknown(node.memory.reason)
                return
            }
            room += memory - supply.pools.reduce(ByteCount.zero) { $0 + $1.key * ($1.value.byNode[node.id] ?? 0) }
        }
        var before = ByteCount.zero
        for (bound, size) in held.strictMemory where bound.isSubset(of: need.nodes) { before += size }
        guard before + need.size > room else { return }
        let evidence = [
            guest.evidence(guest.domain.root.first("numatune"), "strict, node \(need.nodes)"),
            ForesightEvidence(
                "/sys/devices/system/node/node\(need.nodes.first ?? 0)/meminfo", "\(room) without huge pages"),
        ]
        let earlier = before > .zero ? " after \(before) for guests before it" : ""
        let chineseEarlier = before > .zero ? "(之前的客户机占 \(before))" : ""
        answer.add(
            StartObstacle(
                .numaMemory, part: "node \(need.nodes)",
                Text(
                    "\(need.size) of it may come from node \(need.nodes) only, which has \(room)\(earlier)",
                    "其 \(need.size) 内存只能来自节点 \(need.nodes),该处仅有 \(room)\(chineseEarlier)"), evidence: evidence,
                remedy: Text("Bind it to more nodes, or let the policy be preferred.", "绑定更多节点,或将策略改为 preferred。"),
                commands: ["virsh numatune \(guest.name.shellWord) --mode preferred --config"]))
    }
}
