import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest another number of vCPUs (guide §7.7).
public struct SetVCPUs: GuestOperation {
    private let count: Int
    private let maximum: Int?

    /// The operation.
    ///
    /// - Parameters:
    ///   - count: vCPUs in use.
    ///   - maximum: how many the guest may grow to; `nil` raises the present maximum only where the count needs it.
    public init(_ count: Int, maximum: Int? = nil) {
        self.count = count
        self.maximum = maximum
    }

    /// vcpu-hotplug.
    public var practice: String { "vcpu-hotplug" }
    /// The count, and the maximum where it was named.
    public var words: Text {
        let most = maximum.map { Text(" of \($0)", "/\($0)") } ?? Text("", "")
        return Text("asked for: \(count)\(most.english) vCPUs", "要求:\(count)\(most.chinese) 个 vCPU")
    }

    /// The number in the definition, and the number plugged in.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard count > 0 else { throw Refusal("a guest needs at least 1 vCPU") }
        if let maximum, maximum < count {
            throw Refusal("the maximum, \(maximum), is less than the \(count) vCPUs asked for")
        }
        if let online = estate.host.cpu.online.value?.count, max(count, maximum ?? 0) > online {
            throw Refusal(
                "\(max(count, maximum ?? 0)) vCPUs are more than the host's \(online) CPUs: they would only wait for each other",
                remedy: "Ask for \(online) or fewer")
        }
        var changes = GuestChanges()
        if let domain = guest.persistent { changes.persistent = try persistent(domain, &changes.notes) }
        guard let live = guest.live else { return changes }
        guard count <= live.vcpus else {
            changes.whyNotLive = Text(
                "the running guest takes at most \(live.vcpus) vCPUs: \(count) hold after its next start",
                "运行中的客户机最多 \(live.vcpus) 个 vCPU:\(count) 个在下次启动后生效")
            return changes
        }
        let fixed = live.root.first("vcpus")?.all("vcpu").filter { $0["hotpluggable"] == "no" }.count ?? 0
        guard count >= fixed else {
            changes.whyNotLive = Text(
                "\(fixed) vCPUs were there at its start and cannot be unplugged: \(count) hold after its next start",
                "其启动时已有的 \(fixed) 个 vCPU 无法拔出:\(count) 个在下次启动后生效")
            return changes
        }
        changes.live = [LiveChange(guest.name, .pluggedVCPUs, to: String(count))]
        return changes
    }

    private func persistent(_ domain: DomainDefinition, _ notes: inout [Text]) throws(Refusal) -> [DomainChange] {
        let most = maximum ?? max(count, domain.vcpus)
        if most != domain.vcpus {
            if let topology = domain.cpu?.topology, topology.vcpus != most {
                throw Refusal(
                    "the definition's topology fixes the maximum at \(topology.vcpus) vCPUs, not \(most)",
                    remedy: "Change or remove <topology> first (nearmetal xml, or virsh edit)")
            }
            let cells = domain.guestCells
            if let last = cells.compactMap({ $0.cpus?.members.last }).max(), last >= most || cells.count > 1 {
                throw Refusal(
                    "the guest's NUMA cells name its vCPUs: a maximum of \(most) does not fit them",
                    remedy: "Change <numa> first (virsh edit)")
            }
        }
        var edits = domain.setting("vcpu", to: String(most), [("current", count == most ? nil : String(count))])
        if let each = domain.root.first("vcpus"), most != domain.vcpus || count != domain.currentVCPUs {
            // It tells of each vCPU whether it is there, and would gainsay the number.
            edits.append(DomainChange(domain.name, each.xpath, .remove))
            notes.append(
                Text(
                    "the list of single vCPUs is left out: libvirt makes it anew",
                    "省略单个 vCPU 的列表:libvirt 会重新生成"))
        }
        return edits
    }
}
