import Changes
import DomainXML
import Inventory
import Quantities

/// virtio network interfaces (guide §4.3.3, table 2).
struct NICModel: GuestPractice {
    var about: About {
        About(
            id: "nic-model", section: "4.3.3", scopes: [.guest], severities: [.warning], fixes: [.xml],
            title: Text("virtio network cards", "virtio 网卡"),
            why: Text(
                "Each access of a driver to an emulated card stops the vCPU and is played through in QEMU; virtio shares rings of memory with the host's kernel (vhost) and moves several times as much for the same CPU time.",
                "驱动程序每次访问模拟网卡都会使 vCPU 停顿并由 QEMU 模拟;virtio 通过共享内存环与主机内核(vhost)通信,同样的 CPU 时间可传输数倍数据。"),
            tradeOff: Text(
                "The guest needs virtio drivers (Linux has them, Windows needs VMDP or virtio-win), sees a new card, and may name it anew.",
                "客户机需要 virtio 驱动(Linux 自带,Windows 需要 VMDP 或 virtio-win),会识别为新网卡并可能重新命名。"),
            sources: ["guide §4.3.3", "libvirt docs/formatdomain.rst (network interfaces)"])
    }

    /// Models that share memory rings with the host: nothing to gain.
    ///
    /// `spapr-vlan` is POWER's own.
    private static let paravirtual: Set<String> = [
        "virtio", "virtio-net", "virtio-net-pci", "virtio-net-ccw", "virtio-net-device", "virtio-transitional",
        "virtio-non-transitional", "netfront",
        "spapr-vlan",
    ]
    /// Cards that are part of a board and cannot be another.
    private static let onBoard: Set<String> = [
        "smc91c111", "lan9118", "xgmac", "cadence_gem", "imx.enet", "mcf_fec", "allwinner-emac", "allwinner-sun8i-emac",
        "lance", "sungem",
        "stellaris", "milkymist-minimac2", "opencores_eth", "npcm7xx-emc", "dp83932",
    ]

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var judged = 0
        for interface in domain.interfaces {
            guard let model = interface.modelInForce(in: domain) else { continue }
            judged += 1
            if Self.paravirtual.contains(model) || Self.onBoard.contains(model) { continue }
            let written = interface.element.first("model")
            let isDefault = interface.model == nil
            let changes: [DomainChange] =
                written.map { [DomainChange(guest.name, $0.xpath, .attribute("type", "virtio"), from: $0["type"])] }
                ?? [DomainChange(guest.name, interface.element.xpath, .insert("<model type='virtio'/>"))]
            let observed = isDefault ? "\(model) (libvirt's default)" : model
            judgement.add(
                Finding(
                    .warning, part: interface.label,
                    isDefault
                        ? Text(
                            "Interface \(interface.label) names no model, and libvirt takes \(model), which is emulated; virtio is faster",
                            "接口 \(interface.label) 未指定型号,libvirt 会使用完全模拟的 \(model);virtio 更快")
                        : Text(
                            "Interface \(interface.label) is an emulated \(model); virtio is faster",
                            "接口 \(interface.label) 是完全模拟的 \(model);virtio 更快"),
                    observed: observed, expected: "virtio",
                    remedy: domain.isWindows
                        ? .changes(
                            changes, disrupts: .guestRestart,
                            note: Text(
                                "Windows: install the network driver (VMDP or virtio-win) first, and note a fixed IP address, which stays with the old card",
                                "Windows:请先安装网络驱动(VMDP 或 virtio-win),并记录固定 IP 地址,它会保留在旧网卡上"))
                        : .changes(
                            changes, disrupts: .guestRestart,
                            note: Text(
                                "Same MAC address and slot: names by MAC stay; look at names made from the driver or slot (ens3, enp1s0)",
                                "MAC 地址和插槽不变:按 MAC 命名的接口不变;请检查按驱动或插槽生成的名称(ens3、enp1s0)")),
                    evidence: [Evidence(written ?? interface.element, observed)]))
        }
        if judged == 0 {
            return .notApplicable(Text("the guest has no network interface of an emulated kind", "客户机没有需要判断的网络接口"))
        }
        return judgement
    }

    var examples: Examples {
        @Sendable func nic(_ inside: String, type: String = "network") -> String {
            "<devices><interface type='\(type)'><mac address='52:54:00:00:00:01'/>\(inside)</interface></devices>"
        }
        let arm = "<os><type arch='aarch64' machine='virt-8.2'>hvm</type></os>"
        return Examples(
            fires: .guest("e1000", nic("<model type='e1000'/>"), expect: .fires(.warning, observed: "e1000")),
            .guest(
                "e1000e, the newer one", nic("<model type='e1000e'/>", type: "bridge"),
                expect: .fires(.warning, observed: "e1000e")),
            .guest(
                "no model: libvirt takes rtl8139 on x86", nic(""),
                expect: .fires(.warning, observed: "rtl8139 (libvirt's default)")),
            .guest(
                "Windows: the driver comes first",
                "<features><hyperv><relaxed state='on'/></hyperv></features>" + nic("<model type='e1000e'/>"),
                expect: .fires(.warning)),
            quiet: .guest("virtio", nic("<model type='virtio'/>"), expect: .pass),
            .guest("as libvirt also writes it", nic("<model type='virtio-transitional'/>"), expect: .pass),
            .guest("letters do not matter to libvirt", nic("<model type='ViRtIo'/>"), expect: .pass),
            .guest("Arm's default is virtio", arm + nic(""), expect: .pass),
            .guest(
                "so is IBM Z's", "<os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os>" + nic(""),
                expect: .pass),
            .guest("vDPA is always virtio", nic("<source dev='/dev/vhost-vdpa-0'/>", type: "vdpa"), expect: .pass),
            others: [
                .guest(
                    "an assigned device has no model",
                    nic(
                        "<source><address type='pci' domain='0' bus='3' slot='16' function='0'/></source>",
                        type: "hostdev"),
                    expect: .notApplicable),
                .guest("no interface at all", "<devices/>", expect: .notApplicable),
                .guest(
                    "Xen is judged by its own tools",
                    "<domain type='xen'><name>x</name><devices><interface type='bridge'><model type='e1000'/></interface></devices></domain>",
                    expect: .notApplicable),
            ])
    }
}
