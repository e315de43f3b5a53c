import DomainXML
import HostFacts
import Inventory
import Quantities

/// Too little memory when the guest's turn comes.
///
/// Guests are counted with all that they may take; that they start with less is the kernel's loan. A guest that no longer fits into memory and swap fails; one
/// that fits only with swap, or only at the cost of what the host keeps for itself, starts at a risk. Locked memory cannot be swapped.
struct MemoryShort: StartReason {
    var dependsOnOthers: Bool { true }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let facts = host.facts
        let total: ByteCount
        switch facts.memory.total {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): total = known
        }
        // Without the pools the rest is not known either.
        guard let supply = host.hugePages.value else {
            answer.unknown(host.hugePages.reason)
            return
        }
        let pools = supply.pools.reduce(ByteCount.zero) { $0 + $1.key * $1.value.total }
        let ordinary = total - pools
        let reserve = host.estate.settings.reserve(of: total)
        let wanted = guest.memory.total
        let sum = held.memory + wanted
        guard sum > ordinary - reserve else { return }
        let before = held.guests.isEmpty ? "" : ", \(held.memory) are for \(held.guests.count) guests before it"
        let chineseBefore = held.guests.isEmpty ? "" : ",其中 \(held.memory) 属于之前的 \(held.guests.count) 个客户机"
        let evidence = [
            guest.evidence(guest.domain.root.first("memory"), "\(wanted) with QEMU's own"),
            ForesightEvidence("/proc/meminfo", "MemTotal \(total), \(pools) of them huge pages after a boot"),
        ]
        let mayNotSwap = guest.domain.memoryBacking?.isLocked == true || guest.domain.pinsMemory
        if mayNotSwap {
            answer.add(
                StartObstacle(
                    .memory,
                    Text(
                        "it locks \(wanted), and the host has \(ordinary - reserve) for guests\(before)",
                        "它锁定 \(wanted),而主机可供客户机使用的内存为 \(ordinary - reserve)\(chineseBefore)"), evidence: evidence,
                    remedy: Text("Give it less memory, or start fewer guests before it.", "减少其内存,或减少先启动的客户机。"),
                    commands: ["virsh setmaxmem \(guest.name.shellWord) SIZE --config"]))
            return
        }
        let swap: ByteCount
        switch facts.memory.swap {
        // What is compressed in memory is no room beyond it.
        case .known(let areas): swap = areas.beyondMemory.size
        case .unknown(let reason):
            if sum > ordinary {
                answer.unknown(reason)
            } else {
                answer.risk(tight(guest, ordinary, reserve, wanted, evidence))
            }
            return
        }
        if sum > ordinary + swap {
            answer.add(
                StartObstacle(
                    .memory,
                    Text(
                        "it takes \(wanted), and the host has \(ordinary) and \(swap) of swap\(before): it no longer fits",
                        "它需要 \(wanted),而主机共有 \(ordinary) 内存与 \(swap) 交换空间\(chineseBefore):已容纳不下"), evidence: evidence,
                    remedy: Text("Give guests less memory, or start fewer with the host.", "减少客户机内存,或减少随主机启动的客户机。"),
                    commands: [
                        "virsh autostart --disable \(guest.name.shellWord)",
                        "virsh setmaxmem \(guest.name.shellWord) SIZE --config",
                    ]))
        } else if sum > ordinary {
            answer.risk(
                StartObstacle(
                    .memory,
                    Text(
                        "it fits only with \(sum - ordinary) of swap\(before)",
                        "仅在使用 \(sum - ordinary) 交换空间时才容纳得下\(chineseBefore)"),
                    evidence: evidence, remedy: Text("Give guests less memory.", "减少客户机内存。")))
        } else {
            answer.risk(tight(guest, ordinary, reserve, wanted, evidence))
        }
    }

    private func tight(
        _ guest: Candidate, _ ordinary: ByteCount, _ reserve: ByteCount, _ wanted: ByteCount,
        _ evidence: [ForesightEvidence]
    ) -> StartObstacle {
        StartObstacle(
            .memory,
            Text("it fits only into the \(reserve) kept for the host", "仅在占用为主机保留的 \(reserve) 时才容纳得下"),
            evidence: evidence,
            remedy: Text("Give guests less memory.", "减少客户机内存。"))
    }
}
