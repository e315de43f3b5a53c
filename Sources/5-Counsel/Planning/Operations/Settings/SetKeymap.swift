import Changes
import DomainXML
public import Inventory
public import Quantities

/// Sets, or better takes away, the keyboard layout of a guest's displays (guide §7.2).
public struct SetKeymap: GuestOperation {
    private let keymap: String?

    /// The operation.
    ///
    /// - Parameter keymap: a layout of QEMU's; `nil` takes it away.
    public init(_ keymap: String?) { self.keymap = keymap }

    /// keymap.
    public var practice: String { "keymap" }
    /// The layout.
    public var words: Text { Text("asked for: keymap \(keymap ?? "none")", "要求:键盘布局 \(keymap ?? "无")") }

    /// The layout of every display that has one.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        changes.whyNotLive = Text("a running display keeps its layout", "运行中的显示保持其布局")
        guard let domain = guest.persistent else { return changes }
        let displays = domain.graphics.filter { ["vnc", "spice"].contains($0.type) }
        guard !displays.isEmpty else { throw Refusal("guest \(guest.name) has no VNC or Spice display") }
        for display in displays where display.keymap != keymap {
            changes.persistent.append(
                DomainChange(
                    domain.name, display.element.xpath,
                    keymap.map { .attribute("keymap", $0) } ?? .removeAttribute("keymap"), from: display.keymap))
        }
        if keymap != nil {
            changes.notes.append(
                Text(
                    "without a keymap clients send the keys themselves, which fits every layout",
                    "不设置 keymap 时客户端直接发送按键,适合所有布局"))
        }
        return changes
    }
}
