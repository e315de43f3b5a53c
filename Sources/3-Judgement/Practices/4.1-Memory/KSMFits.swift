import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// KSM where guests are alike and memory is short, and not where it gains nothing (guide §4.1.4).
struct KSMFits: HostPractice {
    var about: About {
        About(
            id: "ksm-fits", section: "4.1.4", scopes: [.host], severities: [.advice], fixes: [.sysfs, .unit],
            title: Text("Same-page merging (KSM)", "内核同页合并(KSM)"),
            why: Text(
                "KSM merges equal pages of like guests and so makes room on an overcommitted host; where guests differ it burns CPU time for nothing.",
                "KSM 合并同类客户机的相同页,为过量使用的主机腾出内存;客户机各不相同时则白白消耗 CPU。"),
            tradeOff: Text(
                "CPU time of ksmd, slower first writes to merged pages, a side channel between guests, and memory demand that rises at once when pages are written.",
                "ksmd 消耗 CPU,对已合并页的首次写入变慢,客户机之间存在侧信道,页被写入时内存需求会突然上升。"),
            guideSays: Text(
                "Any memory of guests can be shared; the package is qemu-ksm, the service ksm.service.",
                "客户机的任何内存都可共享;软件包为 qemu-ksm,服务为 ksm.service。"),
            today: Text(
                "Only private anonymous memory is merged: never huge pages, never memory shared with virtiofs or vhost-user. Kernels from 6.6 on count the profit (general_profit).",
                "只合并私有匿名内存:大页以及与 virtiofs、vhost-user 共享的内存从不合并。内核自 6.6 起统计收益(general_profit)。"),
            sources: ["guide §4.1.4", "kernel Documentation/admin-guide/mm/ksm.rst"])
    }

    static let path = "/sys/kernel/mm/ksm/run"
    /// Why nothing about KSM holds on some kernels.
    static let absent = Text("the kernel has no KSM", "内核没有 KSM")

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        switch host.memory.ksm.run {
        case .unknown(let reason):
            return .unreadable(reason, absent: Self.absent)
        case .known(1): return on(host, estate)
        case .known(let run): return off(run, host, estate)
        }
    }

    /// It runs: whether it gains anything.
    private func on(_ host: HostFacts, _ estate: Estate) -> Judgement {
        let memory = estate.relations.memory
        let guests = estate.relations.mayRun.count
        guard guests > 0 else { return .notApplicable(Text("no guest runs", "没有运行中的客户机")) }
        let gain: KSMGain
        switch KSMGain.of(host) {
        case .known(let value): gain = value
        case .unknown(let reason): return .unknown(reason)
        }
        // A first pass only counts; the second merges.
        guard gain.profit <= 0, gain.scans >= 2 || memory.mergeable == 0 else { return .pass }
        let why =
            memory.mergeable == 0
            ? Text("no guest has memory that it could merge", "没有任何客户机的内存可供合并")
            : Text(
                "after \(gain.scans) passes it saves \(gain.saved) and costs more than that",
                "扫描 \(gain.scans) 遍后节省 \(gain.saved),而开销更大")
        var changes: [any Change] = Self.units(host).map { UnitChange($0, .disable, from: "enabled") }
        changes.append(SysfsChange(Self.path, from: "1", to: "0", isKept: host.boot.tmpfiles.value?[Self.path] != nil))
        return .finding(
            Finding(
                .advice, Text("KSM is on and gains nothing: \(why.english)", "KSM 已开启但没有收益:\(why.chinese)"),
                observed: "on", expected: "off",
                remedy: .changes(
                    changes, disrupts: .nothing,
                    note: Text(
                        "Pages that are merged stay so; 2 instead of 0 takes them apart.", "已合并的页保持合并;写入 2 而非 0 会拆分它们。")
                ),
                evidence: [
                    Evidence(Self.path, "1"),
                    Evidence(
                        "/sys/kernel/mm/ksm/general_profit",
                        gain.isCounted
                            ? "\(gain.profit) bytes" : "not counted by this kernel; \(gain.profit) bytes by its formula"
                    ),
                    Evidence("/sys/kernel/mm/ksm/full_scans", String(gain.scans)),
                ], owner: host.services.owner(of: Self.path) ?? Self.units(host).first))
    }

    /// It is off: whether it would help.
    private func off(_ run: Int, _ host: HostFacts, _ estate: Estate) -> Judgement {
        let memory = estate.relations.memory
        guard let like = memory.alike.filter({ $0.value >= 2 }).max(by: { ($0.value, $1.key) < ($1.value, $0.key) })
        else { return .pass }
        if Self.units(host).contains("ksmtuned.service") {
            return .notApplicable(
                Text("ksmtuned switches KSM on by itself when memory is short", "内存紧张时 ksmtuned 会自行开启 KSM"))
        }
        let budget: MemoryBudget
        switch MemoryBudget.now(host, estate) {
        case .known(let value): budget = value
        case .unknown(let reason): return .unknown(reason)
        }
        guard budget.wanted > budget.forGuests else { return .pass }
        // ksmtuned may be there, unseen.
        for fact in [host.services.active, host.services.enabled] {
            if let reason = fact.reason, reason.cause != .missing { return .unknown(reason) }
        }
        var changes: [any Change] = [SysfsChange(Self.path, from: String(run), to: "1")]
        if let services = host.services.enabled.value, !services.contains("ksm.service"),
            host.services.owners.value?.contains(where: { $0.tool == .ksm }) == true
        {
            changes = [UnitChange("ksm.service", .enable, from: "disabled")]
        }
        return .finding(
            Finding(
                .advice,
                Text(
                    "KSM is off, guests want \(budget.wanted) of \(budget.forGuests), and \(like.value) of them are alike (\(like.key))",
                    "KSM 已关闭,客户机需要 \(budget.wanted) 而可用 \(budget.forGuests),其中 \(like.value) 个相似(\(like.key))"),
                observed: run == 2 ? "off, unmerged" : "off", expected: "on",
                remedy: .changes(
                    changes, disrupts: .nothing,
                    note: Text(
                        "Have swap for the day on which the pages differ again (ksm-swap-reserve), and look at general_profit after a few passes.",
                        "请为页不再相同的情况预留交换空间(ksm-swap-reserve),几遍扫描后查看 general_profit。")),
                evidence: [Evidence(Self.path, String(run)), budget.evidence], owner: host.services.owner(of: Self.path)
            ))
    }

    /// Units on this host that switch KSM.
    static func units(_ host: HostFacts) -> [String] {
        let there = (host.services.enabled.value ?? []).union(host.services.active.value ?? [])
        return ["ksmtuned.service", "ksm.service", "qemu-kvm-ksm.service"].filter(there.contains)
    }

    var examples: Examples {
        func guest(_ name: String, _ gibibytes: Int, os: String = "sles", _ more: String = "") -> String {
            """
            <name>\(name)</name><memory unit='GiB'>\(gibibytes)</memory>\(more)<metadata>
            <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0"><libosinfo:os id="\(os)"/></libosinfo:libosinfo>
            </metadata>
            """
        }
        let alike = [guest("a", 40), guest("b", 40)]
        @Sendable func merging(_ host: inout HostFacts, sharing: UInt64, profit: Int64?, scans: UInt64 = 20) {
            host.memory.ksm.run = .known(1)
            host.memory.ksm.pagesSharing = .known(sharing)
            host.memory.ksm.fullScans = .known(scans)
            host.memory.ksm.generalProfit =
                profit.map { .known($0) } ?? .unknown(Unknown(.missing, source: "/sys/kernel/mm/ksm/general_profit"))
        }
        return Examples(
            fires: .host("off, overcommitted, guests alike", expect: .fires(.advice, observed: "off"), guests: alike) {
                _ in
            },
            .host("on, and a loss by the kernel's count", expect: .fires(.advice, observed: "on"), guests: alike) {
                merging(&$0, sharing: 10, profit: -4096)
            },
            .host(
                "on, an older kernel, more bookkeeping than gain", expect: .fires(.advice, observed: "on"),
                guests: alike
            ) {
                merging(&$0, sharing: 100, profit: nil)
                $0.memory.ksm.pagesUnshared = .known(1_000_000)
            },
            .host(
                "on, and every guest has huge pages", expect: .fires(.advice, observed: "on"),
                guests: [guest("a", 2, "<memoryBacking><hugepages/></memoryBacking>")]
            ) { merging(&$0, sharing: 0, profit: 0, scans: 0) },
            quiet: .host("off, and memory suffices", expect: .pass, guests: [guest("a", 4), guest("b", 4)]) { _ in },
            .host(
                "off, overcommitted, guests differ", expect: .pass,
                guests: [guest("a", 40), guest("b", 40, os: "windows")]
            ) { _ in },
            .host(
                "off, overcommitted, nothing to merge", expect: .pass,
                guests: alike.map { $0 + "<memoryBacking><nosharepages/></memoryBacking>" }
            ) { _ in },
            .host("on, with a gain", expect: .pass, guests: alike) {
                merging(&$0, sharing: 100_000, profit: 300_000_000)
            },
            .host("on, in its first pass", expect: .pass, guests: alike) {
                merging(&$0, sharing: 0, profit: 0, scans: 1)
            },
            .host("ksmtuned decides", expect: .notApplicable, guests: alike) {
                $0.services.active = .known(["ksmtuned.service"])
            },
            others: [
                .host("a kernel without KSM", expect: .notApplicable, guests: alike) {
                    $0.memory.ksm.run = .unknown(Unknown(.missing, source: Self.path))
                },
                .host("unreadable", expect: .unknown, guests: alike) {
                    $0.memory.ksm.run = .unknown(Unknown(.denied, source: Self.path))
                },
            ])
    }
}
