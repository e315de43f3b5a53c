import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Guests that gain nothing from KSM kept out of it (guide §4.1.4).
struct KSMNoSharePages: GuestPractice {
    var about: About {
        About(
            id: "ksm-nosharepages", section: "4.1.4", scopes: [.guest], severities: [.advice], fixes: [.xml],
            title: Text("Guests kept out of KSM", "将客户机排除在 KSM 之外"),
            why: Text(
                "A guest unlike the others is scanned for nothing; a latency guest waits whenever it writes to a merged page; and what others share with a guest they can measure.",
                "与众不同的客户机被扫描却毫无收获;延迟敏感客户机每次写合并页都要等待;与它共享的页可被其他客户机探测。"),
            tradeOff: Text("None of its pages are shared: it takes all of its memory.", "它的页都不共享:占用其全部内存。"),
            sources: ["guide §4.1.4", "libvirt docs/formatdomain.rst nosharepages"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        // What KSM passes by in any case needs no word.
        guard domain.unmergeable == nil else { return .pass }
        let memory = estate.relations.memory
        var isUnlike = false
        if guest.workload != .latency {
            let keys = MemoryRelations.likeness(of: guest, domain, images: estate.images)
            let own = guest.mayRun ? 1 : 0
            // One guest that says nothing of itself may be like this one.
            guard !keys.isEmpty, memory.unlabelled == 0, memory.mergeable - own >= 1 else { return .pass }
            isUnlike = keys.allSatisfy { (memory.alike[$0] ?? 0) <= own }
            guard isUnlike else { return .pass }
        }
        switch estate.host.memory.ksm.run {
        case .unknown(let reason):
            return .unreadable(reason, absent: KSMFits.absent)
        case .known(1): break
        case .known: return .notApplicable(Text("KSM is off", "KSM 已关闭"))
        }
        return .finding(
            Finding(
                .advice,
                isUnlike
                    ? Text(
                        "KSM is on, and no other guest has this one's operating system or base image",
                        "KSM 已开启,而没有其他客户机与其操作系统或基础镜像相同")
                    : Text("KSM is on, and merges pages of a latency guest", "KSM 已开启,会合并延迟敏感客户机的页"),
                observed: "merged by KSM", expected: "<nosharepages/>",
                remedy: .change(
                    domain.addingToMemoryBacking("<nosharepages/>", of: guest.name), disrupts: .guestRestart),
                evidence: [
                    Evidence(domain.memoryBacking?.element ?? domain.root, "no <nosharepages/>"),
                    Evidence("/sys/kernel/mm/ksm/run", "1"),
                ]))
    }

    var examples: Examples {
        func os(_ name: String, _ id: String) -> String {
            """
            <name>\(name)</name><metadata>
            <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0"><libosinfo:os id="\(id)"/></libosinfo:libosinfo>
            </metadata>
            """
        }
        @Sendable func on(_ host: inout HostFacts) { host.memory.ksm.run = .known(1) }
        return Examples(
            fires: .guest("latency", "", expect: .fires(.advice), workload: .latency, host: on),
            .guest(
                "unlike the others", os("a", "win"), expect: .fires(.advice),
                beside: [os("b", "sles"), os("c", "sles")], host: on),
            quiet: .guest(
                "kept out", "<memoryBacking><nosharepages/></memoryBacking>", expect: .pass, workload: .latency,
                host: on),
            .guest("like another", os("a", "sles"), expect: .pass, beside: [os("b", "sles")], host: on),
            .guest("alone", os("a", "sles"), expect: .pass, host: on),
            .guest(
                "the other says nothing of itself", os("a", "sles"), expect: .pass, beside: ["<name>b</name>"], host: on
            ),
            .guest(
                "huge pages are never merged", "<memoryBacking><hugepages/></memoryBacking>", expect: .pass,
                workload: .latency, host: on),
            .guest("KSM is off", "", expect: .notApplicable, workload: .latency),
            others: [
                .guest("unreadable", "", expect: .unknown, workload: .latency) {
                    $0.memory.ksm.run = .unknown(Unknown(.denied, source: "/sys/kernel/mm/ksm/run"))
                }
            ])
    }
}
