import Changes
import DiskImage
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Thin images and SSDs are told what guests no longer need (guide §4.3).
struct DiskDiscard: GuestPractice {
    var about: About {
        About(
            id: "disk-discard", section: "4.3", scopes: [.guest], severities: [.advice], fixes: [.xml],
            title: Text("Discards reach the storage", "discard 传递到存储"),
            why: Text(
                "What a guest deletes stays allocated in a thin image, and in use for an SSD, until the guest says so and QEMU passes it on. By default QEMU does not.",
                "客户机删除的数据仍占用精简映像的空间,SSD 也视其为在用,直到客户机发出通知并由 QEMU 转达。QEMU 默认不转达。"),
            tradeOff: Text(
                "The image falls into more pieces (qcow2: discard_no_unref keeps clusters in their place, QEMU ≥ 8.1), and a discard takes a moment; run fstrim now and then rather than mounting with discard.",
                "映像会更碎(qcow2 可用 discard_no_unref 保留簇的位置,QEMU ≥ 8.1),且 discard 本身需要时间;宜定期运行 fstrim,而非以 discard 选项挂载。"),
            sources: [
                "guide §4.3", "libvirt docs/formatdomain.rst (discard, detect_zeroes, discard_no_unref)",
                "QEMU hw/core/machine.c (virtio-blk discard from 4.0 on)",
            ])
    }

    private enum Kind {
        /// It gives space back; with the reason.
        case thin(Text, String)
        case thick
        case unknown(Unknown)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var isConcerned = false
        for disk in domain.disks where disk.device == "disk" && disk.isWritable {
            guard ["virtio", "scsi", "sata", "ide", "usb"].contains(disk.busInForce) else { continue }
            isConcerned = true
            if disk.discard == "unmap" { continue }
            switch kind(of: disk, estate) {
            case .thick: continue
            case .unknown(let reason): judgement.add(reason)
            case .thin(let why, let observed): judgement.add(finding(disk, why, observed, domain, guest))
            }
        }
        return isConcerned ? judgement : .notApplicable(Text("it has no disk that takes discards", "没有支持 discard 的磁盘"))
    }

    private func kind(of disk: Disk, _ estate: Estate) -> Kind {
        let format = disk.format ?? "raw"
        switch disk.type {
        case "file":
            guard let path = disk.path, format == "qcow2" || format == "raw" else { return .thick }
            switch estate.image(at: path) {
            case .known(let image)? where image.format.rawValue == format:
                if image.isPreallocated == true { return .thick }
                if format == "qcow2" { return .thin(Text("qcow2, which grows", "会增长的 qcow2"), "qcow2") }
                if image.isPreallocated == false { return .thin(Text("a sparse file", "稀疏文件"), "sparse raw") }
                return .unknown(image.allocated.reason ?? Unknown(.notExamined, source: path))
            case .known(let image)?:
                // The content is another than declared: only the file's own numbers count.
                guard let size = image.fileSize.value, let allocated = image.allocated.value else {
                    return .unknown(image.allocated.reason ?? Unknown(.notExamined, source: path))
                }
                return allocated < size && format == "raw" ? .thin(Text("a sparse file", "稀疏文件"), "sparse raw") : .thick
            case .unknown(let reason)?:
                return format == "qcow2" ? .thin(Text("qcow2, which grows", "会增长的 qcow2"), "qcow2") : .unknown(reason)
            case nil:
                if format == "qcow2" { return .thin(Text("qcow2, which grows", "会增长的 qcow2"), "qcow2") }
                return .unknown(
                    Unknown(
                        .notExamined, source: path,
                        remedy: Text(
                            "Run where the image is: whether it is sparse is seen there", "在映像所在主机上运行,才能看出是否稀疏")))
            }
        case "block":
            guard let path = disk.path else { return .thick }
            guard let below = estate.host.storage.disks(under: path) else {
                return .unknown(estate.host.storage.disks.reason ?? Unknown(.missing, source: path))
            }
            if let device = below.first(where: { $0.discards.value == true }) {
                return .thin(Text("\(device.name), which takes discards", "支持 discard 的 \(device.name)"), device.name)
            }
            if let reason = below.lazy.compactMap(\.discards.reason).first(where: { $0.cause != .missing }) {
                return .unknown(reason)
            }
            return .thick
        case "network":
            return disk.networkProtocol == "rbd" ? .thin(Text("a thin RBD image", "精简的 RBD 映像"), "rbd") : .thick
        default: return .thick
        }
    }

    private func finding(_ disk: Disk, _ why: Text, _ observed: String, _ domain: DomainDefinition, _ guest: Guest)
        -> Finding
    {
        let driver = disk.element.first("driver")
        let change =
            driver.map { DomainChange(guest.name, $0.xpath, .attribute("discard", "unmap"), from: disk.discard) }
            ?? DomainChange(guest.name, disk.element.xpath, .insert("<driver name='qemu' type='raw' discard='unmap'/>"))
        let isTooOld =
            disk.busInForce == "virtio" && domain.machineType?.version.map { $0 < SoftwareVersion(4, 0) } == true
        let note =
            isTooOld
            ? Text(
                "virtio-blk takes discards from machine types of QEMU 4.0 on: with \(domain.machine ?? "this one") put the disk on virtio-scsi, or raise the machine type",
                "virtio-blk 自 QEMU 4.0 的机器类型起支持 discard:\(domain.machine ?? "当前类型") 需将磁盘改为 virtio-scsi 或提升机器类型")
            : Text(
                "Then fstrim.timer in the guest. detect_zeroes='unmap' gives back written zeros too, at the cost of looking at each write",
                "随后在客户机中启用 fstrim.timer。detect_zeroes='unmap' 可同时回收写入的零,但要检查每次写入")
        return Finding(
            .advice, part: disk.label,
            Text(
                "\(disk.label) lies on \(why.english), and does not pass discards on",
                "\(disk.label) 位于\(why.chinese),但未传递 discard"),
            observed: "\(observed), discard=\(disk.discard ?? "ignore")", expected: "discard=unmap",
            remedy: .change(change, disrupts: .guestRestart, note: note),
            evidence: [Evidence(driver ?? disk.element, disk.discard.map { "discard=\($0)" } ?? "no discard")])
    }

    var examples: Examples {
        @Sendable func disk(
            _ driver: String, _ source: String = "<source file='/images/a.img'/>", type: String = "file",
            bus: String = "virtio"
        ) -> String {
            "<devices><disk type='\(type)' device='disk'><driver name='qemu' \(driver)/>\(source)<target dev='vda' bus='\(bus)'/></disk></devices>"
        }
        @Sendable func estate(_ xml: String, _ isPreallocated: Bool?, _ format: ImageFacts.Format) -> Estate {
            var image = ImageFacts(path: "/images/a.img", format: format)
            image.isPreallocated = isPreallocated
            return .example(guests: [.example(xml)], images: [image])
        }
        let volume = "<source dev='/dev/vg/a'/>"
        @Sendable func ssd(_ host: inout HostFacts, discards: Fact<Bool>) {
            host.storage.disks = .known([
                BlockDevice(name: "dm-0", slaves: ["sda"], mapperName: "vg-a", links: ["/dev/vg/a"]),
                BlockDevice(name: "sda", discards: discards),
            ])
        }
        return Examples(
            fires: .guest(
                "qcow2 grows", disk("type='qcow2'"), expect: .fires(.advice, observed: "qcow2, discard=ignore")),
            Example(
                "a sparse raw file", expect: .fires(.advice, observed: "sparse raw, discard=ignore"),
                estate: estate(disk("type='raw'"), false, .raw)),
            .guest(
                "a volume on an SSD", disk("type='raw' discard='ignore'", volume, type: "block", bus: "scsi"),
                expect: .fires(.advice, observed: "sda, discard=ignore"),
                host: { ssd(&$0, discards: .known(true)) }),
            .guest(
                "an RBD image", disk("type='raw'", "<source protocol='rbd' name='p/i'/>", type: "network"),
                expect: .fires(.advice)),
            quiet: .guest("unmap", disk("type='qcow2' discard='unmap'"), expect: .pass),
            Example("a fully allocated file stays so", expect: .pass, estate: estate(disk("type='raw'"), true, .raw)),
            Example("a preallocated qcow2", expect: .pass, estate: estate(disk("type='qcow2'"), true, .qcow2)),
            .guest(
                "a volume on a disk that takes none", disk("type='raw'", volume, type: "block"), expect: .pass,
                host: { ssd(&$0, discards: .known(false)) }),
            .guest(
                "a CD drive",
                "<devices><disk type='file' device='cdrom'><source file='/a.iso'/><target dev='sda' bus='sata'/></disk></devices>",
                expect: .notApplicable),
            others: [
                .guest("a raw file nobody looked at", disk("type='raw'"), expect: .unknown),
                .guest("a volume on an unknown disk", disk("type='raw'", volume, type: "block"), expect: .unknown),
            ])
    }
}
