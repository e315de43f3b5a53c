import DomainXML
import JSONText

extension NativeDraft {
    /// `-device`, and the short forms of single devices.
    func takeDevices(_ option: QEMUOption) throws(JSONError) -> Bool {
        switch option.name {
        case "device": try takeDevice(option)
        case "usb": usesUSB = true
        case "usbdevice":
            switch option.value ?? "" {
            case "tablet", "mouse", "keyboard":
                devices.append(NewElement("input", ["type": option.value, "bus": "usb"]))
            default: return false
            }
        case "watchdog": devices.append(NewElement("watchdog", ["model": option.value, "action": "reset"]))
        case "soundhw":
            for card in (option.value ?? "").split(separator: ",") {
                devices.append(NewElement("sound", ["model": Self.sound(String(card))]))
            }
        default: return false
        }
        return true
    }

    private static func sound(_ name: String) -> String {
        ["hda": "ich6", "intel-hda": "ich6", "ich9-intel-hda": "ich9", "AC97": "ac97", "ES1370": "es1370"][name] ?? name
    }

    /// Parts every device may have, and that libvirt gives itself.
    private func common(_ keys: QEMUKeys) -> (id: String?, more: [NewElement]) {
        let id = keys.take("id")
        var more: [NewElement] = []
        if let order = keys.number("bootindex"), order < 1 << 31 {
            more.append(NewElement("boot", ["order": String(order)]))
        }
        keys.ignore(
            "multifunction", "disable-legacy", "disable-modern", "ats", "iommu_platform", "acpi-index",
            "x-pcie-flr-init",
            "aer", "page-per-vq", "failover", "romsize", "vectors", "mq",
            "event_idx", "guest_uso4", "indirect_desc", "packed", "channel", "device_id", "seg_max_adjust", "x-vga")
        return (id, more)
    }

    /// A PCI address, where its bus is one whose number is known.
    private func address(_ keys: QEMUKeys) -> NewElement? {
        let bus = keys.take("bus")
        guard let text = keys.take("addr") else {
            // A port has one slot.
            if let bus, bus != "pci.0", bus != "pcie.0", !bus.contains("usb"), !bus.hasPrefix("ide") {
                if let port = controllers[bus.hasSuffix(".0") ? String(bus.dropLast(2)) : bus], port.type == "pci" {
                    return NewElement(
                        "address",
                        [
                            "type": "pci", "domain": "0x0000", "bus": "0x" + String(port.index, radix: 16),
                            "slot": "0x00", "function": "0x0",
                        ])
                }
                leave("-device …,bus=\(bus)", .notExpressible)
            }
            return nil
        }
        let parts = text.split(separator: ".").map(String.init)
        guard let first = parts.first,
            let slot = UInt64(first.hasPrefix("0x") ? String(first.dropFirst(2)) : first, radix: 16), slot < 32
        else { return nil }
        let function =
            parts.count > 1
            ? UInt64(parts[1].hasPrefix("0x") ? String(parts[1].dropFirst(2)) : parts[1], radix: 16) ?? 0 : 0
        var number = 0
        if let bus, bus != "pci.0", bus != "pcie.0" {
            let name = bus.hasSuffix(".0") ? String(bus.dropLast(2)) : bus
            guard let known = controllers[name] ?? controllers[bus], known.type == "pci" else { return nil }
            number = known.index
        }
        guard function < 8 else { return nil }
        func hex(_ value: UInt64) -> String { "0x" + (value < 16 ? "0" : "") + String(value, radix: 16) }
        return NewElement(
            "address",
            [
                "type": "pci", "domain": "0x0000", "bus": hex(UInt64(number)), "slot": hex(slot),
                "function": "0x\(function)",
            ])
    }

    private func takeDevice(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "")
        let (id, more) = common(keys)
        // `virtio-blk-pci`, `-ccw`, `-device` and `-transitional` are one device.
        let name = Self.family(keys.head)
        switch name {
        case "virtio-blk", "ide-hd", "ide-cd", "ide-drive", "scsi-hd", "scsi-cd", "scsi-disk", "scsi-block",
            "scsi-generic", "usb-storage", "nvme", "floppy":
            guard takeDisk(name, keys, more) else { return pass(option, .notExpressible) }
        case "virtio-net", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3", "i82551", "i82557b",
            "i82559er", "igb", "spapr-vlan", "usb-net":
            takeInterface(name, keys, more)
        case "virtio-scsi", "lsi", "lsi53c895a", "lsi53c810", "megasas", "megasas-gen2", "mptsas1068", "pvscsi",
            "spapr-vscsi":
            addSCSI(name, id, keys)
        case "virtio-serial": addController("virtio-serial", nil, id, address(keys))
        case "virtserialport", "virtconsole": addVirtioPort(name, keys)
        case "isa-serial", "pci-serial", "usb-serial", "spapr-vty", "isa-parallel", "sclpconsole", "isa-debugcon":
            guard name != "isa-debugcon" else { return pass(option, .notExpressible) }
            addCharacter(name == "isa-parallel" ? "parallel" : "serial", keys.take("chardev") ?? "", [])
            keys.ignore("index", "reg", "iobase")
        case "virtio-rng":
            let backend =
                keys.take("rng").flatMap { rngs[$0] }
                ?? NewElement("backend", ["model": "random"], text: "/dev/urandom")
            let rate = keys.take("max-bytes").map { NewElement("rate", ["bytes": $0, "period": keys.take("period")]) }
            keys.ignore("period")
            devices.append(NewElement("rng", ["model": "virtio"], [rate, backend, address(keys)]))
        case "virtio-balloon":
            hasBalloon = true
            devices.append(
                NewElement(
                    "memballoon",
                    [
                        "model": "virtio", "autodeflate": keys.flag("deflate-on-oom") == true ? "on" : nil,
                        "freePageReporting": keys.flag("free-page-reporting") == true ? "on" : nil,
                    ], [address(keys)]))
        case "vfio-pci": takePassthrough(keys, more)
        case "usb-host":
            let ids = [keys.take("vendorid"), keys.take("productid")]
            var place = [keys.take("hostbus"), keys.take("hostaddr")]
            // The device's node: /dev/bus/usb/BUS/DEVICE.
            if let node = keys.take("hostdevice") {
                place = node.split(separator: "/").suffix(2).map { UInt64($0).map { String($0) } }
            }
            guard place.count == 2, place[0] != nil || ids[0] != nil else { return pass(option, .notExpressible) }
            let source =
                place[0] != nil
                ? NewElement("source", [:], [NewElement("address", ["bus": place[0], "device": place[1]])])
                : NewElement(
                    "source", [:],
                    [ids[0].map { NewElement("vendor", ["id": $0]) }, ids[1].map { NewElement("product", ["id": $0]) }])
            keys.ignore("bus", "port", "isobufs")
            devices.append(
                NewElement("hostdev", ["mode": "subsystem", "type": "usb", "managed": "yes"], [source] + more))
        case "usb-tablet", "usb-mouse", "usb-kbd":
            keys.ignore("bus", "port", "display", "head")
            devices.append(
                NewElement("input", ["type": name == "usb-kbd" ? "keyboard" : String(name.dropFirst(4)), "bus": "usb"]))
        case "virtio-tablet", "virtio-mouse", "virtio-keyboard":
            devices.append(NewElement("input", ["type": String(name.dropFirst(7)), "bus": "virtio"], [address(keys)]))
        case "piix3-usb-uhci", "piix4-usb-uhci", "usb-ehci", "nec-usb-xhci", "qemu-xhci", "ich9-usb-ehci1",
            "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3", "pci-ohci", "vt82c686b-usb-uhci":
            let model =
                [
                    "usb-ehci": "ehci", "nec-usb-xhci": "nec-xhci", "piix3-usb-uhci": "piix3-uhci",
                    "piix4-usb-uhci": "piix4-uhci",
                    "vt82c686b-usb-uhci": "vt82c686b-uhci",
                ][name] ?? (name.hasPrefix("ich9-usb") ? String(name.replacingUSB) : name)
            keys.ignore("p2", "p3", "masterbus", "firstport", "streams", "msi", "msix")
            // Companions belong to one controller.
            if name.hasPrefix("ich9-usb-uhci") {
                _ = address(keys)
                break
            }
            addController("usb", model, id, address(keys))
        case "usb-hub", "usb-ccid", "usb-audio", "usb-bot", "usb-redir", "usb-mtp":
            pass(option, .notExpressible); return
        case "VGA", "secondary-vga", "cirrus-vga", "qxl-vga", "qxl", "virtio-vga", "virtio-gpu", "virtio-vga-gl",
            "virtio-gpu-gl", "vmware-svga", "bochs-display", "ramfb":
            takeVideo(name, keys)
        case "pcie-root-port", "ioh3420", "pcie-pci-bridge", "pci-bridge", "dmi-to-pci-bridge", "i82801b11-bridge",
            "pxb-pcie", "pxb", "x3130-upstream", "xio3130-downstream":
            addBridge(name, id, keys)
        case "i6300esb", "ib700", "diag288":
            devices.append(NewElement("watchdog", ["model": name, "action": "reset"], [address(keys)]))
        case "pvpanic":
            devices.append(
                NewElement("panic", ["model": name == "pvpanic" && keys.peek("ioport") != nil ? "isa" : nil]))
            keys.ignore("ioport")
        case "intel-iommu":
            devices.append(
                NewElement(
                    "iommu", ["model": "intel"],
                    [
                        NewElement(
                            "driver",
                            [
                                "intremap": keys.flag("intremap").map { $0 ? "on" : "off" },
                                "caching_mode": keys.flag("caching-mode").map { $0 ? "on" : "off" },
                                "eim": keys.flag("eim").map { $0 ? "on" : "off" },
                                "iotlb": keys.flag("device-iotlb").map { $0 ? "on" : "off" },
                                "aw_bits": keys.take("aw-bits"),
                            ])
                    ]))
        case "virtio-iommu": devices.append(NewElement("iommu", ["model": "virtio"], [address(keys)]))
        case "vhost-vsock":
            devices.append(
                NewElement(
                    "vsock", ["model": "virtio"],
                    [NewElement("cid", ["auto": "no", "address": keys.take("guest-cid")]), address(keys)]))
            keys.ignore("vhostfd")
        case "virtio-9p":
            let tag = keys.take("mount_tag") ?? "share"
            guard let share = keys.take("fsdev").flatMap({ shares[$0] }) else { return leave(option.words, .malformed) }
            keys.ignore("bus", "addr")
            addShare(share.path, tag, share.mode, share.isReadOnly)
        case "vhost-user-fs":
            pass(option, .notExpressible)
            return
        case "tpm-tis", "tpm-crb", "tpm-spapr", "tpm-tis-device":
            let backend =
                keys.take("tpmdev").flatMap { tpms[$0] }
                ?? NewElement("backend", ["type": "emulator", "version": "2.0"])
            devices.append(NewElement("tpm", ["model": name == "tpm-tis-device" ? "tpm-tis" : name], [backend]))
        case "intel-hda", "ich9-intel-hda", "AC97", "ES1370", "sb16", "virtio-sound":
            devices.append(NewElement("sound", ["model": Self.sound(name)], [address(keys)]))
            keys.ignore("audiodev")
        case "hda-duplex", "hda-micro", "hda-output":
            keys.ignore("bus", "cad", "audiodev", "mixer")
        case "pc-dimm", "nvdimm", "virtio-mem": takeModule(name, keys)
        case "virtio-crypto", "ivshmem-plain", "ivshmem-doorbell", "vmcoreinfo", "smbus-eeprom", "edu", "virtio-pmem":
            pass(option, .notExpressible); return
        default:
            pass(option, .unknown)
            return
        }
        keys.ignore("bus", "addr")
        leave(keys, of: option)
    }

    private static func family(_ driver: String) -> String {
        for suffix in [
            "-pci-non-transitional", "-pci-transitional", "-non-transitional", "-transitional", "-pci", "-ccw",
        ] where driver.hasPrefix("virtio") || driver.hasPrefix("vhost") {
            if driver.hasSuffix(suffix) { return String(driver.dropLast(suffix.count)) }
        }
        if driver.hasPrefix("virtio-"), driver.hasSuffix("-device") { return String(driver.dropLast(7)) }
        return driver == "virtio-serial-bus" ? "virtio-serial" : driver
    }

    private func takeDisk(_ name: String, _ keys: QEMUKeys, _ more: [NewElement]) -> Bool {
        guard let drive = keys.take("drive") else { return false }
        guard var node = block(drive) else {
            leave("-device \(name),drive=\(drive): there is no such drive", .malformed)
            return true
        }
        node.serial = keys.take("serial") ?? node.serial
        node.errors = (keys.take("werror") ?? node.errors.write, keys.take("rerror") ?? node.errors.read)
        node.isCDROM = name.hasSuffix("-cd")
        var extra = more
        if keys.flag("share-rw") == true { extra.append(NewElement("shareable")) }
        let logical = keys.take("logical_block_size")
        let physical = keys.take("physical_block_size")
        let granularity = keys.take("discard_granularity")
        if logical != nil || physical != nil || granularity != nil {
            extra.append(
                NewElement(
                    "blockio",
                    [
                        "logical_block_size": logical, "physical_block_size": physical,
                        "discard_granularity": granularity,
                    ]))
        }
        if let wwn = keys.number("wwn") {
            let digits = String(wwn, radix: 16)
            extra.append(NewElement("wwn", text: String(repeating: "0", count: 16 - digits.count) + digits))
        }
        var driver: [(String, String)] = []
        if let thread = keys.take("iothread"), let index = iothreads.firstIndex(of: thread) {
            driver.append(("iothread", String(index + 1)))
        }
        if let queues = keys.take("num-queues") { driver.append(("queues", queues)) }
        if let size = keys.take("queue-size") { driver.append(("queue_size", size)) }
        keys.ignore(
            "scsi", "unit", "cyls", "heads", "secs", "bios-chs-trans", "ver", "model", "vendor", "product",
            "rotation_rate", "removable", "config-wce", "dpofua", "max_sectors", "scsi-id", "device_id")
        switch name {
        case "virtio-blk": add(node, bus: "virtio", address: address(keys), more: extra, driverMore: driver)
        case "scsi-block", "scsi-hd", "scsi-cd", "scsi-disk", "scsi-generic":
            let bus = keys.take("bus")
            let controller = bus.flatMap { controllers[$0.hasSuffix(".0") ? String($0.dropLast(2)) : $0] }?.index ?? 0
            let unit = keys.take("lun")
            let place = unit.map {
                NewElement(
                    "address",
                    ["type": "drive", "controller": String(controller), "bus": "0", "target": "0", "unit": $0])
            }
            keys.ignore("channel")
            add(
                node, bus: "scsi", device: name == "scsi-block" || name == "scsi-generic" ? "lun" : nil, address: place,
                more: extra)
        case "usb-storage": add(node, bus: "usb", more: extra)
        case "floppy": add(node, bus: "fdc", device: "floppy", more: extra)
        case "nvme": return false
        default: add(node, bus: isQ35 ? "sata" : "ide", more: extra)
        }
        keys.ignore("bus")
        return true
    }

    private var isQ35: Bool { machine.map { $0.contains("q35") } ?? false }

    private func takeInterface(_ name: String, _ keys: QEMUKeys, _ more: [NewElement]) {
        let id = keys.take("netdev")
        let backend = id.flatMap { netdevs[$0] } ?? NetworkBackend(type: "user")
        if let id { netdevs[id]?.isUsed = true }
        let model = ["virtio-net": "virtio", "usb-net": "usb-net"][name] ?? name
        let place = address(keys)
        var driver: [(String, String)] = []
        for name in ["rx_queue_size", "tx_queue_size"] { if let size = keys.take(name) { driver.append((name, size)) } }
        let mtu = keys.take("host_mtu").map { NewElement("mtu", ["size": $0]) }
        var rom: NewElement?
        let file = keys.take("romfile")
        if file != nil || keys.peek("rombar") != nil {
            rom = NewElement(
                "rom",
                [
                    "bar": keys.take("rombar").map { $0 == "0" ? "off" : "on" }, "enabled": file == "" ? "no" : nil,
                    "file": file.flatMap { $0.isEmpty ? nil : path($0) },
                ])
        }
        addInterface(
            backend, model: model, mac: keys.take("mac"), more + [mtu, rom, place].compactMap { $0 }, driver)
    }

    private func addSCSI(_ name: String, _ id: String?, _ keys: QEMUKeys) {
        let model =
            [
                "virtio-scsi": "virtio-scsi", "lsi": "lsilogic", "lsi53c895a": "lsilogic", "lsi53c810": "lsilogic",
                "megasas": "lsisas1078", "megasas-gen2": "lsisas1078", "mptsas1068": "lsisas1068", "pvscsi": "vmpvscsi",
                "spapr-vscsi": "ibmvscsi",
            ][name] ?? "virtio-scsi"
        var driver = NewElement("driver")
        if let thread = keys.take("iothread"), let index = iothreads.firstIndex(of: thread) {
            driver.attributes.append(.init(name: "iothread", value: String(index + 1)))
        }
        if let queues = keys.take("num_queues") { driver.attributes.append(.init(name: "queues", value: queues)) }
        keys.ignore("cmd_per_lun", "max_sectors", "virtqueue_size")
        let place = address(keys)
        addController("scsi", model, id, place, driver.attributes.isEmpty ? [] : [driver])
    }

    private func addController(
        _ type: String, _ model: String?, _ id: String?, _ address: NewElement?, _ more: [NewElement] = []
    ) {
        let index = next(type)
        if let id { controllers[id] = (type, index) }
        devices.append(
            NewElement(
                "controller", ["type": type, "index": String(index), "model": model], more + [address].compactMap { $0 }
            ))
    }

    private func addBridge(_ name: String, _ id: String?, _ keys: QEMUKeys) {
        let model =
            [
                "ioh3420": "pcie-root-port", "pxb-pcie": "pcie-expander-bus", "pxb": "pci-expander-bus",
                "i82801b11-bridge": "dmi-to-pci-bridge", "pcie-pci-bridge": "pcie-to-pci-bridge",
                "x3130-upstream": "pcie-switch-upstream-port", "xio3130-downstream": "pcie-switch-downstream-port",
            ][name] ?? name
        let index = next("pci") + 1
        let place = address(keys)
        if let id { controllers[id] = ("pci", index) }
        var target = NewElement("target")
        for (key, attribute) in [
            ("chassis", "chassis"), ("chassis_nr", "chassisNr"), ("port", "port"), ("bus_nr", "busNr"),
        ] {
            if let value = keys.take(key) { target.attributes.append(.init(name: attribute, value: value)) }
        }
        if let node = keys.take("numa_node") { target.children.append(NewElement("node", text: node)) }
        keys.ignore("slot", "hotplug", "io-reserve", "mem-reserve", "pref64-reserve", "bus-reserve", "shpc", "msi")
        devices.append(
            NewElement(
                "controller", ["type": "pci", "index": String(index), "model": model],
                [target.attributes.isEmpty && target.children.isEmpty ? nil : target, place]))
    }

    private func addVirtioPort(_ name: String, _ keys: QEMUKeys) {
        let id = keys.take("chardev") ?? ""
        keys.ignore("nr", "bus")
        if name == "virtconsole" { return addCharacter("console", id, [NewElement("target", ["type": "virtio"])]) }
        addCharacter("channel", id, [NewElement("target", ["type": "virtio", "name": keys.take("name")])])
    }

    private func takePassthrough(_ keys: QEMUKeys, _ more: [NewElement]) {
        guard let host = keys.take("host") else {
            if let path = keys.take("sysfsdev") { leave("-device vfio-pci,sysfsdev=\(path)", .notExpressible) }
            return
        }
        let parts = host.split(whereSeparator: { $0 == ":" || $0 == "." }).map(String.init)
        guard parts.count >= 3, parts.allSatisfy({ UInt64($0, radix: 16) != nil }) else {
            return leave("-device vfio-pci,host=\(host)", .malformed)
        }
        let all = parts.count == 3 ? ["0000"] + parts : parts
        let source = NewElement(
            "source", [:],
            [
                NewElement(
                    "address",
                    ["domain": "0x\(all[0])", "bus": "0x\(all[1])", "slot": "0x\(all[2])", "function": "0x\(all[3])"])
            ])
        devices.append(
            NewElement(
                "hostdev", ["mode": "subsystem", "type": "pci", "managed": "yes"],
                [source] + more + [address(keys)].compactMap { $0 }))
    }

    private func takeVideo(_ name: String, _ keys: QEMUKeys) {
        let model =
            [
                "VGA": "vga", "secondary-vga": "vga", "cirrus-vga": "cirrus", "qxl-vga": "qxl", "qxl": "qxl",
                "vmware-svga": "vmvga", "bochs-display": "bochs", "ramfb": "ramfb",
            ][name] ?? "virtio"
        var element = NewElement("model", ["type": model, "heads": keys.take("max_outputs")])
        if let ram = keys.number("ram_size") {
            element.attributes.append(.init(name: "ram", value: String(ram / 1024)))
        }
        if let ram = keys.number("vram_size") {
            element.attributes.append(.init(name: "vram", value: String(ram / 1024)))
        }
        if let ram = keys.number("vgamem_mb"), ram < 1 << 20 {
            element.attributes.append(.init(name: model == "qxl" ? "vgamem" : "vram", value: String(ram * 1024)))
        }
        if name.hasSuffix("-gl") { element.children.append(NewElement("acceleration", ["accel3d": "yes"])) }
        keys.ignore("vram64_size_mb", "ram_size_mb", "vgamem", "xres", "yres", "edid", "blob", "hostmem")
        let place = address(keys)
        if video == nil, name != "secondary-vga" {
            video = element
            if let place {
                devices.append(NewElement("video", [:], [element, place])); video = nil; hasGraphics = true
            }
        } else {
            devices.append(NewElement("video", [:], [element]))
        }
    }

    private func takeModule(_ name: String, _ keys: QEMUKeys) {
        let backend = keys.take("memdev").flatMap { backends[$0] }
        let node = keys.take("node")
        let size = backend?.size.map { NewElement("size", ["unit": "KiB"], text: String($0.kibibytes)) }
        let requested = keys.take("requested-size").flatMap { Self.size($0, unit: "B") }
        let block = keys.take("block-size").flatMap { Self.size($0, unit: "B") }
        let label = keys.take("label-size").flatMap { Self.size($0, unit: "B") }
        keys.ignore("slot", "addr", "memaddr", "uuid", "prealloc", "dynamic-memslots")
        let model = name == "pc-dimm" ? "dimm" : name
        devices.append(
            NewElement(
                "memory", ["model": model],
                [
                    name == "nvdimm"
                        ? NewElement("source", [:], [NewElement("path", text: path(backend?.path ?? ""))]) : nil,
                    NewElement(
                        "target", [:],
                        [
                            size, node.map { NewElement("node", text: $0) },
                            label.map {
                                NewElement(
                                    "label", [:], [NewElement("size", ["unit": "KiB"], text: String($0.kibibytes))])
                            },
                            name == "virtio-mem"
                                ? NewElement(
                                    "block", ["unit": "KiB"], text: String((block ?? .init(mebibytes: 2)).kibibytes))
                                : nil,
                            name == "virtio-mem"
                                ? NewElement("requested", ["unit": "KiB"], text: String((requested ?? .zero).kibibytes))
                                : nil,
                        ]),
                ]))
    }
}

extension String {
    /// `ich9-usb-ehci1` as libvirt has it: `ich9-ehci1`.
    fileprivate var replacingUSB: String { "ich9-" + dropFirst("ich9-usb-".count) }
}
