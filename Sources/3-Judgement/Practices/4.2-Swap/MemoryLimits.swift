import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// No hard limit on a guest's memory, and never one below what it needs (guide §4.2.1).
struct MemtuneHardLimit: GuestPractice {
    var about: About {
        About(
            id: "memtune-hard-limit", section: "4.2.1", scopes: [.guest], severities: [.error, .warning], fixes: [.xml],
            title: Text("Hard limit of memory", "内存硬限制"),
            why: Text(
                "The limit holds for QEMU as a whole, and nobody can say how much QEMU needs beside the guest's memory; beyond the limit the kernel kills the guest.",
                "该限制针对整个 QEMU 进程,而 QEMU 在客户机内存之外需要多少无法预知;超出时内核会终止客户机。"),
            tradeOff: Text("Without a limit a broken QEMU can take the host's memory.", "没有限制时,异常的 QEMU 可能耗尽主机内存。"),
            guideSays: Text("Never set it.", "强烈建议不要使用此参数。"),
            today: Text(
                "True in general; but with <locked/> libvirt recommends one, and passed-through devices lock memory too.",
                "一般如此;但使用 <locked/> 时 libvirt 建议设置,直通设备也会锁定内存。"),
            sources: ["guide §4.2.1", "libvirt docs/formatdomain.rst, Memory Tuning"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard let tuning = domain.memoryTuning, let limit = tuning.hardLimit,
            let element = tuning.limitElement("hard_limit")
        else { return .pass }
        let need = MemoryNeed(domain, guest, estate)
        let locks = domain.memoryBacking?.isLocked == true || domain.pinsMemory
        let floor = need.guestMemory + (need.isOverheadObserved ? need.overhead : .zero)
        var evidence = [Evidence(element, limit.description)]
        if let memory = domain.root.first("memory") { evidence.append(Evidence(memory, need.guestMemory.description)) }
        if need.isOverheadObserved {
            evidence.append(Evidence("resident memory of QEMU", "\(need.overhead) beside the guest's"))
        }
        // The limit of the swap may not lie below that of memory: it goes, too.
        var changes: [any Change] = [DomainChange(guest.name, element.xpath, .remove, from: element.text)]
        if let swap = tuning.limitElement("swap_hard_limit") {
            changes.append(DomainChange(guest.name, swap.xpath, .remove, from: swap.text))
        }
        if limit < floor {
            let wanted = need.guestMemory + need.overhead
            return .finding(
                Finding(
                    .error,
                    need.isOverheadObserved
                        ? Text(
                            "hard_limit is \(limit); the guest's \(need.guestMemory) and QEMU's own \(need.overhead) do not fit: it will be killed",
                            "hard_limit 为 \(limit);客户机的 \(need.guestMemory) 与 QEMU 自身的 \(need.overhead) 放不下:会被终止")
                        : Text(
                            "hard_limit is \(limit), less than the guest's \(need.guestMemory): it will be killed",
                            "hard_limit 为 \(limit),小于客户机的 \(need.guestMemory):会被终止"),
                    observed: limit.description, expected: locks ? "≥ \(wanted)" : "no hard_limit",
                    remedy: locks
                        ? .change(
                            DomainChange(
                                guest.name, element.xpath, .text(String(wanted.kibibytes)), from: element.text),
                            disrupts: .guestRestart,
                            note: Text(
                                "In KiB: take the `unit` attribute out. Be generous.", "单位为 KiB:请去掉 `unit` 属性。应留有余量。"))
                        : .changes(changes, disrupts: .guestRestart), evidence: evidence))
        }
        // Locked memory has no other bound.
        guard !locks else { return .pass }
        return .finding(
            Finding(
                .warning,
                Text(
                    "hard_limit is \(limit) for \(need.guestMemory) of memory: QEMU needs about \(need.overhead) more, and what it will need nobody knows",
                    "hard_limit 为 \(limit),客户机内存为 \(need.guestMemory):QEMU 约需再加 \(need.overhead),且将来的需求无法预知"),
                observed: limit.description, expected: "no hard_limit",
                remedy: .changes(
                    changes, disrupts: .guestRestart,
                    note: Text(
                        "On the running guest: virsh memtune \(guest.name.shellWord) --hard-limit -1 --live.",
                        "对运行中的客户机:virsh memtune \(guest.name.shellWord) --hard-limit -1 --live。")), evidence: evidence))
    }

    var examples: Examples {
        func limit(_ gibibytes: Int, _ more: String = "") -> String {
            "<memory unit='GiB'>4</memory><memtune><hard_limit unit='GiB'>\(gibibytes)</hard_limit></memtune>\(more)"
        }
        let locked = "<memoryBacking><locked/></memoryBacking>"
        return Examples(
            fires: .guest("generous", limit(8), expect: .fires(.warning, observed: "8 GiB")),
            .guest("below the guest's memory", limit(3), expect: .fires(.error, observed: "3 GiB")),
            .guest("locked, and below its memory", limit(3, locked), expect: .fires(.error, observed: "3 GiB")),
            .guest(
                "QEMU was seen to need more", limit(5), expect: .fires(.error, observed: "5 GiB"), host: { _ in },
                guest: {
                    var statistics = GuestStatistics()
                    statistics.resident = ByteCount(gibibytes: 6)
                    $0.statistics = .known(statistics)
                }),
            quiet: .guest("none", "<memory unit='GiB'>4</memory>", expect: .pass),
            .guest("locked memory should have one", limit(8, locked), expect: .pass),
            .guest(
                "a passed-through device locks too",
                limit(
                    8,
                    "<devices><hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='0'/></source></hostdev></devices>"
                ),
                expect: .pass),
            .guest(
                "libvirt's word for none", "<memtune><hard_limit unit='KiB'>9007199254740991</hard_limit></memtune>",
                expect: .pass),
            .guest(
                "huge pages are not counted by it",
                "<memory unit='GiB'>4</memory><memoryBacking><hugepages/><locked/></memoryBacking><memtune><hard_limit unit='GiB'>5</hard_limit></memtune>",
                expect: .pass),
            others: [
                .guest(
                    "Xen has no such limit", "<domain type='xen'><memory>1</memory></domain>", expect: .notApplicable)
            ])
    }
}

/// Limits of memory that agree with each other and leave the guest alive (guide §4.2.1).
struct MemtuneOrder: GuestPractice {
    var about: About {
        About(
            id: "memtune-order", section: "4.2.1", scopes: [.guest], severities: [.error], fixes: [.xml],
            title: Text("Order of memory limits", "内存限制的大小关系"),
            why: Text(
                "The kernel refuses a limit on memory and swap below that on memory alone, and the guest does not start; a limit too low for the guest has it killed.",
                "内存加交换的限制低于内存限制时内核会拒绝,客户机无法启动;限制过低则客户机会被终止。"),
            tradeOff: Text("None: such limits never work.", "没有代价:这样的限制从不奏效。"),
            sources: [
                "guide §4.2.1", "libvirt docs/formatdomain.rst, Memory Tuning",
                "kernel Documentation/admin-guide/cgroup-v1/memory.rst",
            ])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard let tuning = domain.memoryTuning else { return .pass }
        var judgement = Judgement()
        func add(_ name: String, _ observed: ByteCount, _ expected: String, _ what: Text) {
            guard let element = tuning.limitElement(name) else { return }
            judgement.add(
                Finding(
                    .error, part: name, what, observed: observed.description, expected: expected,
                    remedy: .change(
                        DomainChange(guest.name, element.xpath, .remove, from: element.text), disrupts: .guestRestart),
                    evidence: [Evidence(element, observed.description)]))
        }
        if let soft = tuning.softLimit, let hard = tuning.hardLimit, soft > hard {
            add(
                "soft_limit", soft, "≤ \(hard)",
                Text("soft_limit (\(soft)) is above hard_limit (\(hard))", "soft_limit(\(soft))高于 hard_limit(\(hard))"))
        }
        guard let swap = tuning.swapHardLimit else { return judgement }
        guard let hard = tuning.hardLimit else {
            add(
                "swap_hard_limit", swap, "a hard_limit no higher, or neither",
                Text(
                    "swap_hard_limit (\(swap)) without a hard_limit is below memory's own, which is none: the kernel refuses it",
                    "只有 swap_hard_limit(\(swap))而没有 hard_limit,低于(不受限的)内存限制:内核会拒绝"))
            return judgement
        }
        if swap < hard {
            add(
                "swap_hard_limit", swap, "≥ \(hard)",
                Text(
                    "swap_hard_limit (\(swap)) is below hard_limit (\(hard)): memory and swap together cannot be less than memory",
                    "swap_hard_limit(\(swap))低于 hard_limit(\(hard)):内存加交换不可能少于内存"))
            return judgement
        }
        let need = MemoryNeed(domain, guest, estate)
        if swap < need.guestMemory + (need.isOverheadObserved ? need.overhead : .zero) {
            add(
                "swap_hard_limit", swap, "≥ \(need.guestMemory + need.overhead)",
                Text(
                    "swap_hard_limit (\(swap)) is less than the guest's \(need.guestMemory) and QEMU's own memory: it will be killed",
                    "swap_hard_limit(\(swap))小于客户机的 \(need.guestMemory) 与 QEMU 自身内存之和:会被终止"))
        }
        return judgement
    }

    var examples: Examples {
        func limits(hard: Int?, soft: Int? = nil, swap: Int? = nil) -> String {
            func element(_ name: String, _ value: Int?) -> String {
                value.map { "<\(name) unit='GiB'>\($0)</\(name)>" } ?? ""
            }
            return """
                <memory unit='GiB'>2</memory><memtune>\(element("hard_limit", hard))\(element("soft_limit", soft))\
                \(element("swap_hard_limit", swap))</memtune>
                """
        }
        return Examples(
            fires: .guest("soft above hard", limits(hard: 4, soft: 5), expect: .fires(.error, observed: "5 GiB")),
            .guest("swap below hard", limits(hard: 4, swap: 3), expect: .fires(.error, observed: "3 GiB")),
            .guest("swap without hard", limits(hard: nil, swap: 8), expect: .fires(.error, observed: "8 GiB")),
            .guest("too low for the guest", limits(hard: 1, swap: 1), expect: .fires(.error, observed: "1 GiB")),
            quiet: .guest("in order", limits(hard: 4, soft: 1, swap: 6), expect: .pass),
            .guest("all equal", limits(hard: 4, soft: 4, swap: 4), expect: .pass),
            .guest("no limits", "", expect: .pass),
            others: [.guest("Xen", "<domain type='xen'><memory>1</memory></domain>", expect: .notApplicable)])
    }
}

/// What the cgroup of a guest must hold: all of its memory that counts there, and QEMU's own.
private struct MemoryNeed {
    var guestMemory: ByteCount
    var overhead: ByteCount
    var isOverheadObserved: Bool

    init(_ domain: DomainDefinition, _ guest: Guest, _ estate: Estate) {
        let memory = estate.relations.memory
        // What the balloon took the guest can have back: all of it counts. Huge pages are on an account of their own.
        let demand = MemoryDemand(
            of: domain, pages: memory.pages, balloon: domain.memoryAtStart,
            resident: memory.resident(of: guest, domain, on: estate.host))
        guestMemory = demand.ordinary
        overhead = demand.overhead
        isOverheadObserved = demand.isOverheadObserved
    }
}
