import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Multipath devices by an alias that is the same on every host (guide §7.8).
struct MultipathAlias: GuestPractice {
    var about: About {
        About(
            id: "multipath-alias", section: "7.8", scopes: [.guest], severities: [.warning, .info],
            fixes: [.file, .xml],
            title: Text("Multipath alias", "多路径别名"),
            why: Text(
                "A guest that migrates finds its disk under the same path on the other host, or does not start there. An alias is chosen once and written on all of them; a WWID nobody can tell from another.",
                "客户机迁移后需在目标主机的同一路径找到磁盘,否则无法启动。别名一次选定并写入所有主机;WWID 则难以辨认。"),
            tradeOff: Text("multipath.conf has to be kept alike on all hosts.", "所有主机的 multipath.conf 必须保持一致。"),
            sources: ["guide §7.8", "multipath.conf(5)"])
    }

    /// How a path names a multipath device.
    private enum Name {
        case wwid(String)
        /// `mpatha`: numbered by each host for itself.
        case friendly(String)
        /// `dm-6`: the kernel's number.
        case number(String)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var isConcerned = false
        for disk in domain.devices("disk") {
            guard let source = disk.first("source"),
                let path = source["dev"] ?? (disk["type"] == "file" ? source["file"] : nil)
            else { continue }
            guard path.hasPrefix("/dev/") else { continue }
            isConcerned = true
            switch Self.name(path, estate.host.storage) {
            case .unknown(let reason): judgement.add(reason)
            case .known(nil): break
            case .known(let name?): judgement.add(finding(name, path, disk, source, domain, guest))
            }
        }
        return isConcerned ? judgement : .notApplicable(Text("it has no block device of the host", "没有使用主机块设备"))
    }

    private func finding(
        _ name: Name, _ path: String, _ disk: Element, _ source: Element, _ domain: DomainDefinition, _ guest: Guest
    ) -> Finding {
        let target = disk.first("target")?["dev"] ?? "disk"
        let alias = "\(guest.name)-\(target)"
        let what: Text
        var severity = Severity.warning
        var wwid: String?
        switch name {
        case .wwid(let id):
            wwid = id
            what = Text("the multipath device is named by its WWID \(id)", "多路径设备以 WWID \(id) 命名")
        case .friendly(let name):
            severity = .info
            what = Text(
                "\(name) is a name that each host gives by itself: another host may mean another LUN",
                "\(name) 由各主机自行编号:在其他主机上可能指向别的 LUN")
        case .number(let name):
            what = Text(
                "\(name) is a number of this boot: the multipath device may have another after the next",
                "\(name) 仅为本次引导的编号:下次引导后可能改变")
        }
        let attribute = source["dev"] != nil ? "dev" : "file"
        return Finding(
            severity, part: DomainDefinition.label(disk), what, observed: path, expected: "/dev/mapper/ALIAS",
            remedy: .changes(
                [
                    FileChange(
                        "/etc/multipath.conf", "multipaths: multipath { wwid \(wwid ?? "WWID") }: alias", from: nil,
                        to: alias),
                    DomainChange(guest.name, source.xpath, .attribute(attribute, "/dev/mapper/\(alias)"), from: path),
                ], disrupts: .guestRestart,
                note: Text(
                    "The same on every host; then `multipath -r`. Any name will do.",
                    "在所有主机上相同设置,然后执行 `multipath -r`。名称可自定。")),
            evidence: [Evidence(source, path)])
    }

    /// How a path names its device, if it is a multipath device named by anything but an alias.
    private static func name(_ path: String, _ storage: StorageFacts) -> Fact<Name?> {
        let base = path.split(separator: "/").last.map(String.init) ?? ""
        let maps = storage.multipath.value
        if path.hasPrefix("/dev/mapper/") {
            let name = withoutPartition(base)
            if let map = maps?.first(where: { $0.name == name }) {
                if map.wwid == map.name { return .known(.wwid(map.wwid)) }
                return .known(isFriendly(name) ? .friendly(name) : nil)
            }
            if isWWID(name) { return .known(.wwid(name)) }
            return .known(isFriendly(name) ? .friendly(name) : nil)
        }
        if path.hasPrefix("/dev/disk/by-id/") {
            let id = withoutPartition(base)
            if id.hasPrefix("dm-uuid-mpath-") { return .known(.wwid(String(id.dropFirst(14)))) }
            if id.hasPrefix("dm-name-") {
                let name = String(id.dropFirst(8))
                return .known(isWWID(name) ? .wwid(name) : isFriendly(name) ? .friendly(name) : nil)
            }
            // scsi-3600… and wwn-0x… lead to the map where there is one, and to one path where there is none.
            let wwid =
                id.hasPrefix("scsi-") ? String(id.dropFirst(5)) : id.hasPrefix("wwn-0x") ? "3" + id.dropFirst(6) : ""
            if !wwid.isEmpty, let reason = storage.multipath.reason { return .unknown(reason) }
            if !wwid.isEmpty, let map = maps?.first(where: { $0.wwid == wwid }) { return .known(.wwid(map.wwid)) }
            return .known(nil)
        }
        if base.hasPrefix("dm-"), path == "/dev/\(base)" {
            switch storage.multipath {
            case .unknown(let reason): return .unknown(reason)
            case .known(let maps): return .known(maps.contains { $0.device == base } ? .number(path) : nil)
            }
        }
        return .known(nil)
    }

    /// A name without kpartx's partition: `-part1`, `_part1`, `p1`.
    private static func withoutPartition(_ name: String) -> String {
        for mark in ["-part", "_part"] {
            let parts = name.split(separator: mark, maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[1].isEmpty, parts[1].allSatisfy(\.isNumber) { return String(parts[0]) }
        }
        return name
    }

    /// NAA (`3` and 16 or 32 figures), EUI-64 (`2` and 16), NVMe's `eui.`, `uuid.`, `nvme.`.
    private static func isWWID(_ name: String) -> Bool {
        for prefix in ["eui.", "uuid.", "nvme."] where name.hasPrefix(prefix) {
            return name.utf8.count >= prefix.utf8.count + 16
        }
        guard let first = name.utf8.first, first == UInt8(ascii: "3") || first == UInt8(ascii: "2") else {
            return false
        }
        let rest = name.utf8.dropFirst()
        return (rest.count == 16 || rest.count == 32)
            && rest.allSatisfy {
                ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) || ($0 >= 0x41 && $0 <= 0x46)
            }
    }

    /// `mpath` and letters, as user_friendly_names gives.
    private static func isFriendly(_ name: String) -> Bool {
        guard name.hasPrefix("mpath") else { return false }
        let letters = name.utf8.dropFirst(5)
        return !letters.isEmpty && letters.count <= 3 && letters.allSatisfy { $0 >= 0x61 && $0 <= 0x7A }
    }

    var examples: Examples {
        func disk(_ path: String) -> String {
            "<devices><disk type='block' device='disk'><source dev='\(path)'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        let wwid = "36589cfc000000537c47ad3eb2b20216e"
        return Examples(
            fires: .guest(
                "the WWID", disk("/dev/mapper/\(wwid)"), expect: .fires(.warning, observed: "/dev/mapper/\(wwid)")),
            .guest("a partition of it", disk("/dev/mapper/\(wwid)-part1"), expect: .fires(.warning)),
            .guest("udev's name for it", disk("/dev/disk/by-id/dm-uuid-mpath-\(wwid)"), expect: .fires(.warning)),
            .guest(
                "a SCSI name that leads to a map", disk("/dev/disk/by-id/scsi-\(wwid)"), expect: .fires(.warning),
                host: { $0.storage.multipath = .known([MultipathMap(name: "storage1", wwid: wwid, device: "dm-6")]) }),
            .guest(
                "the kernel's number", disk("/dev/dm-6"), expect: .fires(.warning, observed: "/dev/dm-6"),
                host: { $0.storage.multipath = .known([MultipathMap(name: "storage1", wwid: wwid, device: "dm-6")]) }),
            .guest("a name numbered by this host", disk("/dev/mapper/mpatha"), expect: .fires(.info)),
            quiet: .guest("an alias", disk("/dev/mapper/storage1"), expect: .pass),
            .guest("a logical volume", disk("/dev/mapper/system-web1"), expect: .pass),
            .guest("a plain disk by its id", disk("/dev/disk/by-id/scsi-\(wwid)"), expect: .pass),
            .guest("dm-6 is a logical volume", disk("/dev/dm-6"), expect: .pass),
            .guest("a name of figures that is no WWID", disk("/dev/mapper/360"), expect: .pass),
            .guest(
                "an image file",
                "<devices><disk type='file'><source file='/a.qcow2'/><target dev='vda'/></disk></devices>",
                expect: .notApplicable),
            others: [
                .guest("the host's maps are not known", disk("/dev/dm-6"), expect: .unknown) {
                    $0.storage.multipath = .unknown(Unknown(.notExamined, source: "multipath maps"))
                }
            ])
    }
}
