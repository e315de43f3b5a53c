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
    private struct Name {
        enum Kind {
            case wwid
            /// `mpatha`: numbered by each host for itself.
            case friendly(String)
            /// `dm-6`: the kernel's number.
            case number(String)
        }
        var kind: Kind
        /// `nil` where the host has no such map now.
        var wwid: String?
        /// The name that multipath.conf gives it already.
        var alias: String?
        /// `-part1` of a partition; `nil` where only udev knows how the alias' partition is called.
        var partition: String? = ""

        init(_ kind: Kind, _ wwid: String?, _ map: MultipathMap?) {
            self.kind = kind
            self.wwid = wwid ?? map?.wwid
            if let map, map.name != map.wwid, !isFriendly(map.name) { alias = map.name }
        }
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
            case .known(let name?): judgement.add(finding(name, path, disk, source, guest, estate))
            }
        }
        return isConcerned ? judgement : .notApplicable(Text("it has no block device of the host", "没有使用主机块设备"))
    }

    private func finding(
        _ name: Name, _ path: String, _ disk: Element, _ source: Element, _ guest: Guest, _ estate: Estate
    ) -> Finding {
        let what: Text
        var severity = Severity.warning
        switch name.kind {
        case .wwid:
            let id = name.wwid ?? ""
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
        return Finding(
            severity, part: DomainDefinition.label(disk), what, observed: path,
            expected: "/dev/mapper/\(name.alias ?? "ALIAS")", remedy: remedy(name, path, disk, source, guest, estate),
            evidence: [Evidence(source, path)])
    }

    private func remedy(
        _ name: Name, _ path: String, _ disk: Element, _ source: Element, _ guest: Guest, _ estate: Estate
    )
        -> Remedy
    {
        // Guests that share it call it the same.
        let spellings = ["", "-part1", "-part2", "-part3", "-part4"].map { "/dev/mapper/\(name.wwid ?? "")\($0)" }
        let first = (spellings + [path]).lazy.compactMap { estate.relations.imageUsers[$0]?.first }.first
        let target = first?.target ?? disk.first("target")?["dev"] ?? "disk"
        let alias = name.alias ?? Self.alias("\(first?.guest ?? guest.name)-\(target)")
        guard let wwid = name.wwid, let partition = name.partition else {
            return .byHand(
                Text(
                    "Which LUN it is, only the host can tell: give its WWID an alias, the same on every host, and name that in the definition.",
                    "只有主机知道它是哪个 LUN:请为其 WWID 指定别名(各主机相同),并在定义中使用该别名。"),
                commands: [
                    "multipath -ll", "# /etc/multipath.conf: multipaths { multipath { wwid WWID alias \(alias) } }",
                    "multipath -r", "virsh edit \(guest.name)",
                ], disrupts: .guestRestart)
        }
        let attribute = source["dev"] != nil ? "dev" : "file"
        let renamed = DomainChange(
            guest.name, source.xpath, .attribute(attribute, "/dev/mapper/\(alias)\(partition)"), from: path)
        // The name that is there already is the same on every host, or somebody's choice.
        if name.alias != nil { return .change(renamed, disrupts: .guestRestart) }
        return .changes(
            [
                FileChange(
                    "/etc/multipath.conf", "multipaths: multipath { wwid \(wwid) }: alias", from: nil, to: alias),
                renamed,
            ], disrupts: .guestRestart,
            note: Text(
                "The same on every host; then `multipath -r`. Any name will do.",
                "在所有主机上相同设置,然后执行 `multipath -r`。名称可自定。"))
    }

    /// A name that device-mapper and multipath.conf take as it is.
    private static func alias(_ name: String) -> String {
        String(
            decoding: name.utf8.map { byte in
                let isPlain =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                return isPlain || [0x2D, 0x2E, 0x5F].contains(byte) ? byte : 0x5F
            }, as: UTF8.self)
    }

    /// How a path names its device, if it is a multipath device named by anything but an alias.
    private static func name(_ path: String, _ storage: StorageFacts) -> Fact<Name?> {
        let base = path.split(separator: "/").last.map(String.init) ?? ""
        let maps = storage.multipath.value
        if path.hasPrefix("/dev/mapper/") {
            let name = withoutPartition(base)
            let map = maps?.first { $0.name == name }
            guard var found = byName(name, map, maps) else { return .known(nil) }
            found.partition = String(base.dropFirst(name.count))
            return .known(found)
        }
        if path.hasPrefix("/dev/disk/by-id/") {
            let id = withoutPartition(base)
            func known(_ name: Name?) -> Fact<Name?> {
                guard var name else { return .known(nil) }
                if id != base { name.partition = nil }
                return .known(name)
            }
            if id.hasPrefix("dm-uuid-mpath-") {
                let wwid = String(id.dropFirst(14))
                return known(Name(.wwid, wwid, maps?.first { $0.wwid == wwid }))
            }
            if id.hasPrefix("dm-name-") {
                let name = String(id.dropFirst(8))
                return known(byName(name, maps?.first { $0.name == name }, maps))
            }
            // scsi-3600… and wwn-0x… lead to the map where there is one, and to one path where there is none.
            let wwid =
                id.hasPrefix("scsi-") ? String(id.dropFirst(5)) : id.hasPrefix("wwn-0x") ? "3" + id.dropFirst(6) : ""
            if !wwid.isEmpty, let reason = storage.multipath.reason { return .unknown(reason) }
            if !wwid.isEmpty, let map = maps?.first(where: { $0.wwid == wwid }) {
                return known(Name(.wwid, wwid, map))
            }
            return .known(nil)
        }
        if base.hasPrefix("dm-"), path == "/dev/\(base)" {
            switch storage.multipath {
            case .unknown(let reason): return .unknown(reason)
            case .known(let maps):
                return .known(maps.first { $0.device == base }.map { Name(.number(path), $0.wwid, $0) })
            }
        }
        return .known(nil)
    }

    /// A map by its own name, unless that is an alias.
    private static func byName(_ name: String, _ map: MultipathMap?, _ maps: [MultipathMap]?) -> Name? {
        if map.map({ $0.wwid == $0.name }) ?? isWWID(name) {
            return Name(.wwid, name, maps?.first { $0.wwid == name })
        }
        return isFriendly(name) ? Name(.friendly(name), nil, map) : nil
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
            .guest(
                "a name numbered by this host, of a LUN it knows", disk("/dev/mapper/mpatha"), expect: .fires(.info),
                host: { $0.storage.multipath = .known([MultipathMap(name: "mpatha", wwid: wwid, device: "dm-6")]) }),
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
