import Changes
import DomainXML
import Inventory
import Quantities

/// Disks on virtio-blk or virtio-scsi (guide §4.3.3, table 2).
struct DiskBus: GuestPractice {
    var about: About {
        About(
            id: "disk-bus", section: "4.3.3", scopes: [.guest], severities: [.warning], fixes: [.xml, .hand],
            title: Text("virtio disks", "virtio 磁盘"),
            why: Text(
                "An emulated IDE, SATA or SCSI controller stops the vCPU at each access to a register, serves one or a few requests at a time and has no I/O thread; virtio hands whole batches over through shared memory.",
                "模拟的 IDE、SATA 或 SCSI 控制器在每次访问寄存器时都会使 vCPU 停顿,一次只能处理少量请求,且不支持 I/O 线程;virtio 通过共享内存批量传递请求。"),
            tradeOff: Text(
                "The guest needs virtio drivers at boot (in its initrd; on Windows as boot-start drivers), and with virtio-blk its disks are called /dev/vdX.",
                "客户机在引导时需要 virtio 驱动(在 initrd 中;Windows 上须为引导启动驱动),使用 virtio-blk 时磁盘名为 /dev/vdX。"),
            sources: ["guide §4.3.3", "libvirt docs/formatdomain.rst (disks, controllers)"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        switch domain.machineType?.family {
        case .isapc, .microvm, .other:
            return .notApplicable(
                Text("the board \(domain.machine ?? "") has buses of its own", "机器类型 \(domain.machine ?? "") 使用自己的总线"))
        default: break
        }
        let disks = domain.disks
        var judgement = Judgement()
        var used = Set(disks.map(\.target))
        for slow in VirtioConversion.slowDisks(of: domain) {
            judgement.add(
                slow.disk.busInForce == "scsi"
                    ? controllerFinding(slow, domain, of: guest) : finding(slow, domain, of: guest, used: &used))
        }
        if !disks.contains(where: { $0.device == "disk" || $0.device == "lun" }) {
            return .notApplicable(Text("the guest has no disk", "客户机没有磁盘"))
        }
        return judgement
    }

    // MARK: IDE and SATA

    private func finding(
        _ slow: VirtioConversion.SlowDisk, _ domain: DomainDefinition, of guest: Guest, used: inout Set<String>
    ) -> Finding {
        let (disk, bus) = (slow.disk, slow.controller)
        let new = VirtioConversion.free("vd", &used)
        let changes = VirtioConversion.changes(slow, in: domain, to: new)
        return Finding(
            .warning, part: disk.label,
            Text(
                "Disk \(disk.label) hangs on an emulated \(bus.uppercased()) controller; virtio is faster",
                "磁盘 \(disk.label) 连接在模拟的 \(bus.uppercased()) 控制器上;virtio 更快"),
            observed: bus, expected: "virtio",
            remedy: domain.isWindows
                ? Self.windows(guest)
                // Whether its initrd has the driver, only the guest knows.
                : .changes(changes, disrupts: .guestRestart, note: Self.linuxNote(new, isSCSI: slow.driver == .scsi))
                    .onRequest,
            evidence: [Evidence(disk.element.first("target") ?? disk.element, bus)])
    }

    private static func linuxNote(_ new: String, isSCSI: Bool) -> Text {
        let names =
            isSCSI
            ? Text("Its name in the guest stays sdX.", "其在客户机中的名称仍为 sdX。")
            : Text(
                "In the guest it becomes /dev/\(new): look at root= and fstab first, if they name it by /dev rather than by UUID or label.",
                "它在客户机中变为 /dev/\(new):如果 root= 和 fstab 使用 /dev 名称而非 UUID 或标签,请先检查。")
        return names
            + Text(
                "Before the change, inside: dracut --force --add-drivers 'virtio_blk virtio_scsi virtio_pci' (Debian: update-initramfs -u), and a backup. If the guest is Windows, do not switch at once: add a small virtio disk first, boot, install the driver, then switch.",
                "更改前在客户机内执行:dracut --force --add-drivers 'virtio_blk virtio_scsi virtio_pci'(Debian:update-initramfs -u),并备份。若客户机为 Windows,请勿直接切换:先添加一块小的 virtio 磁盘,启动并安装驱动,再切换。"
            )
    }

    /// Windows loads at boot only drivers it has seen work: a virtio disk beside the old ones makes it load them.
    private static func windows(_ guest: Guest) -> Remedy {
        let command = "nearmetal guest convert \(guest.name.shellWord) --to-virtio"
        return .byHand(
            Text(
                "In stages, or Windows stops with INACCESSIBLE_BOOT_DEVICE: a small virtio disk first, boot and install the driver (VMDP or virtio-win) until the disk is seen, then switch over and take the small one away",
                "分阶段进行,否则 Windows 会以 INACCESSIBLE_BOOT_DEVICE 停止:先添加一块小的 virtio 磁盘,启动并安装驱动(VMDP 或 virtio-win)直到识别该磁盘,再切换并移除小磁盘"
            ),
            commands: [
                "\(command)   # 1: a small virtio disk",
                "# start the guest, install the driver, see the disk in Disk Management, restart it",
                "\(command)   # 2: its disks",
                "# start the guest",
                "\(command)   # 3: the small disk goes",
            ], disrupts: .guestRestart)
    }

    // MARK: SCSI

    private func controllerFinding(
        _ slow: VirtioConversion.SlowDisk, _ domain: DomainDefinition, of guest: Guest
    ) -> Finding {
        let (disk, model) = (slow.disk, slow.controller)
        let index = disk.scsiController
        let controller = domain.controllers.first { $0.type == "scsi" && ($0.index ?? 0) == index }
        let isDefault = controller?.model == nil
        let observed = isDefault ? "\(model) (libvirt's default)" : model
        return Finding(
            .warning, part: disk.label,
            Text(
                "Disk \(disk.label) hangs on SCSI controller \(index), an emulated \(observed); virtio-scsi is faster",
                "磁盘 \(disk.label) 连接在 SCSI 控制器 \(index)(模拟的 \(model))上;virtio-scsi 更快"),
            observed: observed, expected: "virtio-scsi",
            remedy: domain.isWindows
                ? Self.windows(guest)
                : .changes(
                    VirtioConversion.changes(slow, in: domain, to: ""), disrupts: .guestRestart,
                    note: Text(
                        "Names stay sdX. Every disk of this controller changes with it. Before, inside: virtio_scsi into the initrd (dracut --force --add-drivers virtio_scsi)",
                        "名称仍为 sdX。该控制器上的所有磁盘一并改变。更改前在客户机内将 virtio_scsi 加入 initrd(dracut --force --add-drivers virtio_scsi)"
                    )
                ).onRequest,
            evidence: [Evidence(controller?.element ?? disk.element, observed)])
    }

    var examples: Examples {
        @Sendable func disk(_ target: String, _ more: String = "") -> String {
            "<disk type='file' device='disk'><source file='/images/a.qcow2'/><target \(target)/>\(more)</disk>"
        }
        let lsi = "<controller type='scsi' index='0' model='lsilogic'/>"
        let virtio = "<controller type='scsi' index='0' model='virtio-scsi'/>"
        let windows = "<features><hyperv><relaxed state='on'/></hyperv></features>"
        return Examples(
            fires: .guest(
                "IDE", "<devices>\(disk("dev='hda' bus='ide'"))</devices>", expect: .fires(.warning, observed: "ide")),
            .guest(
                "SATA", "<devices>\(disk("dev='sda' bus='sata'"))</devices>", expect: .fires(.warning, observed: "sata")
            ),
            .guest(
                "SCSI on LSI's controller", "<devices>\(lsi)\(disk("dev='sda' bus='scsi'"))</devices>",
                expect: .fires(.warning, observed: "lsilogic")),
            .guest(
                "SCSI without a model: LSI's is libvirt's default on x86",
                "<devices>\(disk("dev='sda' bus='scsi'"))</devices>",
                expect: .fires(.warning, observed: "lsilogic (libvirt's default)")),
            .guest(
                "no bus: the name says IDE", "<devices>\(disk("dev='hda'"))</devices>",
                expect: .fires(.warning, observed: "ide")),
            .guest(
                "Windows, in stages", windows + "<devices>\(disk("dev='sda' bus='sata'"))</devices>",
                expect: .fires(.warning, observed: "sata")),
            .guest(
                "the second controller is the slow one",
                "<devices>\(virtio)<controller type='scsi' index='1' model='lsisas1078'/>\(disk("dev='sdb' bus='scsi'", "<address type='drive' controller='1' bus='0' target='0' unit='0'/>"))</devices>",
                expect: .fires(.warning, observed: "lsisas1078")),
            quiet: .guest("virtio-blk", "<devices>\(disk("dev='vda' bus='virtio'"))</devices>", expect: .pass),
            .guest("virtio-scsi", "<devices>\(virtio)\(disk("dev='sda' bus='scsi'"))</devices>", expect: .pass),
            .guest(
                "virtio-scsi as older guests need it",
                "<devices><controller type='scsi' model='virtio-transitional'/>\(disk("dev='sda' bus='scsi'"))</devices>",
                expect: .pass),
            .guest("a USB disk is meant to be one", "<devices>\(disk("dev='sda' bus='usb'"))</devices>", expect: .pass),
            .guest(
                "IBM Z's SCSI is always virtio",
                "<os><type arch='s390x' machine='s390-ccw-virtio-8.2'>hvm</type></os><devices>\(disk("dev='sda' bus='scsi'"))</devices>",
                expect: .pass),
            .guest(
                "a seed that is read once",
                "<devices>\(disk("dev='vda' bus='virtio'"))<disk type='file' device='disk'><source file='/seeds/web1-cidata.iso'/><target dev='sda' bus='sata'/></disk></devices>",
                expect: .pass),
            others: [
                .guest(
                    "CD drives belong on SATA or IDE",
                    "<devices><disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk></devices>",
                    expect: .notApplicable),
                .guest(
                    "a board without PCI",
                    "<os><type arch='i686' machine='isapc'>hvm</type></os><devices>\(disk("dev='hda' bus='ide'"))</devices>",
                    expect: .notApplicable),
            ])
    }
}
