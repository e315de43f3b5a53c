import DomainXML
import JSONText
import Quantities

/// What is understood so far of a command line.
///
/// One thread has it, for as long as the conversion takes.
final class NativeDraft {
    enum Pass { case definitions, devices }

    let architecture: String
    let emulator: String?
    let folder: String
    var type = "qemu"
    var name: String?
    var uuid: String?
    var leftOver: [NativeConversion.LeftOver] = []
    private var passed: [String] = []

    // Memory and CPUs.
    var memory = ByteCount(mebibytes: 128)
    var slots: UInt64?
    var maxMemory: ByteCount?
    var vcpus: UInt64 = 1
    var maxVCPUs: UInt64?
    var topology: [(String, String)] = []
    var cpu: NewElement?
    var cells: [NewElement] = []
    var cellTuning: [NewElement] = []
    var backends: [String: MemoryBackend] = [:]
    var hugePages: String??
    var memorySource: String?
    var isShared = false
    var isPreallocated = false
    var isLocked = false
    var isMerged = true
    var dumpCore: String?
    var nodeset: (mode: String, nodes: String)?

    // Board.
    var machine: String?
    var memoryBackend: String?
    var loader: (path: String, isPflash: Bool, isReadOnly: Bool)?
    var nvram: String?
    var kernel: [NewElement] = []
    var boots: [String] = []
    var bootMenu: NewElement?
    var features: [NewElement] = []
    var hyperv: [NewElement] = []
    var isKVMHidden = false
    var hasACPI = true
    var clock: (offset: String, timers: [NewElement]) = ("utc", [])
    var onReboot: String?
    var power: [NewElement] = []
    var smbios: [String: [(String, String)]] = [:]

    // Devices.
    var devices: [NewElement] = []
    var nodes: [String: BlockNode] = [:]
    var drives: [String: BlockNode] = [:]
    var targets: Set<String> = []
    var netdevs: [String: NetworkBackend] = [:]
    var chardevs: [String: CharacterBackend] = [:]
    var rngs: [String: NewElement] = [:]
    var shares: [String: (driver: String, path: String, mode: String?, isReadOnly: Bool)] = [:]
    var tpms: [String: NewElement] = [:]
    var audio: String?
    var iothreads: [String] = []
    var controllers: [String: (type: String, index: Int)] = [:]
    var counts: [String: Int] = [:]
    var hasGraphics = false
    var isHeadless = false
    var video: NewElement?
    var keymap: String?
    var hasBalloon = false
    var usesUSB = false

    init(architecture: String, emulator: String?, folder: String) {
        self.architecture = architecture
        self.emulator = emulator
        self.folder = folder
    }

    var isX86: Bool { architecture == "x86_64" || architecture == "i686" }

    /// Options that others refer to come first.
    static func pass(of option: QEMUOption) -> Pass {
        switch option.name {
        case "device", "watchdog", "nic", "net", "serial", "parallel", "virtiocon", "usbdevice", "soundhw", "virtfs",
            "numa":
            .devices
        default: .definitions
        }
    }

    func take(_ option: QEMUOption) {
        guard option.value != nil || QEMUOption.isFlag(option.name) else { return leave(option.words, .malformed) }
        do throws(JSONError) {
            if try takeBoard(option) { return }
            if try takeProcessor(option) { return }
            if try takeMemory(option) { return }
            if try takeStorage(option) { return }
            if try takeNetwork(option) { return }
            if try takeCharacters(option) { return }
            if try takeDevices(option) { return }
            if try takeDisplay(option) { return }
        } catch {
            return leave(option.words, .malformed)
        }
        switch option.name {
        case "S", "s", "nodefaults", "no-user-config", "nouserconfig", "daemonize", "pidfile", "qmp", "qmp-pretty",
            "mon", "monitor", "msg",
            "no-shutdown", "sandbox", "runas", "chroot", "D", "d", "trace", "incoming", "add-fd", "writeconfig",
            "only-migratable",
            "enable-fips", "h", "help", "version", "gdb", "preconfig", "run-with", "async-teardown", "compat", "L":
            leave(option.words, .libvirtDoes)
        case "icount", "readconfig", "plugin", "option-rom", "fw_cfg", "prom-env", "semihosting", "semihosting-config",
            "snapshot", "loadvm",
            "virtualcpu", "acpitable", "set", "global", "mtdblock", "sd", "bt", "tb-size", "no-fd-bootchk",
            "win2k-hack", "watchdog-action",
            "action", "object", "chardev", "singlestep", "dump-vmstate", "xen-attach", "xen-domid":
            pass(option, .notExpressible)
        default: pass(option, .unknown)
        }
    }

    /// Notes what is not carried over.
    func leave(_ words: String, _ reason: NativeConversion.LeftOver.Reason, isPassable: Bool = false) {
        leftOver.append(NativeConversion.LeftOver(words: words, reason: reason, isPassable: isPassable))
    }

    /// Notes an option that could be handed to QEMU as it is.
    func pass(_ option: QEMUOption, _ reason: NativeConversion.LeftOver.Reason) {
        leave(option.words, reason, isPassable: true)
        passed.append("-\(option.name)")
        if let value = option.value { passed.append(value) }
    }

    /// Notes parts of an option that nobody took.
    func leave(_ keys: QEMUKeys, of option: QEMUOption) {
        for part in keys.rest { leave("-\(option.name) …,\(part)", .notExpressible) }
    }

    /// A path from the root.
    func path(_ text: String) -> String { text.hasPrefix("/") || text.isEmpty ? text : "\(folder)/\(text)" }

    /// The next number of a kind of things.
    func next(_ kind: String) -> Int {
        counts[kind, default: 0] += 1
        return counts[kind, default: 1] - 1
    }

    // MARK: The whole

    func finish() {
        for (id, drive) in drives.sorted(by: { $0.key < $1.key }) where !drive.isUsed {
            leave("-drive …,if=none,id=\(id): no device uses it", .notExpressible)
        }
        for (id, netdev) in netdevs.sorted(by: { $0.key < $1.key }) where !netdev.isUsed {
            leave("-netdev …,id=\(id): no device uses it", .notExpressible)
        }
    }

    /// libvirt's orders begin at 1, and each is one device's: QEMU's are ranked.
    private func rankBoots() {
        var orders: [(device: Int, child: Int, order: UInt64)] = []
        for (index, device) in devices.enumerated() {
            for (number, child) in device.children.enumerated() where child.name == "boot" {
                orders.append((index, number, child.attributes.first.flatMap { UInt64($0.value) } ?? 0))
            }
        }
        for (rank, place) in orders.sorted(by: { ($0.order, $0.device) < ($1.order, $1.device) }).enumerated() {
            devices[place.device].children[place.child].attributes = [.init(name: "order", value: String(rank + 1))]
        }
    }

    func element(passesThrough: Bool) -> NewElement {
        rankBoots()
        var domain = NewElement("domain", ["type": type])
        if passesThrough, !passed.isEmpty {
            domain.attributes.append(.init(name: "xmlns:qemu", value: "http://libvirt.org/schemas/domain/qemu/1.0"))
        }
        var children: [NewElement?] = [
            NewElement("name", text: name ?? "guest"), uuid.map { NewElement("uuid", text: $0) },
        ]
        children += memoryElements() + processorElements() + boardElements()
        children.append(NewElement("devices", [:], deviceElements()))
        if passesThrough, !passed.isEmpty {
            children.append(NewElement("qemu:commandline", [:], passed.map { NewElement("qemu:arg", ["value": $0]) }))
        }
        domain.children = children.compactMap { $0 }
        return domain
    }

    private func deviceElements() -> [NewElement] {
        var all: [NewElement] = emulator.map { [NewElement("emulator", text: $0)] } ?? []
        all += devices
        if let video { all.append(NewElement("video", [:], [video])) }
        if !hasBalloon { all.append(NewElement("memballoon", ["model": "none"])) }
        return all
    }
}
