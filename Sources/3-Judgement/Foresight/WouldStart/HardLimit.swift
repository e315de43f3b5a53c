import DomainXML
import Inventory
import Quantities

/// `<hard_limit>` below what the guest must have when it starts.
struct HardLimit: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        guard let tuning = guest.domain.root.first("memtune"),
            let limit = DomainDefinition.size(tuning.first("hard_limit"))
        else { return }
        let element = tuning.first("hard_limit")
        if let swapLimit = DomainDefinition.size(tuning.first("swap_hard_limit")), swapLimit < limit {
            answer.add(
                StartObstacle(
                    .hardLimit, part: "swap_hard_limit",
                    Text(
                        "swap_hard_limit (\(swapLimit)) is below hard_limit (\(limit)): the kernel refuses it",
                        "swap_hard_limit(\(swapLimit))低于 hard_limit(\(limit)):内核会拒绝"),
                    evidence: [guest.evidence(tuning.first("swap_hard_limit"), swapLimit.description)],
                    remedy: Text("Take both out.", "两者都删除。"),
                    commands: ["virsh memtune \(guest.name.shellWord) --swap-hard-limit -1 --hard-limit -1 --config"]))
        }
        // libvirt's "unlimited".
        guard limit < ByteCount(gibibytes: 8_388_607) else { return }
        let isLocked = guest.domain.memoryBacking?.isLocked == true
        let isPinned = guest.domain.pinsMemory
        let isTouched = guest.domain.memoryBacking?.allocation == "immediate"
        // Huge pages are no part of the cgroup's account; locked memory counts them.
        let inGroup = guest.memory.ordinary
        let wanted = isLocked || isPinned ? inGroup + guest.memory.huge : inGroup
        let commands = [
            "virsh memtune \(guest.name.shellWord) --hard-limit \((wanted + guest.memory.overhead).kibibytes) --config"
        ]
        if wanted > limit, isLocked || isPinned || isTouched {
            answer.add(
                StartObstacle(
                    .hardLimit,
                    Text(
                        "hard_limit is \(limit), and \(wanted) of memory are \(isLocked ? "locked" : isPinned ? "pinned for a device" : "touched") at start",
                        "hard_limit 为 \(limit),而启动时有 \(wanted) 内存被\(isLocked ? "锁定" : isPinned ? "为设备固定" : "立即分配")"),
                    evidence: [guest.evidence(element, limit.description)],
                    remedy: Text("Raise it, QEMU's own memory included.", "提高限制,并计入 QEMU 自身内存。"),
                    commands: commands))
        } else if ByteCount(mebibytes: 64) > limit {
            answer.add(
                StartObstacle(
                    .hardLimit,
                    Text("hard_limit is \(limit): QEMU itself does not fit", "hard_limit 为 \(limit):连 QEMU 自身都容纳不下"),
                    evidence: [guest.evidence(element, limit.description)], remedy: Text("Take it out.", "删除该限制。"),
                    commands: ["virsh memtune \(guest.name.shellWord) --hard-limit -1 --config"]))
        } else if wanted + guest.memory.overhead > limit {
            answer.risk(
                StartObstacle(
                    .hardLimit,
                    Text(
                        "hard_limit is \(limit), and guest and QEMU may take \(wanted + guest.memory.overhead): it is killed when they do",
                        "hard_limit 为 \(limit),而客户机与 QEMU 可能占用 \(wanted + guest.memory.overhead):届时会被终止"),
                    evidence: [guest.evidence(element, limit.description)],
                    remedy: Text("Take it out, or raise it.", "删除或提高该限制。"),
                    commands: commands))
        }
    }
}
