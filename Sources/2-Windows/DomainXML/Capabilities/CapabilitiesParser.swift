internal import Quantities

extension HypervisorCapabilities {
    /// Reads a `<capabilities>` or `<domainCapabilities>` document.
    ///
    /// - Throws: as ``XMLDocument`` does, and `unexpected` for another document.
    public init(capabilities xml: String, path: String) throws(XMLError) {
        self.init()
        let document = try XMLDocument(Array(xml.utf8), path: path)
        switch document.root.name {
        case "capabilities": read(document.root)
        case "domainCapabilities": readDomain(document.root)
        default:
            throw XMLError(
                .unexpected,
                "the root element is <\(document.root.name)>; <capabilities> or <domainCapabilities> is expected",
                path: path,
                remedy: "virsh capabilities prints the first, virsh domcapabilities the second")
        }
    }

    /// Adds what a `<domainCapabilities>` document says.
    ///
    /// - Throws: as ``XMLDocument`` does, and `unexpected` for another document.
    public mutating func add(domainCapabilities xml: String, path: String) throws(XMLError) {
        let document = try XMLDocument(Array(xml.utf8), path: path)
        guard document.root.name == "domainCapabilities" else {
            throw XMLError(
                .unexpected, "the root element is <\(document.root.name)>; <domainCapabilities> is expected", path: path
            )
        }
        readDomain(document.root)
    }

    private mutating func read(_ root: Element) {
        if let cpu = root.first("host", "cpu") {
            hostModel = cpu.first("model")?.text
            hostFeatures = Set(cpu.all("feature").compactMap { $0["name"] })
            microcode = cpu.first("microcode")?["version"]
        }
        for guest in root.all("guest") {
            let osType = guest.first("os_type")?.text ?? "hvm"
            guard let arch = guest.first("arch"), let architecture = arch["name"] else { continue }
            let common = Self.machines(arch)
            for domain in arch.all("domain") {
                guard let type = domain["type"] else { continue }
                let own = Self.machines(domain)
                guests.append(
                    GuestSupport(
                        architecture: architecture, type: type, osType: osType,
                        emulator: (domain.first("emulator") ?? arch.first("emulator"))?.text,
                        machines: own.isEmpty ? common : own))
            }
        }
    }

    private static func machines(_ element: Element) -> [MachineType] {
        element.all("machine").map { machine in
            MachineType(
                name: machine.text, canonical: machine["canonical"], maxCPUs: machine["maxCpus"].flatMap { Int($0) },
                isDeprecated: machine["deprecated"] == "yes")
        }
    }

    private mutating func readDomain(_ root: Element) {
        if guests.isEmpty, let type = root.first("domain")?.text, let architecture = root.first("arch")?.text {
            let machine = root.first("machine").map {
                MachineType(name: $0.text, maxCPUs: root.first("vcpu")?["max"].flatMap { Int($0) })
            }
            guests = [
                GuestSupport(
                    architecture: architecture, type: type, emulator: root.first("path")?.text,
                    machines: machine.map { [$0] } ?? [])
            ]
        }
        for mode in root.first("cpu")?.all("mode") ?? [] where mode["supported"] == "yes" {
            guard let name = mode["name"] else { continue }
            cpuModes.insert(name)
            if name == "custom" {
                for model in mode.all("model") { cpuModels[model.text] = model["usable"] != "no" }
            } else if name == "host-model" {
                hostModel = mode.first("model")?.text ?? hostModel
                let required = mode.all("feature").filter { $0["policy"] != "disable" }.compactMap { $0["name"] }
                if !required.isEmpty { hostFeatures = Set(required) }
            }
        }
        if let graphics = root.first("devices", "graphics") {
            let values = graphics.all("enum").first { $0["name"] == "type" }?.all("value").map(\.text) ?? []
            graphicsTypes = graphics["supported"] == "no" ? [] : Set(values)
        }
        for section in [root.first("features"), root.first("devices")] {
            for element in section?.children.map({ $0 }) ?? [] {
                if let supported = element["supported"] { features[element.name] = supported == "yes" }
            }
        }
        if let iothreads = root.first("iothreads")?["supported"] { features["iothreads"] = iothreads == "yes" }
    }
}
