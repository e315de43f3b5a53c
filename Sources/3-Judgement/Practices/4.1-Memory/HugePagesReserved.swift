import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// As many huge pages as guests need, of each size and on each node, now and after a boot (guide §4.1.1).
struct HugePagesReserved: HostPractice {
    var about: About {
        About(
            id: "huge-pages-reserved", section: "4.1.1", scopes: [.host], severities: [.error, .advice],
            fixes: [.sysctl, .sysfs, .cmdline],
            title: Text("Huge pages reserved for guests", "为客户机预留的大页"),
            why: Text(
                "A guest with huge pages takes all of them when it starts, from the nodes it is bound to, and does not start with one too few. Pages nobody asks for are memory nobody can use.",
                "使用大页的客户机在启动时从所绑定的节点一次取得全部大页,缺一页就无法启动。无人使用的预留页则是谁也用不了的内存。"),
            tradeOff: Text(
                "Reserved pages are gone for everything else, and are not swapped.", "预留的页不能再作他用,也不能换出。"),
            guideSays: Text(
                "vm.nr_hugepages reserves pages; hugepages=1 activates them.", "vm.nr_hugepages 预留页;hugepages=1 激活大页。"),
            today: Text(
                "vm.nr_hugepages spreads pages of the default size evenly over the nodes; a guest bound to one node needs them there.",
                "vm.nr_hugepages 将默认大小的页平均分布到各节点;绑定到某节点的客户机需要该节点上的页。"),
            sources: [
                "guide §4.1.1", "kernel Documentation/admin-guide/mm/hugetlbpage.rst",
                "libvirt src/qemu/qemu_command.c qemuBuildMemoryBackendProps",
            ])
    }

    /// A size, and the nodes that lack pages of it.
    private struct Key: Hashable {
        var size: ByteCount
        var place: HugePageTotals.Place
    }
    /// What is missing somewhere.
    private struct Gap {
        var wanted: UInt64
        var there: UInt64
        var missing: UInt64
        var mayBeSurplus: Bool
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let memory = estate.relations.memory
        let supply: HugePageSupply
        switch HugePageSupply.reserved(on: host) {
        case .known(let value): supply = value
        case .unknown(let reason): return .unknown(reason)
        }
        guard memory.usesHugePages || supply.pools.values.contains(where: { $0.total > 0 }) else {
            return .notApplicable(
                Text("no guest asks for huge pages, and none are reserved", "没有客户机请求大页,也没有预留大页"))
        }
        var judgement = Judgement()
        let now: [Key: Gap]
        switch Self.now(host, memory, supply) {
        case .known(let value): now = value
        case .unknown(let reason): return .unknown(reason)
        }
        let later: [Key: Gap]?
        var bootSupply = supply
        switch HugePageSupply.nextBoot(on: host) {
        case .known(let next):
            later = Self.gaps(memory.hugePagesDefined, next)
            bootSupply = next
        case .unknown(let reason):
            later = nil
            // Without a boot loader's configuration nothing can be said of the next boot, and nothing is wrong with that where no guest wants any.
            if !memory.hugePagesDefined.isEmpty { judgement.add(reason) }
        }
        if memory.hugePagesRunning.unresolved + memory.hugePagesStopped.unresolved + memory.hugePagesUnasked.unresolved
            > .zero
        {
            judgement.add(
                host.memory.defaultHugePageSize.reason ?? Unknown(.missing, source: "the default huge page size"))
        }
        let keys = Set(now.keys).union(later.map { Set($0.keys) } ?? []).sorted {
            ($0.size, $0.place.nodes?.first ?? -1) < ($1.size, $1.place.nodes?.first ?? -1)
        }
        var targets: [ByteCount: HugePageTarget] = [:]
        for size in Set(keys.map(\.size)).union(supply.pools.keys) {
            targets[size] = HugePageTarget(
                size, on: host, memory, reserved: supply, boot: later == nil ? nil : bootSupply)
        }
        let remedies = Self.remedies(targets, keys, host, estate)
        for key in keys {
            let present = now[key]
            let next = later?[key]
            guard let gap = present ?? next else { continue }
            let holds: Finding.Holds = present == nil ? .nextStart : next == nil ? .running : .both
            judgement.add(Self.shortage(key, gap, holds, host, remedies[key.size] ?? .none, estate))
        }
        for size in supply.pools.keys.sorted() {
            guard let pool = supply.pools[size], let target = targets[size], target.spare > 0 else { continue }
            judgement.add(Self.excess(size, target, pool, host))
        }
        return judgement
    }

    // MARK: Arithmetic

    private static func now(_ host: HostFacts, _ memory: MemoryRelations, _ supply: HugePageSupply) -> Fact<[Key: Gap]>
    {
        HugePageSupply.free(on: host).map { free in
            // Guests that run have theirs: those that do not need theirs from what is free. Where nobody said which guests run, all pages stand against all guests.
            memory.hugePagesUnasked.isEmpty
                ? gaps(memory.hugePagesStopped, free) : gaps(memory.hugePagesUnasked, supply)
        }
    }

    private static func gaps(_ totals: HugePageTotals, _ supply: HugePageSupply) -> [Key: Gap] {
        var gaps: [Key: Gap] = [:]
        for size in totals.sizes {
            let byNode = supply.byNode(size)
            for (place, missing) in totals.shortage(of: size, in: byNode) {
                let wanted: UInt64
                let there: UInt64
                if let nodes = place.nodes {
                    wanted = totals.pages[size]?[place] ?? missing
                    there = byNode.filter { nodes.contains($0.key) }.values.reduce(0, +)
                } else {
                    wanted = totals.count(of: size)
                    there = byNode.values.reduce(0, +)
                }
                let surplus = supply.pools[size]?.surplusAllowed ?? 0
                gaps[Key(size: size, place: place)] = Gap(
                    wanted: wanted, there: there, missing: missing, mayBeSurplus: missing <= surplus)
            }
        }
        return gaps
    }

    // MARK: Findings

    private static func shortage(
        _ key: Key, _ gap: Gap, _ holds: Finding.Holds, _ host: HostFacts, _ remedy: Remedy, _ estate: Estate
    ) -> Finding {
        let size = key.size
        let place = key.place.nodes.map { $0.count == 1 ? "node \($0)" : "nodes \($0)" }
        let when = holds == .nextStart ? ("after a boot ", "重启后") : ("", "")
        let names = estate.relations.memory.hugePageGuests.joined(separator: ", ")
        // Where nobody said which guests run, all pages stand against all guests.
        let there =
            holds == .nextStart || !estate.relations.memory.hugePagesUnasked.isEmpty ? "reserved" : "free"
        // Surplus pages come from whatever memory is free at that moment: a hope, not a reservation.
        let hope =
            gap.mayBeSurplus
            ? ("; nr_overcommit_hugepages may give them", ";nr_overcommit_hugepages 或可提供") : ("", "")
        return Finding(
            gap.mayBeSurplus ? .advice : .error, part: size.description + (place.map { ", \($0)" } ?? ""),
            Text(
                "\(when.0)guests that ask for pages of \(size)\(place.map { " from \($0)" } ?? "") need \(gap.wanted), and \(gap.there) are \(there): \(gap.missing) too few for all of them to start\(hope.0)",
                "\(when.1)请求 \(size) 大页的客户机\(key.place.nodes.map { "需要节点 \($0) 上的" } ?? "需要") \(gap.wanted) 页,而可用的只有 \(gap.there) 页:缺少 \(gap.missing) 页,无法全部启动\(hope.1)"
            ),
            observed: "\(gap.there) pages", expected: "\(gap.there &+ gap.missing) pages", holds: holds,
            remedy: remedy,
            evidence: evidence(size, key.place.nodes, host) + [Evidence("guests", names)],
            owner: host.services.owner(of: "vm.nr_hugepages"))
    }

    /// How the pages that are missing are had: all of one size together, since one number on a node serves all guests there.
    private static func remedies(
        _ targets: [ByteCount: HugePageTarget], _ keys: [Key], _ host: HostFacts, _ estate: Estate
    ) -> [ByteCount: Remedy] {
        let lacking = Set(keys.map(\.size))
        var held = ByteCount.zero
        var onNode: [Int: ByteCount] = [:]
        for (size, target) in targets {
            let pages = lacking.contains(size) ? target.pages ?? target.reserved : target.reserved
            for (node, count) in pages {
                held += size * count
                onNode[node, default: .zero] += size * count
            }
        }
        var tooSmall: Text?
        if let total = host.memory.total.value {
            let most = total - estate.settings.reserve(of: total)
            if held > most {
                tooSmall = Text(
                    "They would take \(held), and the host has \(most) to give: less memory for guests, or guests without huge pages.",
                    "它们需要 \(held),而主机可提供的只有 \(most):请减少客户机内存,或让部分客户机不使用大页。")
            }
        }
        for (node, wanted) in onNode.sorted(by: { $0.key < $1.key }) where tooSmall == nil && onNode.count > 1 {
            guard let memory = host.numa.node(node)?.memory.value, wanted > memory,
                targets.values.contains(where: { !$0.isHostWide && $0.pages?[node] ?? 0 > $0.reserved[node] ?? 0 })
            else { continue }
            tooSmall = Text(
                "They would take \(wanted) of node \(node), which has \(memory): bind some guests to other nodes.",
                "节点 \(node) 只有 \(memory),而它们需要 \(wanted):请将部分客户机绑定到其他节点。")
        }
        var remedies: [ByteCount: Remedy] = [:]
        for size in lacking {
            guard let target = targets[size], target.pages != nil else {
                remedies[size] = .byHand(
                    Text(
                        "This host has no pages of \(size) there: let the guests take another size or other nodes.",
                        "此主机在那里没有 \(size) 的页:请让客户机使用其他大小或其他节点。"), disrupts: .guestRestart)
                continue
            }
            if let tooSmall {
                remedies[size] = .byHand(tooSmall, disrupts: .guestRestart)
                continue
            }
            remedies[size] = .changes(
                target.changes, disrupts: .nothing,
                note: size >= ByteCount(gibibytes: 1)
                    ? Text(
                        "Pages this large may not be found once memory is in use: see huge-pages-1g-boot.",
                        "内存使用一段时间后可能找不到如此大的连续页:参见 huge-pages-1g-boot。")
                    : Text(
                        "Read the number back: the kernel reserves as many as it finds, and says nothing of the rest.",
                        "请回读数值:内核能找到多少就预留多少,不足时不会报错。"))
        }
        return remedies
    }

    private static func excess(
        _ size: ByteCount, _ target: HugePageTarget, _ pool: HugePageSupply.Pool, _ host: HostFacts
    ) -> Finding {
        let pages = target.spare
        let needed = pool.total - min(pages, pool.total)
        let memory = size * pages
        return Finding(
            .advice, part: "\(size), spare",
            Text(
                "\(pages) reserved pages of \(size) are free and no guest asks for them: \(memory) that nobody can use",
                "\(pages) 个预留的 \(size) 页空闲且没有客户机请求:\(memory) 内存无人可用"),
            observed: "\(pool.total) pages", expected: "\(needed) pages",
            holds: target.isSpareAtBoot ? .both : .running,
            remedy: .changes(
                target.releases, disrupts: .nothing,
                note: Text(
                    "Only if no other program is to have them (a database, DPDK), and every guest was seen. What the boot loader or a file reserves is to be lowered too.",
                    "仅当没有其他程序(数据库、DPDK)需要它们且已检查全部客户机时才这样做;引导参数或配置文件中的预留也应降低。")),
            evidence: evidence(size, nil, host), owner: host.services.owner(of: "vm.nr_hugepages"))
    }

    private static func evidence(_ size: ByteCount, _ nodes: NodeSet?, _ host: HostFacts) -> [Evidence] {
        var evidence: [Evidence] = []
        let file = "hugepages-\(size.kibibytes)kB"
        if let nodes {
            for node in nodes.members {
                guard let pool = host.numa.node(node)?.hugePages.value?.first(where: { $0.size == size }) else {
                    continue
                }
                evidence.append(
                    Evidence(
                        "/sys/devices/system/node/node\(node)/hugepages/\(file)",
                        "\(pool.total) pages, \(pool.free) free"))
            }
        } else if let pool = host.memory.hugePages.value?.first(where: { $0.size == size }) {
            evidence.append(Evidence("/sys/kernel/mm/hugepages/\(file)", "\(pool.total) pages, \(pool.free) free"))
        } else {
            evidence.append(Evidence("/sys/kernel/mm/hugepages/\(file)", "does not exist"))
        }
        if let setting = host.sysctl.configured.value?["vm.nr_hugepages"] {
            evidence.append(Evidence(setting.file, setting.value, line: setting.line))
        }
        let words = host.boot.nextCommandLine.value?.parameters.filter { $0.name.contains("hugepages") } ?? []
        if !words.isEmpty {
            evidence.append(
                Evidence(
                    host.boot.nextSource ?? "boot loader",
                    words.map { $0.name + ($0.value.map { "=\($0)" } ?? "") }.joined(separator: " ")))
        }
        return evidence
    }

    // MARK: Examples

    /// A host with pages of 2 MiB on its two nodes, which the boot loader reserves too.
    static func reserving(_ byNode: [Int], free: [Int]? = nil, _ host: inout HostFacts) {
        let two = ByteCount(mebibytes: 2)
        let total = byNode.reduce(0, +)
        host.memory.hugePages = .known([
            HugePagePool(size: two, total: total, free: free?.reduce(0, +)),
            HugePagePool(size: ByteCount(gibibytes: 1), total: 0),
        ])
        if case .known(var nodes) = host.numa.nodes {
            for index in nodes.indices where byNode.indices.contains(index) {
                nodes[index].hugePages = .known([
                    HugePagePool(size: two, total: byNode[index], free: free?[index]),
                    HugePagePool(size: ByteCount(gibibytes: 1), total: 0),
                ])
            }
            host.numa.nodes = .known(nodes)
        }
        let words = byNode.enumerated().map { "\($0.offset):\($0.element)" }.joined(separator: ",")
        host.boot.nextCommandLine = .known(KernelCommandLine("root=/dev/sda2 hugepagesz=2M hugepages=\(words)"))
    }

    var examples: Examples {
        let huge = "<name>huge</name><memory unit='GiB'>2</memory><memoryBacking><hugepages/></memoryBacking>"
        let bound = huge + "<numatune><memory mode='strict' nodeset='1'/></numatune>"
        return Examples(
            fires: .host(
                "1000 pages for a guest that needs 1024", expect: .fires(.error, observed: "1000 pages"),
                guests: [huge],
                active: false
            ) { Self.reserving([500, 500], &$0) },
            .host(
                "enough, but on the other node", expect: .fires(.error, observed: "0 pages"), guests: [bound],
                active: false
            ) { Self.reserving([1024, 0], &$0) },
            .host("none at all", expect: .fires(.error, observed: "0 pages"), guests: [huge], active: false) { _ in },
            .host(
                "runs now, and the next boot reserves none", expect: .fires(.error, observed: "0 pages"), guests: [huge]
            ) {
                Self.reserving([512, 512], free: [0, 0], &$0)
                $0.boot.nextCommandLine = .known(KernelCommandLine("quiet"))
            },
            .host("nobody asks for them", expect: .fires(.advice, observed: "1024 pages")) {
                Self.reserving([512, 512], &$0)
            },
            .host("twice as many as needed", expect: .fires(.advice, observed: "2048 pages"), guests: [huge]) {
                Self.reserving([1024, 1024], free: [512, 512], &$0)
            },
            quiet: .host("exactly enough", expect: .pass, guests: [huge], active: false) {
                Self.reserving([512, 512], &$0)
            },
            .host("where they are needed", expect: .pass, guests: [bound], active: false) {
                Self.reserving([0, 1024], &$0)
            },
            .host("a guest runs on them", expect: .pass, guests: [huge]) {
                Self.reserving([512, 512], free: [0, 0], &$0)
            },
            .host("a program that is no guest holds them", expect: .pass) {
                Self.reserving([512, 512], free: [0, 0], &$0)
            },
            .host("a few to spare", expect: .pass, guests: [huge], active: false) { Self.reserving([520, 520], &$0) },
            .host("neither wanted nor reserved", expect: .notApplicable, guests: ["<memory unit='GiB'>2</memory>"]) {
                _ in
            },
            others: [
                .host("the pools cannot be read", expect: .unknown, guests: [huge]) {
                    $0.memory.hugePages = .unknown(Unknown(.denied, source: "/sys/kernel/mm/hugepages"))
                },
                .host("the boot loader cannot be read", expect: .unknown, guests: [huge]) {
                    Self.reserving([512, 512], free: [0, 0], &$0)
                    $0.boot.nextCommandLine = .unknown(Unknown(.denied, source: "/boot/grub2/grub.cfg"))
                },
            ])
    }
}
