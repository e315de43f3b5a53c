import DomainXML
import Inventory
import Quantities

extension NewGuest {
    /// A definition to begin with; what the host and the workload ask for beyond it is the practices' business.
    func definition(_ support: GuestSupport, usesHostModel: Bool) -> NewElement {
        let isX86 = support.architecture == "x86_64"
        let isS390 = support.architecture == "s390x"
        let board =
            machine
            ?? (isX86 ? "q35" : isS390 ? "s390-ccw-virtio" : support.architecture == "ppc64le" ? "pseries" : "virt")
        let known = support.machines.first { $0.name == board }
        let screen = hasScreen ?? (system == .windows || isInstalled)
        let isEmulated = support.type != "kvm"
        let usesMode = isEmulated ? "maximum" : usesHostModel ? "host-model" : "host-passthrough"
        return NewElement(
            "domain", ["type": support.type],
            [
                NewElement("name", text: name),
                NewElement(
                    "metadata", [:],
                    [
                        NewElement(
                            "nm:workload", ["xmlns:nm": SetWorkload.namespace], text: workload.rawValue)
                    ]),
                kibibytes("memory", memory),
                kibibytes("currentMemory", memory),
                NewElement(
                    "vcpu",
                    [
                        "placement": "static",
                        "current": maximumVCPUs.flatMap { $0 > vcpus ? String(vcpus) : nil },
                    ], text: String(max(vcpus, maximumVCPUs ?? vcpus))),
                isBusy && !disks.isEmpty ? NewElement("iothreads", text: "1") : nil,
                NewElement(
                    "os", ["firmware": isUEFI ? "efi" : nil],
                    [
                        NewElement(
                            "type", ["arch": support.architecture, "machine": known?.canonical ?? board], text: "hvm")
                    ] + kernel),
                NewElement(
                    "features", [:],
                    [
                        isS390 ? nil : NewElement("acpi"), isX86 ? NewElement("apic") : nil,
                        isX86 ? NewElement("vmport", ["state": "off"]) : nil,
                    ]),
                NewElement("cpu", ["mode": usesMode, "check": "none"]),
                clock(isX86),
                isS390
                    ? nil
                    : NewElement(
                        "pm", [:],
                        [
                            NewElement("suspend-to-mem", ["enabled": "no"]),
                            NewElement("suspend-to-disk", ["enabled": "no"]),
                        ]),
                NewElement("devices", [:], devices(support, isX86: isX86, isS390: isS390, screen: screen)),
            ])
    }

    var isBusy: Bool { [.database, .storage, .latency].contains(workload) }

    private var isInstalled: Bool { if case .cdrom = start { true } else { false } }

    private func kibibytes(_ name: String, _ size: ByteCount) -> NewElement {
        NewElement(name, ["unit": "KiB"], text: String(size.kibibytes))
    }

    private var kernel: [NewElement?] {
        guard case .kernel(let kernel, let initrd, let arguments) = start else { return [] }
        return [
            NewElement("kernel", text: kernel), initrd.map { NewElement("initrd", text: $0) },
            arguments.map { NewElement("cmdline", text: $0) },
        ]
    }

    /// Timers that give no needless ticks (guide §4.5).
    private func clock(_ isX86: Bool) -> NewElement {
        guard isX86 else { return NewElement("clock", ["offset": "utc"]) }
        return NewElement(
            "clock", ["offset": system == .windows ? "localtime" : "utc"],
            [
                NewElement("timer", ["name": "rtc", "tickpolicy": "catchup"]),
                NewElement("timer", ["name": "pit", "tickpolicy": "delay"]),
                NewElement("timer", ["name": "hpet", "present": "no"]),
                system == .windows ? NewElement("timer", ["name": "hypervclock", "present": "yes"]) : nil,
            ])
    }

    private func devices(_ support: GuestSupport, isX86: Bool, isS390: Bool, screen: Bool) -> [NewElement?] {
        var devices: [NewElement?] = [support.emulator.map { NewElement("emulator", text: $0) }]
        var targets: [String: Int] = [:]
        func target(_ prefix: String, _ wanted: String?) -> String {
            if let wanted { return wanted }
            let index = targets[prefix, default: 0]
            targets[prefix] = index + 1
            return prefix + Guest.letters(index)
        }
        let bootsByOrder = if case .kernel = start { false } else { true }
        for (index, disk) in disks.enumerated() {
            let operation = AddDisk(disk.image, at: disk.path, disk.wish)
            let bus = operation.bus(isX86: isX86)
            var element = operation.element(
                target(bus == "virtio" ? "vd" : bus == "ide" ? "hd" : "sd", disk.wish.target), bus, isBusy: isBusy,
                thread: isBusy && bus == "virtio" ? 1 : nil)
            if bootsByOrder, index == 0 { element.children.append(NewElement("boot", ["order": "1"])) }
            devices.append(element)
        }
        if case .cdrom(let path) = start {
            devices.append(
                NewElement(
                    "disk", ["type": "file", "device": "cdrom"],
                    [
                        NewElement("driver", ["name": "qemu", "type": "raw"]),
                        NewElement("source", ["file": path]),
                        NewElement("target", ["dev": target("sd", nil), "bus": isX86 ? "sata" : "scsi"]),
                        NewElement("readonly"), NewElement("boot", ["order": disks.isEmpty ? "1" : "2"]),
                    ]))
            if !isX86 { devices.append(NewElement("controller", ["type": "scsi", "model": "virtio-scsi"])) }
        }
        if !isS390 {
            devices.append(NewElement("controller", ["type": "usb", "model": screen ? "qemu-xhci" : "none"]))
            devices += ports(isX86)
        }
        for network in networks {
            devices.append(AddNIC(network.source, mac: network.mac).element)
        }
        devices += [
            NewElement("serial", ["type": "pty"]),
            NewElement("console", ["type": "pty"]),
            AddAgent.element,
            screen ? NewElement("input", ["type": "tablet", "bus": isS390 ? "virtio" : "usb"]) : nil,
            screen
                ? NewElement(
                    "graphics", ["type": "vnc", "autoport": "yes"],
                    [NewElement("listen", ["type": "address", "address": "127.0.0.1"])])
                : nil,
            // Windows has a driver for the plain frame buffer only, until others are installed.
            screen
                ? NewElement(
                    "video", [:], [NewElement("model", ["type": system == .windows && !isS390 ? "vga" : "virtio"])])
                : nil,
            AddRNG.element("/dev/urandom"),
            NewElement("memballoon", ["model": "virtio", "freePageReporting": "on"]),
        ]
        return devices
    }

    /// Ports for every device, and some more; libvirt itself makes only as many as it needs.
    private func ports(_ isX86: Bool) -> [NewElement] {
        guard isX86,
            machine.map({ !$0.hasPrefix("pc-i440fx") && $0 != "pc" && $0 != "isapc" && $0 != "microvm" }) ?? true
        else { return [] }
        return PCIExpress.controllers(for: disks.count + networks.count + 5)
    }
}
