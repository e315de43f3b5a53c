public import Quantities

/// A disk, CD drive or floppy of a guest: `<disk>`.
///
/// Accessors give what is written; those that give libvirt's defaults say so.
///
/// - Source: libvirt docs/formatdomain.rst "Hard drives, floppy disks, CDROMs".
public struct Disk: Sendable {
    /// The `<disk>` element.
    public let element: Element
    /// Wraps a `<disk>`.
    public init(_ element: Element) { self.element = element }

    private var driver: Element? { element.first("driver") }

    /// `device`: `disk` (libvirt's default where absent), `lun`, `cdrom`, `floppy`.
    public var device: String { element["device"] ?? "disk" }
    /// `type`: `file` (libvirt's default where absent), `block`, `network`, `volume`, `dir`, `nvme`, `vhostuser`, `vhostvdpa`.
    public var type: String { element["type"] ?? "file" }
    /// The name of the device in the guest's definition (`vda`); empty where absent.
    public var target: String { element.first("target")?["dev"] ?? "" }
    /// The bus as written (`virtio`, `scsi`, `sata`, `ide`, `usb`, `xen`, `fdc`, `sd`); `nil` where absent.
    public var bus: String? { element.first("target")?["bus"] }
    /// The bus: the one written, else the one libvirt reads out of the target's name (`vd` virtio, `sd` scsi, `xvd` xen, `fd` fdc, else ide).
    ///
    /// - Source: libvirt src/conf/domain_postparse.c `virDomainDiskDefPostParse`.
    public var busInForce: String {
        if let bus { return bus }
        let target = target
        if device == "floppy" { return "fdc" }
        if target.hasPrefix("vd") { return "virtio" }
        if target.hasPrefix("sd") { return "scsi" }
        if target.hasPrefix("xvd") { return "xen" }
        if target.hasPrefix("ubd") { return "uml" }
        return "ide"
    }
    /// `model`: `virtio`, `virtio-transitional`, `virtio-non-transitional`; `nil` where absent.
    public var model: String? { element["model"] }
    /// libvirt's alias (`virtio-disk0`, `ua-data`); live definitions have one.
    public var alias: String? { element.first("alias")?["name"] }
    /// What to call it: target, alias, else `disk`.
    public var label: String { target.isEmpty ? alias ?? "disk" : target }

    /// The `<source>`; `nil` for an empty drive.
    public var source: Element? { element.first("source") }
    /// Path of the file or block device on the host; `nil` where there is none (empty drive, network, volume of a pool).
    public var path: String? { source.flatMap(Disk.path) }
    /// Whether it is an empty CD or floppy drive.
    public var isEmpty: Bool {
        guard source != nil else { return true }
        switch type {
        case "file", "block", "dir": return path == nil
        default: return false
        }
    }
    /// Protocol of a network disk (`rbd`, `iscsi`, `nbd`, `gluster`, `https` …).
    public var networkProtocol: String? { type == "network" ? source?["protocol"] : nil }

    /// `<driver name>` (`qemu`, `phy`, `tap` …); `nil` where absent.
    public var driverName: String? { driver?["name"] }
    /// The format that is declared, `<driver type>`; `nil` where absent.
    ///
    /// libvirt then takes raw for QEMU's guests and never looks at the content.
    public var format: String? { driver?["type"].flatMap { $0.isEmpty ? nil : $0 } }
    /// `cache`: `none`, `writeback`, `writethrough`, `directsync`, `unsafe`, `default`; `nil` where absent (QEMU's default is writeback).
    public var cache: String? { driver?["cache"] }
    /// `io`: `native`, `threads`, `io_uring`; `nil` where absent (threads).
    public var io: String? { driver?["io"] }
    /// `discard`: `unmap`, `ignore`; `nil` where absent (QEMU's default is ignore).
    public var discard: String? { driver?["discard"] }
    /// `detect_zeroes`: `on`, `off`, `unmap`; `nil` where absent.
    public var detectZeroes: String? { driver?["detect_zeroes"] }
    /// `error_policy`: `stop`, `report`, `ignore`, `enospace`; `nil` where absent.
    public var errorPolicy: String? { driver?["error_policy"] }
    /// Whether blocks read from a backing file are copied up: `copy_on_read='on'`.
    public var copiesOnRead: Bool { driver?["copy_on_read"] == "on" }
    /// The single I/O thread; `nil` where none is named.
    public var iothread: Int? { driver?["iothread"].flatMap { Int($0) } }
    /// All I/O threads that serve it: `<driver iothread>` or `<driver><iothreads>`.
    public var iothreads: [Int] {
        let several = driver?.first("iothreads")?.all("iothread").compactMap { $0["id"].flatMap { Int($0) } } ?? []
        return several.isEmpty ? iothread.map { [$0] } ?? [] : several
    }
    /// Queues as written; `nil` leaves it to QEMU (one per vCPU on new machine types).
    public var queues: Int? { driver?["queues"].flatMap { Int($0) } }
    /// Bytes of qcow2's metadata cache: `<driver><metadata_cache><max_size>`; `nil` where absent.
    ///
    /// Since libvirt 7.0.
    public var metadataCache: ByteCount? {
        DomainDefinition.size(driver?.first("metadata_cache", "max_size"), defaultUnit: "bytes")
    }

    /// Whether the guest may not write: `<readonly/>`, or a CD drive, which libvirt makes read-only.
    public var isReadOnly: Bool { element.first("readonly") != nil || device == "cdrom" }
    /// `<shareable/>`: several guests use it at once, and know.
    public var isShareable: Bool { element.first("shareable") != nil }
    /// `<transient/>`: what the guest writes is thrown away when it stops.
    public var isTransient: Bool { element.first("transient") != nil }
    /// Whether several guests may share the base of a transient disk: `<transient shareBacking='yes'/>`.
    public var sharesBacking: Bool { element.first("transient")?["shareBacking"] == "yes" }
    /// Whether the guest's writes go into the image named: neither read-only nor transient.
    public var isWritable: Bool { !isReadOnly && !isTransient }
    /// `<serial>` the guest sees.
    public var serial: String? { element.first("serial")?.text }
    /// `snapshot`: `internal`, `external`, `manual`, `no`; `nil` where absent.
    public var snapshot: String? { element["snapshot"] }
    /// `<boot order>`; `nil` where absent.
    public var bootOrder: Int? { element.first("boot")?["order"].flatMap { Int($0) } }
    /// The number of the controller it hangs on, from its address; 0 where none is written.
    public var controller: Int { element.first("address")?["controller"].flatMap { Int($0) } ?? 0 }
    /// The `<encryption>` element, in `<source>` today or in `<disk>` in old definitions.
    public var encryption: Element? { element.first("source", "encryption") ?? element.first("encryption") }
    /// A copy job that runs (`<mirror>`); seen in live definitions.
    public var mirror: Element? { element.first("mirror") }

    /// What the definition says of the images below: `<backingStore>`, downwards.
    ///
    /// Empty where nothing is said.
    ///
    /// Live definitions list the chain as libvirt found it; persistent ones do where the administrator declares it. libvirt looks for itself where nothing
    /// is said.
    public var backingChain: [BackingStore] {
        var chain: [BackingStore] = []
        var next = element.first("backingStore")
        while let current = next, current["type"] != nil || current.first("source") != nil, chain.count < 256 {
            chain.append(BackingStore(element: current))
            next = current.first("backingStore")
        }
        return chain
    }

    /// Whether the definition says where the chain ends: an empty `<backingStore/>`.
    public var endsChain: Bool {
        var next = element.first("backingStore")
        while let current = next {
            if current["type"] == nil, current.first("source") == nil { return true }
            next = current.first("backingStore")
        }
        return false
    }

    /// An image below another: one level of `<backingStore>`.
    public struct BackingStore: Sendable {
        /// The `<backingStore>` element.
        public let element: Element
        /// `type`: `file`, `block`, `network`, `volume`.
        public var type: String { element["type"] ?? "file" }
        /// The format declared; `nil` where absent.
        public var format: String? { element.first("format")?["type"] }
        /// Path of the file or block device; `nil` for others.
        public var path: String? { element.first("source").flatMap(Disk.path) }
    }

    private static func path(of source: Element) -> String? {
        (source["file"] ?? source["dev"] ?? source["dir"]).flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension DomainDefinition {
    /// Its disks, CD and floppy drives, in order.
    public var disks: [Disk] { devices("disk").map(Disk.init) }
}
