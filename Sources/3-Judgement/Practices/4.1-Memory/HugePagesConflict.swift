import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Huge pages together with what they switch off (guide §4.1.1, limits of huge pages).
struct HugePagesConflict: GuestPractice {
    var about: About {
        About(
            id: "huge-pages-conflict", section: "4.1.1", scopes: [.guest], severities: [.error, .warning],
            fixes: [.xml, .hand],
            title: Text("Huge pages and what they switch off", "与大页冲突的设置"),
            why: Text(
                "Memory in huge pages is neither ballooned nor merged nor swapped, nor counted by the guest's memory limits: settings that rely on these do nothing, or mislead.",
                "大页内存不会被气球回收、合并或换出,也不计入客户机的内存限制:依赖这些功能的设置不起作用,甚至误导。"),
            tradeOff: Text(
                "One has to choose: speed of huge pages, or memory that can be given back.", "必须取舍:大页的速度,或可收回的内存。"),
            sources: [
                "guide §4.1.1", "kernel Documentation/admin-guide/cgroup-v2.rst (hugetlb is not in memory)",
                "libvirt docs/formatdomain.rst",
            ],
            holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let demand = HugePageDemand(of: domain, on: estate.relations.memory.pages)
        guard !demand.isEmpty else { return .pass }
        var judgement = Judgement()
        sizes(domain, demand, guest, estate, &judgement)
        balloon(domain, guest, &judgement)
        sharing(domain, guest, estate, &judgement)
        limits(domain, guest, &judgement)
        locking(domain, guest, estate, &judgement)
        return judgement
    }

    /// Memory that is no whole number of pages.
    private func sizes(
        _ domain: DomainDefinition, _ demand: HugePageDemand, _ guest: Guest, _ estate: Estate,
        _ judgement: inout Judgement
    ) {
        for piece in demand.pieces {
            let part = piece.part.isEmpty ? "memory" : piece.part
            guard let size = piece.pageSize else {
                // A whole number of the largest common pages is one of the smaller ones.
                if piece.memory.rawValue % ByteCount(gibibytes: 1).rawValue != 0 {
                    judgement.add(
                        estate.host.memory.defaultHugePageSize.reason
                            ?? Unknown(.missing, source: "the default huge page size"))
                }
                continue
            }
            guard piece.isUneven else { continue }
            let rounded = piece.memory.rounded(upTo: size)
            judgement.add(
                Finding(
                    piece.isTooSmall ? .error : .warning, part: part,
                    piece.isTooSmall
                        ? Text(
                            "\(piece.memory) is less than one page of \(size): the guest will not start",
                            "\(piece.memory) 小于一个 \(size) 的页:客户机无法启动")
                        : Text(
                            "\(piece.memory) is no whole number of pages of \(size): part of the last page is lost",
                            "\(piece.memory) 不是 \(size) 页的整数倍:最后一页有一部分浪费"),
                    observed: piece.memory.description, expected: rounded.description,
                    remedy: .byHand(
                        Text("Give it \(rounded), or smaller pages.", "改为 \(rounded),或使用更小的页。"),
                        commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart),
                    evidence: [Evidence(domain.memoryBacking?.hugepages ?? domain.root, size.description)]))
        }
    }

    /// A balloon that leaves less than all: the host gets nothing back for it.
    private func balloon(_ domain: DomainDefinition, _ guest: Guest, _ judgement: inout Judgement) {
        guard domain.effectiveBalloonModel != "none", let memory = domain.memory, let current = domain.currentMemory,
            current < memory, let element = domain.root.first("currentMemory")
        else { return }
        judgement.add(
            Finding(
                .warning, part: "balloon",
                Text(
                    "the balloon leaves the guest \(current) of \(memory), and of huge pages the host gets nothing back",
                    "气球只给客户机留下 \(memory) 中的 \(current),而大页无法归还主机"),
                observed: "currentMemory \(current)", expected: "currentMemory \(memory)",
                remedy: .change(
                    DomainChange(guest.name, element.xpath, .remove, from: element.text), disrupts: .guestRestart,
                    note: Text(
                        "Without <currentMemory> the guest has all of <memory>. For a guest that is to give memory back, take the huge pages out instead.",
                        "没有 <currentMemory> 时客户机获得全部 <memory>。若希望客户机归还内存,则应去掉大页。")),
                evidence: [Evidence(element, current.description)]))
    }

    /// A guest that was made to be merged with others.
    private func sharing(_ domain: DomainDefinition, _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        guard guest.workload == .homogeneous, let element = domain.memoryBacking?.hugepages else { return }
        switch estate.host.memory.ksm.run {
        case .unknown(let reason): if reason.cause != .missing { judgement.add(reason) }
        case .known(let run):
            guard run == 1 else { return }
            judgement.add(
                Finding(
                    .warning, part: "ksm",
                    Text(
                        "KSM is on and the guest is one of many alike, but memory in huge pages is never merged",
                        "KSM 已开启且该客户机属于同类客户机之一,但大页内存不会被合并"),
                    observed: "hugepages", expected: "no <hugepages>",
                    remedy: .change(
                        DomainChange(guest.name, element.xpath, .remove, from: "hugepages"), disrupts: .guestRestart,
                        note: Text("Or keep the huge pages and count on no sharing.", "或保留大页,不再指望共享。")),
                    evidence: [Evidence(element, "hugepages"), Evidence("/sys/kernel/mm/ksm/run", String(run))]))
        }
    }

    /// Limits of memory and swap, which do not count huge pages.
    private func limits(_ domain: DomainDefinition, _ guest: Guest, _ judgement: inout Judgement) {
        guard let tuning = domain.memoryTuning, let limit = tuning.swapHardLimit,
            let element = tuning.limitElement("swap_hard_limit")
        else { return }
        judgement.add(
            Finding(
                .warning, part: "swap_hard_limit",
                Text(
                    "swap_hard_limit is \(limit), and huge pages are neither swapped nor counted in it",
                    "swap_hard_limit 为 \(limit),而大页既不会换出也不计入其中"),
                observed: limit.description, expected: "no swap_hard_limit",
                remedy: .change(
                    DomainChange(guest.name, element.xpath, .remove, from: element.text), disrupts: .guestRestart),
                evidence: [Evidence(element, limit.description)]))
    }

    /// A latency guest whose emulator can still be swapped out.
    private func locking(_ domain: DomainDefinition, _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        guard guest.workload == .latency, let backing = domain.memoryBacking, !backing.isLocked else { return }
        switch estate.host.memory.swap {
        case .unknown(let reason): judgement.add(reason)
        case .known(let areas):
            guard !areas.isEmpty else { return }
            judgement.add(
                Finding(
                    .warning, part: "locked",
                    Text(
                        "a latency guest with huge pages and no <locked/>: QEMU's own memory can still be swapped out",
                        "延迟敏感客户机使用大页但没有 <locked/>:QEMU 自身的内存仍可能被换出"),
                    observed: "not locked", expected: "<locked/>",
                    remedy: .change(
                        domain.addingToMemoryBacking("<locked/>", of: guest.name), disrupts: .guestRestart,
                        note: Text(
                            "libvirt recommends a generous hard_limit with <locked/>: what is locked is lost to the host.",
                            "使用 <locked/> 时 libvirt 建议设置宽裕的 hard_limit:锁定的内存主机无法收回。")),
                    evidence: [
                        Evidence(backing.element, "no <locked/>"),
                        Evidence("/proc/swaps", areas.map(\.path).joined(separator: ", ")),
                    ]))
        }
    }

    var examples: Examples {
        let huge = "<memoryBacking><hugepages/></memoryBacking>"
        return Examples(
            fires: .guest(
                "a balloon below all memory",
                "<memory unit='GiB'>4</memory><currentMemory unit='GiB'>2</currentMemory>" + huge,
                expect: .fires(.warning, observed: "currentMemory 2 GiB")),
            .guest(
                "swap_hard_limit", huge + "<memtune><swap_hard_limit unit='GiB'>8</swap_hard_limit></memtune>",
                expect: .fires(.warning, observed: "8 GiB")),
            .guest(
                "one of many alike, under KSM", huge, expect: .fires(.warning, observed: "hugepages"),
                workload: .homogeneous
            ) {
                $0.memory.ksm.run = .known(1)
            },
            .guest("latency, not locked", huge, expect: .fires(.warning, observed: "not locked"), workload: .latency),
            .guest(
                "half a page too much",
                "<memory unit='MiB'>1536</memory><memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>",
                expect: .fires(.warning, observed: "1.5 GiB")),
            .guest(
                "less than a page",
                "<memory unit='MiB'>512</memory><memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>",
                expect: .fires(.error, observed: "512 MiB")),
            quiet: .guest(
                "nothing beside them",
                "<memory unit='GiB'>4</memory><currentMemory unit='GiB'>4</currentMemory>" + huge, expect: .pass),
            .guest(
                "no balloon at all",
                "<memory unit='GiB'>4</memory><currentMemory unit='GiB'>2</currentMemory>\(huge)<devices><memballoon model='none'/></devices>",
                expect: .pass),
            .guest(
                "latency, locked", "<memoryBacking><hugepages/><locked/></memoryBacking>", expect: .pass,
                workload: .latency),
            .guest("latency, and nowhere to swap to", huge, expect: .pass, workload: .latency) {
                $0.memory.swap = .known([])
            },
            .guest(
                "no huge pages", "<memory unit='GiB'>4</memory><currentMemory unit='GiB'>2</currentMemory>",
                expect: .pass),
            others: [
                .guest("a default nobody knows", "<memory unit='MiB'>1500</memory>" + huge, expect: .unknown) {
                    $0.memory.defaultHugePageSize = .unknown(Unknown(.notExamined, source: "/proc/meminfo"))
                }
            ])
    }
}
