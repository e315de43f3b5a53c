import Changes
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest another CPU (guide §4.5.2).
public struct SetCPUModel: GuestOperation {
    /// A feature that is to be there, or not.
    public struct Feature: Sendable, Hashable {
        /// Its name, as libvirt has it.
        public var name: String
        /// `require` or `disable`.
        public var policy: String
        /// A feature.
        public init(name: String, policy: String) {
            self.name = name
            self.policy = policy
        }
    }
    private static let modes = ["host-passthrough", "host-model", "maximum"]
    private let model: String
    private let features: [Feature]

    /// The operation.
    ///
    /// - Parameters:
    ///   - model: `host-passthrough`, `host-model`, `maximum` or a model's name.
    ///   - features: features beyond it; what the definition says of others stays.
    public init(_ model: String, _ features: [Feature] = []) {
        self.model = model
        self.features = features
    }

    /// cpu-model.
    public var practice: String { "cpu-model" }
    /// The model.
    public var words: Text {
        let list = features.map { " \($0.policy == "disable" ? "-" : "+")\($0.name)" }.joined()
        return Text("asked for: CPU \(model)\(list)", "要求:CPU \(model)\(list)")
    }

    /// The model, with topology, cells and other features as they are.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        var changes = GuestChanges()
        changes.whyNotLive = Text("a running guest keeps its CPU", "运行中的客户机保持其 CPU")
        guard let domain = guest.persistent else { return changes }
        try check(domain, estate)
        let mode = Self.modes.contains(model) ? model : "custom"
        let named = mode == "custom" ? NewElement("model", ["fallback": "forbid"], text: model) : nil
        guard let cpu = domain.cpu else {
            let element = NewElement(
                "cpu", ["mode": mode, "match": mode == "custom" ? "exact" : nil],
                [named] + features.map { NewElement("feature", ["policy": $0.policy, "name": $0.name]) })
            changes.persistent = [DomainChange(domain.name, "/domain", .insert(element.description))]
            return changes
        }
        func edit(_ element: Element, _ edit: DomainChange.Edit) {
            changes.persistent.append(DomainChange(domain.name, element.xpath, edit))
        }
        if cpu.element["mode"] != mode { edit(cpu.element, .attribute("mode", mode)) }
        // They belong to a mode, and libvirt refuses them in another.
        let unfit =
            mode == "custom" ? ["migratable", "check"] : mode == "host-model" ? ["migratable", "match"] : ["match"]
        for name in unfit where cpu.element[name] != nil && cpu.element["mode"] != mode {
            edit(cpu.element, .removeAttribute(name))
        }
        if let old = cpu.element.first("model") {
            if let named { if old.text != model { edit(old, .text(named.text ?? "")) } } else { edit(old, .remove) }
        } else if let named {
            edit(cpu.element, .insert(named.description))
        }
        for feature in features {
            if let old = cpu.features.first(where: { $0.name == feature.name }) {
                if old.policy != feature.policy { edit(old.element, .attribute("policy", feature.policy)) }
            } else {
                edit(
                    cpu.element,
                    .insert(NewElement("feature", ["policy": feature.policy, "name": feature.name]).description))
            }
        }
        if mode == "host-passthrough", !changes.persistent.isEmpty {
            changes.notes.append(
                Text("it then migrates to hosts with the same CPU only", "此后只能迁移到 CPU 相同的主机"))
        }
        return changes
    }

    private func check(_ domain: DomainDefinition, _ estate: Estate) throws(Refusal) {
        guard let capabilities = estate.capabilities.value else { return }
        if Self.modes.contains(model) {
            // An emulated CPU is no host's; the capabilities are those of the host's own, or not told.
            let isOffered =
                capabilities.cpuModes.contains(model)
                || (domain.type == "qemu" ? model == "maximum" : capabilities.cpuModes.isEmpty)
            guard isOffered else { throw Refusal("this host offers no \(model)") }
            return
        }
        guard !capabilities.cpuModels.isEmpty else { return }
        guard let isUsable = capabilities.cpuModels[model] else {
            let known = capabilities.cpuModels.filter(\.value).keys.sorted()
            let near = known.filter { $0.lowercased().hasPrefix(model.lowercased().prefix(4)) }
            throw Refusal(
                "libvirt knows no CPU model \"\(model.prefix(64))\"",
                remedy: "It knows \((near.isEmpty ? known : near).prefix(12).joined(separator: ", "))")
        }
        guard isUsable || domain.type == "qemu" else {
            throw Refusal(
                "this host's CPU cannot give the model \(model)", remedy: "See virsh domcapabilities: usable='yes'")
        }
    }
}
