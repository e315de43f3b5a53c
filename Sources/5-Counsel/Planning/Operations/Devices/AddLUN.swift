import Changes
import DomainXML
public import Inventory
public import Quantities

/// Passes a LUN through with its reservations, for a cluster inside (guide §7.8).
public struct AddLUN: GuestOperation {
    /// Units of a controller that libvirt's own addresses use; the guide's limit.
    static let unitsPerController = 7

    private let device: String
    private let isShareable: Bool

    /// The operation.
    ///
    /// - Parameters:
    ///   - device: a block device, best a multipath map by its alias.
    ///   - isShareable: whether other guests have it, too.
    public init(_ device: String, isShareable: Bool) {
        self.device = device
        self.isShareable = isShareable
    }

    /// scsi-reservations.
    public var practice: String { "scsi-reservations" }
    /// The LUN.
    public var words: Text { Text("asked for: LUN \(device)", "要求:LUN \(device)") }

    /// The disk, and a virtio-scsi controller where none has a free unit.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        let users = estate.relations.images.users(of: device).all.map {
            (guest: estate.guests[$0.guest].name, disk: $0.disk)
        }
        if let own = users.first(where: { $0.guest == guest.name }) {
            throw Refusal("guest \(guest.name) has \(device) already, as \(own.disk.target)")
        }
        if let other = users.first(where: { !$0.disk.isShareable || !isShareable }) {
            throw Refusal(
                "\(device) is disk \(other.disk.target) of guest \(other.guest)",
                remedy: "A cluster's LUN is shareable in each of its guests: --shareable")
        }
        guard guest.definition != nil else { return GuestChanges() }
        let place = Self.place(in: guest)
        let target = guest.freeTarget("sd")
        var addition = DeviceAddition(
            alias: guest.freeAlias("lun-\(target)"), element: element(target, place.controller, place.unit))
        if place.isNew {
            addition.first = [
                (
                    guest.freeAlias("scsi-\(place.controller)"),
                    NewElement(
                        "controller", ["type": "scsi", "index": String(place.controller), "model": "virtio-scsi"])
                )
            ]
        }
        addition.notes = try notes(estate)
        return addition.changes(of: guest)
    }

    /// A multipath map by its alias is the same on every host; its WWID is not readable, a path of it is no multipath.
    private func notes(_ estate: Estate) throws(Refusal) -> [Text] {
        guard case .known(let maps) = estate.host.storage.multipath else { return [] }
        let name = device.hasPrefix("/dev/mapper/") ? String(device.dropFirst("/dev/mapper/".count)) : nil
        if let name, let map = maps.first(where: { $0.name == name }) {
            guard map.wwid != map.name else {
                return [
                    Text(
                        "\(name) is named by its WWID: give it an alias in /etc/multipath.conf, the same on each host",
                        "\(name) 以 WWID 命名:请在各主机的 /etc/multipath.conf 中为其设置相同别名")
                ]
            }
            return []
        }
        if maps.isEmpty { return [] }
        return [
            Text(
                "\(device) is no multipath map: if a path to it fails, the guest loses it",
                "\(device) 不是多路径设备:路径故障时客户机将失去该磁盘")
        ]
    }

    /// A virtio-scsi controller with a free unit, the same in both states of the guest; else the number of a new one.
    static func place(in guest: Guest) -> (controller: Int, unit: Int, isNew: Bool) {
        let definitions = guest.definitions
        let shared = (definitions.first?.controllers ?? []).filter { $0.type == "scsi" }.map { $0.index ?? 0 }
            .filter { index in
                definitions.allSatisfy { domain in
                    domain.controllers.contains {
                        $0.type == "scsi" && ($0.index ?? 0) == index && $0.model?.hasPrefix("virtio-scsi") == true
                    }
                }
            }
        for controller in shared.sorted() {
            var taken = Set<Int>()
            for disk in definitions.flatMap(\.disks)
            where disk.busInForce == "scsi" && disk.scsiController == controller {
                taken.insert(disk.element.first("address")?["unit"].flatMap { Int($0) } ?? 0)
            }
            if let unit = (0..<unitsPerController).first(where: { !taken.contains($0) }) {
                return (controller, unit, false)
            }
        }
        let used = Set(definitions.flatMap(\.controllers).filter { $0.type == "scsi" }.map { $0.index ?? 0 })
        return ((0...).first { !used.contains($0) } ?? 0, 0, true)
    }

    private func element(_ target: String, _ controller: Int, _ unit: Int) -> NewElement {
        NewElement(
            "disk", ["type": "block", "device": "lun"],
            [
                NewElement("driver", ["name": "qemu", "type": "raw", "cache": "none", "io": "native"]),
                NewElement("source", ["dev": device], [NewElement("reservations", ["managed": "yes"])]),
                NewElement("target", ["dev": target, "bus": "scsi"]),
                isShareable ? NewElement("shareable") : nil,
                NewElement(
                    "address",
                    [
                        "type": "drive", "controller": String(controller), "bus": "0", "target": "0",
                        "unit": String(unit),
                    ]),
            ])
    }
}
