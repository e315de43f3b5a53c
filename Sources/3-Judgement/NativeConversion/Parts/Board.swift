import DomainXML
import JSONText
import Quantities

extension NativeDraft {
    /// Machine, firmware, kernel, clock, names.
    func takeBoard(_ option: QEMUOption) throws(JSONError) -> Bool {
        let value = option.value ?? ""
        switch option.name {
        case "name":
            let keys = try QEMUKeys(value, head: ["guest"])
            if !keys.head.isEmpty { name = keys.head }
            keys.ignore("debug-threads", "process")
            leave(keys, of: option)
        case "uuid": uuid = value.lowercased()
        case "enable-kvm": type = "kvm"
        case "no-kvm": type = "qemu"
        case "accel": try takeAccelerator(option)
        case "machine", "M": try takeMachine(option)
        case "bios": loader = (path(value), false, true)
        case "pflash": takeFlash(path(value), isReadOnly: loader == nil)
        case "kernel", "initrd", "dtb": kernel.append(NewElement(option.name, text: path(value)))
        case "append": kernel.append(NewElement("cmdline", text: value))
        case "boot": try takeBoot(option)
        case "rtc": try takeClock(option)
        case "localtime": clock.offset = "localtime"
        case "no-acpi": hasACPI = false
        case "no-hpet": clock.timers.append(NewElement("timer", ["name": "hpet", "present": "no"]))
        case "no-reboot": onReboot = "destroy"
        case "global": return takeGlobal(value)
        case "smbios": try takeSMBIOS(option)
        case "overcommit":
            let keys = try QEMUKeys(value)
            isLocked = keys.flag("mem-lock", "realtime") ?? isLocked
            if keys.flag("cpu-pm") == true { leave("-overcommit cpu-pm=on", .notExpressible) }
        default: return false
        }
        return true
    }

    private func takeAccelerator(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: ["accel"])
        switch keys.head {
        case "kvm": type = "kvm"
        case "tcg": break
        case "xen", "hvf", "whpx", "nvmm": leave(option.words, .notExpressible)
        default: leave(option.words, .unknown)
        }
        keys.ignore("thread", "tb-size", "kernel-irqchip")
        leave(keys, of: option)
    }

    private func takeMachine(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "")
        if !keys.head.isEmpty { machine = keys.head }
        if let accelerators = keys.take("accel") {
            type = accelerators.split(separator: ":").first == "kvm" ? "kvm" : "qemu"
        }
        func state(_ value: Bool) -> String { value ? "on" : "off" }
        if let flag = keys.flag("vmport") { features.append(NewElement("vmport", ["state": state(flag)])) }
        if let flag = keys.flag("smm") { features.append(NewElement("smm", ["state": state(flag)])) }
        if let flag = keys.flag("acpi") { hasACPI = flag }
        if let flag = keys.flag("hpet") {
            clock.timers.append(NewElement("timer", ["name": "hpet", "present": flag ? "yes" : "no"]))
        }
        if let flag = keys.flag("mem-merge") { isMerged = flag }
        if keys.flag("usb") == true { usesUSB = true }
        if let chip = keys.take("kernel_irqchip", "kernel-irqchip") {
            if chip == "split" { features.append(NewElement("ioapic", ["driver": "qemu"])) }
            if chip == "on" { features.append(NewElement("ioapic", ["driver": "kvm"])) }
        }
        if let version = keys.take("gic-version") { features.append(NewElement("gic", ["version": version])) }
        memoryBackend = keys.take("memory-backend") ?? memoryBackend
        for name in ["pflash0", "pflash1"] {
            if let node = keys.take(name), let flash = nodes[node] {
                takeFlash(flash.path ?? "", isReadOnly: name == "pflash0")
            }
        }
        if let dumps = keys.flag("dump-guest-core") { dumpCore = dumps ? "on" : "off" }
        keys.ignore(
            "graphics", "suppress-vmdesc", "nvdimm", "hmat", "aes-key-wrap", "dea-key-wrap", "i8042",
            "sata", "smbus", "pit")
        leave(keys, of: option)
    }

    func takeFlash(_ path: String, isReadOnly: Bool) {
        if isReadOnly || loader == nil { loader = (path, true, isReadOnly) } else { nvram = path }
    }

    private func takeBoot(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: ["order"])
        for letter in keys.head {
            switch letter {
            case "a", "b": boots.append("fd")
            case "c": boots.append("hd")
            case "d": boots.append("cdrom")
            case "n"..."p": if boots.last != "network" { boots.append("network") }
            default: leave("-boot \(letter)", .unknown)
            }
        }
        if let once = keys.take("once") { leave("-boot once=\(once)", .notExpressible) }
        let menu = keys.flag("menu")
        let time = keys.take("splash-time")
        if menu != nil || time != nil {
            bootMenu = NewElement("bootmenu", ["enable": menu == false ? "no" : "yes", "timeout": time])
        }
        keys.ignore("strict")
        leave(keys, of: option)
    }

    private func takeClock(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "")
        switch keys.take("base") {
        case nil, "utc"?: clock.offset = "utc"
        case "localtime"?: clock.offset = "localtime"
        case let base?: leave("-rtc base=\(base)", .notExpressible)
        }
        var timer = NewElement("timer", ["name": "rtc"])
        if let drift = keys.take("driftfix") {
            timer.attributes.append(.init(name: "tickpolicy", value: drift == "slew" ? "catchup" : "delay"))
        }
        if let track = keys.take("clock") {
            timer.attributes.append(
                .init(name: "track", value: track == "vm" ? "guest" : track == "rt" ? "realtime" : "wall"))
        }
        if timer.attributes.count > 1 { clock.timers.append(timer) }
        leave(keys, of: option)
    }

    private func takeGlobal(_ value: String) -> Bool {
        switch value {
        case "kvm-pit.lost_tick_policy=delay", "kvm-pit.lost_tick_policy=discard":
            clock.timers.append(
                NewElement("timer", ["name": "pit", "tickpolicy": value.hasSuffix("delay") ? "delay" : "discard"]))
        case "ICH9-LPC.disable_s3=1", "PIIX4_PM.disable_s3=1":
            power.append(NewElement("suspend-to-mem", ["enabled": "no"]))
        case "ICH9-LPC.disable_s4=1", "PIIX4_PM.disable_s4=1":
            power.append(NewElement("suspend-to-disk", ["enabled": "no"]))
        case "ICH9-LPC.disable_s3=0", "PIIX4_PM.disable_s3=0":
            power.append(NewElement("suspend-to-mem", ["enabled": "yes"]))
        case "ICH9-LPC.disable_s4=0", "PIIX4_PM.disable_s4=0":
            power.append(NewElement("suspend-to-disk", ["enabled": "yes"]))
        case "driver=cfi.pflash01,property=secure,value=on": break
        default: return false
        }
        return true
    }

    private func takeSMBIOS(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: [])
        let part = ["0": "bios", "1": "system", "2": "baseBoard", "3": "chassis"][keys.take("type") ?? ""]
        guard let part else { return pass(option, .notExpressible) }
        smbios[part, default: []] += keys.takeAll(prefix: "").map { ($0.key, $0.value) }
    }

    func boardElements() -> [NewElement?] {
        var os = NewElement("os")
        os.children.append(
            {
                var type = NewElement("type", ["arch": architecture, "machine": machine], text: "hvm")
                if type.attributes.isEmpty { type.text = "hvm" }
                return type
            }())
        if let loader {
            os.children.append(
                NewElement(
                    "loader",
                    [
                        "readonly": loader.isPflash ? (loader.isReadOnly ? "yes" : "no") : nil,
                        "type": loader.isPflash ? "pflash" : "rom",
                    ],
                    text: loader.path))
        }
        if let nvram { os.children.append(NewElement("nvram", text: nvram)) }
        os.children += kernel
        // Devices with an order of their own exclude the list.
        if !devices.contains(where: { $0.children.contains { $0.name == "boot" } }) {
            os.children += boots.map { NewElement("boot", ["dev": $0]) }
        }
        if let bootMenu { os.children.append(bootMenu) }
        if !smbios.isEmpty { os.children.append(NewElement("smbios", ["mode": "sysinfo"])) }
        var all: [NewElement?] = []
        if !smbios.isEmpty {
            all.append(
                NewElement(
                    "sysinfo", ["type": "smbios"],
                    smbios.sorted { $0.key < $1.key }.map { part, entries in
                        NewElement(
                            part, [:],
                            entries.map {
                                NewElement(
                                    "entry", ["name": $0.0 == "sku" || part != "system" ? $0.0 : $0.0], text: $0.1)
                            })
                    }))
        }
        all.append(os)
        var list: [NewElement] = hasACPI && (isX86 || architecture == "aarch64") ? [NewElement("acpi")] : []
        if isX86 { list.append(NewElement("apic")) }
        if !hyperv.isEmpty { list.append(NewElement("hyperv", ["mode": "custom"], hyperv)) }
        if isKVMHidden { list.append(NewElement("kvm", [:], [NewElement("hidden", ["state": "on"])])) }
        list += features
        if !list.isEmpty { all.append(NewElement("features", [:], list)) }
        all.append(cpuElement())
        all.append(NewElement("clock", ["offset": clock.offset], clock.timers))
        if let onReboot { all.append(NewElement("on_reboot", text: onReboot)) }
        if !power.isEmpty { all.append(NewElement("pm", [:], power)) }
        return all
    }
}
