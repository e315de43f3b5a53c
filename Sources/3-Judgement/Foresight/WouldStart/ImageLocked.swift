import DomainXML
import Inventory
import Quantities

/// An image that another guest has open: QEMU locks what it writes to.
struct ImageLocked: StartReason {
    var dependsOnOthers: Bool { true }

    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        var own: [String: ImageHold] = [:]
        for need in guest.images {
            if let other = held.images[need.key]?.conflict(with: need) {
                let what =
                    need.isWriter
                    ? Text(
                        "\(other), which starts before it, has \(need.path) open, and it is to write to it",
                        "先启动的 \(other) 已打开 \(need.path),而它要写入该映像")
                    : Text(
                        "\(other), which starts before it, writes to \(need.path)", "先启动的 \(other) 正在写入 \(need.path)")
                answer.add(obstacle(need, guest, what, ForesightEvidence("definition of \(other)", need.path)))
            } else if let before = own[need.key], before.conflict(with: need) != nil {
                answer.add(
                    obstacle(
                        need, guest,
                        Text(
                            "two of its own disks open \(need.path), and one writes to it",
                            "它自己的两个磁盘都打开 \(need.path),且其中之一要写入"),
                        ForesightEvidence(need.disk.element, need.path)))
            }
            own[need.key, default: ImageHold()].add(need, guest.name)
        }
    }

    private func obstacle(_ need: ImageNeed, _ guest: Candidate, _ what: Text, _ evidence: ForesightEvidence)
        -> StartObstacle
    {
        StartObstacle(
            .imageLock, part: need.disk.label, what,
            evidence: [guest.evidence(need.disk.element, need.path), evidence],
            remedy: Text(
                "Give each guest an image of its own, or an overlay; <shareable/> only where a cluster file system is inside.",
                "为每个客户机使用各自的映像或覆盖映像;仅当其中为集群文件系统时才使用 <shareable/>。"),
            commands: [
                "qemu-img create -f qcow2 -F FORMAT -b \(need.path.shellWord) \((need.path + "." + guest.name + ".qcow2").shellWord)"
            ])
    }
}
