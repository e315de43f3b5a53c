import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Pages of 1 GiB reserved where it is surest: on the kernel command line (guide §4.1.1).
struct HugePages1GBoot: HostPractice {
    var about: About {
        About(
            id: "huge-pages-1g-boot", section: "4.1.1", scopes: [.host], severities: [.warning],
            fixes: [.cmdline, .hand],
            title: Text("Pages of 1 GiB from boot on", "引导时预留 1 GiB 大页"),
            why: Text(
                "A gibibyte of contiguous memory is hard to find once the host has run for a while; at boot it is always there.",
                "主机运行一段时间后很难找到 1 GiB 连续内存;引导时则总能得到。"),
            tradeOff: Text(
                "Changing the number needs a reboot; memory reserved this way is lost to everything else.",
                "更改数量需要重启;这样预留的内存不能再作他用。"),
            guideSays: Text(
                "Pages of 1 GiB can only be allocated at boot and are never released; hugepagesz=2MB adds a size.",
                "1 GiB 的页只能在引导时分配,之后无法释放;hugepagesz=2MB 可添加页大小。"),
            today: Text(
                "Since Linux 3.16 they can be had and returned per node at run time while contiguous memory is left; hugetlb_cma= (5.7) keeps some. Pairs are read in order, per node since 5.16; a bare hugepages= counts the default size.",
                "自 Linux 3.16 起,只要还有连续内存就可在运行时按节点分配和释放;hugetlb_cma=(5.7)可保留连续内存。参数按顺序成对读取,自 5.16 起可按节点指定;单独的 hugepages= 计的是默认大小。"
            ),
            sources: [
                "guide §4.1.1", "kernel Documentation/admin-guide/kernel-parameters.txt hugepages, hugetlb_cma",
                "kernel mm/hugetlb.c",
            ])
    }

    private static let size = ByteCount(gibibytes: 1)

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let memory = estate.relations.memory
        // A guest without a persistent definition has no next start.
        let wanted = memory.hugePagesDefined
        let count = wanted.count(of: Self.size)
        guard count > 0 else {
            guard wanted.unresolved == .zero else {
                return .unknown(
                    host.memory.defaultHugePageSize.reason ?? Unknown(.missing, source: "the default huge page size"))
            }
            return .notApplicable(Text("no guest asks for pages of 1 GiB", "没有客户机请求 1 GiB 的页"))
        }
        switch host.kernel.architecture {
        case .unknown(let reason): return .unknown(reason)
        case .known("s390x"):
            return .notApplicable(Text("s390x kernels run guests on pages of 1 MiB", "s390x 内核以 1 MiB 的页运行客户机"))
        case .known: break
        }
        let line: KernelCommandLine
        switch host.boot.nextCommandLine {
        case .known(let value): line = value
        case .unknown(let reason): return .unknown(reason)
        }
        let parameters = HugePageParameters(line)
        let defaultSize = parameters.defaultSize ?? host.memory.defaultHugePageSize.value
        guard !parameters.reserves(Self.size, defaultSize: defaultSize), parameters.cma == nil else { return .pass }
        if parameters.bare != nil, defaultSize == nil {
            return .unknown(host.memory.defaultHugePageSize.reason ?? Unknown(.missing, source: "/proc/meminfo"))
        }
        let words = line.parameters.filter { $0.name.contains("hugepage") }
            .map { $0.name + ($0.value.map { "=\($0)" } ?? "") }.joined(separator: " ")
        var what = Text(
            "guests ask for \(count) pages of 1 GiB, and the next boot reserves none on the kernel command line",
            "客户机请求 \(count) 个 1 GiB 的页,而下次引导的内核命令行未预留")
        // `hugepages=8 hugepagesz=1G`: the number counts pages of the default size.
        if parameters.bare != nil, line.has("hugepagesz"), let defaultSize {
            what = Text(
                "\(what.english): the number stands before hugepagesz=1G and counts pages of \(defaultSize)",
                "\(what.chinese):数量写在 hugepagesz=1G 之前,计的是 \(defaultSize) 的页")
        }
        return .finding(
            Finding(
                .warning, part: "1 GiB", what, observed: words.isEmpty ? "no hugepages=" : words,
                expected: "hugepagesz=1G hugepages=\(count)", holds: .nextStart,
                remedy: Self.remedy(host, estate, wanted, count, words),
                evidence: [Evidence(host.boot.nextSource ?? "boot loader", words.isEmpty ? "no hugepages=" : words)]))
    }

    /// Why the pages cannot be had: a kernel that reserves all its memory at boot has none to start with.
    private static func tooMany(
        _ byNode: [Int: UInt64], _ wanted: HugePageTotals, _ host: HostFacts, _ estate: Estate
    ) -> Text? {
        let supply = HugePageSupply.reserved(on: host).value
        let others = Set(supply?.pools.keys.map { $0 } ?? []).union(wanted.sizes).subtracting([size])
        if let total = host.memory.total.value {
            var held = size * wanted.count(of: size)
            for other in others {
                let there = supply?.byNode(other).values.reduce(0, +) ?? 0
                held += other * max(there, wanted.count(of: other))
            }
            let most = total - estate.settings.reserve(of: total)
            if held > most {
                return Text(
                    "Huge pages would take \(held), and the host has \(most) to give: less memory for guests, or guests without huge pages.",
                    "大页需要 \(held),而主机可提供的只有 \(most):请减少客户机内存,或让部分客户机不使用大页。")
            }
        }
        for (node, count) in byNode.sorted(by: { $0.key < $1.key }) {
            var held = size * count
            for other in others { held += other * (supply?.byNode(other)[node] ?? 0) }
            guard let memory = host.numa.node(node)?.memory.value, held > memory else { continue }
            return Text(
                "Huge pages would take \(held) of node \(node), which has \(memory): bind some guests to other nodes.",
                "节点 \(node) 只有 \(memory),而大页需要 \(held):请将部分客户机绑定到其他节点。")
        }
        return nil
    }

    private static func remedy(
        _ host: HostFacts, _ estate: Estate, _ wanted: HugePageTotals, _ count: UInt64, _ words: String
    ) -> Remedy {
        if let flags = host.cpu.flags.value, host.kernel.architecture.value == "x86_64", !flags.contains("pdpe1gb") {
            return .byHand(
                Text(
                    "This CPU has no pages of 1 GiB (no pdpe1gb flag): let the guests take 2 MiB.",
                    "此 CPU 没有 1 GiB 的页(无 pdpe1gb 标志):让客户机使用 2 MiB 的页。"), disrupts: .guestRestart)
        }
        var value = String(count)
        let nodes = (host.numa.nodes.value ?? []).filter { $0.memory.value != .zero }.map(\.id)
        var byNode: [Int: UInt64] = [:]
        for (place, pages) in wanted.pages[size] ?? [:] {
            let among = place.nodes.map { $0.members.filter(nodes.contains) } ?? nodes
            guard !among.isEmpty else { continue }
            for (node, share) in HugePageSupply.spread(pages, over: among) { byNode[node, default: 0] += share }
        }
        if let why = tooMany(byNode, wanted, host, estate) { return .byHand(why, disrupts: .guestRestart) }
        if nodes.count > 1, let version = host.kernel.version.value, version >= KernelVersion(5, 16) {
            value = byNode.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(
                separator: ",")
        }
        return .change(
            KernelParameterChange("hugepagesz=1G hugepages", from: words.isEmpty ? nil : words, to: value),
            disrupts: .hostReboot,
            note: Text(
                "Keep the pair together, after any bare hugepages=. hugetlb_cma= is the other way: it keeps contiguous memory that can be used until the pages are wanted.",
                "两个参数须相邻,并位于单独的 hugepages= 之后。另一种方式是 hugetlb_cma=:保留的连续内存在需要大页之前仍可使用。"))
    }

    var examples: Examples {
        let guest = """
            <memory unit='GiB'>4</memory>
            <memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>
            """
        @Sendable func line(_ host: inout HostFacts, _ text: String) {
            host.boot.nextCommandLine = .known(KernelCommandLine("root=/dev/sda2 " + text))
        }
        return Examples(
            fires: .host("nothing reserved", expect: .fires(.warning, observed: "no hugepages="), guests: [guest]) {
                _ in
            },
            .host(
                "the number before the size", expect: .fires(.warning, observed: "hugepages=4 hugepagesz=1G"),
                guests: [guest]
            ) {
                line(&$0, "hugepages=4 hugepagesz=1G")
            },
            .host("pages of the other size", expect: .fires(.warning), guests: [guest]) {
                line(&$0, "hugepagesz=2M hugepages=2048")
            },
            quiet: .host("a pair", expect: .pass, guests: [guest]) { line(&$0, "hugepagesz=1G hugepages=4") },
            .host("per node", expect: .pass, guests: [guest]) { line(&$0, "hugepagesz=1G hugepages=0:2,1:2") },
            .host("1 GiB is the default", expect: .pass, guests: [guest]) {
                line(&$0, "default_hugepagesz=1G hugepages=4")
            },
            .host("contiguous memory kept", expect: .pass, guests: [guest]) { line(&$0, "hugetlb_cma=8G") },
            .host(
                "pages of 2 MiB", expect: .notApplicable,
                guests: ["<memory unit='GiB'>4</memory><memoryBacking><hugepages/></memoryBacking>"]
            ) { _ in },
            others: [
                .host("the boot loader cannot be read", expect: .unknown, guests: [guest]) {
                    $0.boot.nextCommandLine = .unknown(Unknown(.denied, source: "/boot/grub2/grub.cfg"))
                }
            ])
    }
}
