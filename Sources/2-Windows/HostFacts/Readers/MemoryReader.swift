internal import Quantities

/// `proc/meminfo`, huge pages, THP, KSM, swap.
struct MemoryReader {
    let tree: HostTree
    let architecture: Fact<String>

    func read() -> MemoryFacts {
        var facts = MemoryFacts()
        let meminfo = tree.parsed("/proc/meminfo", HostFacts.parseMeminfo)
        func amount(_ key: String) -> Fact<ByteCount> {
            meminfo.flatMap {
                $0[key].map { .known(ByteCount(bytes: $0)) }
                    ?? .unknown(Unknown(.missing, source: "/proc/meminfo (\(key))"))
            }
        }
        facts.meminfo = meminfo
        facts.total = amount("MemTotal")
        facts.free = amount("MemFree")
        facts.available = amount("MemAvailable")
        facts.defaultHugePageSize = amount("Hugepagesize")
        facts.hugePages = Self.pools(tree, "/sys/kernel/mm/hugepages", isHost: true)
        facts.pageSize = pageSize()
        facts.thp = thp()
        facts.ksm = ksm()
        facts.swap = tree.parsed("/proc/swaps", HostFacts.parseSwaps)
        return facts
    }

    /// Pools of huge pages in a folder of `hugepages-2048kB` and their like.
    ///
    /// A number that a pool should have and that cannot be read makes the pools unknown.
    static func pools(_ tree: HostTree, _ folder: String, isHost: Bool) -> Fact<[HugePagePool]> {
        tree.names(folder).flatMap { names in
            var pools: [HugePagePool] = []
            for name in names where name.hasPrefix("hugepages-") && name.hasSuffix("kB") {
                guard let kibibytes = Array(name.utf8.dropFirst(10).dropLast(2)).decimal else { continue }
                var counts: [Int] = []
                for file in ["nr_hugepages", "free_hugepages", "surplus_hugepages"]
                    + (isHost ? ["resv_hugepages", "nr_overcommit_hugepages"] : [])
                {
                    switch tree.number("\(folder)/\(name)/\(file)", as: Int.self) {
                    case .unknown(let reason): return .unknown(reason)
                    case .known(let count): counts.append(count)
                    }
                }
                pools.append(
                    HugePagePool(
                        size: ByteCount(kibibytes: kibibytes), total: counts[0], free: counts[1], surplus: counts[2],
                        reserved: isHost ? counts[3] : 0, overcommit: isHost ? counts[4] : 0))
            }
            return .known(pools.sorted { $0.size < $1.size })
        }
    }

    /// Only some architectures choose: there smaps would tell, and the common default is not assumed.
    private func pageSize() -> Fact<ByteCount> {
        switch architecture.value {
        case "x86_64", "i686", "i586", "i386", "s390x": .known(ByteCount(kibibytes: 4))
        default:
            if tree.isLive, let size = Platform.pageSize {
                .known(size)
            } else {
                .unknown(Unknown(.missing, source: "page size"))
            }
        }
    }

    private func thp() -> THPFacts {
        var facts = THPFacts()
        let current = "/sys/kernel/mm/transparent_hugepage"
        // RHEL 6's kernel has its own name for it.
        let former = "/sys/kernel/mm/redhat_transparent_hugepage"
        let folder = !tree.exists(current) && tree.exists(former) ? former : current
        facts.enabled = tree.choice("\(folder)/enabled")
        facts.defrag = tree.choice("\(folder)/defrag")
        facts.shmemEnabled = tree.choice("\(folder)/shmem_enabled")
        facts.khugepaged = tree.names("\(folder)/khugepaged").map { names in
            var values: [String: UInt64] = [:]
            for name in names { values[name] = tree.number("\(folder)/khugepaged/\(name)", as: UInt64.self).value }
            return values
        }
        return facts
    }

    private func ksm() -> KSMFacts {
        let folder = "/sys/kernel/mm/ksm"
        var facts = KSMFacts()
        facts.run = tree.number("\(folder)/run")
        facts.pagesShared = tree.number("\(folder)/pages_shared")
        facts.pagesSharing = tree.number("\(folder)/pages_sharing")
        facts.pagesUnshared = tree.number("\(folder)/pages_unshared")
        facts.pagesVolatile = tree.number("\(folder)/pages_volatile")
        facts.fullScans = tree.number("\(folder)/full_scans")
        facts.sleepMilliseconds = tree.number("\(folder)/sleep_millisecs")
        facts.pagesToScan = tree.number("\(folder)/pages_to_scan")
        facts.mergeAcrossNodes = tree.flag("\(folder)/merge_across_nodes")
        facts.maxPageSharing = tree.number("\(folder)/max_page_sharing")
        facts.useZeroPages = tree.flag("\(folder)/use_zero_pages")
        facts.advisorMode = tree.choice("\(folder)/advisor_mode")
        facts.smartScan = tree.flag("\(folder)/smart_scan")
        facts.generalProfit = tree.number("\(folder)/general_profit")
        return facts
    }
}
