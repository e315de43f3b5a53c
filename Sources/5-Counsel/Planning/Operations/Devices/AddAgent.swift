import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest the channel its QEMU guest agent speaks through (guide §6.3).
public struct AddAgent: GuestOperation {
    static let channel = "org.qemu.guest_agent.0"

    /// The operation.
    public init() {}

    /// guest-services.
    public var practice: String { "guest-services" }
    /// The channel.
    public var words: Text { Text("asked for: a channel for the guest agent", "要求:guest agent 通道") }

    /// The channel, and what to install inside.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        if guest.definitions.allSatisfy(\.hasAgentChannel) {
            throw Refusal("guest \(guest.name) has a channel for its agent already")
        }
        var lacking = guest
        if guest.persistent?.hasAgentChannel == true { lacking.persistent = nil }
        if guest.live?.hasAgentChannel == true { lacking.live = nil }
        var addition = DeviceAddition(
            alias: guest.freeAlias("agent"),
            element: Self.element)
        if let live = guest.live, !live.controllers.contains(where: { $0.type == "virtio-serial" }) {
            addition.whyNotLive = Text(
                "the running guest has no virtio-serial controller", "运行中的客户机没有 virtio-serial 控制器")
        }
        addition.notes = [
            guest.definition?.isWindows == true
                ? Text("inside: install qemu-ga of the virtio-win disk", "客户机内:从 virtio-win 光盘安装 qemu-ga")
                : Text(
                    "inside: zypper install qemu-guest-agent && systemctl enable --now qemu-guest-agent (apt, dnf alike)",
                    "客户机内:zypper install qemu-guest-agent && systemctl enable --now qemu-guest-agent(apt、dnf 同理)")
        ]
        return addition.changes(of: lacking)
    }

    static let element = NewElement(
        "channel", ["type": "unix"], [NewElement("target", ["type": "virtio", "name": channel])])
}
