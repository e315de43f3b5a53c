import DomainXML
import HostFacts
import Inventory
import Quantities

/// Asynchronous I/O events are used up when the guest's turn comes.
struct AIOContexts: StartReason {
    var dependsOnOthers: Bool { true }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        guard guest.aioEvents > 0 else { return }
        let limit: Int
        switch host.aioLimit {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): limit = known
        }
        let (sum, overflow) = held.aioEvents.addingReportingOverflow(guest.aioEvents)
        guard overflow || sum > limit else { return }
        answer.add(
            StartObstacle(
                .aio,
                Text(
                    "it takes \(guest.aioEvents) events of asynchronous I/O, and \(max(0, limit - held.aioEvents)) of \(limit) are left after \(held.guests.count) guests; the error looks like a disk's",
                    "它需要 \(guest.aioEvents) 个异步 I/O 事件,而 \(held.guests.count) 个客户机之后 \(limit) 个中仅剩 \(max(0, limit - held.aioEvents)) 个;报错看似磁盘问题"
                ),
                evidence: [
                    guest.evidence(guest.disks.first { $0.io == "native" }?.element, "io='native'"),
                    BootedHost.evidence("fs.aio-max-nr", limit, host.facts),
                ],
                remedy: Text(
                    "Raise the limit, or take io='io_uring', which needs none.", "提高上限,或改用无需配额的 io='io_uring'。"),
                commands: [
                    "echo 'fs.aio-max-nr = 1048576' > /etc/sysctl.d/90-nearmetal-aio.conf",
                    "sysctl -w fs.aio-max-nr=1048576",
                ]))
    }
}
