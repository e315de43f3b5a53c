import DomainXML
import Libvirt
import Quantities
import Survey

/// libvirt's knowledge of CPUs, with a daemon or without.
struct CPUArithmetic {
    private let connection: Connection
    private let driver: PrivateDriver?

    /// Opens the connection that was named; else libvirt's QEMU driver inside this process.
    init(_ uri: String?) async throws {
        if let uri {
            driver = nil
            connection = Connection(uri: uri)
            try await connection.open()
        } else {
            let own = try await PrivateDriver()
            driver = own
            connection = own.connection
        }
    }

    /// What the driver had in files taken away again.
    func end() { driver?.end() }

    /// The CPU that all can be.
    func baseline(_ cpus: [HostCPUs.Entry], expandsFeatures: Bool, isMigratable: Bool) async throws -> String {
        var texts: [String] = []
        // A model that all name is kept, however little it says: so two of the least take turns.
        for cpu in cpus where cpu.isGuests {
            texts.append(try await asHosts(cpu, Self.least[texts.count % 2]))
        }
        for cpu in cpus where !cpu.isGuests { texts.append(cpu.xml) }
        if cpus.count == 1, let cpu = cpus.first, cpu.isGuests { texts.append(try await asHosts(cpu, Self.least[1])) }
        let common = try await connection.baseline(
            texts, expandsFeatures: expandsFeatures, isMigratable: isMigratable)
        let element = try XMLDocument(Array(common.utf8), path: "cpu").root
        guard cpus.contains(where: \.isGuests), Self.least.contains(element.first("model")?.text ?? "") else {
            return common
        }
        let whole = try await connection.baseline(texts, expandsFeatures: true, isMigratable: isMigratable)
        return try await named(XMLDocument(Array(whole.utf8), path: "cpu").root, cpus, expandsFeatures)
    }

    /// Models with next to no features.
    private static let least = ["486", "pentium"]

    /// A CPU by that of the given models which comes nearest: libvirt itself takes none of which something is to be left out.
    private func named(_ cpu: Element, _ cpus: [HostCPUs.Entry], _ expandsFeatures: Bool) async throws -> String {
        let features = Set(cpu.all("feature").compactMap { $0["name"] })
        var nearest: (model: String, features: Set<String>)?
        let models = try cpus.compactMap { try XMLDocument(Array($0.xml.utf8), path: "cpu").root.first("model")?.text }
        for model in Set(models).sorted() {
            let own = try await expanded(Self.plain(model, "x86_64")).features
            func distance(_ other: Set<String>) -> (Int, Int) {
                (other.subtracting(features).count, features.subtracting(other).count)
            }
            if nearest.map({ distance(own) < distance($0.features) }) ?? true { nearest = (model, own) }
        }
        guard let nearest else { throw Failure("none of the CPUs names a model") }
        let required = expandsFeatures ? features : features.subtracting(nearest.features)
        return NewElement(
            "cpu", ["mode": "custom", "match": "exact"],
            [
                NewElement("model", ["fallback": "forbid"], text: nearest.model),
                cpu.first("vendor").map { NewElement("vendor", text: $0.text) },
            ] + required.sorted().map { NewElement("feature", ["policy": "require", "name": $0]) }
                + nearest.features.subtracting(features).sorted().map {
                    NewElement("feature", ["policy": "disable", "name": $0])
                }
        ).description
    }

    /// A guest's CPU as a host's: libvirt's call takes those, and they have no policies.
    ///
    /// So it becomes the least of models with all its features by name.
    private func asHosts(_ cpu: HostCPUs.Entry, _ least: String = Self.least[0]) async throws -> String {
        let element = try XMLDocument(Array(cpu.xml.utf8), path: "cpu").root
        guard let model = element.first("model")?.text else { throw Failure("a guest's CPU names no model") }
        let architecture = cpu.architecture ?? "x86_64"
        guard architecture == "x86_64" || architecture == "i686" else { return cpu.xml }
        var features = try await expanded(Self.plain(model, architecture)).features
        for feature in element.all("feature") {
            guard let name = feature["name"] else { continue }
            switch feature["policy"] ?? "require" {
            case "disable", "forbid": features.remove(name)
            case "optional": break
            default: features.insert(name)
            }
        }
        return NewElement(
            "cpu", [:],
            [
                NewElement("arch", text: architecture), NewElement("model", text: least),
                element.first("vendor").map { NewElement("vendor", text: $0.text) },
            ] + features.sorted().map { NewElement("feature", ["name": $0]) }
        ).description
    }

    private static func plain(_ model: String, _ architecture: String) -> String {
        NewElement("cpu", [:], [NewElement("arch", text: architecture), NewElement("model", text: model)]).description
    }

    /// CPUs of several files, each with what holds them.
    static func read(_ paths: [String]) throws -> [(place: String, entry: HostCPUs.Entry)] {
        try paths.flatMap { path in
            let entries = try HostCPUs(try DefinitionFile.read(path), path: path).entries
            return entries.enumerated().map { index, entry in
                (entries.count == 1 ? path : "\(path) (\(index + 1))", entry)
            }
        }
    }
}

extension CPUArithmetic {
    /// Compares a CPU with a host's; what a model holds, libvirt says.
    func compare(_ cpu: HostCPUs.Entry, with host: HostCPUs.Entry) async throws -> CPUComparison.Answer {
        let element = try XMLDocument(Array(cpu.xml.utf8), path: "cpu").root
        let theirs = try XMLDocument(Array(host.xml.utf8), path: "host").root
        let architecture = host.architecture ?? cpu.architecture ?? "x86_64"
        if let own = cpu.architecture, own != architecture {
            return CPUComparison.Answer(
                verdict: .incompatible, reason: "the architecture is \(architecture), not \(own)")
        }
        if let mode = element["mode"], mode == "host-model" || mode == "host-passthrough" || mode == "maximum" {
            // It takes what there is.
            if element.all("feature").isEmpty, element.first("model") == nil {
                return CPUComparison.Answer(verdict: .superset)
            }
        }
        guard let model = element.first("model")?.text else { throw Failure("the CPU names no model") }
        guard architecture == "x86_64" || architecture == "i686" else {
            // Elsewhere a model is all there is.
            let own = theirs.first("model")?.text
            return own == model
                ? CPUComparison.Answer(verdict: .identical)
                : CPUComparison.Answer(
                    verdict: .incompatible, reason: "the model is \(own ?? "not known"), not \(model)")
        }
        var own = try await expanded(host.isGuests ? try await asHosts(host) : host.xml)
        // The driver leaves out what it cannot pass on; the host has it all the same.
        own.features.formUnion(theirs.all("feature").filter { $0["policy"] != "disable" }.compactMap { $0["name"] })
        return CPUComparison.compare(element, model: try await expanded(Self.plain(model, architecture)), with: own)
    }

    private func expanded(_ cpu: String) async throws -> CPUComparison.Expanded {
        let text = try await connection.baseline([cpu], expandsFeatures: true, isMigratable: false)
        let element = try XMLDocument(Array(text.utf8), path: "cpu").root
        return CPUComparison.Expanded(
            vendor: element.first("vendor")?.text,
            features: Set(element.all("feature").filter { $0["policy"] != "disable" }.compactMap { $0["name"] }))
    }
}
