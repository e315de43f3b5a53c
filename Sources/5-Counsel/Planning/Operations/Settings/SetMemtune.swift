public import Changes
import DomainXML
public import Inventory
public import Quantities

/// Limits what a guest's processes may take of memory and swap (guide §4.2.1).
public struct SetMemtune: GuestOperation {
    private let limits: [MemoryLimit: ByteCount?]

    /// The operation.
    ///
    /// - Parameter limits: limits by kind; a `nil` one is taken away.
    public init(_ limits: [MemoryLimit: ByteCount?]) { self.limits = limits }

    /// memtune-order.
    public var practice: String { "memtune-order" }
    /// The limits.
    public var words: Text {
        let list = MemoryLimit.allCases.compactMap { kind in
            limits[kind].map { "\(kind.rawValue)=\($0?.description ?? "-")" }
        }.joined(separator: " ")
        return Text("asked for: \(list)", "要求:\(list)")
    }

    /// The limits, in an order the kernel takes.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        if let domain = guest.persistent {
            try check(domain)
            var new: [NewElement] = []
            for kind in MemoryLimit.allCases {
                guard let limit = limits[kind] else { continue }
                let element = domain.memoryTuning?.limitElement(kind.element)
                switch (element, limit) {
                case (let element?, nil): changes.persistent.append(DomainChange(domain.name, element.xpath, .remove))
                case (let element?, let limit?):
                    guard DomainDefinition.size(element) != limit else { continue }
                    changes.persistent.append(
                        DomainChange(domain.name, element.xpath, .text(String(limit.kibibytes)), from: element.text))
                    if element["unit"] != "KiB" {
                        changes.persistent.append(
                            DomainChange(domain.name, element.xpath, .attribute("unit", "KiB"), from: element["unit"]))
                    }
                case (nil, let limit?):
                    new.append(NewElement(kind.element, ["unit": "KiB"], text: String(limit.kibibytes)))
                case (nil, nil): break
                }
            }
            if !new.isEmpty {
                let text = new.map(\.description).joined(separator: "\n")
                changes.persistent.append(DomainChange(domain.name, "/domain/memtune", .insert(text)))
            }
        }
        guard let live = guest.live else { return changes }
        try check(live)
        // Upwards the outer limit goes first, downwards the inner.
        let grows = (limits[.hard] ?? nil).map { new in live.memoryTuning?.hardLimit.map { new > $0 } ?? false } ?? true
        let order: [MemoryLimit] = grows ? [.swapHard, .hard, .soft] : [.soft, .hard, .swapHard]
        changes.live = order.compactMap { kind in
            limits[kind].map { limit in
                LiveChange(
                    guest.name, .memoryLimit(kind), to: limit.map { String($0.kibibytes) } ?? LiveParameter.unlimited)
            }
        }
        return changes
    }

    private func check(_ domain: DomainDefinition) throws(Refusal) {
        func value(_ kind: MemoryLimit) -> ByteCount? {
            limits[kind] ?? DomainDefinition.size(domain.memoryTuning?.limitElement(kind.element))
        }
        let (hard, soft, swap) = (value(.hard), value(.soft), value(.swapHard))
        if let soft, let hard, soft > hard {
            throw Refusal("the soft limit, \(soft), is above the hard limit, \(hard)")
        }
        if let swap {
            guard let hard else {
                throw Refusal(
                    "a limit on memory and swap needs one on memory, no higher", remedy: "Give --hard-limit, too")
            }
            if swap < hard {
                throw Refusal(
                    "the limit on memory and swap, \(swap), is below that on memory, \(hard): the kernel refuses it")
            }
        }
        if limits[.hard] != nil, let hard, let memory = domain.memory, hard <= memory {
            throw Refusal(
                "a hard limit of \(hard) has no room for the guest's \(memory) and QEMU itself: the kernel would kill it",
                remedy: "libvirt's authors advise against a hard limit; else add a GiB or more")
        }
    }
}
