import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// A memory policy that libvirt accepts and the host can keep (guide §4.6.3.2).
struct NUMATune: GuestPractice {
    var about: About {
        About(
            id: "numatune", section: "4.6.3.2", scopes: [.guest], severities: [.error, .warning], fixes: [.xml],
            title: Text("Memory policy", "内存策略(numatune)"),
            why: Text(
                "A strict policy on nodes that are absent or too small keeps the guest from starting; a guest whose vCPUs are bound and whose memory is not drifts apart.",
                "对不存在或过小的节点使用 strict 会使客户机无法启动;只绑定虚拟 CPU 而不绑定内存则会逐渐分离。"),
            tradeOff: Text("A bound guest cannot use free memory of other nodes.", "绑定后无法使用其他节点的空闲内存。"),
            guideSays: Text(
                "placement=\"strict\" on a memnode; modes interleave, strict, preferred.",
                "在 memnode 上使用 placement=\"strict\";模式为 interleave、strict、preferred。"),
            today: Text(
                "placement is static or auto, and of <memory> alone; memnode excludes auto; modes are strict, interleave, preferred (several nodes since kernel 5.15) and restrictive.",
                "placement 为 static 或 auto,且仅用于 <memory>;memnode 与 auto 不兼容;模式有 strict、interleave、preferred(内核 5.15 起可多节点)与 restrictive。"
            ),
            sources: ["guide §4.6.3.2", "libvirt formatdomain \"NUMA Node Tuning\""])
    }

    private static let modes: Set<String> = ["strict", "interleave", "preferred", "restrictive"]

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        guard let tuning = domain.numaTuning else { return untuned(domain, guest, estate) }
        words(tuning, domain, guest, &judgement)
        let policies = (tuning.memory.map { [$0] } ?? []) + tuning.cells
        guard policies.contains(where: { $0.nodes != nil }) else { return judgement }
        guard case .known(let nodes) = estate.host.numa.nodes else {
            judgement.add(estate.host.numa.nodes.reason)
            return judgement
        }
        let there = NodeSet(nodes.map(\.id))
        for policy in policies {
            guard let wanted = policy.nodes else { continue }
            let absent = wanted.subtracting(there)
            if !absent.isEmpty {
                judgement.add(
                    Finding(
                        .error, part: part(policy),
                        Text(
                            "its memory is to come from node \(absent), and the host has \(there)",
                            "内存指定来自节点 \(absent),而主机只有 \(there)"), observed: wanted.description,
                        expected: "nodes of \(there)",
                        remedy: wanted.intersection(there).isEmpty
                            ? .byHand(
                                Text("Name a node that is there.", "指定存在的节点。"),
                                commands: ["virsh numatune \(guest.name) --nodeset NODE --config"],
                                disrupts: .guestRestart)
                            : .change(
                                DomainChange(
                                    guest.name, policy.element.xpath,
                                    .attribute("nodeset", wanted.intersection(there).description),
                                    from: wanted.description), disrupts: .guestRestart),
                        evidence: [Evidence(policy.element, wanted.description)]))
                continue
            }
            capacity(policy, wanted, nodes, domain, guest, &judgement)
        }
        return judgement
    }

    private func part(_ policy: NUMATuning.Policy) -> String? { policy.cell.map { "cell \($0)" } }

    private func words(_ tuning: NUMATuning, _ domain: DomainDefinition, _ guest: Guest, _ judgement: inout Judgement) {
        func refused(
            _ policy: NUMATuning.Policy, _ what: Text, _ observed: String, _ expected: String, _ remedy: Remedy
        ) {
            judgement.add(
                Finding(
                    .error, part: part(policy), what, observed: observed, expected: expected, remedy: remedy,
                    evidence: [Evidence(policy.element, observed)]))
        }
        for policy in (tuning.memory.map { [$0] } ?? []) + tuning.cells {
            if !Self.modes.contains(policy.mode) {
                refused(
                    policy, Text("there is no mode \(policy.mode)", "没有 \(policy.mode) 模式"), policy.mode,
                    "strict, interleave, preferred or restrictive",
                    .change(
                        DomainChange(guest.name, policy.element.xpath, .attribute("mode", "strict"), from: policy.mode),
                        disrupts: .guestRestart))
            }
            if let placement = policy.placement,
                policy.element.name == "memnode" || !["static", "auto"].contains(placement)
            {
                refused(
                    policy, Text("placement=\"\(placement)\" does not exist here", "此处不存在 placement=\"\(placement)\""),
                    "placement='\(placement)'", policy.element.name == "memnode" ? "no placement" : "static or auto",
                    .change(
                        DomainChange(guest.name, policy.element.xpath, .removeAttribute("placement"), from: placement),
                        disrupts: .guestRestart))
            }
        }
        let ids = Set(domain.guestCells.map(\.id))
        for policy in tuning.cells {
            if let cell = policy.cell, !ids.contains(cell) {
                refused(
                    policy,
                    Text("a policy is for cell \(cell), and the guest has no such cell", "策略针对单元 \(cell),但客户机没有该单元"),
                    "cellid='\(cell)'", ids.isEmpty ? "cells in <cpu><numa>" : "cells \(NodeSet(ids))",
                    .change(
                        DomainChange(guest.name, policy.element.xpath, .remove, from: "cellid='\(cell)'"),
                        disrupts: .guestRestart))
            }
            if tuning.memory?.placement == "auto" {
                refused(
                    policy, Text("a policy of a cell excludes placement=\"auto\"", "单元策略与 placement=\"auto\" 不兼容"),
                    "placement='auto' with memnode", "one of the two",
                    .change(
                        DomainChange(guest.name, policy.element.xpath, .remove, from: "memnode"),
                        disrupts: .guestRestart))
            }
        }
    }

    /// A binding policy on nodes that do not have the memory at all.
    private func capacity(
        _ policy: NUMATuning.Policy, _ wanted: NodeSet, _ nodes: [NUMANode], _ domain: DomainDefinition, _ guest: Guest,
        _ judgement: inout Judgement
    ) {
        guard policy.isBinding else { return }
        let need =
            policy.cell.flatMap { id in domain.guestCells.first { $0.id == id }?.memory }
            ?? (policy.cell == nil && domain.numaTuning?.cells.isEmpty == true ? domain.memoryAtStart : nil)
        guard let need else { return }
        var sum = ByteCount.zero
        for node in nodes where wanted.contains(node.id) {
            guard let memory = node.memory.value else {
                judgement.add(node.memory.reason)
                return
            }
            sum += memory
        }
        guard need > sum else { return }
        judgement.add(
            Finding(
                .error, part: part(policy),
                Text("\(need) are bound to node \(wanted), which has \(sum)", "将 \(need) 绑定到节点 \(wanted),而其只有 \(sum)"),
                observed: need.description, expected: "≤ \(sum)",
                remedy: .byHand(
                    Text(
                        "Bind it to more nodes, use preferred, or give it less memory.", "绑定到更多节点、改用 preferred,或减少内存。"),
                    commands: ["virsh numatune \(guest.name) --mode preferred --nodeset \(wanted) --config"],
                    disrupts: .guestRestart),
                evidence: [Evidence(policy.element, wanted.description)]))
    }

    /// Bound CPUs and free memory.
    private func untuned(_ domain: DomainDefinition, _ guest: Guest, _ estate: Estate) -> Judgement {
        let sets = domain.vcpuCPUs
        guard !sets.isEmpty, sets.allSatisfy({ $0 != nil }) else { return .pass }
        guard case .known(let nodes) = estate.host.numa.nodes else {
            return estate.host.numa.nodes.isMissing
                ? .pass : .unknown(estate.host.numa.nodes.reason ?? Unknown(.missing, source: "nodes"))
        }
        guard nodes.count > 1 else { return .pass }
        let touched = estate.host.numa.nodes(of: sets.compactMap { $0 }.reduce(CPUSet()) { $0.union($1) })
        guard touched.count >= 1, touched.count < nodes.count,
            let element = domain.vcpuPins.first?.element ?? domain.root.first("vcpu")
        else { return .pass }
        return .finding(
            Finding(
                .warning,
                Text(
                    "its vCPUs are bound to node \(touched), its memory may lie anywhere",
                    "虚拟 CPU 绑定到节点 \(touched),内存却可位于任何节点"), observed: "no <numatune>", expected: "nodeset='\(touched)'",
                remedy: .change(
                    DomainChange(
                        guest.name, "/domain",
                        .insert("<numatune><memory mode='strict' nodeset='\(touched)'/></numatune>")),
                    disrupts: .guestRestart),
                evidence: [Evidence(element, "node \(touched)")]))
    }

    var examples: Examples {
        func tuned(_ text: String, _ more: String = "") -> String { "<numatune>\(text)</numatune>\(more)" }
        let cells =
            "<vcpu>2</vcpu><cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/><cell id='1' cpus='1' memory='1' unit='GiB'/></numa></cpu>"
        return Examples(
            fires: .guest(
                "a node that is not there", tuned("<memory mode='strict' nodeset='2'/>"),
                expect: .fires(.error, observed: "2")),
            .guest(
                "the guide's own example",
                tuned(
                    "<memory mode='strict' nodeset='0-1'/><memnode cellid='1' placement='strict' mode='preferred' nodeset='1'/>",
                    cells), expect: .fires(.error, observed: "placement='strict'")),
            .guest(
                "a policy without its cell", tuned("<memnode cellid='2' mode='strict' nodeset='1'/>", cells),
                expect: .fires(.error, observed: "cellid='2'")),
            .guest(
                "memnode with auto",
                tuned("<memory placement='auto'/><memnode cellid='0' mode='strict' nodeset='0'/>", cells),
                expect: .fires(.error)),
            .guest(
                "more than the node has",
                "<memory unit='GiB'>33</memory>" + tuned("<memory mode='strict' nodeset='1'/>"),
                expect: .fires(.error, observed: "33 GiB")),
            .guest(
                "no such mode", tuned("<memory mode='bind' nodeset='0'/>"), expect: .fires(.error, observed: "bind")),
            .guest("bound CPUs, free memory", "<vcpu cpuset='0-3'>2</vcpu>", expect: .fires(.warning)),
            quiet: .guest("bound to a node", tuned("<memory mode='strict' nodeset='1'/>"), expect: .pass),
            .guest(
                "more than the node, preferred only",
                "<memory unit='GiB'>33</memory>" + tuned("<memory mode='preferred' nodeset='1'/>"), expect: .pass),
            .guest("restrictive", tuned("<memory mode='restrictive' nodeset='0-1'/>"), expect: .pass),
            .guest("automatic", tuned("<memory mode='strict' placement='auto'/>"), expect: .pass),
            .guest("nothing is bound", "", expect: .pass),
            others: [
                .guest(
                    "host not examined", tuned("<memory mode='strict' nodeset='1'/>"), expect: .unknown,
                    host: { $0 = .unexamined })
            ])
    }
}

/// vCPUs and memory on the same nodes (guide §4.6.3.2).
struct NUMACrossing: GuestPractice {
    var about: About {
        About(
            id: "numa-crossing", section: "4.6.3.2", scopes: [.guest], severities: [.warning], fixes: [.xml],
            title: Text("vCPUs and memory on different nodes", "虚拟 CPU 与内存跨节点"),
            why: Text(
                "Memory of another node is reached over the interconnect: slower by half or more, and shared with everybody.",
                "访问其他节点的内存要经过互连:慢一半以上,且与他人共享带宽。"),
            tradeOff: Text(
                "vCPUs that stay near the memory cannot use idle CPUs elsewhere.", "靠近内存的虚拟 CPU 无法使用其他节点的空闲 CPU。"),
            sources: ["guide §4.6.3.2"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard let policy = domain.numaTuning?.memory, policy.isBinding, let memory = policy.nodes,
            !domain.isPlacedAutomatically
        else {
            return .notApplicable(Text("its memory is bound to no node", "内存未绑定节点"))
        }
        guard case .known(let nodes) = estate.host.numa.nodes else {
            return estate.host.numa.nodes.isMissing
                ? .pass : .unknown(estate.host.numa.nodes.reason ?? Unknown(.missing, source: "nodes"))
        }
        guard nodes.count > 1 else { return .pass }
        // restrictive leaves it to the cgroup, which confines CPUs as well where libvirt makes it so; vCPUs without a pin run anywhere.
        let all = NodeSet(nodes.filter { !$0.cpus.isEmpty }.map(\.id))
        var reach = NodeSet()
        for set in domain.vcpuCPUs { reach = reach.union(set.map { estate.host.numa.nodes(of: $0) } ?? all) }
        let beyond = reach.subtracting(memory)
        guard !beyond.isEmpty else { return .pass }
        let near = nodes.filter { memory.contains($0.id) }.reduce(CPUSet()) { $0.union($1.cpus) }
        let isPinned = !domain.vcpuPins.isEmpty
        return .finding(
            Finding(
                .warning,
                Text(
                    "its memory is bound to node \(memory), its vCPUs may run on node \(beyond) too",
                    "内存绑定到节点 \(memory),虚拟 CPU 却还可在节点 \(beyond) 上运行"),
                observed: "vCPUs on \(reach), memory on \(memory)",
                expected: "the same nodes",
                remedy: isPinned
                    ? .byHand(
                        Text(
                            "Pin the vCPUs to CPUs of node \(memory): \(near).",
                            "将虚拟 CPU 绑定到节点 \(memory) 的 CPU:\(near)。"),
                        commands: ["virsh vcpupin \(guest.name) 0 CPU --live --config"], disrupts: .live)
                    : .change(
                        DomainChange(
                            guest.name, "/domain/vcpu", .attribute("cpuset", near.description),
                            from: domain.root.first("vcpu")?["cpuset"]), disrupts: .guestRestart),
                evidence: [Evidence(policy.element, memory.description)]))
    }

    var examples: Examples {
        let bound = "<numatune><memory mode='strict' nodeset='1'/></numatune>"
        return Examples(
            fires: .guest("vCPUs anywhere", bound, expect: .fires(.warning)),
            .guest("pinned to the other node", bound + "<vcpu cpuset='0-3'>2</vcpu>", expect: .fires(.warning)),
            quiet: .guest("pinned to the same node", bound + "<vcpu cpuset='4-7'>2</vcpu>", expect: .pass),
            .guest("memory is free", "", expect: .notApplicable),
            .guest(
                "preferred only", "<numatune><memory mode='preferred' nodeset='1'/></numatune>", expect: .notApplicable),
            others: [.guest("host not examined", bound, expect: .unknown, host: { $0 = .unexamined })])
    }
}
