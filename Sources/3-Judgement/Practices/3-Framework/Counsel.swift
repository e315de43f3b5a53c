import Quantities

/// What to say of an argument that goes past libvirt.
enum Counsel: Sendable {
    /// libvirt has an element for it; with the version since when.
    case element(String, since: String)
    /// libvirt does it by itself: the argument does it twice.
    case needless(Text)
    /// There is a good reason, and no element.
    case reason(Text)
    /// Nothing is known of it.
    case none

    /// The counsel as words, for the argument they are about.
    func words(for argument: String) -> Text {
        switch self {
        case .element(let element, let since):
            Text(
                "\(argument): \(element) says the same (libvirt ≥ \(since))",
                "\(argument):可用 \(element) 表达(libvirt ≥ \(since))")
        case .needless(let why): Text("\(argument): \(why.english)", "\(argument):\(why.chinese)")
        case .reason(let why): Text("\(argument): \(why.english)", "\(argument):\(why.chinese)")
        case .none: Text("\(argument): no libvirt element is known for it", "\(argument):未知有对应的 libvirt 元素")
        }
    }

    /// Counsel on an environment variable.
    static func onEnvironment(_ name: String) -> Counsel {
        if name.hasPrefix("QEMU_AUDIO") || name.hasPrefix("QEMU_PA") || name.hasPrefix("QEMU_ALSA")
            || name == "PULSE_SERVER"
        {
            return .element("<audio>", since: "7.0")
        }
        if ["DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"].contains(name) {
            return .reason(Text("needed by a window on the host's own screen", "在主机屏幕上显示窗口所需"))
        }
        return .none
    }

    /// Counsel on an option.
    ///
    /// - Source: libvirt docs/formatdomain.rst for the elements and the versions since when they exist.
    static func on(_ option: QEMUArguments.Option) -> Counsel {
        switch option.name {
        case "device": return device(option)
        case "cpu": return cpu(option.value ?? "")
        case "machine", "M": return .element("<os><type machine=…>, <features>", since: "1.0")
        case "m": return .element("<memory>", since: "0.1")
        case "smp": return .element("<vcpu>, <cpu><topology>", since: "0.1")
        case "fw_cfg":
            if option.value?.contains("opt/ovmf/") == true {
                return .reason(
                    Text(
                        "a knob of the firmware, such as the window for large BARs; <sysinfo type='fwcfg'> (6.5) can pass it too",
                        "固件参数(例如大型 BAR 窗口);也可用 <sysinfo type='fwcfg'>(6.5)传递"))
            }
            return .element("<sysinfo type='fwcfg'>", since: "6.5")
        case "smbios": return .element("<os><smbios mode='sysinfo'/>, <sysinfo type='smbios'>", since: "0.8")
        case "acpitable": return .element("<os><acpi><table type='slic'>", since: "1.3")
        case "rtc": return .element("<clock>", since: "0.1")
        case "boot": return .element("<boot order=…/>, <os><bootmenu>, <bios>", since: "0.8")
        case "no-hpet": return .element("<clock><timer name='hpet' present='no'/>", since: "0.8")
        case "no-acpi": return .element("<features> without <acpi/>", since: "0.1")
        case "bios", "pflash": return .element("<os><loader>, <nvram>", since: "1.2")
        case "kernel", "initrd", "append": return .element("<os><kernel>, <initrd>, <cmdline>", since: "0.1")
        case "drive", "blockdev", "cdrom", "hda", "hdb", "hdc", "hdd": return .element("<disk>", since: "0.1")
        case "netdev", "net", "nic":
            return .element("<interface> (port forwarding: <portForward> with passt, 9.0)", since: "0.1")
        case "virtfs", "fsdev": return .element("<filesystem>", since: "0.8")
        case "usb", "usbdevice": return .element("<controller type='usb'>, <input>", since: "0.1")
        case "vga": return .element("<video>", since: "0.6")
        case "vnc", "spice": return .element("<graphics>", since: "0.1")
        case "serial", "parallel": return .element("<serial>, <parallel>", since: "0.1")
        case "chardev", "mon", "qmp", "monitor":
            return .needless(
                Text(
                    "libvirt has a monitor of its own; a second one changes the machine behind its back",
                    "libvirt 已有自己的监视器;第二个监视器会在其背后更改机器"))
        case "audiodev", "audio", "soundhw": return .element("<audio>, <sound>", since: "7.0")
        case "tpmdev": return .element("<tpm>", since: "1.0")
        case "sandbox": return .element("seccomp_sandbox in /etc/libvirt/qemu.conf", since: "1.0")
        case "mem-path", "mem-prealloc": return .element("<memoryBacking>", since: "0.8")
        case "overcommit":
            if option.keys["mem-lock"] != nil { return .element("<memoryBacking><locked/>", since: "1.0") }
            return .reason(
                Text(
                    "lets the guest use the CPU's sleep states; only for fully pinned guests",
                    "允许客户机使用 CPU 休眠状态;仅用于完全固定的客户机"))
        case "numa": return .element("<cpu><numa>", since: "0.9")
        case "uuid": return .element("<uuid>", since: "0.1")
        case "name": return .element("<name>", since: "0.1")
        case "object": return object(option.head)
        case "global": return global(option.value ?? "")
        case "set": return .element("qemu:override, which names the device by its alias", since: "8.2")
        case "display":
            if option.head == "sdl" { return .element("<graphics type='sdl'>", since: "0.1") }
            if option.head == "egl-headless" { return .element("<graphics type='egl-headless'>", since: "4.6") }
            if option.head == "dbus" { return .element("<graphics type='dbus'>", since: "8.4") }
            return .reason(
                Text("a window on the host's own screen: libvirt has none but SDL", "主机屏幕上的窗口:libvirt 仅支持 SDL"))
        case "trace", "d", "D", "s", "gdb", "debugcon", "msg":
            return .reason(Text("for finding faults: take it out when done", "用于排查故障:完成后请移除"))
        default: return .none
        }
    }

    private static func device(_ option: QEMUArguments.Option) -> Counsel {
        let driver = option.head.hasPrefix("{") ? "" : option.head
        func named(_ names: String...) -> Bool { names.contains { driver == $0 || driver.hasPrefix($0 + "-") } }
        if named("virtio-balloon") {
            return .needless(
                Text(
                    "libvirt adds a balloon to every guest (<memballoon>), so that this is a second one",
                    "libvirt 会为每个客户机添加 balloon(<memballoon>),此处为第二个"))
        }
        if named("vfio-pci") {
            return option.value?.contains("mdev") == true || option.keys["sysfsdev"] != nil
                ? .element("<hostdev mode='subsystem' type='mdev'>", since: "3.2")
                : .element("<hostdev type='pci'>", since: "0.6")
        }
        if named("vfio-ap", "vfio-ccw") { return .element("<hostdev mode='subsystem' type='mdev'>", since: "4.9") }
        if named("ivshmem") { return .element("<shmem>", since: "1.2") }
        if named("virtio-rng") { return .element("<rng>", since: "1.0") }
        if named("virtio-net", "e1000", "e1000e", "rtl8139", "vmxnet3") { return .element("<interface>", since: "0.1") }
        if named("virtio-blk", "scsi-hd", "scsi-cd", "scsi-block", "ide-hd", "ide-cd", "nvme") {
            return .element("<disk>", since: "0.1")
        }
        if named(
            "virtio-scsi", "virtio-serial", "pcie-root-port", "ioh3420", "pci-bridge", "qemu-xhci", "nec-usb-xhci",
            "usb-ehci")
        {
            return .element("<controller>", since: "0.9")
        }
        if named("vhost-vsock") { return .element("<vsock>", since: "4.4") }
        if named("vhost-user-fs") { return .element("<filesystem><driver type='virtiofs'/>", since: "6.2") }
        if named("vhost-user-blk") { return .element("<disk type='vhostuser'>", since: "7.1") }
        if named("virtio-9p") { return .element("<filesystem>", since: "0.8") }
        if named("virtio-gpu", "virtio-vga", "qxl", "bochs", "ramfb", "VGA", "vmware") {
            return .element("<video>", since: "0.6")
        }
        if named(
            "virtio-keyboard", "virtio-mouse", "virtio-tablet", "virtio-input", "usb-tablet", "usb-kbd", "usb-mouse")
        {
            return .element("<input>", since: "0.1")
        }
        if named("usb-host") { return .element("<hostdev type='usb'>", since: "0.4") }
        if named("usb-redir") { return .element("<redirdev>", since: "0.9") }
        if named("virtserialport", "virtconsole") { return .element("<channel>, <console>", since: "0.7") }
        if named("intel-iommu", "virtio-iommu", "amd-iommu") { return .element("<iommu>", since: "2.1") }
        if named("pvpanic") { return .element("<panic>", since: "1.2") }
        if named("i6300esb", "ib700", "diag288") { return .element("<watchdog>", since: "0.7") }
        if named("virtio-mem", "pc-dimm", "nvdimm", "virtio-pmem") { return .element("<memory model=…>", since: "1.2") }
        if named("tpm") { return .element("<tpm>", since: "1.0") }
        if named("isa-debugcon") { return .reason(Text("the firmware's log, for finding faults", "固件日志,用于排查故障")) }
        if named("intel-hda", "ich9-intel-hda", "hda", "AC97", "ich9") {
            return .element("<sound>, <audio>", since: "0.4")
        }
        return .none
    }

    private static func cpu(_ value: String) -> Counsel {
        let isInvTSC = value.contains("invtsc")
        if isInvTSC {
            return .element(
                "<cpu mode='host-passthrough' migratable='off'> with <feature policy='require' name='invtsc'/>",
                since: "6.5")
        }
        if value.contains("hv_") || value.contains("hv-") { return .element("<features><hyperv>", since: "1.0") }
        if value.contains("kvm=off") { return .element("<features><kvm><hidden state='on'/>", since: "1.2") }
        if value.contains("host-phys-bits") || value.contains("phys-bits") {
            return .element("<cpu><maxphysaddr>", since: "8.7")
        }
        return .element("<cpu>", since: "0.7")
    }

    private static func object(_ head: String) -> Counsel {
        if head.hasPrefix("rng-") { return .element("<rng>", since: "1.0") }
        if head.hasPrefix("memory-backend") { return .element("<memoryBacking>, <shmem> or <cpu><numa>", since: "1.2") }
        if head == "iothread" { return .element("<iothreads>", since: "1.2") }
        if head == "input-linux" { return .element("<input type='evdev'>", since: "7.4") }
        if head == "secret" { return .element("<secret> objects of libvirt", since: "0.8") }
        if head.hasPrefix("sev-") || head == "tdx-guest" { return .element("<launchSecurity>", since: "4.5") }
        return .none
    }

    private static func global(_ value: String) -> Counsel {
        if value.contains("disable_s3") || value.contains("disable_s4") {
            return .element("<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/>", since: "1.0")
        }
        if value.hasPrefix("kvm-pit") { return .element("<clock><timer name='pit' tickpolicy=…/>", since: "0.8") }
        return .element("qemu:override, which names one device instead of all", since: "8.2")
    }
}
