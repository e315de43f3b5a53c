import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// The sizes of huge pages a host offers, and what each would save its guests (guide §4.1.1, table 1).
struct HugePageSizes: HostPractice {
    var about: About {
        About(
            id: "huge-page-sizes", section: "4.1.1", scopes: [.host], severities: [.info], fixes: [],
            title: Text("Sizes of huge pages", "可用的大页大小"),
            why: Text(
                "The larger a page, the fewer entries the page tables have, and the more memory a TLB of the same size reaches.",
                "页越大,页表项越少,同样大小的 TLB 能覆盖的内存越多。"),
            tradeOff: Text(
                "Large pages need contiguous memory, are reserved whole and cannot be swapped.", "大页需要连续内存、整块预留,且无法换出。"),
            guideSays: Text(
                "With pages of 4 KiB the TLB of a host with 32 GiB has 8,388,608 entries.",
                "页大小为 4 KiB 时,32 GiB 主机的 TLB 有 8,388,608 个项。"),
            today: Text(
                "Those are entries of page tables; the TLB is a small cache of them.", "那是页表项的数量;TLB 只是其中一小部分的高速缓存。"),
            sources: ["guide §4.1, §4.1.1", "kernel Documentation/admin-guide/mm/hugetlbpage.rst"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let sizes: [ByteCount]
        switch Self.sizes(of: host) {
        case .known(let value): sizes = value
        case .unknown(let reason): return .unknown(reason)
        }
        var memory = ByteCount.zero
        for guest in estate.guests { memory += guest.definition?.memory ?? .zero }
        guard memory > .zero else { return .notApplicable(Text("there is no guest to count for", "没有可供计算的客户机")) }
        let base = host.memory.pageSize.value ?? ByteCount(kibibytes: 4)
        let counts = ([base] + sizes).map { ($0, memory.count(of: $0)) }
        let english = counts.map { "\(Self.grouped($0.1)) at \($0.0)" }.joined(separator: ", ")
        let chinese = counts.map { "\($0.0) 时 \(Self.grouped($0.1))" }.joined(separator: "、")
        let names = sizes.isEmpty ? "none" : sizes.map(\.description).joined(separator: ", ")
        var evidence: [Evidence] = []
        if let flags = host.cpu.flags.value {
            let shown = ["pse", "pdpe1gb"].filter(flags.contains)
            evidence.append(
                Evidence("/proc/cpuinfo", shown.isEmpty ? "neither pse nor pdpe1gb" : shown.joined(separator: " ")))
        }
        if let pools = host.memory.hugePages.value {
            evidence.append(
                Evidence("/sys/kernel/mm/hugepages", pools.map(\.size.description).joined(separator: ", ")))
        }
        return .finding(
            Finding(
                .info,
                Text(
                    sizes.isEmpty
                        ? "no huge pages are offered; the guests' \(memory) need \(english) page-table entries"
                        : "huge pages of \(names); page-table entries for the guests' \(memory): \(english)",
                    sizes.isEmpty
                        ? "不提供大页;客户机的 \(memory) 内存需要的页表项:\(chinese)"
                        : "可用大页:\(sizes.map(\.description).joined(separator: "、"));客户机的 \(memory) 内存需要的页表项:\(chinese)"),
                observed: names, expected: "for information", remedy: .none, evidence: evidence))
    }

    /// Sizes that CPU and kernel offer: on x86 what the CPU's flags say, elsewhere what the kernel has pools of.
    private static func sizes(of host: HostFacts) -> Fact<[ByteCount]> {
        switch host.kernel.architecture {
        case .unknown(let reason): return .unknown(reason)
        case .known("x86_64"), .known("i686"):
            return host.cpu.flags.map { flags in
                (flags.contains("pse") ? [ByteCount(mebibytes: 2)] : [])
                    + (flags.contains("pdpe1gb") ? [ByteCount(gibibytes: 1)] : [])
            }
        case .known:
            if host.memory.hugePages.isMissing { return .known([]) }
            return host.memory.hugePages.map { $0.map(\.size).sorted() }
        }
    }

    /// A number with commas between thousands, as the guide prints it.
    private static func grouped(_ number: UInt64) -> String {
        var groups: [String] = []
        var rest = number
        while rest >= 1000 {
            let part = String(rest % 1000)
            groups.append(String(repeating: "0", count: 3 - part.count) + part)
            rest /= 1000
        }
        return ([String(rest)] + groups.reversed()).joined(separator: ",")
    }

    var examples: Examples {
        let guest = "<memory unit='GiB'>32</memory>"
        return Examples(
            fires: .host("both sizes", expect: .fires(.info, observed: "2 MiB, 1 GiB"), guests: [guest]) { _ in },
            .host("a CPU without pages of 1 GiB", expect: .fires(.info, observed: "2 MiB"), guests: [guest]) {
                $0.cpu.flags = .known(["pse", "vmx"])
            },
            .host("neither", expect: .fires(.info, observed: "none"), guests: [guest]) {
                $0.cpu.flags = .known(["vmx"])
            },
            .host("s390x: what the kernel has", expect: .fires(.info, observed: "1 MiB"), guests: [guest]) {
                $0.kernel.architecture = .known("s390x")
                $0.memory.hugePages = .known([HugePagePool(size: ByteCount(mebibytes: 1), total: 0)])
            },
            quiet: .host("no guest", expect: .notApplicable) { _ in },
            others: [
                .host("no flags", expect: .unknown, guests: [guest]) {
                    $0.cpu.flags = .unknown(Unknown(.denied, source: "/proc/cpuinfo"))
                }
            ])
    }
}
