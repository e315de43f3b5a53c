import Changes
import DomainXML
public import Inventory
public import Quantities

/// Notes in a guest's definition what it is for; advice depends on it.
public struct SetWorkload: GuestOperation {
    /// Nearmetal's own in definitions.
    static let namespace = "https://nearmetal.example/xmlns/1"
    private let workload: Workload

    /// The operation.
    public init(_ workload: Workload) { self.workload = workload }

    /// vcpu-size.
    public var practice: String { "vcpu-size" }
    /// The workload.
    public var words: Text { Text("asked for: workload \(workload.rawValue)", "要求:工作负载 \(workload.rawValue)") }

    /// The element in the definition's metadata.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        changes.whyNotLive = Text("what it is for is noted in its definition", "用途记录在其定义中")
        guard let domain = guest.persistent else { return changes }
        let element = domain.root.first("metadata")?.children.first {
            $0.name == "workload" && $0.namespace?.contains("nearmetal") == true
        }
        if let element {
            guard domain.declaredWorkload != workload.rawValue else { return changes }
            let edit: DomainChange.Edit =
                element["type"] == nil ? .text(workload.rawValue) : .attribute("type", workload.rawValue)
            changes.persistent = [DomainChange(domain.name, element.xpath, edit)]
        } else {
            let text = "<nm:workload xmlns:nm='\(Self.namespace)'>\(workload.rawValue)</nm:workload>"
            changes.persistent = [DomainChange(domain.name, "/domain/metadata", .insert(text))]
        }
        return changes
    }
}
