/// CPUs of hosts, out of what `virsh capabilities >> FILE` and its like leave.
///
/// - Source: guide §4.5.2.3; libvirt tools/virsh-host.c `vshExtractCPUDefXMLs`.
public struct HostCPUs: Sendable {
    /// One CPU.
    public struct Entry: Sendable, Hashable {
        /// The host's UUID or the guest's name, where said.
        public var owner: String?
        /// `x86_64`, where said.
        public var architecture: String?
        /// Its `<cpu>` element.
        public var xml: String
        /// Whether it is a guest's: its features then have policies.
        public var isGuests: Bool
    }
    /// The CPUs in order.
    public private(set) var entries: [Entry] = []

    /// Reads one file: documents one after the other, each a `<capabilities>`, `<domainCapabilities>`, `<domain>` or `<cpu>`.
    ///
    /// - Throws: as ``XMLDocument`` does, and `unexpected` where there is no CPU in it.
    public init(_ bytes: [UInt8], path: String) throws(XMLError) {
        let head = Array("<documents>".utf8)
        let document = try XMLDocument(head + Self.withoutDeclarations(bytes) + Array("</documents>".utf8), path: path)
        for element in document.root.children { collect(element) }
        guard !entries.isEmpty else {
            throw XMLError(
                .unexpected, "there is no CPU in it", path: path,
                remedy: "Give what `virsh capabilities` or `virsh domcapabilities` prints, or <cpu> elements")
        }
    }

    /// Each document may begin with a declaration, which is allowed only at the very beginning.
    private static func withoutDeclarations(_ bytes: [UInt8]) -> [UInt8] {
        let mark = Array("<?xml ".utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while index < bytes.count {
            if bytes[index] == 0x3C, bytes[index...].starts(with: mark) {
                while index < bytes.count, bytes[index] != 0x3E {
                    if bytes[index] == 0x0A { result.append(0x0A) }
                    index += 1
                }
                index += 1
                continue
            }
            result.append(bytes[index])
            index += 1
        }
        return result
    }

    private mutating func collect(_ element: Element) {
        switch element.name {
        case "cpu": add(element, owner: nil, isGuests: element["mode"] != nil || element["match"] != nil)
        case "capabilities":
            if let cpu = element.first("host", "cpu") {
                add(cpu, owner: element.first("host", "uuid")?.text, isGuests: false)
            }
        case "domain":
            if let cpu = element.first("cpu") { add(cpu, owner: element.first("name")?.text, isGuests: true) }
        case "domainCapabilities":
            let modes = element.first("cpu")?.all("mode") ?? []
            guard let mode = modes.first(where: { $0["name"] == "host-model" && $0["supported"] != "no" }) else {
                return
            }
            var cpu = NewElement(mode)
            cpu.name = "cpu"
            cpu.attributes = []
            let architecture = element.first("arch")?.text
            if let architecture { cpu.children.insert(NewElement("arch", text: architecture), at: 0) }
            entries.append(Entry(owner: nil, architecture: architecture, xml: cpu.description, isGuests: false))
        default:
            // A container of somebody's own.
            for child in element.children { collect(child) }
        }
    }

    private mutating func add(_ cpu: Element, owner: String?, isGuests: Bool) {
        entries.append(
            Entry(
                owner: owner, architecture: cpu.first("arch")?.text, xml: NewElement(cpu).description,
                isGuests: isGuests))
    }
}
