public import Changes
public import DomainXML

/// Disks on emulated controllers, and what moves them to virtio (guide §4.3.3, table 2).
public enum VirtioConversion {
    /// What a disk becomes: the driver the guest needs differs.
    public enum Driver: String, Sendable, Hashable, CaseIterable {
        /// virtio-blk: `virtio_blk`, on Windows viostor.
        case block
        /// virtio-scsi: `virtio_scsi`, on Windows vioscsi.
        case scsi
    }

    /// A disk that hangs on an emulated controller.
    public struct SlowDisk: Sendable {
        /// The disk.
        public let disk: Disk
        /// `ide`, `sata`, or the model of a SCSI controller.
        public let controller: String
        /// What it becomes.
        public let driver: Driver
    }

    /// SCSI controllers that are emulated hardware.
    private static let emulated: Set<String> = [
        "auto", "lsilogic", "lsisas1068", "lsisas1078", "buslogic", "vmpvscsi", "ncr53c90", "am53c974", "dc390",
    ]

    /// The guest's slow disks, in its definition's order; installation media, which are read once, are none.
    public static func slowDisks(of domain: DomainDefinition) -> [SlowDisk] {
        domain.disks.compactMap { disk in
            guard disk.device == "disk" || disk.device == "lun", !disk.isReadOnly,
                disk.path?.hasSuffix(".iso") != true
            else { return nil }
            switch disk.busInForce {
            case "ide", "sata":
                return SlowDisk(disk: disk, controller: disk.busInForce, driver: isSCSIOnly(disk) ? .scsi : .block)
            case "scsi":
                let model = domain.scsiModel(ofController: disk.scsiController)
                return emulated.contains(model) ? SlowDisk(disk: disk, controller: model, driver: .scsi) : nil
            default: return nil
            }
        }
    }

    /// What only SCSI knows stays SCSI.
    private static func isSCSIOnly(_ disk: Disk) -> Bool {
        disk.device == "lun" || disk.element.first("target")?["rotation_rate"] != nil
            || ["wwn", "vendor", "product"].contains { disk.element.first($0) != nil }
    }

    /// Edits that move one disk.
    ///
    /// - Parameters:
    ///   - slow: the disk.
    ///   - domain: its guest's definition.
    ///   - name: its name on virtio-blk, as `vda`.
    ///
    /// - Returns: edits; for SCSI those of its controller, with which every disk there moves.
    public static func changes(_ slow: SlowDisk, in domain: DomainDefinition, to name: String) -> [DomainChange] {
        let disk = slow.disk
        guard disk.busInForce != "scsi" else { return controllerChanges(disk, in: domain) }
        var changes: [DomainChange] = []
        if let target = disk.element.first("target") {
            let bus = slow.driver == .scsi ? "scsi" : "virtio"
            changes.append(DomainChange(domain.name, target.xpath, .attribute("bus", bus), from: disk.bus))
            if slow.driver == .block {
                changes.append(DomainChange(domain.name, target.xpath, .attribute("dev", name), from: disk.target))
            }
        }
        if let address = disk.element.first("address") {
            changes.append(DomainChange(domain.name, address.xpath, .remove, from: address["type"]))
        }
        if slow.driver == .scsi, !domain.controllers.contains(where: { $0.type == "scsi" }) {
            changes.append(
                DomainChange(
                    domain.name, "/domain/devices", .insert("<controller type='scsi' index='0' model='virtio-scsi'/>")))
        }
        return changes
    }

    private static func controllerChanges(_ disk: Disk, in domain: DomainDefinition) -> [DomainChange] {
        let index = disk.scsiController
        guard let controller = domain.controllers.first(where: { $0.type == "scsi" && ($0.index ?? 0) == index }) else {
            return [
                DomainChange(
                    domain.name, "/domain/devices",
                    .insert("<controller type='scsi' index='\(index)' model='virtio-scsi'/>"))
            ]
        }
        return [
            DomainChange(
                domain.name, controller.element.xpath, .attribute("model", "virtio-scsi"), from: controller.model)
        ]
    }

    /// Edits that move all of them, and keep the disk it boots from the first.
    public static func changes(of domain: DomainDefinition) -> [DomainChange] {
        let slow = slowDisks(of: domain)
        var taken = Set(domain.disks.map(\.target))
        var changes: [DomainChange] = []
        var names: [String: String] = [:]
        for disk in slow {
            let name = free("vd", &taken)
            if disk.driver == .block { names[disk.disk.target] = name }
            // Two disks of one controller ask for the same edit of it.
            for change in self.changes(disk, in: domain, to: name) where !changes.contains(change) {
                changes.append(change)
            }
        }
        return changes + bootChanges(of: domain, names)
    }

    /// libvirt boots the first of the disks, sorted by name on each bus: where another would come first, the order is written out.
    private static func bootChanges(of domain: DomainDefinition, _ names: [String: String]) -> [DomainChange] {
        let disks = domain.disks.filter { $0.device == "disk" || $0.device == "lun" }
        let boots = domain.root.first("os")?.all("boot") ?? []
        guard !boots.isEmpty, let first = disks.first, let name = names[first.target],
            disks.contains(where: { $0.busInForce == "virtio" && $0.target < name })
        else { return [] }
        var changes: [DomainChange] = []
        var order = 0
        for boot in boots {
            let device: Element? =
                switch boot["dev"] {
                case "hd": first.element
                case "cdrom": domain.disks.first { $0.device == "cdrom" }?.element
                case "fd": domain.disks.first { $0.device == "floppy" }?.element
                case "network": domain.devices.first { $0.name == "interface" }
                default: nil
                }
            guard let device, device.first("boot") == nil else { continue }
            order += 1
            changes.append(DomainChange(domain.name, device.xpath, .insert("<boot order='\(order)'/>")))
        }
        return changes + boots.reversed().map { DomainChange(domain.name, $0.xpath, .remove, from: $0["dev"]) }
    }

    /// The next name nobody has.
    static func free(_ prefix: String, _ used: inout Set<String>) -> String {
        for letter in 0..<26 {
            let name = prefix + String(UnicodeScalar(UInt8(97 + letter)))
            if used.insert(name).inserted { return name }
        }
        return prefix + "aa"
    }
}
