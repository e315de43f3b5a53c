import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// What guests were promised against what the host has (guide §4.1, §4.1.4, §6.1.3).
struct MemoryOvercommit: HostPractice {
    var about: About {
        About(
            id: "memory-overcommit", section: "4.1", scopes: [.host], severities: [.error, .warning], fixes: [.hand],
            title: Text("Memory promised to guests", "承诺给客户机的内存"),
            why: Text(
                "When guests use all they were promised, the host swaps them; when swap is full too, the kernel kills one.",
                "客户机用满所承诺的内存时主机开始换出;交换空间也用尽时内核会终止某个客户机。"),
            tradeOff: Text("Fewer or smaller guests on this host.", "此主机上的客户机更少或更小。"),
            sources: ["guide §4.1.4, §4.2, §6.1.3", "kernel Documentation/mm/overcommit-accounting.rst"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let memory = estate.relations.memory
        guard memory.running.guests > 0 || memory.starting.guests > 0 else {
            return .notApplicable(Text("no guest runs or starts with the host", "没有运行中或随主机启动的客户机"))
        }
        var judgement = Judgement()
        var now: Excess?
        var next: Excess?
        if memory.running.guests > 0 {
            switch MemoryBudget.now(host, estate) {
            case .known(let budget): now = Self.excess(budget, saved: Self.merged(host), host, &judgement)
            case .unknown(let reason): judgement.add(reason)
            }
        }
        if memory.starting.guests > 0 {
            switch MemoryBudget.nextBoot(host, estate) {
            case .known(let budget): next = Self.excess(budget, saved: .zero, host, &judgement)
            case .unknown(let reason): judgement.add(reason)
            }
        }
        let excesses: [Excess] = [now, next].compactMap { $0 }
        guard let worst = excesses.max(by: Excess.isMilder) else { return judgement }
        let holds: Finding.Holds = now != nil && next != nil ? .both : now != nil ? .running : .nextStart
        let budget = worst.budget
        let when = holds == .nextStart ? ("after a boot ", "重启后 ") : ("", "")
        judgement.add(
            Finding(
                worst.severity,
                worst.severity == .error
                    ? Text(
                        "\(when.0)\(budget.guests) guests want \(worst.wanted), more than the host's \(budget.ordinary) and \(worst.swap) of swap",
                        "\(when.1)\(budget.guests) 个客户机需要 \(worst.wanted),超过主机的 \(budget.ordinary) 内存与 \(worst.swap) 交换空间"
                    )
                    : Text(
                        "\(when.0)\(budget.guests) guests want \(worst.wanted), and the host has \(budget.forGuests) for them",
                        "\(when.1)\(budget.guests) 个客户机需要 \(worst.wanted),而主机可供使用的为 \(budget.forGuests)"),
                observed: worst.wanted.description, expected: "≤ \(budget.forGuests)", holds: holds,
                remedy: .byHand(
                    Text(
                        "\(worst.over) too much: move guests away, give them less memory, or let the balloon take some back.",
                        "超出 \(worst.over):迁走部分客户机、减少其内存,或用气球收回一部分。"),
                    commands: ["virsh setmem GUEST SIZE --live --config", "virsh domstats --balloon"], disrupts: .live),
                evidence: [
                    Evidence("guests", "\(budget.wanted) in ordinary pages, QEMU's own memory included"),
                    budget.evidence,
                ]
                    + (worst.saved > .zero
                        ? [Evidence("/sys/kernel/mm/ksm/pages_sharing", "\(worst.saved) saved by KSM")] : [])))
        return judgement
    }

    /// Too much, now or after a boot.
    private struct Excess {
        var severity: Severity
        var wanted: ByteCount
        var saved: ByteCount
        var swap: ByteCount
        var over: ByteCount
        var budget: MemoryBudget

        static func isMilder(_ one: Excess, _ other: Excess) -> Bool {
            one.severity == other.severity ? one.over < other.over : one.severity < other.severity
        }
    }

    /// Memory KSM saves at the moment; none where that is not known, which errs on the side of care.
    private static func merged(_ host: HostFacts) -> ByteCount {
        guard let pages = host.memory.ksm.pagesSharing.value, let size = host.memory.pageSize.value else {
            return .zero
        }
        return size * pages
    }

    private static func excess(
        _ budget: MemoryBudget, saved: ByteCount, _ host: HostFacts, _ judgement: inout Judgement
    ) -> Excess? {
        if budget.unsized > 0 {
            judgement.add(Unknown(.missing, source: "/domain/memory of \(budget.unsized) guests"))
        }
        let wanted = budget.wanted - saved
        guard wanted > budget.forGuests else { return nil }
        let swap: ByteCount
        switch host.memory.swap {
        // zram lies in the memory that is short.
        case .known(let areas): swap = areas.beyondMemory.size
        case .unknown(let reason):
            if wanted > budget.ordinary { judgement.add(reason) }
            swap = .zero
            return Excess(
                severity: .warning, wanted: wanted, saved: saved, swap: swap, over: wanted - budget.forGuests,
                budget: budget)
        }
        return Excess(
            severity: wanted > budget.ordinary + swap ? .error : .warning, wanted: wanted, saved: saved, swap: swap,
            over: wanted - budget.forGuests, budget: budget)
    }

    var examples: Examples {
        func guest(_ name: String, _ gibibytes: Int, _ more: String = "") -> String {
            "<name>\(name)</name><memory unit='GiB'>\(gibibytes)</memory>\(more)"
        }
        return Examples(
            fires: .host(
                "more than memory less the reserve", expect: .fires(.warning), guests: [guest("a", 40), guest("b", 24)]
            ) { _ in },
            .host("more than memory and swap", expect: .fires(.error), guests: [guest("a", 40), guest("b", 40)]) { _ in
            },
            .host("huge pages leave too little for the others", expect: .fires(.warning), guests: [guest("a", 20)]) {
                HugePagesReserved.reserving([11_264, 11_264], &$0)
            },
            quiet: .host("room for all", expect: .pass, guests: [guest("a", 30), guest("b", 20)]) { _ in },
            .host(
                "an inflated balloon gives back", expect: .pass,
                guests: [guest("a", 40, "<currentMemory unit='GiB'>20</currentMemory>"), guest("b", 30)]
            ) { _ in },
            .host(
                "huge pages come from their pool", expect: .pass,
                guests: [guest("a", 40, "<memoryBacking><hugepages/></memoryBacking>")]
            ) {
                HugePagesReserved.reserving([10_240, 10_240], free: [0, 0], &$0)
            },
            .host("nothing runs", expect: .notApplicable, guests: [guest("a", 400)], active: false) { _ in },
            others: [
                .host("memory is not known", expect: .unknown, guests: [guest("a", 40)]) {
                    $0.memory.total = .unknown(Unknown(.denied, source: "/proc/meminfo"))
                }
            ])
    }
}
