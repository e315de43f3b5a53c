public import Quantities

/// Memory of the whole host.
public struct MemoryFacts: Sendable, Equatable {
    /// `MemTotal`.
    public var total: Fact<ByteCount> = .unexamined("/proc/meminfo")
    /// `MemFree`.
    public var free: Fact<ByteCount> = .unexamined("/proc/meminfo")
    /// `MemAvailable`.
    public var available: Fact<ByteCount> = .unexamined("/proc/meminfo")
    /// All of meminfo in its own units: bytes for those with `kB`, counts for the rest.
    public var meminfo: Fact<[String: UInt64]> = .unexamined("/proc/meminfo")
    /// The default huge page size (`Hugepagesize`).
    public var defaultHugePageSize: Fact<ByteCount> = .unexamined("/proc/meminfo")
    /// Pools of the whole host, ascending by page size, from `sys/kernel/mm/hugepages`.
    public var hugePages: Fact<[HugePagePool]> = .unexamined("/sys/kernel/mm/hugepages")
    /// Transparent huge pages.
    public var thp = THPFacts()
    /// Kernel same-page merging.
    public var ksm = KSMFacts()
    /// Swap areas; an empty list is a host without swap.
    public var swap: Fact<[SwapArea]> = .unexamined("/proc/swaps")
    /// Base page size.
    public var pageSize: Fact<ByteCount> = .unexamined("page size")

    /// Nothing known yet.
    public init() {}

    /// Swap in all.
    public var swapTotal: Fact<ByteCount> { swap.map(\.size) }
    /// Free swap in all.
    public var swapFree: Fact<ByteCount> { swap.map(\.free) }
}

/// Transparent huge pages: `sys/kernel/mm/transparent_hugepage/`.
///
/// Values are the chosen words (those in brackets).
public struct THPFacts: Sendable, Equatable {
    /// `always`, `madvise`, `never`.
    public var enabled: Fact<String> = .unexamined("/sys/kernel/mm/transparent_hugepage/enabled")
    /// `always`, `defer`, `defer+madvise`, `madvise`, `never`.
    public var defrag: Fact<String> = .unexamined("/sys/kernel/mm/transparent_hugepage/defrag")
    /// `always`, `within_size`, `advise`, `never`, `deny`, `force`.
    public var shmemEnabled: Fact<String> = .unexamined("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
    /// khugepaged's numbers by file name (`defrag`, `pages_to_scan`, `scan_sleep_millisecs` …).
    public var khugepaged: Fact<[String: UInt64]> = .unexamined("/sys/kernel/mm/transparent_hugepage/khugepaged")
    /// Nothing known yet.
    public init() {}
}

/// KSM: `sys/kernel/mm/ksm/`.
///
/// Knobs an older kernel lacks are `missing`.
public struct KSMFacts: Sendable, Equatable {
    /// 0 stopped, 1 running, 2 stopped and unmerged.
    public var run: Fact<Int> = .unexamined("/sys/kernel/mm/ksm/run")
    /// Merged pages in use.
    public var pagesShared: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/pages_shared")
    /// Places that share them: pages saved.
    public var pagesSharing: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/pages_sharing")
    /// Pages that were checked and are unique.
    public var pagesUnshared: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/pages_unshared")
    /// Pages that change too fast.
    public var pagesVolatile: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/pages_volatile")
    /// Passes over all mergeable memory.
    public var fullScans: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/full_scans")
    /// Pause between batches, in milliseconds.
    public var sleepMilliseconds: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/sleep_millisecs")
    /// Pages of a batch.
    public var pagesToScan: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/pages_to_scan")
    /// Whether pages of different nodes are merged.
    public var mergeAcrossNodes: Fact<Bool> = .unexamined("/sys/kernel/mm/ksm/merge_across_nodes")
    /// Most places one page may be shared by.
    public var maxPageSharing: Fact<UInt64> = .unexamined("/sys/kernel/mm/ksm/max_page_sharing")
    /// Whether zero pages are merged with the kernel's own.
    public var useZeroPages: Fact<Bool> = .unexamined("/sys/kernel/mm/ksm/use_zero_pages")
    /// `none` or `scan-time` (kernel ≥ 6.8).
    public var advisorMode: Fact<String> = .unexamined("/sys/kernel/mm/ksm/advisor_mode")
    /// Whether fruitless pages are skipped (kernel ≥ 6.7).
    public var smartScan: Fact<Bool> = .unexamined("/sys/kernel/mm/ksm/smart_scan")
    /// Bytes gained less what the bookkeeping costs; negative if KSM costs more than it gives (kernel ≥ 6.6).
    public var generalProfit: Fact<Int64> = .unexamined("/sys/kernel/mm/ksm/general_profit")
    /// Nothing known yet.
    public init() {}
}

/// One swap area.
public struct SwapArea: Sendable, Hashable {
    /// Device or file.
    public var path: String
    /// `partition` or `file`.
    public var type: String
    /// Its size.
    public var size: ByteCount
    /// What is used of it.
    public var used: ByteCount
    /// The kernel's priority.
    public var priority: Int
    /// Whether it is compressed memory (zram) rather than a disk.
    public var isZRAM: Bool
    /// A swap area.
    public init(
        path: String, type: String = "partition", size: ByteCount, used: ByteCount = .zero, priority: Int = -2,
        isZRAM: Bool = false
    ) {
        self.path = path
        self.type = type
        self.size = size
        self.used = used
        self.priority = priority
        self.isZRAM = isZRAM
    }
}

extension [SwapArea] {
    /// The areas that are room beyond memory: zram lies in the very memory that would be short.
    public var beyondMemory: [SwapArea] { filter { !$0.isZRAM } }
    /// Size of all.
    public var size: ByteCount { reduce(.zero) { $0 + $1.size } }
    /// What is free of all.
    public var free: ByteCount { reduce(.zero) { $0 + ($1.size - $1.used) } }
}
