import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest another amount of memory within its maximum, by its balloon (guide §4.1.5).
public struct SetMemory: GuestOperation {
    private let size: ByteCount

    /// The operation.
    ///
    /// - Parameter size: what the guest is to have; rounded up to whole MiB.
    public init(_ size: ByteCount) {
        let whole = ByteCount(mebibytes: 1)
        self.size = ByteCount(mebibytes: size.mebibytes + (size.rawValue % whole.rawValue == 0 ? 0 : 1))
    }

    /// balloon.
    public var practice: String { "balloon" }
    /// The amount.
    public var words: Text { Text("asked for: \(size) of memory", "要求:\(size) 内存") }

    /// The amount in the definition, and the balloon's target.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard size > .zero else { throw Refusal("a guest needs memory") }
        if let total = estate.host.memory.total.value, size > total {
            throw Refusal("\(size) is more than the host's \(total)")
        }
        var changes = GuestChanges()
        if let domain = guest.persistent, let most = domain.memory {
            guard size <= most else {
                throw Refusal(
                    "guest \(guest.name) has \(most) at most",
                    remedy: "Raise that first: its <memory>, with the guest off")
            }
            let text = String(size.kibibytes)
            if domain.currentMemory != size {
                changes.persistent = domain.setting("currentMemory", to: text, [("unit", "KiB")])
            }
            if size != most, domain.effectiveBalloonModel == "none" {
                throw Refusal(
                    "guest \(guest.name) has no balloon: it starts with all its \(most)",
                    remedy: "Give it <memballoon model='virtio'/>, or change its <memory> while it is off")
            }
        }
        guard let live = guest.live else { return changes }
        let most = live.memory ?? .zero
        if live.effectiveBalloonModel == "none" {
            changes.whyNotLive = Text("the running guest has no balloon", "运行中的客户机没有 balloon 设备")
        } else if size > most {
            changes.whyNotLive = Text("the running guest has \(most) at most", "运行中的客户机最多 \(most)")
        } else if !live.hostDevices.isEmpty {
            changes.whyNotLive = Text(
                "a device is passed through: it holds all the guest's memory, and a balloon frees none of it",
                "有直通设备:它锁定客户机的全部内存,balloon 无法释放")
        } else {
            changes.live = [LiveChange(guest.name, .memory, to: String(size.kibibytes))]
        }
        return changes
    }
}
