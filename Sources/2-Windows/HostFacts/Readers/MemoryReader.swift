internal import Quantities

/// `proc/meminfo`, huge pages, THP, KSM, swap.
struct MemoryReader {
    let tree: HostTree
    let architecture: Fact<String>

    func read() -> MemoryFacts {
        var facts = MemoryFacts()
        let meminfo = tree.bytes("/proc/meminfo").map { Self.meminfo(String(decoding: $0, as: UTF8.self)) }
        func amount(_ key: String) -> Fact<ByteCount> {
            meminfo.flatMap { $0[key].map { .known(ByteCount(bytes: $0)) } ?? .unknown(Unknown(.missing, source: "/proc/meminfo (\(key))")) }
        }
        facts.meminfo = meminfo
        facts.total = amount("MemTotal")
        facts.free = amount("MemFree")
        facts.available = amount("MemAvailable")
        facts.defaultHugePageSize = amount("Hugepagesize")
        facts.hugePages = Self.pools(tree, "/sys/kernel/mm/hugepages")
        facts.pageSize = pageSize()
        let thp = "/sys/kernel/mm/transparent_hugepage"
        facts.thp.enabled = tree.choice("\(thp)/enabled")
        facts.thp.defrag = tree.choice("\(thp)/defrag")
        facts.thp.shmemEnabled = tree.choice("\(thp)/shmem_enabled")
        facts.thp.khugepaged = tree.names("\(thp)/khugepaged").map { names in
            var values: [String: UInt64] = [:]
            for name in names { values[name] = tree.number("\(thp)/khugepaged/\(name)", as: UInt64.self).value }
            return values
        }
        facts.ksm = ksm()
        facts.swap = swap()
        return facts
    }

    /// Values in bytes where the file says `kB`, else as they are.
    public static func meminfo(_ text: String) -> [String: UInt64] {
        var values: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            guard let (name, rest) = line.cut(at: ":") else { continue }
            let words = rest.words
            guard let first = words.first, let number = UInt64(first) else { continue }
            values[String(name)] = words.count > 1 && words[1] == "kB" ? ByteCount(kibibytes: number).rawValue : number
        }
        return values
    }

    /// Pools of huge pages in a folder of `hugepages-2048kB` and their like.
    static func pools(_ tree: HostTree, _ folder: String) -> Fact<[HugePagePool]> {
        tree.names(folder).flatMap { names in
            var pools: [HugePagePool] = []
            for name in names where name.hasPrefix("hugepages-") && name.hasSuffix("kB") {
                guard let kibibytes = UInt64(name.dropFirst(10).dropLast(2)) else { continue }
                let place = "\(folder)/\(name)"
                switch tree.number("\(place)/nr_hugepages", as: Int.self) {
                case .unknown(let reason): return .unknown(reason)
                case .known(let total):
                    func optional(_ file: String) -> Int? { tree.number("\(place)/\(file)", as: Int.self).value }
                    pools.append(
                        HugePagePool(
                            size: ByteCount(kibibytes: kibibytes), total: total, free: optional("free_hugepages"),
                            surplus: optional("surplus_hugepages") ?? 0, reserved: optional("resv_hugepages") ?? 0,
                            overcommit: optional("nr_overcommit_hugepages") ?? 0))
                }
            }
            return .known(pools.sorted { $0.size < $1.size })
        }
    }

    /// Only some architectures choose: there smaps would tell, and the common default is not assumed.
    private func pageSize() -> Fact<ByteCount> {
        switch architecture.value {
        case "x86_64", "i686", "i386", "s390x": .known(ByteCount(kibibytes: 4))
        default:
            if tree.isLive, let size = Platform.pageSize { .known(size) } else { .unknown(Unknown(.missing, source: "page size")) }
        }
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

    private func swap() -> Fact<[SwapArea]> {
        tree.bytes("/proc/swaps").map { Self.swaps(String(decoding: $0, as: UTF8.self)) }
    }

    /// `/dev/sda3 partition 8388604 0 -2`, below a heading.
    public static func swaps(_ text: String) -> [SwapArea] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let words = line.words
            guard words.count >= 4, let size = UInt64(words[2]), let used = UInt64(words[3]) else { return nil }
            let path = Mounts.unescaped(words[0])
            return SwapArea(
                path: path, type: String(words[1]), size: ByteCount(kibibytes: size), used: ByteCount(kibibytes: used),
                priority: words.count > 4 ? Int(words[4]) ?? 0 : 0, isZRAM: path.hasPrefix("/dev/zram"))
        }
    }
}
