import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Large pages for memory that guests share with virtiofs and vhost-user (upstream; not in the guide).
struct THPShared: HostPractice {
    var about: About {
        About(
            id: "thp-shared", section: "4.1.2", scopes: [.host], severities: [.advice], fixes: [.sysfs],
            title: Text("Large pages for shared memory", "共享内存的透明大页"),
            why: Text(
                "virtiofs and vhost-user need the guest's memory shared, and shared memory gets transparent huge pages only where shmem_enabled says so.",
                "virtiofs 和 vhost-user 需要共享客户机内存,而共享内存只有在 shmem_enabled 允许时才有透明大页。"),
            tradeOff: Text(
                "Memory in tmpfs and memfd of programs that ask may be rounded up to large pages.",
                "主动申请的程序的 tmpfs、memfd 内存可能按大页取整。"),
            guideSays: Text("Says nothing of shared memory.", "未提及共享内存。"),
            today: Text(
                "`enabled` governs private memory only; shared memory has its own switch, which is `never` by default.",
                "`enabled` 只管私有内存;共享内存有单独的开关,默认为 `never`。"),
            sources: ["kernel Documentation/admin-guide/mm/transhuge.rst, Hugepages in tmpfs/shmem"])
    }

    static let path = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
    private static func isGood(_ word: String) -> Bool { ["always", "advise", "within_size", "force"].contains(word) }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let names = estate.relations.mayRun.compactMap { index -> String? in
            let guest = estate.guests[index]
            guard let domain = guest.definition, domain.isQEMU, !domain.wantsHugePages, domain.memorySharing != .none
            else { return nil }
            return guest.name
        }
        guard !names.isEmpty else {
            return .notApplicable(Text("no guest has shared memory without huge pages", "没有使用共享内存且未用大页的客户机"))
        }
        let value: String
        switch host.memory.thp.shmemEnabled {
        case .known(let word): value = word
        case .unknown(let reason):
            return .unreadable(
                reason, absent: Text("the kernel has no transparent huge pages for shared memory", "内核没有共享内存的透明大页"))
        }
        let boot: String?
        switch host.valueAtBoot(of: Self.path, parameter: "transparent_hugepage_shmem") {
        case .known(let word): boot = word
        case .unknown(let reason):
            guard !Self.isGood(value) else { return .unknown(reason) }
            boot = nil
        }
        let next = boot ?? value
        guard !Self.isGood(value) || !Self.isGood(next) else { return .pass }
        let holds: Finding.Holds = Self.isGood(value) ? .nextStart : Self.isGood(next) ? .running : .both
        let observed = Self.isGood(value) ? next : value
        return .finding(
            Finding(
                .advice,
                Text(
                    "shmem_enabled is \(observed): shared memory of \(names.count) guests (\(names.prefix(5).joined(separator: ", "))) gets no large pages",
                    "shmem_enabled 为 \(observed):\(names.count) 个客户机(\(names.prefix(5).joined(separator: "、")))的共享内存得不到大页"
                ),
                observed: observed, expected: "advise", holds: holds,
                remedy: .change(
                    SysfsChange(Self.path, from: value, to: "advise"), disrupts: .nothing,
                    note: Text(
                        "It holds for memory guests take from then on; or give these guests huge pages.",
                        "仅对之后分配的内存生效;也可为这些客户机使用大页。")),
                evidence: [Evidence(Self.path, value)], owner: host.services.owner(of: Self.path)))
    }

    var examples: Examples {
        let shared = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
        @Sendable func value(_ host: inout HostFacts, _ word: String) { host.memory.thp.shmemEnabled = .known(word) }
        return Examples(
            fires: .host("never, as kernels have it", expect: .fires(.advice, observed: "never"), guests: [shared]) {
                value(&$0, "never")
            },
            .host(
                "memfd alone is shared", expect: .fires(.advice),
                guests: ["<memoryBacking><source type='memfd'/></memoryBacking>"]
            ) {
                value(&$0, "deny")
            },
            .host(
                "a shared cell", expect: .fires(.advice),
                guests: ["<cpu><numa><cell cpus='0-1' memory='2097152' memAccess='shared'/></numa></cpu>"]
            ) { value(&$0, "never") },
            quiet: .host("advise", expect: .pass, guests: [shared]) { value(&$0, "advise") },
            .host("always", expect: .pass, guests: [shared]) { value(&$0, "always") },
            .host("private memory", expect: .notApplicable, guests: [""]) { value(&$0, "never") },
            .host(
                "shared huge pages", expect: .notApplicable,
                guests: ["<memoryBacking><hugepages/><access mode='shared'/></memoryBacking>"]
            ) { value(&$0, "never") },
            others: [
                .host("unreadable", expect: .unknown, guests: [shared]) {
                    $0.memory.thp.shmemEnabled = .unknown(Unknown(.denied, source: Self.path))
                }
            ])
    }
}
