import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// A hugetlbfs for each page size that guests ask for (guide §4.1.1).
struct HugePagesMounted: HostPractice {
    var about: About {
        About(
            id: "huge-pages-mounted", section: "4.1.1", scopes: [.host], severities: [.error], fixes: [.unit],
            title: Text("hugetlbfs mounts", "hugetlbfs 挂载"),
            why: Text(
                "libvirt reaches huge pages through a mounted hugetlbfs of their size; without one the guest is refused.",
                "libvirt 通过对应页大小的 hugetlbfs 挂载点使用大页;没有挂载则拒绝启动客户机。"),
            tradeOff: Text(
                "One more mount; libvirt's daemon finds it when it is restarted.", "多一个挂载点;libvirt 守护进程重启后才能发现它。"),
            guideSays: Text("hugetlbfs is mounted by hand at /dev/hugepages.", "手动将 hugetlbfs 挂载到 /dev/hugepages。"),
            today: Text(
                "systemd's dev-hugepages.mount serves the default size by itself; other sizes need a mount of their own.",
                "systemd 的 dev-hugepages.mount 已自动提供默认大小;其他大小需要单独挂载。"),
            sources: [
                "guide §4.1.1", "systemd units/dev-hugepages.mount", "libvirt src/util/virfile.c virFileFindHugeTLBFS",
            ])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        guard estate.relations.memory.usesHugePages else {
            return .notApplicable(Text("no guest asks for huge pages", "没有客户机请求大页"))
        }
        let pages = estate.relations.memory.pages
        var sizes: [ByteCount: [String]] = [:]
        var isUnresolved = false
        for guest in estate.guests {
            for domain in [guest.live, guest.persistent].compactMap({ $0 }) {
                for piece in HugePageDemand(of: domain, on: pages).pieces where piece.needsMount {
                    guard let size = piece.pageSize else {
                        isUnresolved = true
                        continue
                    }
                    if sizes[size]?.last != guest.name { sizes[size, default: []].append(guest.name) }
                }
            }
        }
        guard !sizes.isEmpty || isUnresolved else {
            return .notApplicable(
                Text("guests take their huge pages through memfd, which needs no mount", "客户机通过 memfd 使用大页,无需挂载"))
        }
        guard case .known(let mounts) = host.storage.mounts else {
            return .unknown(host.storage.mounts.reason ?? Unknown(.missing, source: "/proc/self/mountinfo"))
        }
        var judgement = Judgement()
        if isUnresolved {
            judgement.add(
                host.memory.defaultHugePageSize.reason ?? Unknown(.missing, source: "the default huge page size"))
        }
        let shown = mounts.filter { $0.type == "hugetlbfs" }
        for size in sizes.keys.sorted() {
            guard !mounts.contains(where: { $0.serves(hugePagesOf: size, defaultSize: pages.defaultHuge) }) else {
                continue
            }
            // A mount without a size serves the default, and that is not known here.
            if pages.defaultHuge == nil, shown.contains(where: { $0.option("pagesize") == nil }) {
                judgement.add(host.memory.defaultHugePageSize.reason)
                continue
            }
            let isMountedAtBoot =
                host.storage.fstab.value?.contains { $0.serves(hugePagesOf: size, defaultSize: pages.defaultHuge) }
                ?? false || host.services.enabled.value?.contains(Self.unit(size, pages.defaultHuge)) ?? false
            let names = (sizes[size] ?? []).prefix(10).joined(separator: ", ")
            judgement.add(
                Finding(
                    .error, part: size.description,
                    Text(
                        "guests ask for pages of \(size) and no hugetlbfs of that size is mounted: they will not start (\(names))",
                        "客户机请求 \(size) 的页,但没有挂载该大小的 hugetlbfs:无法启动(\(names))"),
                    observed: shown.isEmpty
                        ? "no hugetlbfs"
                        : shown.map { "\($0.path) \($0.option("pagesize") ?? "default size")" }.joined(separator: ", "),
                    expected: "a hugetlbfs with pagesize=\(Self.word(size))", holds: isMountedAtBoot ? .running : .both,
                    remedy: Self.remedy(size, pages.defaultHuge),
                    evidence: [Evidence("/proc/self/mountinfo", "no hugetlbfs of \(size)")]))
        }
        return judgement
    }

    /// A size as mount options have it.
    private static func word(_ size: ByteCount) -> String {
        if size.kibibytes % (1 << 20) == 0 { return "\(size.kibibytes >> 20)G" }
        return size.kibibytes % 1024 == 0 ? "\(size.kibibytes >> 10)M" : "\(size.kibibytes)K"
    }

    /// The unit that mounts pages of a size.
    private static func unit(_ size: ByteCount, _ defaultSize: ByteCount?) -> String {
        size == defaultSize ? "dev-hugepages.mount" : "dev-hugepages\(word(size)).mount"
    }

    private static func remedy(_ size: ByteCount, _ defaultSize: ByteCount?) -> Remedy {
        let note = Text(
            "Restart libvirt's daemon afterwards: it looks for mounts when it starts.", "之后重启 libvirt 守护进程:它在启动时查找挂载点。")
        let name = unit(size, defaultSize)
        if size == defaultSize { return .change(UnitChange(name, .enable), disrupts: .nothing, note: note) }
        let text = """
            [Unit]
            Description=Huge pages of \(size) for guests
            DefaultDependencies=no
            Before=sysinit.target
            ConditionPathExists=/sys/kernel/mm/hugepages/hugepages-\(size.kibibytes)kB

            [Mount]
            What=hugetlbfs
            Where=/dev/hugepages\(word(size))
            Type=hugetlbfs
            Options=pagesize=\(word(size)),mode=0755

            [Install]
            WantedBy=sysinit.target

            """
        return .change(UnitChange(name, .write(text)), disrupts: .nothing, note: note)
    }

    var examples: Examples {
        let big = """
            <memory unit='GiB'>2</memory>
            <memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>
            """
        let plain = "<memory unit='GiB'>2</memory><memoryBacking><hugepages/></memoryBacking>"
        let memfd = """
            <memory unit='GiB'>2</memory>
            <memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages><source type='memfd'/></memoryBacking>
            """
        @Sendable func mount(_ host: inout HostFacts, _ options: [String]) {
            host.storage.mounts = .known([
                Mount(source: "hugetlbfs", path: "/dev/hugepages", type: "hugetlbfs", options: ["rw"] + options)
            ])
        }
        return Examples(
            fires: .host("1 GiB wanted, 2 MiB mounted", expect: .fires(.error), guests: [big], active: false) {
                mount(&$0, ["pagesize=2M"])
            },
            .host("nothing mounted", expect: .fires(.error, observed: "no hugetlbfs"), guests: [plain], active: false) {
                _ in
            },
            .host("the default size, where 1 GiB is wanted", expect: .fires(.error), guests: [big], active: false) {
                mount(&$0, [])
            },
            quiet: .host("systemd's own mount", expect: .pass, guests: [plain]) { mount(&$0, ["pagesize=2M"]) },
            .host("a mount of the default size", expect: .pass, guests: [plain]) { mount(&$0, []) },
            .host("written in MiB", expect: .pass, guests: [big]) { mount(&$0, ["pagesize=1024M"]) },
            .host("memfd", expect: .notApplicable, guests: [memfd]) { _ in },
            .host("no huge pages", expect: .notApplicable, guests: [""]) { _ in },
            others: [
                .host("mounts cannot be read", expect: .unknown, guests: [big]) {
                    $0.storage.mounts = .unknown(Unknown(.denied, source: "/proc/self/mountinfo"))
                }
            ])
    }
}
