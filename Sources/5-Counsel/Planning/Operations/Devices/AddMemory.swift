import Changes
import DomainXML
public import Inventory
public import Quantities

/// Plugs memory into a guest (guide §4.1.5).
public struct AddMemory: GuestOperation {
    /// Kinds of memory devices.
    public enum Model: String, Sendable, Hashable, CaseIterable {
        /// A module in a slot; Linux hardly ever gives one back.
        case dimm
        /// Memory that grows and shrinks in small blocks, without a slot.
        case virtioMem = "virtio-mem"
    }
    /// What Linux on x86 and Arm with 4 KiB pages takes in at a time.
    static let block = ByteCount(mebibytes: 128)
    /// What virtio-mem gives at a time: a huge page.
    static let step = ByteCount(mebibytes: 2)

    private let size: ByteCount
    private let model: Model
    private let cell: Int

    /// The operation.
    ///
    /// - Parameters:
    ///   - size: whole blocks of 128 MiB.
    ///   - model: the kind of device.
    ///   - cell: the guest's NUMA cell that gets it.
    public init(_ size: ByteCount, model: Model, cell: Int) {
        self.size = size
        self.model = model
        self.cell = cell
    }

    /// memory-hotplug.
    public var practice: String { "memory-hotplug" }
    /// The amount.
    public var words: Text {
        Text("asked for: \(size) more memory (\(model.rawValue))", "要求:增加 \(size) 内存(\(model.rawValue))")
    }

    /// The device, and what the balloon leaves the guest of it.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard size > .zero, size.rawValue % Self.block.rawValue == 0 else {
            throw Refusal("\(size) is no whole number of blocks of \(Self.block), in which guests take memory")
        }
        if let total = estate.host.memory.total.value, size > total {
            throw Refusal("\(size) is more than the host's \(total)")
        }
        var addition = DeviceAddition(alias: guest.freeAlias("memory"), element: element)
        if let domain = guest.persistent {
            try check(domain)
            if model == .dimm, let current = domain.currentMemory, current == domain.memory {
                addition.edits = domain.setting(
                    "currentMemory", to: String((current + size).kibibytes), [("unit", "KiB")])
            }
        }
        if let live = guest.live {
            do throws(Refusal) { try check(live) } catch {
                guard guest.persistent != nil else { throw error }
                addition.whyNotLive = Text("the running guest: \(error.why)", "运行中的客户机:\(error.why)")
            }
        }
        if model == .dimm {
            addition.notes.append(
                Text(
                    "inside, Linux brings it online by itself where auto_online_blocks says so; hardly any system gives a DIMM back",
                    "客户机内:auto_online_blocks 决定是否自动上线;几乎没有系统能归还 DIMM"))
        }
        return addition.changes(of: guest)
    }

    private func check(_ domain: DomainDefinition) throws(Refusal) {
        let cells = domain.guestCells
        guard let most = domain.maxMemory, !cells.isEmpty else {
            throw Refusal(
                "guest \(domain.name) has no room for memory: no <maxMemory> with a NUMA cell",
                remedy:
                    "Set it first: nearmetal guest set max-memory \(domain.name.shellWord) SIZE; it holds from its next start"
            )
        }
        guard cells.contains(where: { $0.id == cell }) else {
            throw Refusal("guest \(domain.name) has no NUMA cell \(cell)", remedy: "It has \(cells.count), from 0")
        }
        let now = domain.memory ?? .zero
        guard now + size <= most else {
            throw Refusal("guest \(domain.name) has \(now) and may grow to \(most): \(size) more do not fit")
        }
        if model == .dimm {
            let used = domain.memoryDevices.count { $0.takesSlot }
            guard used < domain.memorySlots ?? 0 else {
                throw Refusal(
                    "all \(used) memory slots of guest \(domain.name) are used",
                    remedy: "virtio-mem takes none: --model virtio-mem")
            }
        }
    }

    private var element: NewElement {
        func kibibytes(_ name: String, _ size: ByteCount) -> NewElement {
            NewElement(name, ["unit": "KiB"], text: String(size.kibibytes))
        }
        return NewElement(
            "memory", ["model": model.rawValue],
            [
                NewElement(
                    "target", [:],
                    [
                        kibibytes("size", size), NewElement("node", text: String(cell)),
                        model == .virtioMem ? kibibytes("block", Self.step) : nil,
                        model == .virtioMem ? kibibytes("requested", size) : nil,
                    ])
            ])
    }
}
