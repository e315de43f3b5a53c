import DomainXML
import JSONText
import Quantities

extension NativeDraft {
    /// CPUs.
    func takeProcessor(_ option: QEMUOption) throws(JSONError) -> Bool {
        switch option.name {
        case "smp": try takeCount(option)
        case "cpu": try takeModel(option)
        default: return false
        }
        return true
    }

    private func takeCount(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: ["cpus"])
        var product: UInt64 = 1
        for (name, attribute) in [
            ("sockets", "sockets"), ("dies", "dies"), ("clusters", "clusters"), ("cores", "cores"),
            ("threads", "threads"),
        ] {
            guard let count = keys.number(name), count > 0, count <= 65_536 else { continue }
            product = product.multipliedReportingOverflow(by: count).partialValue
            topology.append((attribute, String(count)))
        }
        let most = keys.number("maxcpus").flatMap { $0 > 0 ? $0 : nil }
        let given = QEMUKeys.number(keys.head)
        vcpus = given ?? most ?? product
        guard (1...65_536).contains(vcpus) else {
            vcpus = 1
            return leave(option.words, .malformed)
        }
        if let most, most > vcpus { maxVCPUs = most }
        if let most, topology.isEmpty { maxVCPUs = max(most, vcpus) }
        // A topology has to hold all vCPUs: what QEMU fills in, is filled in here.
        let all = maxVCPUs ?? vcpus
        if !topology.isEmpty, product != all {
            let names = Set(topology.map(\.0))
            if !names.contains("sockets"), product > 0, all % product == 0 {
                topology.insert(("sockets", String(all / product)), at: 0)
            } else if !names.contains("cores"), product > 0, all % product == 0 {
                topology.append(("cores", String(all / product)))
            } else {
                leave("-smp …: its topology has \(product) CPUs, not \(all)", .malformed)
                topology = []
            }
        }
        if !topology.isEmpty {
            for name in ["sockets", "cores", "threads"] where !topology.contains(where: { $0.0 == name }) {
                topology.append((name, "1"))
            }
            let order = ["sockets", "dies", "clusters", "cores", "threads"]
            topology.sort { (order.firstIndex(of: $0.0) ?? 9) < (order.firstIndex(of: $1.0) ?? 9) }
        }
        leave(keys, of: option)
    }

    private func takeModel(_ option: QEMUOption) throws(JSONError) {
        var parts = QEMUKeys.split(option.value ?? "")
        guard !parts.isEmpty else { return }
        let model = parts.removeFirst()
        var element: NewElement
        switch model {
        case "host": element = NewElement("cpu", ["mode": "host-passthrough"])
        case "max": element = NewElement("cpu", ["mode": "maximum"])
        default:
            element = NewElement(
                "cpu", ["mode": "custom", "match": "exact", "check": "none"],
                [NewElement("model", ["fallback": "forbid"], text: model)])
        }
        for part in parts where !part.isEmpty {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            var (key, value) = (pair[0], pair.count > 1 ? pair[1] : "on")
            if key.hasPrefix("+") { (key, value) = (String(key.dropFirst()), "on") }
            if key.hasPrefix("-") { (key, value) = (String(key.dropFirst()), "off") }
            let isOn = ["on", "yes", "true"].contains(value)
            switch key {
            case _ where key.hasPrefix("hv-") || key.hasPrefix("hv_"):
                enlighten(String(key.dropFirst(3)).map { $0 == "_" ? "-" : $0 }, value, part)
            case "kvm": isKVMHidden = !isOn
            case "migratable": element.attributes.append(.init(name: "migratable", value: isOn ? "on" : "off"))
            case "host-phys-bits":
                if isOn { element.children.append(NewElement("maxphysaddr", ["mode": "passthrough"])) }
            case "phys-bits": element.children.append(NewElement("maxphysaddr", ["mode": "emulate", "bits": value]))
            case "l3-cache":
                element.children.append(NewElement("cache", ["level": "3", "mode": isOn ? "emulate" : "disable"]))
            case "host-cache-info":
                element.children.append(NewElement("cache", ["mode": isOn ? "passthrough" : "disable"]))
            case "pmu": features.append(NewElement("pmu", ["state": isOn ? "on" : "off"]))
            case "kvm-pv-unhalt", "kvm_pv_unhalt":
                features.append(NewElement("pvspinlock", ["state": isOn ? "on" : "off"]))
            case "enforce", "check", "vendor", "family", "model", "stepping", "model-id", "xlevel", "level",
                "tsc-frequency", "tsc-freq":
                leave("-cpu …,\(part)", .notExpressible)
            default:
                let name = String(key.map { $0 == "_" ? "-" : $0 })
                guard pair.count == 1 || ["on", "off", "yes", "no", "true", "false"].contains(value) else {
                    leave("-cpu …,\(part)", .notExpressible)
                    continue
                }
                element.children.append(NewElement("feature", ["policy": isOn ? "require" : "disable", "name": name]))
            }
        }
        cpu = element
    }

    private func enlighten(_ name: [Character], _ value: String, _ part: String) {
        let name = String(name)
        let isOn = ["on", "yes", "true"].contains(value)
        switch name {
        case "relaxed", "vapic", "vpindex", "runtime", "synic", "reset", "frequencies", "reenlightenment", "tlbflush",
            "ipi", "evmcs", "avic":
            hyperv.append(NewElement(name, ["state": isOn ? "on" : "off"]))
        case "spinlocks":
            let retries = QEMUKeys.number(value).map { String(min($0, UInt64(UInt32.max))) }
            hyperv.append(NewElement("spinlocks", ["state": "on", "retries": retries]))
        case "stimer": hyperv.append(NewElement("stimer", ["state": isOn ? "on" : "off"]))
        case "time": clock.timers.append(NewElement("timer", ["name": "hypervclock", "present": isOn ? "yes" : "no"]))
        case "vendor-id": hyperv.append(NewElement("vendor_id", ["state": "on", "value": value]))
        case "passthrough": leave("-cpu …,\(part)", .notExpressible)
        default: leave("-cpu …,\(part)", .notExpressible)
        }
    }

    func processorElements() -> [NewElement?] {
        let most = max(maxVCPUs ?? vcpus, vcpus)
        return [
            NewElement("vcpu", ["current": most > vcpus ? String(vcpus) : nil], text: String(most)),
            iothreads.isEmpty ? nil : NewElement("iothreads", text: String(iothreads.count)),
        ]
    }

    func cpuElement() -> NewElement? {
        guard cpu != nil || !topology.isEmpty || !cells.isEmpty else { return nil }
        var element = cpu ?? NewElement("cpu")
        var inside: [NewElement] = []
        if !topology.isEmpty {
            var topology = NewElement("topology")
            topology.attributes = self.topology.map { .init(name: $0.0, value: $0.1) }
            inside.append(topology)
        }
        let features = element.children.filter { $0.name == "feature" }
        var others = element.children.filter { $0.name != "feature" }
        let model = others.first { $0.name == "model" }
        others.removeAll { $0.name == "model" }
        element.children = [model].compactMap { $0 } + inside + others + features
        if !cells.isEmpty { element.children.append(NewElement("numa", [:], cells)) }
        return element
    }
}
