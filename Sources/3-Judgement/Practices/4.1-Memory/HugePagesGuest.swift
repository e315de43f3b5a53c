import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Huge pages for large guests, and for those whose workload gains most (guide §4.1.1).
struct HugePagesGuest: GuestPractice {
    var about: About {
        About(
            id: "huge-pages-guest", section: "4.1.1", scopes: [.guest], severities: [.advice],
            fixes: [.xml, .sysctl, .sysfs],
            title: Text("Huge pages for the guest", "客户机使用大页"),
            why: Text(
                "Memory of a large guest in pages of 4 KiB misses the TLB often, and each miss walks two page tables; huge pages shorten both.",
                "大客户机使用 4 KiB 页时经常 TLB 未命中,每次未命中都要遍历两级页表;大页可同时缩短两者。"),
            tradeOff: Text(
                "No ballooning, no KSM and no swapping of this guest; the memory is reserved whether the guest runs or not.",
                "该客户机不能再使用内存气球、KSM,也不能换出;无论是否运行,内存都被预留。"),
            sources: ["guide §4.1.1", "libvirt docs/formatdomain.rst, Memory Backing"], holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let pages = estate.relations.memory.pages
        guard HugePageDemand(of: domain, on: pages).isEmpty else { return .pass }
        guard let memory = domain.memory ?? domain.initialMemory else {
            return .unknown(Unknown(.missing, source: "/domain/memory"))
        }
        let wantsThem = guest.workload == .database || guest.workload == .latency
        guard wantsThem || memory >= estate.settings.hugePagesFrom else { return .pass }
        let size = pages.defaultHuge ?? ByteCount(mebibytes: 2)
        let count = (domain.initialMemory ?? memory).count(of: size)
        let (change, excerpt) = Self.change(domain, guest)
        let (reservation, note) = Self.reservation(domain, count, size, estate)
        return .finding(
            Finding(
                .advice,
                wantsThem
                    ? Text(
                        "\(memory) of memory for a \(guest.workload.rawValue) workload, not in huge pages",
                        "\(guest.workload.rawValue) 负载的 \(memory) 内存未使用大页")
                    : Text("\(memory) of memory, not in huge pages", "\(memory) 内存未使用大页"),
                observed: "no <hugepages>", expected: "<hugepages/>",
                remedy: .changes(reservation + [change], disrupts: .guestRestart, note: note),
                evidence: excerpt + (domain.root.first("memory").map { [Evidence($0, memory.description)] } ?? [])))
    }

    private static func change(_ domain: DomainDefinition, _ guest: Guest) -> (DomainChange, [Evidence]) {
        // Written, and with pages of the ordinary size: no huge pages.
        if let element = domain.memoryBacking?.hugepages, let page = element.first("page") {
            return (
                DomainChange(guest.name, page.xpath, .remove, from: page["size"]), [Evidence(page, page["size"] ?? "")]
            )
        }
        return (domain.addingToMemoryBacking("<hugepages/>", of: guest.name), [])
    }

    /// The pages to reserve first: on the node the guest is bound to, else anywhere.
    private static func reservation(_ domain: DomainDefinition, _ count: UInt64, _ size: ByteCount, _ estate: Estate)
        -> (
            [any Change], Text
        )
    {
        let words = Text(
            "Reserve \(count) pages of \(size) first, beyond those other guests hold; see also huge-pages-reserved and huge-pages-mounted.",
            "请先预留 \(count) 个 \(size) 的页(不含其他客户机已占用的);另见 huge-pages-reserved 与 huge-pages-mounted。")
        guard case .known(let supply) = HugePageSupply.reserved(on: estate.host),
            case .known(let free) = HugePageSupply.free(on: estate.host)
        else { return ([], words) }
        if let policy = domain.numaTuning?.memory, policy.isBinding, let nodes = policy.nodes, nodes.count == 1,
            let node = nodes.first, let there = supply.byNode(size)[node]
        {
            let idle = free.byNode(size)[node] ?? 0
            guard idle < count else { return ([], words) }
            return (
                [
                    HugePagesChange(
                        pageKiB: size.kibibytes, node: node, from: Int(clamping: there),
                        to: Int(clamping: there + (count - idle)))
                ], words
            )
        }
        guard let pool = supply.pools[size], size == supply.defaultSize else { return ([], words) }
        let idle = free.pools[size]?.total ?? 0
        guard idle < count else { return ([], words) }
        return (
            [SysctlChange("vm.nr_hugepages", from: String(pool.total), to: String(pool.total + (count - idle)))], words
        )
    }

    var examples: Examples {
        Examples(
            fires: .guest("at 4 GiB", "<memory unit='GiB'>4</memory>", expect: .fires(.advice)),
            .guest("a small database", "<memory unit='GiB'>1</memory>", expect: .fires(.advice), workload: .database),
            .guest("latency", "<memory unit='MiB'>512</memory>", expect: .fires(.advice), workload: .latency),
            .guest(
                "pages of the ordinary size are no huge pages",
                "<memory unit='GiB'>8</memory><memoryBacking><hugepages><page size='4'/></hugepages></memoryBacking>",
                expect: .fires(.advice)),
            quiet: .guest("just below 4 GiB", "<memory unit='MiB'>4095</memory>", expect: .pass),
            .guest(
                "it has them", "<memory unit='GiB'>64</memory><memoryBacking><hugepages/></memoryBacking>",
                expect: .pass,
                workload: .database),
            .guest(
                "emulated, with huge pages",
                "<domain type='qemu'><memory unit='GiB'>8</memory><memoryBacking><hugepages/></memoryBacking></domain>",
                expect: .pass),
            others: [
                .guest(
                    "confidential", "<memory unit='GiB'>64</memory><launchSecurity type='sev'/>", expect: .notApplicable
                ),
                .guest(
                    "Xen's guest", "<domain type='xen'><memory unit='GiB'>64</memory></domain>", expect: .notApplicable),
            ])
    }
}
