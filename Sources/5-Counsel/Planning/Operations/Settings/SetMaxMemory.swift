import Changes
import DomainXML
public import Inventory
public import Quantities

/// Says how far a guest may grow by memory that is plugged in (guide §4.1.5).
public struct SetMaxMemory: GuestOperation {
    private let size: ByteCount
    private let slots: Int

    /// The operation.
    ///
    /// - Parameters:
    ///   - size: all memory the guest may reach.
    ///   - slots: for DIMMs, 1 to 256; virtio-mem takes none.
    public init(_ size: ByteCount, slots: Int) {
        self.size = size
        self.slots = slots
    }

    /// memory-hotplug.
    public var practice: String { "memory-hotplug" }
    /// The amount.
    public var words: Text { Text("asked for: room for \(size), \(slots) slots", "要求:最多 \(size) 内存,\(slots) 个插槽") }

    /// The limit, and the NUMA cell that memory is plugged into.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard (1...256).contains(slots) else { throw Refusal("\(slots) slots: 1 to 256 are possible") }
        var changes = GuestChanges()
        changes.whyNotLive = Text("the running guest's limit is fixed at its start", "运行中客户机的上限在启动时即已确定")
        guard let domain = guest.persistent else { return changes }
        guard domain.architecture != "s390x" else { throw Refusal("guests on s390x take no memory while they run") }
        let memory = domain.memory ?? .zero
        guard size >= memory else { throw Refusal("guest \(guest.name) has \(memory) already: \(size) is less") }
        let used = domain.memoryDevices.count { $0.takesSlot }
        guard slots >= used else { throw Refusal("\(used) slots are in use") }
        changes.persistent = domain.setting(
            "maxMemory", to: String(size.kibibytes), [("slots", String(slots)), ("unit", "KiB")])
        if domain.guestCells.isEmpty {
            let cell = NewElement(
                "cell",
                [
                    "id": "0", "cpus": "0-\(max(0, domain.vcpus - 1))",
                    "memory": String((domain.initialMemory ?? memory).kibibytes), "unit": "KiB",
                ])
            changes.persistent.append(DomainChange(domain.name, "/domain/cpu/numa", .insert(cell.description)))
        }
        if let total = estate.host.memory.total.value, size > total {
            changes.notes.append(
                Text("it may then grow beyond the host's \(total)", "此后它可能超过主机的 \(total)"))
        }
        return changes
    }
}
