import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// No stalls for large pages where guests cannot bear them (guide §4.1.2).
struct THPDefrag: HostPractice {
    var about: About {
        About(
            id: "thp-defrag", section: "4.1.2", scopes: [.host], severities: [.advice], fixes: [.sysfs],
            title: Text("Compaction for transparent huge pages", "透明大页的内存规整(defrag)"),
            why: Text(
                "With `always` every page fault may wait until the kernel has compacted memory for a large page: milliseconds, at any time.",
                "使用 `always` 时,每次缺页都可能等待内核为大页规整内存:随时可能停顿数毫秒。"),
            tradeOff: Text(
                "Fewer large pages while memory is fragmented; the background thread makes up for it later.",
                "内存碎片化时大页较少;后台线程随后弥补。"),
            guideSays: Text("Switches transparent huge pages off for such workloads.", "对此类负载关闭透明大页。"),
            today: Text(
                "The stalls come from defrag; with `defer` large pages stay and the waiting goes.",
                "停顿来自 defrag;改为 `defer` 可保留大页并消除等待。"),
            sources: ["kernel Documentation/admin-guide/mm/transhuge.rst, defrag"])
    }

    static let path = "/sys/kernel/mm/transparent_hugepage/defrag"

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let names = estate.relations.mayRun.compactMap { index -> String? in
            let guest = estate.guests[index]
            guard guest.workload == .latency || guest.workload == .database, let domain = guest.definition,
                domain.isQEMU
            else { return nil }
            // Huge pages of their own are taken at start, not at faults.
            return domain.wantsHugePages ? nil : guest.name
        }
        guard !names.isEmpty else {
            return .notApplicable(
                Text("no latency or database guest without huge pages of its own", "没有未使用专用大页的延迟敏感或数据库客户机"))
        }
        let value: String
        switch host.memory.thp.defrag {
        case .known(let word): value = word
        case .unknown(let reason):
            return .unreadable(reason, absent: Text("the kernel has no transparent huge pages", "内核没有透明大页"))
        }
        switch host.memory.thp.enabled {
        case .known("never"): return .notApplicable(Text("transparent huge pages are off", "透明大页已关闭"))
        case .known: break
        case .unknown(let reason): return .unknown(reason)
        }
        let boot: String?
        switch host.valueAtBoot(of: Self.path, parameter: nil) {
        case .known(let word): boot = word
        case .unknown(let reason):
            guard value == "always" else { return .unknown(reason) }
            boot = nil
        }
        guard value == "always" || boot == "always" else { return .pass }
        let holds: Finding.Holds =
            value != "always" ? .nextStart : boot.map { $0 != "always" } ?? false ? .running : .both
        return .finding(
            Finding(
                .advice,
                Text(
                    "defrag is always: page faults of \(names.prefix(5).joined(separator: ", ")) may wait for compaction",
                    "defrag 为 always:\(names.prefix(5).joined(separator: "、")) 的缺页可能等待内存规整"),
                observed: "always", expected: "defer", holds: holds,
                remedy: .change(
                    SysfsChange(Self.path, from: value, to: "defer"), disrupts: .nothing,
                    note: Text(
                        "madvise, the kernel's default, still lets QEMU's guests wait: QEMU marks their memory.",
                        "内核默认的 madvise 仍会让 QEMU 客户机等待:QEMU 会标记其内存。")),
                evidence: [Evidence(Self.path, value)], owner: host.services.owner(of: Self.path)))
    }

    var examples: Examples {
        @Sendable func estate(_ word: String, _ workload: Workload, _ xml: String = "", enabled: String = "madvise")
            -> Estate
        {
            .example(
                host: {
                    $0.memory.thp.defrag = .known(word)
                    $0.memory.thp.enabled = .known(enabled)
                }, guests: [.example(xml, workload: workload)])
        }
        return Examples(
            fires: Example("latency", expect: .fires(.advice, observed: "always"), estate: estate("always", .latency)),
            Example("database", expect: .fires(.advice, observed: "always"), estate: estate("always", .database)),
            quiet: Example("in the background", expect: .pass, estate: estate("defer", .latency)),
            Example("the kernel's default", expect: .pass, estate: estate("madvise", .database)),
            Example("a general guest", expect: .notApplicable, estate: estate("always", .general)),
            Example(
                "huge pages of its own", expect: .notApplicable,
                estate: estate("always", .latency, "<memoryBacking><hugepages/></memoryBacking>")),
            Example(
                "no large pages at all", expect: .notApplicable, estate: estate("always", .latency, enabled: "never")),
            others: [
                Example(
                    "unreadable", expect: .unknown,
                    estate: .example(
                        host: { $0.memory.thp.defrag = .unknown(Unknown(.denied, source: Self.path)) },
                        guests: [.example("", workload: .latency)]))
            ])
    }
}
