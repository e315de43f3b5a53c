import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Persistent reservations of a shared LUN that reach the storage (guide §7.8).
struct SCSIReservations: GuestPractice {
    var about: About {
        About(
            id: "scsi-reservations", section: "7.8", scopes: [.guest], severities: [.error, .warning], fixes: [.xml],
            title: Text("SCSI persistent reservations", "SCSI 永久预留"),
            why: Text(
                "A cluster inside guests fences by reserving the shared LUN. If the reservation does not reach the storage, two nodes write at once and the data are gone.",
                "客户机内的集群通过预留共享 LUN 来隔离节点。若预留未到达存储,两个节点会同时写入并损坏数据。"),
            tradeOff: Text(
                "A privileged helper (qemu-pr-helper) runs for the guest; the whole LUN is passed through, without image formats or snapshots.",
                "需为客户机运行特权助手 qemu-pr-helper;整个 LUN 被直通,无法使用镜像格式与快照。"),
            guideSays: Text("Each virtio-scsi controller has 7 units.", "每个 virtio-scsi HBA 最多 7 个单元。"),
            today: Text(
                "virtio-scsi has 256 targets of 16,384 units; 7 is where libvirt's automatic addresses go on to the next controller.",
                "virtio-scsi 支持 256 个 target、每个 16384 个单元;7 只是 libvirt 自动编址换到下一个控制器的界限。"),
            sources: [
                "guide §7.8", "libvirt docs/formatdomain.rst, Hard drives: reservations",
                "QEMU docs/interop/pr-helper.rst",
            ])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var isConcerned = false
        for disk in domain.devices("disk") {
            if let reservations = Self.reservations(of: disk) {
                isConcerned = true
                reserved(disk, reservations, domain, guest, estate, &judgement)
            } else if disk["device"] == "lun" {
                isConcerned = true
                unreserved(disk, guest, estate, &judgement)
            }
        }
        return isConcerned ? judgement : .notApplicable(Text("it has no LUN passed through", "没有直通的 LUN"))
    }

    private static func reservations(of disk: Element) -> Element? { disk.first("source", "reservations") }

    // MARK: A LUN without reservations

    private func unreserved(_ disk: Element, _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        guard let source = disk.first("source"), let path = source["dev"] ?? source["file"] else { return }
        let isShareable = disk.first("shareable") != nil
        let others = (estate.relations.imageUsers[path] ?? []).filter { $0.guest != guest.name }
        guard isShareable || !others.isEmpty else { return }
        judgement.add(
            Finding(
                .warning, part: DomainDefinition.label(disk),
                Text("the LUN \(path) is shared, and reservations are not passed on", "LUN \(path) 为共享使用,但未启用预留传递"),
                observed: "no reservations",
                expected: "<reservations managed='yes'/>",
                remedy: .change(
                    DomainChange(guest.name, source.xpath, .insert("<reservations managed='yes'/>")),
                    disrupts: .guestRestart,
                    note: Text(
                        "Needed where software inside reserves it (clusters); else nothing is lost without.",
                        "客户机内有软件(集群)做预留时才需要。")),
                evidence: [
                    Evidence(disk, isShareable ? "lun, shareable" : "lun"),
                    others.first.map { Evidence("\($0.guest): \($0.target)", path) } ?? Evidence(source, path),
                ]))
    }

    // MARK: Reservations that do not work

    private func reserved(
        _ disk: Element, _ reservations: Element, _ domain: DomainDefinition, _ guest: Guest, _ estate: Estate,
        _ judgement: inout Judgement
    ) {
        let part = DomainDefinition.label(disk)
        func add(
            _ what: Text, observed: String, expected: String, change: DomainChange?, _ evidence: Evidence,
            note: Text? = nil
        ) {
            judgement.add(
                Finding(
                    .error, part: part, what, observed: observed, expected: expected,
                    remedy: change.map { .change($0, disrupts: .guestRestart, note: note) }
                        ?? .byHand(
                            note ?? Text("Change the definition.", "修改定义。"),
                            commands: ["virsh edit \(guest.name.shellWord)"],
                            disrupts: .guestRestart),
                    evidence: [evidence]))
        }
        let device = disk["device"] ?? "disk"
        if device != "lun" {
            add(
                Text("reservations on a \(device): they are passed on for a lun only", "对 \(device) 设置了预留:仅 lun 会传递预留"),
                observed: device,
                expected: "lun",
                change: DomainChange(guest.name, disk.xpath, .attribute("device", "lun"), from: disk["device"]),
                Evidence(disk, device))
        }
        let type = disk["type"] ?? "file"
        // A volume of an iSCSI or disk pool is a block device; which one is known to libvirt alone.
        if type != "block", type != "volume" {
            add(
                Text(
                    "reservations on a disk of type \(type): QEMU passes them on for block devices",
                    "对类型为 \(type) 的磁盘设置了预留:QEMU 仅对块设备传递"),
                observed: type, expected: "block", change: nil, Evidence(disk, type),
                note: Text(
                    "Name the LUN's block device: type='block', <source dev='/dev/mapper/…'>.",
                    "改用 LUN 的块设备:type='block',<source dev='/dev/mapper/…'>。"))
        }
        if let format = disk.first("driver")?["type"], format != "raw" {
            add(
                Text("a LUN with format \(format): what is passed through is raw", "LUN 的格式为 \(format):直通设备只能为 raw"),
                observed: format, expected: "raw",
                change: disk.first("driver").map {
                    DomainChange(guest.name, $0.xpath, .attribute("type", "raw"), from: format)
                },
                Evidence(disk.first("driver") ?? disk, format))
        }
        managed(reservations, add)
        controller(disk, domain, guest, estate, add)
    }

    private func managed(
        _ reservations: Element,
        _ add: (
            _ what: Text, _ observed: String, _ expected: String, _ change: DomainChange?, _ evidence: Evidence,
            _ note: Text?
        ) -> Void
    ) {
        switch reservations["managed"] {
        case "yes": return
        case "no":
            let source = reservations.first("source")
            if source?["type"] == "unix", source?["path"]?.isEmpty == false, source?["mode"] ?? "client" == "client" {
                return
            }
            add(
                Text("reservations are not managed, and no socket of a helper is named", "预留未由 libvirt 管理,也未指定助手的套接字"),
                "managed='no'", "<source type='unix' path='…' mode='client'/>", nil,
                Evidence(reservations, source.map { _ in "incomplete source" } ?? "no source"),
                Text(
                    "Let libvirt do it (managed='yes'), or name the socket of a qemu-pr-helper that runs.",
                    "交由 libvirt 管理(managed='yes'),或指定正在运行的 qemu-pr-helper 的套接字。"))
        case let value:
            add(
                Text(
                    "<reservations> must say whether libvirt manages the helper", "<reservations> 必须说明助手是否由 libvirt 管理"),
                value ?? "no managed",
                "managed='yes'", nil, Evidence(reservations, value ?? "no managed"),
                Text("Write managed='yes'.", "写入 managed='yes'。"))
        }
    }

    private func controller(
        _ disk: Element, _ domain: DomainDefinition, _ guest: Guest, _ estate: Estate,
        _ add: (
            _ what: Text, _ observed: String, _ expected: String, _ change: DomainChange?, _ evidence: Evidence,
            _ note: Text?
        ) -> Void
    ) {
        let target = disk.first("target")
        let bus = target?["bus"] ?? Self.bus(of: target?["dev"] ?? "")
        guard bus == "scsi" else {
            add(
                Text("reservations on bus \(bus): they need virtio-scsi", "总线 \(bus) 上的预留:需要 virtio-scsi"), bus, "scsi",
                nil, Evidence(target ?? disk, bus),
                Text(
                    "Use <target bus='scsi'/> on a virtio-scsi controller.",
                    "在 virtio-scsi 控制器上使用 <target bus='scsi'/>。"))
            return
        }
        let address = disk.first("address")
        let isAutomatic = address?["controller"] == nil
        let index = address?["controller"].flatMap { Int($0) } ?? Self.automaticController(of: target?["dev"] ?? "")
        let controllers = domain.devices("controller").filter { $0["type"] == "scsi" }
        let found =
            controllers.first { Int($0["index"] ?? "") == index }
            ?? (index == 0 ? controllers.first { $0["index"] == nil } : nil)
        let fragment = "<controller type='scsi' index='\(index)' model='virtio-scsi'/>"
        // What libvirt adds or takes by itself is LSI on x86, virtio-scsi or POWER's own elsewhere.
        let isX86 = domain.isX86(onHost: estate.host.kernel.architecture.value)
        let own = isX86 ? "lsilogic" : domain.machineType?.family == .pseries ? "ibmvscsi" : "virtio-scsi"
        guard let found else {
            guard own != "virtio-scsi" else { return }
            add(
                isAutomatic && index > 0
                    ? Text(
                        "libvirt's automatic address puts it on SCSI controller \(index) (7 units each), which does not exist: an \(own) one would be added",
                        "libvirt 的自动编址会将其放到 SCSI 控制器 \(index)(每个 7 个单元),而它不存在:将自动添加 \(own) 控制器")
                    : Text(
                        "there is no SCSI controller \(index): libvirt would add an \(own) one",
                        "没有 SCSI 控制器 \(index):libvirt 会自动添加 \(own) 控制器"),
                "no controller \(index)", "virtio-scsi", DomainChange(guest.name, "/domain/devices", .insert(fragment)),
                Evidence(address ?? target ?? disk, "controller \(index)"), nil)
            return
        }
        let model = found["model"] ?? own
        guard !model.hasPrefix("virtio") else { return }
        add(
            found["model"] == nil
                ? Text(
                    "SCSI controller \(index) has no model: libvirt takes \(own)",
                    "SCSI 控制器 \(index) 未指定型号:libvirt 采用 \(own)")
                : Text(
                    "SCSI controller \(index) is \(model), which passes no reservations on",
                    "SCSI 控制器 \(index) 为 \(model),不支持传递预留"),
            model, "virtio-scsi",
            DomainChange(guest.name, found.xpath, .attribute("model", "virtio-scsi"), from: found["model"]),
            Evidence(found, found["model"] ?? "no model"),
            Text(
                "The other disks on that controller change theirs too; the guest needs virtio_scsi in its initrd.",
                "该控制器上的其他磁盘也会随之改变;客户机的 initrd 需包含 virtio_scsi。"))
    }

    /// The bus that a target's name stands for where none is written.
    private static func bus(of target: String) -> String {
        for (prefix, bus) in [
            ("sd", "scsi"), ("vd", "virtio"), ("hd", "ide"), ("xvd", "xen"), ("fd", "fdc"), ("ubd", "uml"),
        ] where target.hasPrefix(prefix) {
            return bus
        }
        return "none"
    }

    /// The controller that libvirt puts `sdX` on by itself: seven units to each.
    ///
    /// - Source: libvirt src/conf/domain_conf.c `virDomainDiskDefAssignAddress`, for a narrow bus.
    private static func automaticController(of target: String) -> Int {
        guard target.hasPrefix("sd") else { return 0 }
        var number = 0
        for letter in target.utf8.dropFirst(2).prefix(3) {
            guard letter >= 0x61, letter <= 0x7A else { break }
            number = number * 26 + Int(letter - 0x61) + 1
        }
        return max(0, number - 1) / 7
    }

    var examples: Examples {
        func disk(
            _ attributes: String = "type='block' device='lun'",
            _ reservations: String = "<reservations managed='yes'/>", target: String = "sda",
            bus: String = "scsi", more: String = "",
            controller: String = "<controller type='scsi' index='0' model='virtio-scsi'/>"
        ) -> String {
            """
            <devices><disk \(attributes)><driver name='qemu' type='raw'/><source dev='/dev/mapper/storage1'>\(reservations)</source>\
            <target dev='\(target)' bus='\(bus)'/>\(more)</disk>\(controller)</devices>
            """
        }
        return Examples(
            fires: .guest(
                "a disk, not a lun", disk("type='block' device='disk'"), expect: .fires(.error, observed: "disk")),
            .guest("an image file", disk("type='file' device='lun'"), expect: .fires(.error, observed: "file")),
            .guest(
                "no controller: an LSI one would be added", disk(controller: ""),
                expect: .fires(.error, observed: "no controller 0")),
            .guest(
                "the eighth disk, without an address", disk(target: "sdh"),
                expect: .fires(.error, observed: "no controller 1")),
            .guest(
                "a controller without a model is LSI on x86", disk(controller: "<controller type='scsi' index='0'/>"),
                expect: .fires(.error, observed: "lsilogic")),
            .guest("a virtio-blk disk", disk(target: "vda", bus: "virtio"), expect: .fires(.error, observed: "virtio")),
            .guest(
                "not managed, no socket", disk("type='block' device='lun'", "<reservations managed='no'/>"),
                expect: .fires(.error, observed: "managed='no'")),
            .guest(
                "a shared LUN without", disk("type='block' device='lun'", "", more: "<shareable/>"),
                expect: .fires(.warning, observed: "no reservations")),
            .guest(
                "two guests on one LUN", disk("type='block' device='lun'", ""), expect: .fires(.warning),
                beside: ["<name>b</name>" + disk("type='block' device='lun'", "")]),
            quiet: .guest(
                "the guide's example", disk(more: "<address type='drive' controller='0' bus='0' target='0' unit='0'/>"),
                expect: .pass),
            .guest(
                "unit 9 with an address: virtio-scsi has room",
                disk(target: "sdj", more: "<address type='drive' controller='0' bus='0' target='0' unit='9'/>"),
                expect: .pass),
            .guest(
                "a helper of one's own",
                disk(
                    "type='block' device='lun'",
                    "<reservations managed='no'><source type='unix' path='/run/qemu-pr-helper.sock' mode='client'/></reservations>"
                ), expect: .pass),
            .guest(
                "Arm's own controller is virtio-scsi",
                "<os><type arch='aarch64' machine='virt-8.2'>hvm</type></os>" + disk(controller: ""), expect: .pass),
            .guest("a LUN that nobody shares", disk("type='block' device='lun'", ""), expect: .pass),
            .guest(
                "no LUN", "<devices><disk type='file' device='disk'><target dev='vda' bus='virtio'/></disk></devices>",
                expect: .notApplicable),
            others: [.guest("Xen", "<domain type='xen'><name>x</name></domain>", expect: .notApplicable)])
    }
}
