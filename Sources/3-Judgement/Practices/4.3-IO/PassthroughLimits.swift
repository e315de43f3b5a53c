import Changes
import DomainXML
import Inventory
import Quantities

/// Ports for assigned devices, and no assigned device on a guest that is to migrate (guide §4.3.3, table 2).
struct PassthroughLimits: GuestPractice {
    var about: About {
        About(
            id: "passthrough-limits", section: "4.3.3", scopes: [.guest], severities: [.warning, .info],
            fixes: [.xml, .hand],
            title: Text("Limits of device assignment", "设备直通的限制"),
            why: Text(
                "An assigned device needs a PCIe port of its own, which cannot be added while the guest runs, and its state stays in the hardware: a guest that has one cannot be moved alive.",
                "每个直通设备需要独立的 PCIe 端口,运行时无法添加;其状态保存在硬件中,带直通设备的客户机无法实时迁移。"),
            tradeOff: Text(
                "Spare ports take I/O address space; a virtio stand-in for a failover pair is slower than the device while it serves.",
                "备用端口会占用 I/O 地址空间;故障转移对中的 virtio 备用设备在工作期间比直通设备慢。"),
            guideSays: Text("A guest can have at most 8 assigned PCI devices.", "每个客户机最多 8 个直通 PCI 设备。"),
            today: Text(
                "That limit was of device assignment before VFIO. Today ports, the IOMMU's groups and locked memory are what bounds it; one port of an SR-IOV card serves many guests.",
                "该限制来自 VFIO 之前的设备分配。如今的限制是端口、IOMMU 组和锁定内存;SR-IOV 网卡的一个端口可服务多个客户机。"),
            sources: ["guide §4.3.3", "QEMU docs/pcie.txt", "libvirt docs/pci-hotplug.rst"], holdsForConfidential: false
        )
    }

    /// The guide's number of assigned devices.
    private static let guidesLimit = 8

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let devices = domain.hostDevices.filter { $0.kind != .capabilities }
        if devices.isEmpty { return .notApplicable(Text("no device of the host is assigned", "没有分配主机设备")) }
        var judgement = Judgement()
        let onPCI = devices.filter(\.isOnPCI)
        addPorts(onPCI, domain, of: guest, to: &judgement)
        if onPCI.count > Self.guidesLimit {
            judgement.add(
                Finding(
                    .info, part: nil,
                    Text(
                        "\(onPCI.count) PCI devices are assigned; the guide names \(Self.guidesLimit) as the most, which VFIO no longer knows",
                        "已分配 \(onPCI.count) 个 PCI 设备;指南上限为 \(Self.guidesLimit),VFIO 已无此限制"),
                    observed: "\(onPCI.count) devices", expected: "≤ \(Self.guidesLimit) devices (guide)",
                    remedy: .none,
                    evidence: [Evidence(onPCI[Self.guidesLimit].element, onPCI[Self.guidesLimit].label)]))
        }
        addMigration(devices, of: guest, estate.settings, to: &judgement)
        return judgement
    }

    // MARK: Ports

    private func addPorts(
        _ devices: [HostDevice], _ domain: DomainDefinition, of guest: Guest, to judgement: inout Judgement
    ) {
        guard let first = devices.first, domain.machineType?.family == .q35 || domain.machineType?.family == .virt
        else { return }
        let ports = domain.controllers.filter {
            $0.type == "pci" && ($0.model == "pcie-root-port" || $0.model == "pcie-switch-downstream-port")
        }
        // Where none is written, libvirt makes as many as are needed.
        guard !ports.isEmpty else { return }
        var occupied = Set<Int>()
        for device in domain.devices {
            if let address = GuestPCIAddress(device.first("address")) { occupied.insert(address.bus) }
        }
        let free = ports.filter { port in port.index.map { !occupied.contains($0) } ?? true }.count
        let waiting = devices.filter { $0.address == nil }
        if waiting.count > free, let device = waiting.first {
            judgement.add(
                Finding(
                    .warning, part: device.label,
                    Text(
                        "\(waiting.count) assigned devices have no address yet, and \(free) of \(ports.count) PCIe ports are free",
                        "\(waiting.count) 个直通设备尚无地址,\(ports.count) 个 PCIe 端口中空闲 \(free) 个"),
                    observed: "\(free) free ports", expected: "≥ \(waiting.count) free ports",
                    remedy: .changes(
                        (0..<(waiting.count - free)).map { _ in
                            DomainChange(
                                guest.name, "/domain/devices",
                                .insert("<controller type='pci' model='pcie-root-port'/>"))
                        }, disrupts: .guestRestart,
                        note: Text(
                            "libvirt adds ports by itself when a definition is defined anew, and never to a guest that runs",
                            "重新定义时 libvirt 会自动添加端口,但不会为运行中的客户机添加")),
                    evidence: [Evidence(device.element, "\(free) of \(ports.count) ports free")]))
        } else if waiting.isEmpty, free == 0 {
            judgement.add(
                Finding(
                    .info, part: nil,
                    Text(
                        "All \(ports.count) PCIe ports are taken: no device can be plugged in while the guest runs",
                        "全部 \(ports.count) 个 PCIe 端口已占用:客户机运行时无法热插设备"),
                    observed: "0 free ports", expected: "≥ 1 free port",
                    remedy: .change(
                        DomainChange(
                            guest.name, "/domain/devices", .insert("<controller type='pci' model='pcie-root-port'/>")),
                        disrupts: .guestRestart),
                    evidence: [Evidence(first.element, "\(ports.count) ports")]))
        }
    }

    // MARK: Migration

    private func addMigration(
        _ devices: [HostDevice], of guest: Guest, _ settings: Settings, to judgement: inout Judgement
    ) {
        guard let target = settings.migrationTargets.first ?? settings.migrationRelease else { return }
        // libvirt lets USB devices go (they are unplugged and plugged in anew), and the assigned half of a failover pair.
        for device in devices where device.kind != .usb && !device.isUnpluggedToMigrate {
            let isNetwork = device.element.name == "interface"
            judgement.add(
                Finding(
                    .warning, part: device.label,
                    Text(
                        "\(device.label) (\(device.kind.rawValue)) is assigned, and the guest is meant to migrate (\(target)): it cannot be moved alive",
                        "已分配设备 \(device.label)(\(device.kind.rawValue)),而客户机计划迁移(\(target)):无法实时迁移"),
                    observed: "assigned \(device.kind.rawValue) device",
                    expected: "no assigned device, or a failover pair",
                    remedy: .byHand(
                        isNetwork
                            ? Text(
                                "Add a virtio interface with <teaming type='persistent'/> and give this one <teaming type='transient' persistent='ua-…'/>: QEMU unplugs it before the move. Devices with migration of their own (VFIO v2: recent vGPUs and network cards) can be tried",
                                "添加带 <teaming type='persistent'/> 的 virtio 接口,并为此接口设置 <teaming type='transient' persistent='ua-…'/>:QEMU 会在迁移前拔出它。自身支持迁移的设备(VFIO v2:较新的 vGPU 和网卡)可以尝试"
                            )
                            : Text(
                                "Detach it before the move and attach one at the target, or shut the guest down to move it. Devices with migration of their own (VFIO v2: recent vGPUs and network cards) can be tried",
                                "迁移前分离设备并在目标主机重新连接,或关闭客户机后再迁移。自身支持迁移的设备(VFIO v2:较新的 vGPU 和网卡)可以尝试"),
                        commands: device.alias.map {
                            ["virsh detach-device-alias \(guest.name.shellWord) \($0.shellWord) --live"]
                        } ?? [],
                        disrupts: .live),
                    evidence: [Evidence(device.element, device.source ?? device.kind.rawValue)]))
        }
    }

    var examples: Examples {
        let gpu =
            "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='3' slot='0' function='0'/></source>"
        let moves: Settings = {
            var settings = Settings()
            settings.migrationTargets = ["kvm2"]
            return settings
        }()
        func port(_ index: Int) -> String {
            "<controller type='pci' index='\(index)' model='pcie-root-port'><address type='pci' domain='0' bus='0' slot='\(index)' function='0'/></controller>"
        }
        func at(_ bus: Int) -> String {
            "<address type='pci' domain='0x0000' bus='0x0\(bus)' slot='0x00' function='0x0'/>"
        }
        let disk = "<disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/>\(at(1))</disk>"
        return Examples(
            fires: .guest(
                "the one port is taken by a disk", "<devices>\(port(1))\(disk)\(gpu)</hostdev></devices>",
                expect: .fires(.warning, observed: "0 free ports")),
            .guest(
                "meant to migrate", "<devices>\(gpu)</hostdev></devices>",
                expect: .fires(.warning, observed: "assigned pci device"), settings: moves),
            .guest(
                "a vGPU, meant to migrate",
                "<devices><hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev></devices>",
                expect: .fires(.warning, observed: "assigned mdev device"), settings: moves),
            .guest(
                "nine of them", "<devices>\(String(repeating: gpu + "</hostdev>", count: 9))</devices>",
                expect: .fires(.info, observed: "9 devices")),
            .guest(
                "every port taken: nothing more while it runs",
                "<devices>\(port(1))\(port(2))\(disk)\(gpu)\(at(2))</hostdev></devices>",
                expect: .fires(.info, observed: "0 free ports")),
            quiet: .guest(
                "a free port", "<devices>\(port(1))\(port(2))\(port(3))\(disk)\(gpu)\(at(2))</hostdev></devices>",
                expect: .pass),
            .guest("libvirt makes the ports", "<devices>\(gpu)</hostdev></devices>", expect: .pass),
            .guest(
                "eight are within the guide's number",
                "<devices>\(String(repeating: gpu + "</hostdev>", count: 8))</devices>", expect: .pass),
            .guest(
                "the assigned half of a failover pair may migrate",
                "<devices><interface type='hostdev' managed='yes'><source><address type='pci' domain='0' bus='3' slot='16' function='1'/></source><teaming type='transient' persistent='ua-backup0'/></interface></devices>",
                expect: .pass, settings: moves),
            .guest(
                "USB devices are plugged in anew",
                "<devices><hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev></devices>",
                expect: .pass, settings: moves),
            others: [
                .guest("nothing is assigned", "<devices/>", expect: .notApplicable, settings: moves),
                .guest(
                    "a confidential guest", "<launchSecurity type='sev'/><devices>\(gpu)</hostdev></devices>",
                    expect: .notApplicable),
            ])
    }
}
