import DomainXML
import HostFacts
import Inventory
import Quantities

/// Too few huge pages of a size, on the nodes the guest is bound to, or no mount to reach them through.
struct HugePagesShort: StartReason {
    var dependsOnOthers: Bool { true }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        guard !guest.hugePages.isEmpty else { return }
        let supply: HugePageSupply
        switch host.hugePages {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): supply = known
        }
        mounts(guest, host, &answer)
        if guest.hugePages.pieces.contains(where: { $0.pageSize == nil }) {
            answer.unknown(
                host.facts.memory.defaultHugePageSize.reason ?? Unknown(.missing, source: "the default huge page size"))
        }
        for piece in guest.hugePages.pieces where piece.isTooSmall {
            guard let size = piece.pageSize else { continue }
            answer.add(
                StartObstacle(
                    .hugePages, part: piece.part.isEmpty ? nil : piece.part,
                    Text(
                        "\(piece.memory) of memory is less than one page of \(size)",
                        "\(piece.memory) 的内存小于一个 \(size) 的大页"),
                    evidence: [guest.evidence(guest.domain.memoryBacking?.hugepages, "\(size)")],
                    remedy: Text("Take smaller pages.", "改用更小的页。"), commands: [guest.editCommand]))
        }
        var together = held.hugePages
        together.add(guest.hugePages)
        var own = HugePageTotals()
        own.add(guest.hugePages)
        for size in own.sizes {
            let byNode = supply.byNode(size)
            let before = Self.missing(held.hugePages.shortage(of: size, in: byNode))
            let after = together.shortage(of: size, in: byNode)
            let short = Self.missing(after) - min(before, Self.missing(after))
            if short > 0 {
                shortage(guest, host, held, supply, size, short, after, &answer)
            } else {
                crowding(guest, held, supply, size, &answer)
            }
        }
        if guest.hugePages.isPlacedAutomatically,
            supply.pools.contains(where: { $0.value.byNode.count > 1 && $0.value.total > 0 })
        {
            answer.unknown(Unknown(.notExamined, source: "the nodes numad will choose"))
        }
    }

    private static func missing(_ shortage: [HugePageTotals.Place: UInt64]) -> UInt64 {
        shortage.values.reduce(0) { $0 &+ min($1, 1 << 52) }
    }

    private func shortage(
        _ guest: Candidate, _ host: BootedHost, _ held: HeldResources, _ supply: HugePageSupply, _ size: ByteCount,
        _ short: UInt64,
        _ missing: [HugePageTotals.Place: UInt64], _ answer: inout StartAnswer
    ) {
        let pieces = guest.hugePages.pieces.filter { $0.pageSize == size }
        let wanted = pieces.reduce(UInt64(0)) { $0 &+ min($1.pages ?? 0, 1 << 48) }
        // The nodes to name: those its own pieces are bound to, where these lack.
        let nodes =
            pieces.compactMap(\.nodes).first { set in missing[HugePageTotals.Place(set)] != nil }
            ?? pieces.compactMap(\.nodes).first
        let byNode = supply.byNode(size)
        let there =
            nodes.map { set in byNode.filter { set.contains($0.key) }.values.reduce(0, +) }
            ?? byNode.values.reduce(0, +)
        let before = held.hugePages.count(of: size)
        let place = nodes.map { "node \($0)" } ?? "the host"
        let chinesePlace = nodes.map { "节点 \($0)" } ?? "主机"
        let earlier = before > 0 ? " (guests before it want \(before))" : ""
        let chineseEarlier = before > 0 ? "(之前的客户机需要 \(before) 个)" : ""
        let what = Text(
            "it takes \(wanted) pages of \(size), and after a boot \(place) has \(there)\(earlier): \(short) too few",
            "需要 \(wanted) 个 \(size) 的页,重启后\(chinesePlace)共有 \(there) 个\(chineseEarlier):缺少 \(short) 个")
        // Surplus pages come from memory that happens to be free: a hope, no reservation.
        if nodes == nil, let pool = supply.pools[size], short <= pool.surplusAllowed {
            answer.risk(
                StartObstacle(
                    .hugePages, part: size.description,
                    Text(
                        "\(what.english); nr_overcommit_hugepages may give them",
                        "\(what.chinese);nr_overcommit_hugepages 或可提供"),
                    evidence: evidence(guest, host, size), remedy: Text("Reserve them.", "请预留这些页。"),
                    commands: reserve(size, nodes, short, host)))
            return
        }
        answer.add(
            StartObstacle(
                .hugePages, part: nodes.map { "\(size), node \($0)" } ?? size.description, what,
                evidence: evidence(guest, host, size),
                remedy: Text(
                    "Reserve \(short) more, so that the next boot does it too.", "再预留 \(short) 个,并使其在重启后仍然有效。"),
                commands: reserve(size, nodes, short, host)))
    }

    /// Pages are enough in all, and guests without a binding may take those of the node this one is bound to.
    private func crowding(
        _ guest: Candidate, _ held: HeldResources, _ supply: HugePageSupply, _ size: ByteCount,
        _ answer: inout StartAnswer
    ) {
        guard let places = held.hugePages.pages[size] else { return }
        var seen = Set<NodeSet>()
        for piece in guest.hugePages.pieces where piece.pageSize == size {
            guard let nodes = piece.nodes, seen.insert(nodes).inserted else { continue }
            let there = supply.byNode(size).filter { nodes.contains($0.key) }.values.reduce(0, +)
            var taken = guest.hugePages.pieces.filter { $0.pageSize == size && $0.nodes == nodes }.reduce(UInt64(0)) {
                $0 &+ min($1.pages ?? 0, 1 << 48)
            }
            var isFloating = false
            for (place, count) in places where place.nodes.map({ !$0.isDisjoint(with: nodes) }) ?? true {
                taken = taken &+ min(count, 1 << 48)
                if place.nodes == nil { isFloating = true }
            }
            guard isFloating, taken > there else { continue }
            answer.risk(
                StartObstacle(
                    .hugePages, part: "\(size), node \(nodes)",
                    Text(
                        "guests that are bound to no node start before it, and may take the pages of node \(nodes) that it needs",
                        "未绑定节点的客户机先启动,可能占用它所需的节点 \(nodes) 上的页"),
                    evidence: [guest.evidence(guest.domain.root.first("numatune"), "nodes \(nodes)")],
                    remedy: Text(
                        "Bind those guests too, or reserve more pages on node \(nodes).",
                        "也绑定这些客户机,或在节点 \(nodes) 上预留更多页。")))
        }
    }

    private func evidence(_ guest: Candidate, _ host: BootedHost, _ size: ByteCount) -> [ForesightEvidence] {
        var evidence = [
            guest.evidence(guest.domain.memoryBacking?.hugepages ?? guest.domain.root.first("devices"), "\(size)")
        ]
        let line = host.facts.boot.nextCommandLine.value
        let words = (line?.parameters ?? []).filter { $0.name.contains("hugepage") }.map {
            $0.name + ($0.value.map { "=\($0)" } ?? "")
        }
        evidence.append(
            ForesightEvidence(
                host.facts.boot.nextSource ?? "boot loader",
                words.isEmpty ? "no hugepages" : words.joined(separator: " ")))
        if let setting = host.facts.sysctl.configured.value?["vm.nr_hugepages"] {
            evidence.append(ForesightEvidence(setting.file, "vm.nr_hugepages = \(setting.value)", line: setting.line))
        }
        return evidence
    }

    private func reserve(_ size: ByteCount, _ nodes: NodeSet?, _ short: UInt64, _ host: BootedHost) -> [String] {
        let supply = host.hugePages.value
        let kibibytes = size.kibibytes
        if let node = nodes?.first, nodes?.count == 1 {
            let there = supply?.byNode(size)[node] ?? 0
            let path = "/sys/devices/system/node/node\(node)/hugepages/hugepages-\(kibibytes)kB/nr_hugepages"
            return [
                "echo 'w \(path) - - - - \(there &+ short)' >> /etc/tmpfiles.d/90-nearmetal.conf",
                "echo \(there &+ short) > \(path)",
            ]
        }
        let there = supply?.pools[size]?.total ?? 0
        if size == supply?.defaultSize {
            return [
                "echo 'vm.nr_hugepages = \(there &+ short)' >> /etc/sysctl.d/90-nearmetal.conf",
                "sysctl -w vm.nr_hugepages=\(there &+ short)",
            ]
        }
        let unit = kibibytes >= 1 << 20 && kibibytes % (1 << 20) == 0 ? "\(kibibytes >> 20)G" : "\(kibibytes >> 10)M"
        return ["# kernel command line: hugepagesz=\(unit) hugepages=\(there &+ short)"]
    }

    // MARK: Mounts

    /// Sizes other than the default need a mount of their own, which the next boot must make.
    private func mounts(_ guest: Candidate, _ host: BootedHost, _ answer: inout StartAnswer) {
        var sizes = Set<ByteCount>()
        for piece in guest.hugePages.pieces where piece.needsMount {
            if let size = piece.pageSize { sizes.insert(size) }
        }
        guard !sizes.isEmpty else { return }
        let now: [Mount]
        switch host.facts.storage.mounts {
        case .known(let mounts): now = mounts
        case .unknown(let reason):
            answer.unknown(reason)
            return
        }
        // A mount that stands today by hand only is indistinguishable from systemd's own unit: it is taken as kept.
        let all = (now + (host.facts.storage.fstab.value ?? [])).filter { $0.type == "hugetlbfs" }
        for size in sizes.sorted()
        where !all.contains(where: { $0.serves(hugePagesOf: size, defaultSize: host.pages.defaultHuge) }) {
            // systemd mounts the default size by itself.
            if size == host.pages.defaultHuge, all.isEmpty == false { continue }
            answer.add(
                StartObstacle(
                    .hugePagesMount, part: size.description,
                    Text("no hugetlbfs is mounted for pages of \(size)", "没有为 \(size) 的页挂载 hugetlbfs"),
                    evidence: [
                        ForesightEvidence("/proc/self/mountinfo", "no hugetlbfs with pagesize=\(size.mebibytes)M")
                    ],
                    remedy: Text("Mount one at boot, and restart libvirt's daemon.", "在引导时挂载,并重启 libvirt 守护进程。"),
                    commands: [
                        "mkdir -p /dev/hugepages-\(size.mebibytes)M",
                        "echo 'hugetlbfs /dev/hugepages-\(size.mebibytes)M hugetlbfs pagesize=\(size.mebibytes)M 0 0' >> /etc/fstab",
                        "mount /dev/hugepages-\(size.mebibytes)M",
                    ]))
        }
    }
}
