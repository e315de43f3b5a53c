import HostFacts
import Quantities

/// The domain definition that a QEMU command line stands for, as far as it can be derived: a draft for a person to read before it is defined.
///
/// libvirt takes no running QEMU over, so the guest is shut down in between; what has no counterpart here is listed in a comment.
struct DefinitionFromArguments: Sendable {
    /// The definition.
    let xml: String
    /// Options that were not carried over.
    let leftOver: [String]

    private struct Drive {
        var file: String
        var format: String?
        var bus: String
        var isCDROM = false
        var isReadOnly = false
        var cache: String?
        var io: String?
        var discard: String?
    }

    /// Derives a definition from a process.
    init(_ process: QEMUProcess) {
        var draft = Draft()
        let architecture = process.program.split(separator: "/").last.flatMap { name -> String? in
            name.hasPrefix("qemu-system-") ? String(name.dropFirst(12)) : nil
        }
        draft.architecture = architecture == "i386" ? "i686" : architecture ?? "x86_64"
        for option in QEMUArguments(process.arguments.dropFirst()).options { draft.take(option) }
        leftOver = draft.leftOver
        xml = draft.xml(process)
    }

    /// What has been understood so far.
    private struct Draft {
        var architecture = "x86_64"
        var isKVM = false
        var machine: String?
        var memory: ByteCount?
        var vcpus: Int?
        var topology: (sockets: Int, cores: Int, threads: Int)?
        var cpu: String?
        var kernel: [(element: String, value: String)] = []
        var loader: String?
        var drives: [Drive] = []
        var nodes: [String: Drive] = [:]
        var backends: [String: String] = [:]
        var interfaces: [String] = []
        var graphics: [String] = []
        var video: String?
        var leftOver: [String] = []

        mutating func take(_ option: QEMUArguments.Option) {
            let keys = option.keys
            switch option.name {
            case "name", "uuid", "nodefaults", "daemonize", "pidfile", "no-user-config", "S", "nographic", "monitor",
                "mon", "qmp", "D":
                break
            case "enable-kvm": isKVM = true
            case "accel": if option.head == "kvm" { isKVM = true }
            case "machine", "M":
                if option.head.contains("=") { machine = keys["type"] } else { machine = option.head }
                if keys["accel"]?.hasPrefix("kvm") == true { isKVM = true }
            case "m": memory = Self.memory(keys["size"] ?? option.head)
            case "smp":
                vcpus = Int(keys["cpus"] ?? option.head)
                if let cores = keys["cores"].flatMap({ Int($0) }) {
                    let threads = keys["threads"].flatMap { Int($0) } ?? 1
                    let sockets = keys["sockets"].flatMap { Int($0) } ?? 1
                    let (perSocket, overflow) = cores.multipliedReportingOverflow(by: threads)
                    let (all, overflowToo) = perSocket.multipliedReportingOverflow(by: sockets)
                    if !overflow, !overflowToo, vcpus == nil || vcpus == all {
                        topology = (sockets, cores, threads)
                        vcpus = all
                    }
                }
            case "cpu": cpu = option.head
            case "bios": loader = option.value
            case "pflash": if loader == nil { loader = option.value }
            case "kernel", "initrd": if let value = option.value { kernel.append((option.name, value)) }
            case "append": if let value = option.value { kernel.append(("cmdline", value)) }
            case "hda", "hdb", "hdc", "hdd": if let file = option.value { drives.append(Drive(file: file, bus: "ide")) }
            case "cdrom":
                if let file = option.value {
                    drives.append(Drive(file: file, format: "raw", bus: "sata", isCDROM: true, isReadOnly: true))
                }
            case "drive": takeDrive(keys)
            case "blockdev": if let name = keys["node-name"], let node = node(keys) { nodes[name] = node }
            case "netdev": if let id = keys["id"] { backends[id] = Self.interface(option.head, keys) }
            case "nic": interfaces.append(Self.interface(option.head, keys) + Self.model(keys["model"] ?? "virtio"))
            case "device": takeDevice(option, keys)
            case "vnc": graphics.append("<graphics type='vnc' autoport='yes'/>")
            case "spice": graphics.append("<graphics type='spice' autoport='yes'/>")
            case "vga": video = option.head == "std" ? "vga" : option.head
            default: leftOver.append(option.words)
            }
        }

        private mutating func takeDrive(_ keys: [String: String]) {
            guard let file = keys["file"] else { return }
            let interface = keys["if"] ?? "ide"
            if interface == "pflash" {
                if loader == nil { loader = file }
                return
            }
            var drive = Drive(file: file, format: keys["format"], bus: interface == "none" ? "virtio" : interface)
            drive.isCDROM = keys["media"] == "cdrom"
            drive.isReadOnly = drive.isCDROM || keys["readonly"] == "on"
            drive.cache = keys["cache"]
            drive.io = keys["aio"]
            drive.discard = keys["discard"]
            if interface == "none", let id = keys["id"] { nodes[id] = drive } else { drives.append(drive) }
        }

        /// A block node: a file, or a format over another node.
        private func node(_ keys: [String: String]) -> Drive? {
            if let below = keys["file"], var node = nodes[below] {
                node.format = keys["driver"]
                return node
            }
            guard let file = keys["filename"] ?? keys["file.filename"] else { return nil }
            var node = Drive(file: file, format: keys["file.filename"] == nil ? nil : keys["driver"], bus: "virtio")
            node.io = keys["aio"] ?? keys["file.aio"]
            if keys["cache.direct"] == "on" { node.cache = "none" }
            node.discard = keys["discard"]
            return node
        }

        private mutating func takeDevice(_ option: QEMUArguments.Option, _ keys: [String: String]) {
            if let id = keys["netdev"], let backend = backends[id] {
                let mac = keys["mac"].map { "<mac address='\(escaped($0))'/>" } ?? ""
                let model = option.head.hasPrefix("virtio-net") ? "virtio" : option.head
                interfaces.append(backend + mac + DefinitionFromArguments.Draft.model(model))
                return
            }
            if let id = keys["drive"], var drive = nodes[id] {
                let buses = [("virtio-blk", "virtio"), ("scsi-", "scsi"), ("ide-", "sata"), ("usb-storage", "usb")]
                drive.bus = buses.first { option.head.hasPrefix($0.0) }?.1 ?? "virtio"
                drive.isCDROM = option.head.hasSuffix("-cd")
                drives.append(drive)
                return
            }
            leftOver.append(option.words)
        }

        /// QEMU's `-m`: MiB without a suffix.
        private static func memory(_ text: String) -> ByteCount? {
            let digits = text.prefix { $0.isNumber }
            guard let number = UInt64(digits) else { return nil }
            let suffix = text.dropFirst(digits.count)
            return ByteCount(number, unit: suffix.isEmpty ? "MiB" : String(suffix))
        }

        /// The start of an interface element for a network back end; closed by ``model(_:)``.
        private static func interface(_ type: String, _ keys: [String: String]) -> String {
            switch type {
            case "bridge": "<interface type='bridge'><source bridge='\(escaped(keys["br"] ?? "br0"))'/>"
            case "tap":
                "<interface type='bridge'><!-- tap \(escaped(keys["ifname"] ?? "")): name its bridge --><source bridge='br0'/>"
            default: "<interface type='user'>"
            }
        }
        private static func model(_ model: String) -> String { "<model type='\(escaped(model))'/></interface>" }

        func xml(_ process: QEMUProcess) -> String {
            var lines: [String] = ["<domain type='\(isKVM ? "kvm" : "qemu")'>"]
            lines.append("  <name>\(escaped(process.name ?? "qemu-\(process.pid)"))</name>")
            if let uuid = process.uuid { lines.append("  <uuid>\(escaped(uuid))</uuid>") }
            lines.append("  <memory unit='KiB'>\((memory ?? ByteCount(mebibytes: 128)).kibibytes)</memory>")
            lines.append("  <vcpu>\(vcpus ?? 1)</vcpu>")
            lines.append("  <os>")
            let machineAttribute = machine.map { " machine='\(escaped($0))'" } ?? ""
            lines.append("    <type arch='\(escaped(architecture))'\(machineAttribute)>hvm</type>")
            if let loader { lines.append("    <loader readonly='yes' type='pflash'>\(escaped(loader))</loader>") }
            for (element, value) in kernel { lines.append("    <\(element)>\(escaped(value))</\(element)>") }
            lines.append("  </os>")
            if architecture == "x86_64" || architecture == "i686" {
                lines.append("  <features><acpi/><apic/></features>")
            }
            appendCPU(to: &lines)
            lines.append("  <devices>")
            if !process.program.isEmpty { lines.append("    <emulator>\(escaped(process.program))</emulator>") }
            var used: [String: Int] = [:]
            for drive in drives { lines.append("    " + disk(drive, &used)) }
            for interface in interfaces { lines.append("    " + interface) }
            for graphic in graphics { lines.append("    " + graphic) }
            if let video, video != "none" { lines.append("    <video><model type='\(escaped(video))'/></video>") }
            lines.append("  </devices>")
            lines.append("</domain>")
            return lines.joined(separator: "\n")
        }

        private func appendCPU(to lines: inout [String]) {
            let inside =
                topology.map { "<topology sockets='\($0.sockets)' cores='\($0.cores)' threads='\($0.threads)'/>" } ?? ""
            switch cpu {
            case "host"?: lines.append("  <cpu mode='host-passthrough'>\(inside)</cpu>")
            case "max"?: lines.append("  <cpu mode='maximum'>\(inside)</cpu>")
            case let model?: lines.append("  <cpu mode='custom'><model>\(escaped(model))</model>\(inside)</cpu>")
            case nil: if !inside.isEmpty { lines.append("  <cpu>\(inside)</cpu>") }
            }
        }

        private func disk(_ drive: Drive, _ used: inout [String: Int]) -> String {
            let prefix = drive.bus == "virtio" ? "vd" : drive.bus == "ide" ? "hd" : "sd"
            let number = used[prefix, default: 0]
            used[prefix] = number + 1
            let letter = number < 26 ? String(UnicodeScalar(UInt8(97 + number))) : "z\(number)"
            let isBlock = drive.file.hasPrefix("/dev/")
            var driver = "<driver name='qemu' type='\(escaped(drive.format ?? "raw"))'"
            if let cache = drive.cache { driver += " cache='\(escaped(cache))'" }
            if let io = drive.io { driver += " io='\(escaped(io))'" }
            if drive.discard == "unmap" || drive.discard == "on" { driver += " discard='unmap'" }
            driver += "/>"
            let source = "<source \(isBlock ? "dev" : "file")='\(escaped(drive.file))'/>"
            let target = "<target dev='\(prefix)\(letter)' bus='\(escaped(drive.bus))'/>"
            return "<disk type='\(isBlock ? "block" : "file")' device='\(drive.isCDROM ? "cdrom" : "disk")'>" + driver
                + source + target
                + (drive.isReadOnly ? "<readonly/>" : "") + "</disk>"
        }
    }
}

/// A text as it may stand in XML, also inside a comment or quotes.
private func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
        switch character {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "'": escaped += "&apos;"
        case "\"": escaped += "&quot;"
        // The text goes into a here-document: it must not end it.
        case "\n", "\r", "\r\n": escaped += "&#10;"
        default: escaped.append(character)
        }
    }
    return escaped
}
