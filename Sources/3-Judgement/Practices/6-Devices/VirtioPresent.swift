import Changes
import DomainXML
import Inventory
import Quantities

/// Every virtio device the guest is given has a driver inside (guide §6.1.4).
struct VirtioPresent: GuestPractice {
    var about: About {
        About(
            id: "virtio-present", section: "6.1.4", scopes: [.inside], severities: [.warning], fixes: [.hand],
            title: Text("virtio drivers inside", "客户机内的 virtio 驱动"),
            why: Text(
                "A virtio device without a driver does nothing: the disk is not there, the balloon never moves, the random numbers never arrive.",
                "没有驱动的 virtio 设备毫无作用:磁盘不可见、气球不工作、随机数也不会到达客户机。"),
            tradeOff: Text("Drivers have to be installed, and updated, in the guest.", "需要在客户机内安装并更新驱动。"),
            sources: ["guide §6.1.4", "kernel Documentation/driver-api/virtio/virtio.rst"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let devices = Self.virtioDevices(of: domain)
        guard let first = devices.first else { return .notApplicable(Text("it has no virtio device", "没有 virtio 设备")) }
        if let reason = Inside.isOff(guest) { return .notApplicable(reason) }
        let drivers: [String: String]
        switch guest.inside.flatMap(\.virtioDrivers) {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value): drivers = value
        }
        guard !drivers.isEmpty else {
            return .finding(
                Finding(
                    .warning,
                    Text(
                        "the guest sees none of its \(devices.count) virtio devices: its virtio_pci driver is missing",
                        "客户机看不到其 \(devices.count) 个 virtio 设备:缺少 virtio_pci 驱动"),
                    observed: "0", expected: "\(devices.count)", remedy: remedy(domain),
                    evidence: [Evidence(first, "virtio"), Evidence("/sys/bus/virtio/devices in the guest", "empty")]))
        }
        var judgement = Judgement()
        for device in drivers.keys.sorted() where drivers[device]?.isEmpty == true {
            judgement.add(
                Finding(
                    .warning, part: device,
                    Text("\(device) has no driver inside the guest", "客户机内的 \(device) 没有绑定驱动"), observed: "no driver",
                    expected: "a virtio driver", remedy: remedy(domain),
                    evidence: [Evidence("/sys/bus/virtio/devices/\(device)/driver in the guest", "absent")]))
        }
        return judgement
    }

    private func remedy(_ domain: DomainDefinition) -> Remedy {
        if domain.isWindows {
            return .byHand(
                Text("Install VMDP's or virtio-win's drivers in the guest.", "在客户机内安装 VMDP 或 virtio-win 驱动。"),
                disrupts: .live)
        }
        return .byHand(
            Text("Load the driver in the guest, and see why it was not loaded.", "在客户机内加载驱动,并查明未加载的原因。"),
            commands: ["find /sys/devices -name 'virtio*' -exec ls -l {}/driver \\;", "dmesg | grep -i virtio"],
            disrupts: .live)
    }

    /// Devices that are virtio by their model or bus.
    static func virtioDevices(of domain: DomainDefinition) -> [Element] {
        domain.devices.filter { device in
            let model = device["model"] ?? device.first("model")?["type"]
            if let model, model.hasPrefix("virtio") { return true }
            if device.first("target")?["bus"] == "virtio" { return true }
            return device.name == "controller" && device["type"] == "virtio-serial"
        }
    }

    var examples: Examples {
        let disk = "<devices><disk type='file' device='disk'><target dev='vda' bus='virtio'/></disk></devices>"
        return Examples(
            fires: .guest(
                "the balloon has no driver", disk, expect: .fires(.warning, observed: "no driver"),
                guest: Inside.facts { $0.virtioDrivers = .known(["virtio0": "virtio_blk", "virtio1": ""]) }),
            .guest(
                "no virtio bus at all", disk, expect: .fires(.warning, observed: "0"),
                guest: Inside.facts { $0.virtioDrivers = .known([:]) }),
            quiet: .guest(
                "each has one", disk, expect: .pass,
                guest: Inside.facts { $0.virtioDrivers = .known(["virtio0": "virtio_blk"]) }),
            .guest(
                "no virtio device",
                "<devices><disk type='file' device='disk'><target dev='sda' bus='sata'/></disk></devices>",
                expect: .notApplicable, guest: Inside.facts { $0.virtioDrivers = .known([:]) }),
            others: [
                .guest("no agent inside", disk, expect: .unknown),
                .guest("it is off", disk, expect: .notApplicable, active: false),
                .guest(
                    "the agent may not read it", disk, expect: .unknown,
                    guest: Inside.facts { $0.virtioDrivers = .unknown(Unknown(.denied, source: "guest-exec")) }),
            ])
    }
}
