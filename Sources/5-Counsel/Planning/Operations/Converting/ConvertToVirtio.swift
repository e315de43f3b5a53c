import Changes
import DiskImage
import DomainXML
public import Inventory
public import Practices
public import Quantities

/// Moves a guest's disks from emulated controllers to virtio (guide §4.3.3).
///
/// Windows loads at boot only drivers that have served a disk before, and stops with INACCESSIBLE_BOOT_DEVICE otherwise: a small virtio disk is put in
/// first, then the disks are switched, then the small one goes. Which stage is next, the definition tells.
public struct ConvertToVirtio: GuestOperation {
    /// What comes next.
    public enum Stage: Sendable, Hashable {
        /// Nothing is left to do.
        case done
        /// Small disks for these drivers.
        case probe(Set<VirtioConversion.Driver>)
        /// The disks.
        case switchOver
        /// The small disks go.
        case clearAway
    }

    /// The serial number by which the guest's agent tells that it sees a small disk; SCSI and virtio-blk cut at 20 characters.
    public static let serial = "nearmetal-virtio"
    /// Its size.
    public static let size = ByteCount(mebibytes: 64)

    private let given: String?
    private let isStaged: Bool
    private let isDriverLoaded: Bool

    /// The operation.
    ///
    /// - Parameters:
    ///   - image: an image there is for the small disk; where none is given, one is made.
    ///   - isStaged: whether to go in stages though it is not known to be Windows.
    ///   - isDriverLoaded: whether a person says that the guest has loaded the drivers, and booted after.
    public init(image: String? = nil, isStaged: Bool = false, isDriverLoaded: Bool = false) {
        given = image
        self.isStaged = isStaged
        self.isDriverLoaded = isDriverLoaded
    }

    /// disk-bus.
    public var practice: String { "disk-bus" }
    /// What is asked for.
    public var words: Text { Text("asked for: disks on virtio", "要求:磁盘使用 virtio") }
    /// Whether the guest sees the small disk, only its agent can tell.
    public var asksInside: Bool { !isDriverLoaded }

    /// What comes next for a guest.
    public func stage(of guest: Guest) -> Stage {
        guard let domain = guest.persistent else { return .done }
        let needed = Set(VirtioConversion.slowDisks(of: domain).map(\.driver))
        let probes = Self.probes(of: domain)
        guard !needed.isEmpty else { return probes.isEmpty ? .done : .clearAway }
        guard domain.isWindows || isStaged else { return .switchOver }
        let missing = needed.subtracting(probes.keys)
        return missing.isEmpty ? .switchOver : .probe(missing)
    }

    /// Images that have to be made for the next stage.
    public func imagesToMake(for guest: Guest) -> [String] {
        guard given == nil, case .probe(let drivers) = stage(of: guest) else { return [] }
        return drivers.map { image(of: guest, $0) }.sorted()
    }

    /// The edits of the next stage.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        guard let domain = guest.persistent else { throw Refusal("guest \(guest.name) has no next start") }
        switch stage(of: guest) {
        case .done: return GuestChanges()
        case .probe(let drivers): return try probe(drivers, guest, in: estate)
        case .switchOver: return try switchOver(domain, guest)
        case .clearAway: return try clearAway(domain, guest)
        }
    }

    // MARK: 1. A small disk

    private func probe(
        _ drivers: Set<VirtioConversion.Driver>, _ guest: Guest, in estate: Estate
    ) throws(Refusal) -> GuestChanges {
        guard given == nil || drivers.count == 1 else {
            throw Refusal("two small disks are needed, one for each driver", remedy: "Leave --image out")
        }
        var taken = guest.diskTargets
        // The names that the disks themselves are going to have: the first of them is booted from.
        if let domain = guest.persistent {
            for slow in VirtioConversion.slowDisks(of: domain) where slow.driver == .block {
                taken.insert(Guest.freeTarget("vd", beside: taken))
            }
        }
        var all = GuestChanges()
        for driver in drivers.sorted(by: { $0.rawValue < $1.rawValue }) {
            let path = image(of: guest, driver)
            var facts = ImageFacts(path: path, format: .raw, virtualSize: .known(Self.size))
            facts.isPreallocated = false
            var wish = AddDisk.Wish()
            wish.serial = Self.serial
            let disk = AddDisk(facts, at: path, wish)
            try disk.refuseUsed(by: guest.name, estate)
            let name = Guest.freeTarget(driver == .block ? "vd" : "sd", beside: taken)
            taken.insert(name)
            var element = disk.element(name, driver == .block ? "virtio" : "scsi", isBusy: false, thread: nil)
            var addition = DeviceAddition(alias: Self.alias(driver), element: element)
            if driver == .scsi {
                let controllers = guest.definitions.flatMap(\.controllers).filter { $0.type == "scsi" }
                let index = 1 + (controllers.map { $0.index ?? 0 }.max() ?? -1)
                element.children.append(
                    NewElement(
                        "address",
                        ["type": "drive", "controller": "\(index)", "bus": "0", "target": "0", "unit": "0"]))
                addition.element = element
                addition.first = [
                    (
                        guest.freeAlias("scsi-\(index)"),
                        NewElement("controller", ["type": "scsi", "index": "\(index)", "model": "virtio-scsi"])
                    )
                ]
            }
            let changes = addition.changes(of: guest)
            all.persistent += changes.persistent
            all.live += changes.live
            all.whyNotLive = all.whyNotLive ?? changes.whyNotLive
        }
        if all.whyNotLive != nil { all.live = [] }
        let drivers = drivers.map { $0 == .block ? "viostor" : "vioscsi" }.sorted().joined(separator: ", ")
        all.notes = [
            Text(
                "stage 1 of 3. Next, inside: install \(drivers) (virtio-win) or VMDP until Disk Management shows a disk of 64 MiB, and restart once with it; then give this command again",
                "第 1 步(共 3 步)。接下来在客户机内:安装 \(drivers)(virtio-win)或 VMDP,直到“磁盘管理”显示一块 64 MiB 的磁盘,并带着它重启一次;然后再次执行此命令")
        ]
        return all
    }

    private func image(of guest: Guest, _ driver: VirtioConversion.Driver) -> String {
        if let given { return given }
        let beside = guest.persistent?.disks.lazy.filter { $0.device == "disk" && $0.type == "file" }.compactMap(\.path)
            .first { $0.hasPrefix("/") }
        let folder = beside.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }
        return "\(folder ?? "/var/lib/libvirt/images")/\(guest.name)-virtio-\(driver.rawValue).raw"
    }

    private static func alias(_ driver: VirtioConversion.Driver) -> String { "ua-nearmetal-virtio-\(driver.rawValue)" }

    private static func probes(of domain: DomainDefinition) -> [VirtioConversion.Driver: Disk] {
        var probes: [VirtioConversion.Driver: Disk] = [:]
        for driver in VirtioConversion.Driver.allCases {
            probes[driver] = domain.disks.first { $0.alias == alias(driver) }
        }
        return probes
    }

    // MARK: 2. The disks

    private func switchOver(_ domain: DomainDefinition, _ guest: Guest) throws(Refusal) -> GuestChanges {
        let probes = Self.probes(of: domain)
        if !probes.isEmpty, !isDriverLoaded { try refuseUnseen(probes.count, guest) }
        var changes = GuestChanges()
        changes.whyNotLive = Text("a running guest keeps its disks", "运行中的客户机保持其磁盘")
        changes.persistent = VirtioConversion.changes(of: domain)
        changes.notes = [
            probes.isEmpty
                ? Text(
                    "its initial file system needs virtio_blk, virtio_scsi and virtio_pci; fstab and root= go by UUID or label, since names become /dev/vdX",
                    "initrd 须包含 virtio_blk、virtio_scsi 与 virtio_pci;fstab 与 root= 应使用 UUID 或标签,因为磁盘名变为 /dev/vdX")
                : Text(
                    "stage 2 of 3. Next: restart the guest. Where it is up, give this command again; where it does not boot, nearmetal rollback has it as before",
                    "第 2 步(共 3 步)。接下来:重启客户机。若启动正常,再次执行此命令;若无法启动,nearmetal rollback 可恢复原状")
        ]
        return changes
    }

    private func refuseUnseen(_ count: Int, _ guest: Guest) throws(Refusal) {
        let byHand =
            "Where Disk Management shows \(count == 1 ? "the disk" : "both disks") of 64 MiB, and the guest was restarted since, say so: --driver-loaded"
        guard guest.isActive else {
            throw Refusal("guest \(guest.name) is off: whether it has loaded the driver is not known", remedy: byHand)
        }
        switch guest.inside.flatMap(\.diskSerials) {
        case .unknown(let reason):
            throw Refusal(
                "whether guest \(guest.name) has loaded the driver is not known: \(reason.why.english)", remedy: byHand)
        case .known(let serials):
            guard !serials.isEmpty else {
                throw Refusal(
                    "whether guest \(guest.name) has loaded the driver is not known: its agent tells no serial number of a disk",
                    remedy: byHand)
            }
            guard serials.count(where: { $0 == Self.serial }) >= count else {
                throw Refusal(
                    "guest \(guest.name) does not see \(count == 1 ? "the small virtio disk" : "both small virtio disks"): it has no driver for it",
                    remedy: "Install the drivers of virtio-win or VMDP inside")
            }
        }
    }

    // MARK: 3. The small disk goes

    private func clearAway(_ domain: DomainDefinition, _ guest: Guest) throws(Refusal) -> GuestChanges {
        guard let live = guest.live else {
            throw Refusal(
                "guest \(guest.name) is off: whether it boots from virtio is not known",
                remedy: "Start it; where it does not boot, nearmetal rollback has it as before")
        }
        guard VirtioConversion.slowDisks(of: live).isEmpty else {
            throw Refusal(
                "guest \(guest.name) still runs with its old disks: whether it boots from virtio is not known",
                remedy: "Restart it: nearmetal guest restart \(guest.name)")
        }
        var changes = GuestChanges()
        for (driver, disk) in Self.probes(of: domain).sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            changes.persistent.append(DomainChange(domain.name, disk.element.xpath, .remove))
            if live.disks.contains(where: { $0.alias == Self.alias(driver) }) {
                changes.live.append(
                    LiveChange(guest.name, .device(Self.alias(driver)), to: LiveParameter.noDevice))
            }
            if let path = disk.path {
                changes.notes.append(
                    Text("the small disk's image stays: rm \(path.shellWord)", "小磁盘的映像保留:rm \(path.shellWord)"))
            }
        }
        // A device found by its place is found from the last on.
        changes.persistent.reverse()
        return changes
    }
}
