import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Transparent huge pages where guests ask for them (guide §4.1.2).
struct TransparentHugePages: HostPractice {
    var about: About {
        About(
            id: "transparent-huge-pages", section: "4.1.2", scopes: [.host], severities: [.warning, .advice],
            fixes: [.sysfs, .cmdline],
            title: Text("Transparent huge pages", "透明大页(THP)"),
            why: Text(
                "They give guests large pages without a reservation. For programs that touch memory sparsely, such as databases, `always` wastes memory and stalls while pages are made.",
                "它们无需预留即可为客户机提供大页。对于稀疏访问内存的程序(如数据库),`always` 会浪费内存,并在组装大页时造成停顿。"),
            tradeOff: Text(
                "With madvise only programs that ask for them get them: QEMU does, others may lose them.",
                "使用 madvise 时只有主动申请的程序才能得到:QEMU 会申请,其他程序可能失去它们。"),
            guideSays: Text(
                "Switch them off for databases with transparent_hugepage=never.",
                "对数据库使用 transparent_hugepage=never 禁用。"),
            today: Text(
                "madvise serves both: QEMU marks the memory of its guests, and other programs are left alone. SUSE's own advice for databases went from never to madvise.",
                "madvise 可兼顾:QEMU 会标记客户机内存,其他程序不受影响。SUSE 对数据库的建议也已从 never 改为 madvise。"),
            sources: [
                "guide §4.1.2", "kernel Documentation/admin-guide/mm/transhuge.rst",
                "QEMU system/physmem.c (QEMU_MADV_HUGEPAGE)",
            ])
    }

    static let path = "/sys/kernel/mm/transparent_hugepage/enabled"

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let value: String
        switch host.memory.thp.enabled {
        case .known(let word): value = word
        case .unknown(let reason):
            return .unreadable(reason, absent: Text("the kernel has no transparent huge pages", "内核没有透明大页"))
        }
        let concern = Concern(estate)
        let next: String
        switch host.valueAtBoot(of: Self.path, parameter: "transparent_hugepage") {
        case .known(let word): next = word ?? value
        case .unknown(let reason):
            // What is wrong now is wrong whatever the next boot brings.
            guard concern.about(value) != nil else { return .unknown(reason) }
            next = value
        }
        let holdsNow = concern.about(value) != nil
        guard let (severity, what) = concern.about(value) ?? concern.about(next) else { return .pass }
        let holds: Finding.Holds = !holdsNow ? .nextStart : concern.about(next) == nil ? .running : .both
        let observed = holdsNow ? value : next
        var changes: [any Change] = []
        if holdsNow { changes.append(SysfsChange(Self.path, from: value, to: "madvise", isKept: false)) }
        let written = host.boot.nextCommandLine.value?.value("transparent_hugepage")
        if let line = host.boot.tmpfiles.value?[Self.path], line.value != "madvise" {
            changes.append(FileChange(line.file, "w \(Self.path)", from: line.value, to: "madvise"))
        } else if holds != .running {
            changes.append(KernelParameterChange("transparent_hugepage", from: written, to: "madvise"))
        }
        var evidence = [Evidence(Self.path, value)]
        if let written {
            evidence.append(Evidence(host.boot.nextSource ?? "boot loader", "transparent_hugepage=\(written)"))
        }
        return .finding(
            Finding(
                severity, what, observed: observed, expected: "madvise", holds: holds,
                remedy: .changes(changes, disrupts: .nothing), evidence: evidence,
                owner: host.services.owner(of: Self.path)))
    }

    /// The guests a value would be bad for.
    private struct Concern {
        var databases: [String] = []
        var reliant = 0

        init(_ estate: Estate) {
            for index in estate.relations.mayRun {
                let guest = estate.guests[index]
                guard let domain = guest.definition, domain.isQEMU, !domain.wantsHugePages, domain.memorySharing != .all
                else { continue }
                reliant += 1
                if guest.workload == .database { databases.append(guest.name) }
            }
        }

        func about(_ value: String) -> (Severity, Text)? {
            switch value {
            case "always" where !databases.isEmpty:
                let names = databases.prefix(5).joined(separator: ", ")
                return (
                    .warning,
                    Text(
                        "transparent huge pages are always made, also for sparse access; database guests without huge pages of their own: \(names)",
                        "透明大页始终启用,包括稀疏访问;没有专用大页的数据库客户机:\(names)")
                )
            case "never" where reliant > 0:
                return (
                    .advice,
                    Text(
                        "transparent huge pages are off, and \(reliant) guests have no huge pages of their own",
                        "透明大页已关闭,而 \(reliant) 个客户机没有自己的大页")
                )
            default: return nil
            }
        }
    }

    var examples: Examples {
        @Sendable func value(_ host: inout HostFacts, _ word: String) { host.memory.thp.enabled = .known(word) }
        @Sendable func estate(_ word: String, _ xml: String, _ workload: Workload, next: String? = nil) -> Estate {
            .example(
                host: {
                    $0.memory.thp.enabled = .known(word)
                    if let next { $0.boot.nextCommandLine = .known(KernelCommandLine("transparent_hugepage=\(next)")) }
                }, guests: [.example(xml, workload: workload)])
        }
        return Examples(
            fires: Example(
                "always, and a database runs", expect: .fires(.warning, observed: "always"),
                estate: estate("always", "", .database)),
            .host("never, and a guest relies on them", expect: .fires(.advice, observed: "never"), guests: [""]) {
                value(&$0, "never")
            },
            Example(
                "good now, switched off by the next boot", expect: .fires(.advice, observed: "never"),
                estate: estate("madvise", "", .general, next: "never")),
            quiet: .host("madvise", expect: .pass, guests: [""]) { value(&$0, "madvise") },
            .host("always, for guests that like it", expect: .pass, guests: [""]) { value(&$0, "always") },
            Example(
                "the database has huge pages of its own", expect: .pass,
                estate: estate("always", "<memoryBacking><hugepages/></memoryBacking>", .database)),
            .host(
                "never, and every guest has huge pages", expect: .pass,
                guests: ["<memoryBacking><hugepages/></memoryBacking>"]
            ) {
                value(&$0, "never")
            },
            .host("a kernel without them", expect: .notApplicable, guests: [""]) {
                $0.memory.thp.enabled = .unknown(Unknown(.missing, source: Self.path))
            },
            others: [
                .host("unreadable", expect: .unknown, guests: [""]) {
                    $0.memory.thp.enabled = .unknown(Unknown(.denied, source: Self.path))
                }
            ])
    }
}
