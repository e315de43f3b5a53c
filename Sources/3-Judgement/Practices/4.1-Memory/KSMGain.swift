import HostFacts
import Quantities

/// What KSM brings on a host: memory saved, less what its bookkeeping takes.
struct KSMGain {
    /// Memory that is not needed because pages are shared.
    let saved: ByteCount
    /// Bytes gained; negative where KSM costs more than it gives.
    let profit: Int64
    /// Whether the kernel counted ``profit`` itself (≥ 6.6); else it is the kernel documentation's formula.
    let isCounted: Bool
    /// Passes over all memory so far.
    let scans: UInt64

    /// The gain, from the kernel's own counters.
    ///
    /// - Source: kernel Documentation/admin-guide/mm/ksm.rst "Monitoring KSM profit": pages_sharing × page size − rmap items × 64 bytes.
    static func of(_ host: HostFacts) -> Fact<KSMGain> {
        let ksm = host.memory.ksm
        let page = host.memory.pageSize.value ?? ByteCount(kibibytes: 4)
        guard case .known(let sharing) = ksm.pagesSharing else { return .unknown(reason(ksm.pagesSharing)) }
        guard case .known(let scans) = ksm.fullScans else { return .unknown(reason(ksm.fullScans)) }
        let saved = page * sharing
        switch ksm.generalProfit {
        case .known(let profit): return .known(KSMGain(saved: saved, profit: profit, isCounted: true, scans: scans))
        case .unknown(let cause): if cause.cause != .missing { return .unknown(cause) }
        }
        var items: UInt64 = 0
        for fact in [ksm.pagesSharing, ksm.pagesShared, ksm.pagesUnshared, ksm.pagesVolatile] {
            guard case .known(let count) = fact else { return .unknown(reason(fact)) }
            items = items &+ min(count, 1 << 48)
        }
        let cost = Int64(clamping: items) * 64
        return .known(
            KSMGain(
                saved: saved, profit: Int64(clamping: saved.rawValue).subtractingSaturating(cost), isCounted: false,
                scans: scans))
    }

    private static func reason<Value>(_ fact: Fact<Value>) -> Unknown {
        fact.reason ?? Unknown(.missing, source: "/sys/kernel/mm/ksm")
    }
}

extension Int64 {
    fileprivate func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? .min : difference
    }
}
