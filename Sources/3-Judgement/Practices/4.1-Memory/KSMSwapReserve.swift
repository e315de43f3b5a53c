import Changes
import HostFacts
import Inventory
import Quantities

/// Room for the day on which merged pages differ again (guide §4.1.4, warning).
struct KSMSwapReserve: HostPractice {
    var about: About {
        About(
            id: "ksm-swap-reserve", section: "4.1.4", scopes: [.host], severities: [.warning], fixes: [.hand],
            title: Text("Swap in reserve for KSM", "为 KSM 预留的交换空间"),
            why: Text(
                "Pages that guests write to are no longer shared; if all of them are written, the host needs the memory it saved, at once.",
                "客户机写入的页不再共享;若全部写入,主机会立即需要它所节省的全部内存。"),
            tradeOff: Text("Disk space for swap that is hardly ever used.", "交换空间占用磁盘,却几乎不用。"),
            sources: ["guide §4.1.4", "kernel Documentation/admin-guide/mm/ksm.rst pages_sharing"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let ksm = host.memory.ksm
        switch ksm.run {
        case .unknown(let reason):
            return .unreadable(reason, absent: KSMFits.absent)
        case .known: break
        }
        let sharing: UInt64
        switch ksm.pagesSharing {
        case .known(let value): sharing = value
        case .unknown(let reason): return .unknown(reason)
        }
        // Stopped, it leaves merged what is merged.
        guard ksm.run.value == 1 || sharing > 0 else {
            return .notApplicable(Text("KSM is off, and nothing is merged", "KSM 已关闭且没有合并的页"))
        }
        let page: ByteCount
        switch host.memory.pageSize {
        case .known(let value): page = value
        case .unknown(let reason): return .unknown(reason)
        }
        let needed = page * sharing
        let free: ByteCount
        switch (host.memory.available, host.memory.free) {
        case (.known(let value), _): free = value
        // Kernels before 3.14 do not say what is available.
        case (.unknown(let reason), .known(let value)) where reason.cause == .missing: free = value
        case (.unknown(let reason), _): return .unknown(reason)
        }
        guard free < needed else { return .pass }
        let areas: [SwapArea]
        switch host.memory.swap {
        case .known(let value): areas = value
        case .unknown(let reason): return .unknown(reason)
        }
        // zram lies in the very memory that would be short.
        let swap = areas.beyondMemory.free
        guard free + swap < needed else { return .pass }
        let missing = needed - (free + swap)
        return .finding(
            Finding(
                .warning,
                Text(
                    "KSM saves \(needed); if the pages differ again there are \(free) of memory and \(swap) of swap for them",
                    "KSM 节省了 \(needed);若这些页不再相同,仅有 \(free) 内存和 \(swap) 交换空间可用"),
                observed: (free + swap).description, expected: "≥ \(needed)",
                remedy: .byHand(
                    Text("Add \(missing) of swap, or run fewer guests.", "增加 \(missing) 交换空间,或减少客户机。"),
                    commands: SwapPresent.commands(size: missing, on: host)),
                evidence: [
                    Evidence("/sys/kernel/mm/ksm/pages_sharing", "\(sharing) (\(needed))"),
                    Evidence("/proc/meminfo", "MemAvailable \(free)"), Evidence("/proc/swaps", "\(swap) free"),
                ]))
    }

    var examples: Examples {
        /// Merged pages against memory and swap that are free, in GiB.
        @Sendable func host(_ host: inout HostFacts, merged: UInt64, available: UInt64, swap: [SwapArea], run: Int = 1)
        {
            host.memory.ksm.run = .known(run)
            host.memory.ksm.pagesSharing = .known(merged << 18)
            host.memory.available = .known(ByteCount(gibibytes: available))
            host.memory.swap = .known(swap)
        }
        let eight = [SwapArea(path: "/dev/sda3", size: ByteCount(gibibytes: 8))]
        return Examples(
            fires: .host("more merged than there is room for", expect: .fires(.warning, observed: "10 GiB")) {
                host(&$0, merged: 12, available: 2, swap: eight)
            },
            .host("zram is no room", expect: .fires(.warning, observed: "2 GiB")) {
                host(
                    &$0, merged: 4, available: 2,
                    swap: [SwapArea(path: "/dev/zram0", size: ByteCount(gibibytes: 8), isZRAM: true)])
            },
            .host("stopped, and still merged", expect: .fires(.warning)) {
                host(&$0, merged: 4, available: 2, swap: [], run: 0)
            },
            .host("swap in use is no room", expect: .fires(.warning, observed: "3 GiB")) {
                host(
                    &$0, merged: 4, available: 2,
                    swap: [SwapArea(path: "/dev/sda3", size: ByteCount(gibibytes: 8), used: ByteCount(gibibytes: 7))])
            },
            quiet: .host("just enough", expect: .pass) { host(&$0, merged: 10, available: 2, swap: eight) },
            .host("memory alone suffices", expect: .pass) { host(&$0, merged: 2, available: 2, swap: []) },
            .host("off, nothing merged", expect: .notApplicable) {
                host(&$0, merged: 0, available: 0, swap: [], run: 0)
            },
            others: [
                .host("swap cannot be read", expect: .unknown) {
                    host(&$0, merged: 12, available: 2, swap: eight)
                    $0.memory.swap = .unknown(Unknown(.denied, source: "/proc/swaps"))
                }
            ])
    }
}
