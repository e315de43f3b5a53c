import Changes
import DomainXML
import HostFacts
public import Inventory
public import Quantities

/// Binds a guest's memory to nodes of the host (guide §4.6.3.2).
public struct SetNUMATune: GuestOperation {
    /// Policies, as libvirt names them.
    public enum Mode: String, Sendable, Hashable, CaseIterable { case strict, interleave, preferred, restrictive }
    private let nodes: NodeSet
    private let mode: Mode

    /// The operation.
    ///
    /// - Parameters:
    ///   - nodes: the host's nodes.
    ///   - mode: the policy.
    public init(_ nodes: NodeSet, _ mode: Mode) {
        self.nodes = nodes
        self.mode = mode
    }

    /// numatune.
    public var practice: String { "numatune" }
    /// Policy and nodes.
    public var words: Text {
        Text("asked for: memory \(mode.rawValue) on nodes \(nodes)", "要求:内存 \(mode.rawValue),节点 \(nodes)")
    }

    /// The policy; a running guest's memory is moved.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard !nodes.isEmpty else { throw Refusal("no node is named") }
        if let known = estate.host.numa.nodes.value {
            let withMemory = NodeSet(known.filter { $0.memory.value != .zero }.map(\.id))
            guard nodes.isSubset(of: withMemory) else {
                throw Refusal(
                    "the host has no memory on node \(nodes.subtracting(withMemory))",
                    remedy: "It has nodes \(withMemory)")
            }
            let room = known.filter { nodes.contains($0.id) }.compactMap(\.memory.value).reduce(.zero, +)
            if mode == .strict || mode == .restrictive, let memory = guest.definition?.memory, memory > room {
                throw Refusal("nodes \(nodes) have \(room), the guest has \(memory): it would not start")
            }
        }
        var changes = GuestChanges()
        if let domain = guest.persistent {
            let policy = domain.numaTuning?.memory
            if let element = policy?.element {
                for (name, value) in [("mode", mode.rawValue), ("nodeset", nodes.description)]
                where element[name] != value {
                    changes.persistent.append(
                        DomainChange(domain.name, element.xpath, .attribute(name, value), from: element[name]))
                }
                if element["placement"] == "auto" {
                    changes.persistent.append(
                        DomainChange(domain.name, element.xpath, .removeAttribute("placement"), from: "auto"))
                }
            } else {
                let element = NewElement("memory", ["mode": mode.rawValue, "nodeset": nodes.description])
                changes.persistent = [DomainChange(domain.name, "/domain/numatune", .insert(element.description))]
            }
            if domain.numaTuning?.cells.isEmpty == false {
                changes.notes.append(Text("its <memnode> elements keep their own nodes", "其 <memnode> 元素保持各自的节点"))
            }
        }
        if let live = guest.live {
            let running = live.numaTuning?.memory?.mode
            if let running, running != mode.rawValue {
                changes.whyNotLive = Text(
                    "the running guest's policy is \(running), and stays", "运行中客户机的策略为 \(running),无法更改")
            } else if mode != .strict, mode != .restrictive {
                changes.whyNotLive = Text(
                    "libvirt moves the memory of a running guest only with mode strict",
                    "libvirt 仅在 strict 模式下移动运行中客户机的内存")
            } else {
                changes.live = [LiveChange(guest.name, .nodeset, to: nodes.description)]
            }
        }
        return changes
    }
}
