import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest a watchdog, which does something when the guest no longer answers it (guide §6).
public struct AddWatchdog: GuestOperation {
    /// What happens when the guest is silent.
    public enum Action: String, Sendable, Hashable, CaseIterable {
        case reset, shutdown, poweroff, pause, dump, none
        case injectNMI = "inject-nmi"
    }
    private let action: Action
    private let model: String

    /// The operation.
    public init(_ action: Action, model: String) {
        self.action = action
        self.model = model
    }

    /// guest-services.
    public var practice: String { "guest-services" }
    /// The watchdog.
    public var words: Text {
        Text("asked for: watchdog \(model), \(action.rawValue)", "要求:看门狗 \(model),\(action.rawValue)")
    }

    /// The watchdog.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        if guest.definitions.contains(where: { !$0.devices("watchdog").isEmpty }) {
            throw Refusal("guest \(guest.name) has a watchdog already")
        }
        var addition = DeviceAddition(
            alias: guest.freeAlias("watchdog"),
            element: NewElement("watchdog", ["model": model, "action": action.rawValue]),
            notes: [
                Text(
                    "inside, a daemon has to feed it: systemd does with RuntimeWatchdogSec= in system.conf",
                    "客户机内须有守护进程喂狗:systemd 可在 system.conf 中设置 RuntimeWatchdogSec=")
            ])
        let bridges = ["pcie-to-pci-bridge", "dmi-to-pci-bridge", "pci-root"]
        if model == "i6300esb", let live = guest.live,
            !live.controllers.contains(where: { $0.type == "pci" && bridges.contains($0.model ?? "") })
        {
            addition.whyNotLive = Text(
                "\(model) is a device of the old PCI bus, which the running guest has not",
                "\(model) 属于旧式 PCI 总线,运行中的客户机没有该总线")
        }
        return addition.changes(of: guest)
    }
}
