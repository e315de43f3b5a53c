import Changes
import DomainXML
public import Inventory
import Practices
public import Quantities

/// Turns a guest with Spice into one with VNC (guide §7).
public struct ConvertToVNC: GuestOperation {
    /// The operation.
    public init() {}

    /// spice-listen.
    public var practice: String { "spice-listen" }
    /// What is asked for.
    public var words: Text { Text("asked for: VNC instead of Spice", "要求:以 VNC 取代 Spice") }

    /// The displays, and what came with Spice.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        changes.whyNotLive = Text("a running guest keeps its displays", "运行中的客户机保持其显示")
        guard let domain = guest.persistent else { return changes }
        changes.persistent = SpiceConversion.changes(domain, guest: domain.name).compactMap { $0 as? DomainChange }
        guard !changes.persistent.isEmpty else { return changes }
        changes.notes = [
            Text(
                "gone with Spice: sound to the viewer, USB redirection, a clipboard shared by its agent",
                "随 Spice 消失:传到查看器的声音、USB 重定向、其代理共享的剪贴板")
        ]
        return changes
    }
}
