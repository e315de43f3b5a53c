import HostFacts
import Inventory
import Quantities

/// Memory of a host against what guests want of it, ordinary pages only: huge pages come from their pools.
struct MemoryBudget {
    /// `MemTotal`.
    let total: ByteCount
    /// Huge pages reserved, which ordinary memory lacks.
    let pools: ByteCount
    /// Kept for the host itself.
    let reserve: ByteCount
    /// What guests want, QEMU's own memory included.
    let wanted: ByteCount
    /// Guests counted.
    let guests: Int
    /// Guests whose definition says no size.
    let unsized: Int

    /// Memory in ordinary pages.
    var ordinary: ByteCount { total - pools }
    /// What of it is for guests.
    var forGuests: ByteCount { ordinary - reserve }
    /// Where it was seen.
    var evidence: Evidence {
        Evidence("/proc/meminfo", "MemTotal \(total), huge pages \(pools), kept for the host \(reserve)")
    }

    /// Guests that run now.
    static func now(_ host: HostFacts, _ estate: Estate) -> Fact<MemoryBudget> {
        of(host, estate, estate.relations.memory.running, HugePageSupply.reserved(on: host))
    }
    /// Guests that start with the host, after its next boot.
    static func nextBoot(_ host: HostFacts, _ estate: Estate) -> Fact<MemoryBudget> {
        of(host, estate, estate.relations.memory.starting, HugePageSupply.nextBoot(on: host))
    }

    private static func of(
        _ host: HostFacts, _ estate: Estate, _ sum: MemoryRelations.Sum, _ supply: Fact<HugePageSupply>
    ) -> Fact<MemoryBudget> {
        host.memory.total.flatMap { total in
            supply.map { supply in
                MemoryBudget(
                    total: total, pools: supply.pools.reduce(.zero) { $0 + $1.key * $1.value.total },
                    reserve: estate.settings.reserve(of: total), wanted: sum.total, guests: sum.guests,
                    unsized: sum.unsized)
            }
        }
    }
}
