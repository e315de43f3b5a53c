public import Quantities

/// A libvirt domain definition, read through typed accessors.
///
/// Accessors give what is written, not libvirt's defaults, unless they say so; a value that cannot be understood is `nil` and is the business of
/// ``unreadable``. They cost a walk over the children of one element.
///
/// - Source: libvirt docs/formatdomain.rst.
public struct DomainDefinition: Sendable {
    /// The `<domain>` element.
    public let root: Element
    /// Its devices, read once.
    public let devices: [Element]

    /// The definition in a document: its root `<domain>`, or the `<domain>` inside libvirt's `<domstatus>`.
    ///
    /// - Throws: `unexpected` where there is none.
    public init(_ document: XMLDocument) throws(XMLError) {
        var element: Element? = document.root
        if element?.name == "domstatus" { element = element?.first("domain") }
        guard let element, element.name == "domain" else {
            throw XMLError(
                .unexpected, "the root element is <\(document.root.name)>; a domain definition has <domain>",
                path: document.path,
                line: document.root.line)
        }
        root = element
        devices = root.first("devices").map { Array($0.children) } ?? []
    }

    /// Parses a definition.
    ///
    /// - Throws: as ``XMLDocument`` does, and `unexpected` where the document is another one.
    public init(xml: String, path: String = "definition") throws(XMLError) {
        try self.init(XMLDocument(Array(xml.utf8), path: path))
    }

    /// Devices of one kind, in order.
    public func devices(_ name: String) -> [Element] { devices.filter { $0.name == name && $0.namespace == nil } }

    /// `type`: `kvm`, `qemu`, `xen`, `lxc`, `bhyve` …; empty where absent.
    public var type: String { root["type"] ?? "" }
    /// Its name; empty where absent.
    public var name: String { root.first("name")?.text ?? "" }
    /// Its UUID as written.
    public var uuid: String? { root.first("uuid")?.text }
    /// `hvm`, `linux`, `xen`, `exe` …, from `<os><type>`.
    public var osType: String? { root.first("os", "type")?.text }
    /// The guest's architecture (`x86_64`).
    public var architecture: String? { root.first("os", "type")?["arch"] }
    /// The machine type (`pc-q35-8.2`).
    public var machine: String? { root.first("os", "type")?["machine"] }
    /// The emulator's path.
    public var emulator: String? { devices.first { $0.name == "emulator" }?.text }

    /// The operating system as libosinfo's identifier in the metadata names it (`http://suse.com/sle/15.6`); `nil` where it is not declared.
    public var osInfo: String? {
        root.first("metadata")?.children.first { $0.name == "libosinfo" }?.children.first { $0.name == "os" }?["id"]
    }

    /// Whether it looks like a Windows guest: libosinfo's word, or Hyper-V enlightenments, or a clock in local time.
    ///
    /// A name is no evidence.
    public var isWindows: Bool {
        if let osInfo { return osInfo.contains("microsoft.com") }
        return root.first("features", "hyperv") != nil || root.first("clock")?["offset"] == "localtime"
    }

    /// A confidential guest (SEV, SEV-ES, SEV-SNP, TDX, s390 protected): many practices do not hold for it.
    public var isConfidential: Bool { root.first("launchSecurity") != nil }

    /// The workload its metadata declares: the text (or `type` attribute) of an element `workload` in Nearmetal's namespace.
    public var declaredWorkload: String? {
        guard
            let element = root.first("metadata")?.children.first(where: {
                $0.name == "workload" && $0.namespace?.contains("nearmetal") == true
            })
        else { return nil }
        return element["type"] ?? element.text
    }

    /// A size element's value: its number in its `unit` (KiB where none is given).
    public static func size(_ element: Element?, defaultUnit: String = "KiB") -> ByteCount? {
        guard let element, let number = UInt64(element.text) else { return nil }
        return ByteCount(number, unit: element["unit"] ?? defaultUnit)
    }

    /// `<memory>`: what the guest is given at boot, hot-plugged devices that are defined included.
    public var memory: ByteCount? { Self.size(root.first("memory")) }
    /// `<currentMemory>`: what the balloon leaves it; `<memory>` where absent.
    public var currentMemory: ByteCount? { Self.size(root.first("currentMemory")) ?? memory }
    /// `<maxMemory>`: what hot-plug may reach.
    public var maxMemory: ByteCount? { Self.size(root.first("maxMemory")) }
    /// Memory slots for hot-plug.
    public var memorySlots: Int? { root.first("maxMemory")?["slots"].flatMap { Int($0) } }

    /// The most vCPUs: the text of `<vcpu>`; libvirt's default is 1.
    public var vcpus: Int { root.first("vcpu").flatMap { Int($0.text) } ?? 1 }
    /// vCPUs at boot: `current`, else all.
    public var currentVCPUs: Int { root.first("vcpu")?["current"].flatMap { Int($0) } ?? vcpus }
    /// `cpuset` of `<vcpu>`: where threads without a pin of their own may run.
    public var cpuset: CPUSet? { root.first("vcpu")?["cpuset"].flatMap { CPUSet(libvirt: $0) } }
}
