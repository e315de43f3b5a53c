import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// No merging across NUMA nodes where guests are bound to theirs (guide §4.1.4).
struct KSMAcrossNodes: HostPractice {
    var about: About {
        About(
            id: "ksm-across-nodes", section: "4.1.4", scopes: [.host], severities: [.advice], fixes: [.sysfs],
            title: Text("KSM across NUMA nodes", "跨 NUMA 节点合并"),
            why: Text(
                "A page merged with one of another node lies there, and a guest that was bound to be near its memory reads it from afar.",
                "与其他节点的页合并后,该页位于远端节点;本已就近绑定的客户机要远程读取。"),
            tradeOff: Text(
                "Equal pages are kept once for each node; to change it all pages are taken apart first, which needs memory.",
                "相同的页在每个节点各保留一份;更改前须先拆分所有页,这需要内存。"),
            sources: ["guide §4.1.4", "kernel Documentation/admin-guide/mm/ksm.rst merge_across_nodes"])
    }

    private static let path = "/sys/kernel/mm/ksm/merge_across_nodes"

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let run: Int
        switch host.memory.ksm.run {
        case .unknown(let reason):
            return .unreadable(reason, absent: KSMFits.absent)
        case .known(let value): run = value
        }
        guard run == 1 else { return .notApplicable(Text("KSM is off", "KSM 已关闭")) }
        switch host.numa.nodes {
        case .unknown(let reason):
            return .unreadable(reason, absent: Text("the kernel has no NUMA", "内核没有 NUMA"))
        case .known(let nodes):
            guard nodes.count > 1 else { return .notApplicable(Text("there is one NUMA node", "只有一个 NUMA 节点")) }
        }
        let merging: Bool
        switch host.memory.ksm.mergeAcrossNodes {
        case .unknown(let reason):
            return .unreadable(reason, absent: Text("the kernel has no NUMA", "内核没有 NUMA"))
        case .known(let value): merging = value
        }
        guard merging else { return .pass }
        let bound = estate.relations.mayRun.compactMap { index -> String? in
            let guest = estate.guests[index]
            guard let domain = guest.definition, domain.isQEMU, domain.unmergeable == nil else { return nil }
            let tuning = domain.numaTuning
            let policies = (tuning?.memory.map { [$0] } ?? []) + (tuning?.cells ?? [])
            return policies.contains { $0.nodes != nil && $0.mode != "interleave" } ? guest.name : nil
        }
        guard !bound.isEmpty else { return .pass }
        var judgement = Judgement()
        let sharing = host.memory.ksm.pagesSharing
        let page = host.memory.pageSize.value ?? ByteCount(kibibytes: 4)
        let needed = sharing.value.map { (page * $0).description } ?? "an unknown amount"
        let isKept = host.boot.tmpfiles.value?[Self.path]?.value == "0"
        judgement.add(
            Finding(
                .advice,
                Text(
                    "KSM merges pages across nodes, and \(bound.count) guests it can merge are bound to theirs (\(bound.prefix(5).joined(separator: ", ")))",
                    "KSM 跨节点合并页,而 \(bound.count) 个可合并的客户机已绑定节点(\(bound.prefix(5).joined(separator: "、")))"),
                observed: "1", expected: "0", holds: isKept ? .running : .both,
                remedy: .changes(
                    [
                        SysfsChange(KSMFits.path, from: "1", to: "2", isKept: false),
                        SysfsChange(Self.path, from: "1", to: "0"),
                        SysfsChange(KSMFits.path, from: "2", to: "1"),
                    ], disrupts: .live,
                    note: Text(
                        "In this order: the kernel refuses the change while pages are merged. Taking them apart needs \(needed).",
                        "须按此顺序:仍有合并页时内核拒绝更改。拆分需要 \(sharing.value.map { (page * $0).description } ?? "未知数量")。")),
                evidence: [Evidence(Self.path, "1"), Evidence(KSMFits.path, "1")],
                owner: host.services.owner(of: Self.path)))
        return judgement
    }

    var examples: Examples {
        let bound = "<numatune><memory mode='strict' nodeset='1'/></numatune>"
        @Sendable func merging(_ host: inout HostFacts, _ across: Bool, run: Int = 1) {
            host.memory.ksm.run = .known(run)
            host.memory.ksm.mergeAcrossNodes = .known(across)
        }
        return Examples(
            fires: .host("a bound guest", expect: .fires(.advice, observed: "1"), guests: [bound]) {
                merging(&$0, true)
            },
            .host(
                "a bound cell", expect: .fires(.advice),
                guests: [
                    """
                    <numatune><memnode cellid='0' mode='preferred' nodeset='0'/></numatune>
                    <cpu><numa><cell id='0' cpus='0-1' memory='2097152'/></numa></cpu>
                    """
                ]
            ) { merging(&$0, true) },
            quiet: .host("within nodes", expect: .pass, guests: [bound]) { merging(&$0, false) },
            .host("guests float", expect: .pass, guests: [""]) { merging(&$0, true) },
            .host(
                "the bound guest has huge pages", expect: .pass,
                guests: [bound + "<memoryBacking><hugepages/></memoryBacking>"]
            ) {
                merging(&$0, true)
            },
            .host("KSM is off", expect: .notApplicable, guests: [bound]) { merging(&$0, true, run: 0) },
            .host("one node", expect: .notApplicable, guests: [bound]) {
                merging(&$0, true)
                $0.numa.nodes = .known([NUMANode(id: 0, cpus: [0], memory: .known(ByteCount(gibibytes: 64)))])
            },
            others: [
                .host("unreadable", expect: .unknown, guests: [bound]) {
                    merging(&$0, true)
                    $0.memory.ksm.mergeAcrossNodes = .unknown(Unknown(.denied, source: Self.path))
                }
            ])
    }
}
