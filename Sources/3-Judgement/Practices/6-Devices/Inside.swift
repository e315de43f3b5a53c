import Inventory
import Quantities

/// What practices about the inside of a guest share.
enum Inside {
    /// Why nothing can be seen inside: the guest does not run; `nil` where it does, or where that is not known.
    static func isOff(_ guest: Guest) -> Text? {
        guard let state = guest.state.value, !state.isActive, guest.live == nil else { return nil }
        return Text("the guest does not run: there is no inside to look at", "客户机未运行,无法查看其内部")
    }

    /// Gives an example's guest a quiet inside, with changes.
    static func facts(_ change: @escaping @Sendable (inout InsideFacts) -> Void) -> @Sendable (inout Guest) -> Void {
        { guest in
            var inside = InsideFacts(
                schedulers: .known([:]), virtioDrivers: .known([:]), rngCurrent: .known("virtio_rng.0"),
                rngAvailable: .known(["virtio_rng.0"]),
                kernelRelease: .known("6.4.0-150600.21-default"), services: .known([]))
            change(&inside)
            guest.inside = .known(inside)
        }
    }
}
