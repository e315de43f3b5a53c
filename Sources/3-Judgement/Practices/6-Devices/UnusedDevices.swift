import Changes
import DomainXML
import Inventory
import Quantities

/// Devices nobody uses (guide §6.4): each costs a little of the emulator's time and adds to what can be attacked.
struct UnusedDevices: GuestPractice {
    var about: About {
        About(
            id: "unused-devices", section: "6.4", scopes: [.guest], severities: [.info], fixes: [.xml],
            title: Text("Unused devices", "未使用的设备"),
            why: Text(
                "Every emulated device is code of the host that the guest can reach; a USB tablet wakes the emulator up many times a second besides.",
                "每个模拟设备都是客户机可触及的主机代码;USB 数位板还会每秒多次唤醒模拟器。"),
            tradeOff: Text(
                "A drive that is taken out is not there when somebody wants to insert a medium; it takes a restart to bring it back.",
                "移除的驱动器在需要插入介质时将不可用;重新加入需要重启客户机。"),
            sources: ["guide §6.4", "CVE-2015-3456 (a floppy controller nobody used)"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        for disk in domain.devices("disk") {
            switch disk["device"] {
            case "floppy":
                judgement.add(finding(disk, Text("a floppy drive", "软盘驱动器"), "floppy", guest))
            case "cdrom" where Self.isEmpty(disk):
                judgement.add(finding(disk, Text("an empty CD drive", "空的光驱"), "empty cdrom", guest))
            default: break
            }
        }
        let graphics = domain.graphics
        let isHeadless = graphics.allSatisfy { $0.type == "egl-headless" } && !Self.showsGraphicsCard(domain)
        if !Self.carriesSound(domain, graphics) {
            for sound in domain.devices("sound") {
                judgement.add(finding(sound, Text("a sound card that nobody can hear", "无人能听到的声卡"), "sound", guest))
            }
        }
        if isHeadless { headless(domain, guest, &judgement) }
        for parallel in domain.devices("parallel") {
            judgement.add(finding(parallel, Text("a parallel port", "并行端口"), "parallel", guest))
        }
        for serial in domain.serials where serial.type == "null" || (serial.type == "vc" && isHeadless) {
            judgement.add(
                finding(
                    serial.element, Text("a serial port that leads nowhere", "没有去向的串行端口"), "serial \(serial.type)",
                    guest))
        }
        if !graphics.contains(where: { $0.type == "spice" }) {
            for device in domain.devices
            where ["redirdev", "channel", "smartcard"].contains(device.name) && device["type"] == "spicevmc" {
                judgement.add(
                    finding(
                        device,
                        Text("a Spice \(device.name) on a guest without Spice", "没有 Spice 的客户机上的 Spice \(device.name)"),
                        "spicevmc", guest))
            }
        }
        return judgement
    }

    /// Pointers and USB of a guest without a screen.
    private func headless(_ domain: DomainDefinition, _ guest: Guest, _ judgement: inout Judgement) {
        let usbDevices = domain.devices.filter(Self.isOnUSB)
        // A device of the host that is handed through is there on purpose.
        for input in domain.devices("input")
        where (input["bus"] == "usb" || input["bus"] == "virtio") && !["passthrough", "evdev"].contains(input["type"]) {
            let type = input["type"] ?? "input"
            judgement.add(
                finding(
                    input, Text("a \(type) on a guest without a screen", "没有屏幕的客户机上的 \(type)"),
                    "\(input["bus"] ?? "") \(type)", guest))
        }
        guard usbDevices.allSatisfy({ $0.name == "input" || $0.name == "hub" }) else { return }
        // xHCI sleeps while nothing is plugged in; the older ones poll.
        let polling = domain.devices("controller").first { controller in
            guard controller["type"] == "usb", controller.first("master") == nil else { return false }
            let model = controller["model"] ?? (domain.machineType?.family == .i440fx ? "piix3-uhci" : "none")
            return model != "none" && !model.hasSuffix("xhci")
        }
        guard let polling else { return }
        judgement.add(
            Finding(
                .info, part: "usb",
                Text(
                    "a USB controller on a guest that has neither a screen nor USB devices",
                    "既无屏幕也无 USB 设备的客户机上的 USB 控制器"),
                observed: polling["model"] ?? "libvirt's default", expected: "none",
                remedy: .byHand(
                    Text(
                        "Take out its USB devices and companions, and write <controller type='usb' model='none'/>: without it libvirt adds one again.",
                        "移除 USB 设备与伴随控制器,并写入 <controller type='usb' model='none'/>,否则 libvirt 会重新添加。"),
                    commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart),
                evidence: [Evidence(polling, polling["model"] ?? "no model")]))
    }

    private func finding(_ device: Element, _ what: Text, _ observed: String, _ guest: Guest) -> Finding {
        Finding(
            .info, part: DomainDefinition.label(device), what, observed: observed, expected: "absent",
            remedy: .change(DomainChange(guest.name, device.xpath, .remove, from: observed), disrupts: .guestRestart),
            evidence: [Evidence(device, observed)])
    }

    /// A drive without a medium: no source, or one that names nothing.
    private static func isEmpty(_ disk: Element) -> Bool {
        guard let source = disk.first("source") else { return true }
        // libvirt keeps the index (and, for the startup policy, the element) of a drive whose medium is gone.
        return ["file", "dev", "dir", "name", "volume", "path"].allSatisfy { source[$0]?.isEmpty ?? true }
            && disk["type"] != "network"
            && disk["type"] != "nvme" && disk["type"] != "vhostuser"
    }

    /// A card passed through shows a screen that libvirt knows nothing of.
    private static func showsGraphicsCard(_ domain: DomainDefinition) -> Bool {
        domain.devices("hostdev").contains { $0["type"] == "pci" || $0["type"] == "mdev" }
    }

    /// Whether sound goes anywhere: through Spice, or to an audio backend of the host.
    private static func carriesSound(_ domain: DomainDefinition, _ graphics: [GraphicsDevice]) -> Bool {
        if graphics.contains(where: {
            $0.type == "spice" || $0.type == "sdl" || $0.type == "dbus" || $0.type == "desktop"
        }) {
            return true
        }
        if graphics.contains(where: { $0.element.first("audio") != nil }) { return true }
        return domain.devices("audio").contains { $0["type"] != "none" }
    }

    private static func isOnUSB(_ device: Element) -> Bool {
        switch device.name {
        case "input": device["bus"] == "usb"
        case "hub", "redirdev": true
        case "hostdev": device["type"] == "usb"
        case "smartcard": true
        case "disk": device.first("target")?["bus"] == "usb"
        case "sound": device["model"] == "usb"
        case "serial": device.first("target")?["type"]?.hasPrefix("usb") == true
        case "interface": device.first("model")?["type"]?.hasPrefix("usb") == true
        default: device.first("address")?["type"] == "usb"
        }
    }

    var examples: Examples {
        func devices(_ xml: String) -> String { "<devices>\(xml)</devices>" }
        let cdrom = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>"
        return Examples(
            fires: .guest("an empty CD drive", devices(cdrom), expect: .fires(.info, observed: "empty cdrom")),
            .guest(
                "a floppy drive",
                devices("<disk type='file' device='floppy'><source file='/a.img'/><target dev='fda'/></disk>"),
                expect: .fires(.info, observed: "floppy")),
            .guest(
                "a sound card and VNC", devices("<graphics type='vnc'/><sound model='ich9'/>"),
                expect: .fires(.info, observed: "sound")),
            .guest(
                "a tablet and no screen", devices("<input type='tablet' bus='usb'/>"),
                expect: .fires(.info, observed: "usb tablet")),
            .guest(
                "USB without screen or devices", devices("<controller type='usb' index='0' model='ich9-ehci1'/>"),
                expect: .fires(.info, observed: "ich9-ehci1")),
            .guest(
                "a serial port to nowhere", devices("<serial type='null'/>"),
                expect: .fires(.info, observed: "serial null")),
            .guest(
                "Spice's redirection without Spice",
                devices("<graphics type='vnc'/><redirdev bus='usb' type='spicevmc'/>"),
                expect: .fires(.info, observed: "spicevmc")),
            quiet: .guest(
                "a CD drive with a medium",
                devices(
                    "<disk type='file' device='cdrom'><source file='/iso/x.iso'/><target dev='sda' bus='sata'/></disk>"),
                expect: .pass),
            .guest(
                "a keyboard of the host handed through",
                devices("<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>"),
                expect: .pass),
            .guest(
                "a tablet and a screen", devices("<graphics type='vnc'/><input type='tablet' bus='usb'/>"),
                expect: .pass),
            .guest("sound through Spice", devices("<graphics type='spice'/><sound model='ich9'/>"), expect: .pass),
            .guest(
                "sound to the host's PipeWire",
                devices("<graphics type='vnc'/><sound model='ich9'/><audio id='1' type='pipewire'/>"), expect: .pass),
            .guest(
                "a USB stick passed through", devices("<controller type='usb'/><hostdev mode='subsystem' type='usb'/>"),
                expect: .pass),
            .guest(
                "a passed-through graphics card has a screen",
                devices("<input type='tablet' bus='usb'/><hostdev mode='subsystem' type='pci'/>"), expect: .pass),
            .guest("xHCI sleeps", devices("<controller type='usb' index='0' model='qemu-xhci'/>"), expect: .pass),
            .guest("a serial console", devices("<serial type='pty'/><console type='pty'/>"), expect: .pass),
            others: [.guest("Xen", "<domain type='xen'><name>x</name></domain>", expect: .notApplicable)])
    }
}
