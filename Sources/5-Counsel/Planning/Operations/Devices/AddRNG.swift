import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest random numbers of the host's (guide §6.2).
public struct AddRNG: GuestOperation {
    private let source: String

    /// The operation.
    ///
    /// - Parameter source: a device of the host.
    public init(_ source: String = "/dev/urandom") { self.source = source }

    /// rng.
    public var practice: String { "rng" }
    /// The source.
    public var words: Text { Text("asked for: random numbers of \(source)", "要求:随机数来源 \(source)") }

    /// The device; inside, `rng_current` then says `virtio_rng.N`.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        if guest.definitions.allSatisfy({ !$0.randomDevices.isEmpty }) {
            throw Refusal("guest \(guest.name) has a random number device already")
        }
        var lacking = guest
        // One that has it in one of its two states gets it in the other.
        if guest.persistent?.randomDevices.isEmpty == false { lacking.persistent = nil }
        if guest.live?.randomDevices.isEmpty == false { lacking.live = nil }
        return DeviceAddition(
            alias: guest.freeAlias("rng"),
            element: Self.element(source)
        ).changes(of: lacking)
    }

    static func element(_ source: String) -> NewElement {
        NewElement("rng", ["model": "virtio"], [NewElement("backend", ["model": "random"], text: source)])
    }
}
