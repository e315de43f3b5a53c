import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest another version of its machine type (guide §6.6).
public struct SetMachine: GuestOperation {
    private let machine: String

    /// The operation.
    ///
    /// - Parameter machine: a machine type or alias of the guest's own board.
    public init(_ machine: String) { self.machine = machine }

    /// machine-type.
    public var practice: String { "machine-type" }
    /// The machine type.
    public var words: Text { Text("asked for: machine type \(machine)", "要求:机器类型 \(machine)") }

    /// The machine type, an alias replaced by what it stands for.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        changes.whyNotLive = Text("a running guest keeps its board", "运行中的客户机保持其主板")
        guard let domain = guest.persistent, let type = domain.root.first("os", "type") else { return changes }
        let wanted = MachineTypeName(machine)
        if let now = domain.machineType, now.family != wanted.family {
            throw Refusal(
                "guest \(guest.name) is a \(now.family.rawValue), \(machine.prefix(64)) is not: all its devices would move to other addresses",
                remedy: "Give a version of \(now.family.rawValue)")
        }
        var name = machine
        if let support = estate.capabilities.value?.support(
            architecture: domain.architecture, type: domain.type, emulator: domain.emulator)
        {
            guard let found = support.machines.first(where: { $0.name == machine }) else {
                let family = support.machines.map(\.name).filter { MachineTypeName($0).family == wanted.family }
                throw Refusal(
                    "this host's QEMU has no machine type \(machine.prefix(64))",
                    remedy: "It has \(family.prefix(12).joined(separator: ", "))")
            }
            name = found.canonical ?? found.name
            if found.isDeprecated {
                changes.notes.append(Text("QEMU calls \(name) deprecated", "QEMU 已将 \(name) 标为弃用"))
            }
        }
        guard domain.machine != name else { return changes }
        changes.persistent = [
            DomainChange(domain.name, type.xpath, .attribute("machine", name), from: domain.machine)
        ]
        changes.notes.append(
            Text(
                "Windows may ask to be activated again; a guest that was saved or snapshot in memory does not come back with it",
                "Windows 可能要求重新激活;已保存的内存状态或内存快照将无法恢复"))
        return changes
    }
}
