import DomainXML
import JSONText
import Quantities

/// A block node or drive: a format over a file, a device or something on the network.
struct BlockNode {
    var format: String?
    var path: String?
    /// What is on the network, as a `<source>`; nil for files and devices.
    var network: NewElement?
    var cache: String?
    var io: String?
    var discard: String?
    var detectZeroes: String?
    var isReadOnly = false
    var isCDROM = false
    var isTransient = false
    var errors: (write: String?, read: String?) = (nil, nil)
    var tuning: [NewElement] = []
    var serial: String?
    var isUsed = false
    var isCopyOnRead = false
}

extension NativeDraft {
    /// Disks, and what they lie on.
    func takeStorage(_ option: QEMUOption) throws(JSONError) -> Bool {
        let value = option.value ?? ""
        switch option.name {
        case "drive": try takeDrive(option)
        case "blockdev": try takeNode(option)
        case "hda", "hdb", "hdc", "hdd":
            let isSATA = machine?.contains("q35") == true
            add(BlockNode(path: path(value)), bus: isSATA ? "sata" : "ide", target: isSATA ? nil : option.name)
        case "cdrom":
            add(
                BlockNode(format: "raw", path: path(value), isReadOnly: true, isCDROM: true),
                bus: machine?.contains("q35") == true ? "sata" : "ide")
        case "fda", "fdb": addFloppy(BlockNode(format: "raw", path: path(value)), option.name)
        default: return false
        }
        return true
    }

    private static let caches = [
        "none": "none", "off": "none", "writeback": "writeback", "writethrough": "writethrough",
        "directsync": "directsync", "unsafe": "unsafe",
    ]

    /// What drives and nodes have in common.
    private func common(_ keys: QEMUKeys) -> BlockNode {
        var node = BlockNode()
        node.io = keys.take("aio", "file.aio")
        if let discard = keys.take("discard", "file.discard") {
            node.discard = discard == "on" || discard == "unmap" ? "unmap" : "ignore"
        }
        node.detectZeroes = keys.take("detect-zeroes")
        node.isReadOnly = keys.flag("readonly", "read-only") ?? false
        switch (
            keys.flag("cache.direct", "file.cache.direct"), keys.flag("cache.no-flush", "file.cache.no-flush"),
            keys.flag("cache.writeback")
        ) {
        case (_, true?, _): node.cache = "unsafe"
        case (true?, _, false?): node.cache = "directsync"
        case (true?, _, _): node.cache = "none"
        case (false?, _, false?): node.cache = "writethrough"
        case (false?, _, _): node.cache = "writeback"
        default: break
        }
        node.isCopyOnRead = keys.flag("copy-on-read") ?? false
        var tuning: [(String, String)] = []
        for (key, value) in keys.takeAll(prefix: "throttling.") { tuning.append((key, value)) }
        for key in ["bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr", "bps_max", "iops_max"] {
            if let value = keys.take(key) { tuning.append((key, value)) }
        }
        let names = [
            "bps-total": "total_bytes_sec", "bps-read": "read_bytes_sec", "bps-write": "write_bytes_sec",
            "iops-total": "total_iops_sec",
            "iops-read": "read_iops_sec", "iops-write": "write_iops_sec", "bps": "total_bytes_sec",
            "bps_rd": "read_bytes_sec",
            "bps_wr": "write_bytes_sec", "iops": "total_iops_sec", "iops_rd": "read_iops_sec",
            "iops_wr": "write_iops_sec",
            "bps_max": "total_bytes_sec_max", "iops_max": "total_iops_sec_max", "bps-total-max": "total_bytes_sec_max",
            "iops-total-max": "total_iops_sec_max", "bps-read-max": "read_bytes_sec_max",
            "bps-write-max": "write_bytes_sec_max",
        ]
        for (key, value) in tuning {
            if let name = names[key] {
                node.tuning.append(NewElement(name, text: value))
            } else {
                leave("throttling.\(key)=\(value)", .notExpressible)
            }
        }
        return node
    }

    private func takeDrive(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: [])
        var node = common(keys)
        if let cache = keys.take("cache") {
            node.cache = Self.caches[cache]
            if node.cache == nil { leave("-drive …,cache=\(cache)", .malformed) }
        }
        node.format = keys.take("format", "driver")
        if let file = keys.take("file", "file.filename") { locate(file, &node, option) }
        node.isCDROM = keys.take("media") == "cdrom"
        node.isTransient = keys.flag("snapshot") ?? false
        node.errors = (keys.take("werror"), keys.take("rerror"))
        node.serial = keys.take("serial")
        let interface = keys.take("if") ?? (isX86 ? "ide" : "virtio")
        let id = keys.take("id")
        let unit = keys.number("unit", "index")
        keys.ignore("bus", "auto-read-only", "file.locking", "locking", "node-name")
        switch interface {
        case "none": drives[id ?? "none\(next("none"))"] = node
        case "pflash": takeFlash(node.path ?? "", isReadOnly: unit.map { $0 == 0 } ?? (loader == nil))
        case "floppy": addFloppy(node, unit == 1 ? "fdb" : "fda")
        case "virtio": add(node, bus: "virtio")
        case "scsi": add(node, bus: "scsi")
        case "ide": add(node, bus: machine?.contains("q35") == true ? "sata" : "ide")
        default: return pass(option, .notExpressible)
        }
        leave(keys, of: option)
    }

    private func takeNode(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "")
        guard let name = keys.take("node-name") else { return leave(option.words, .malformed) }
        var node = common(keys)
        keys.ignore("auto-read-only", "locking", "file.locking", "file.node-name", "force-share", "detect-zeroes")
        switch keys.head {
        case "file", "host_device", "host_cdrom":
            if let file = keys.take("filename") { locate(file, &node, option) }
        case "nbd", "rbd", "http", "https", "iscsi", "ssh", "nfs", "gluster":
            node.network = network(keys.head, keys)
            if node.network == nil { return pass(option, .notExpressible) }
        case "throttle", "luks", "quorum", "blkverify", "copy-before-write", "replication", "snapshot-access", "nvme":
            return pass(option, .notExpressible)
        default:
            node.format = keys.head
            if let below = keys.take("file").flatMap({ nodes[$0] }) {
                inherit(below, &node)
            } else if let file = keys.take("file.filename") {
                keys.ignore("file.driver")
                locate(file, &node, option)
            } else if let driver = keys.take("file.driver") {
                let parts = QEMUKeysView(keys.takeAll(prefix: "file."))
                node.network = network(driver, parts)
            }
            keys.ignore("backing", "l2-cache-size", "cache-size", "lazy-refcounts", "offset", "size")
        }
        nodes[name] = node
        leave(keys, of: option)
    }

    private func inherit(_ below: BlockNode, _ node: inout BlockNode) {
        node.path = below.path
        node.network = below.network
        node.cache = node.cache ?? below.cache
        node.io = node.io ?? below.io
        node.discard = node.discard ?? below.discard
        node.tuning += below.tuning
    }

    private func network(_ driver: String, _ keys: some KeyTaking) -> NewElement? {
        let ports = ["nbd": "10809", "http": "80", "https": "443", "iscsi": "3260"]
        var source = NewElement("source", ["protocol": driver])
        func host(_ name: String?, _ port: String?) -> NewElement? {
            name.map { NewElement("host", ["name": $0, "port": port ?? ports[driver]]) }
        }
        switch driver {
        case "nbd":
            if let export = keys.take("export") { source.attributes.append(.init(name: "name", value: export)) }
            if let socket = keys.take("server.path") {
                source.children.append(NewElement("host", ["transport": "unix", "socket": socket]))
            } else if let host = host(keys.take("server.host"), keys.take("server.port")) {
                source.children.append(host)
            }
            _ = keys.take("server.type")
        case "rbd":
            guard let pool = keys.take("pool"), let image = keys.take("image") else { return nil }
            source.attributes.append(.init(name: "name", value: "\(pool)/\(image)"))
            for number in 0..<16 {
                if let host = host(keys.take("server.\(number).host"), keys.take("server.\(number).port")) {
                    source.children.append(host)
                }
            }
            if let conf = keys.take("conf") { source.children.append(NewElement("config", ["file": conf])) }
        case "iscsi":
            guard let target = keys.take("target"), let portal = keys.take("portal") else { return nil }
            source.attributes.append(.init(name: "name", value: "\(target)/\(keys.take("lun") ?? "0")"))
            let parts = portal.split(separator: ":").map(String.init)
            if let host = host(parts.first, parts.count > 1 ? parts[1] : nil) { source.children.append(host) }
            _ = keys.take("transport")
        case "http", "https":
            guard let url = keys.take("url") else { return nil }
            let rest = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard rest.count == 4 else { return nil }
            source.attributes.append(.init(name: "name", value: rest[3]))
            let parts = rest[2].split(separator: ":").map(String.init)
            if let host = host(parts.first, parts.count > 1 ? parts[1] : nil) { source.children.append(host) }
        default: return nil
        }
        return source
    }

    private func locate(_ file: String, _ node: inout BlockNode, _ option: QEMUOption) {
        if let colon = file.firstIndex(of: ":"), !file[..<colon].contains("/"), !file.hasPrefix("file:") {
            let scheme = String(file[..<colon])
            if ["http", "https"].contains(scheme) {
                node.network = network(scheme, QEMUKeysView([("url", file)]))
            } else if scheme == "nbd" || scheme == "rbd" {
                let parts = file.split(separator: ":").map(String.init)
                if scheme == "rbd", parts.count > 1, parts[1].contains("/") {
                    node.network = NewElement("source", ["protocol": "rbd", "name": parts[1]])
                } else if scheme == "nbd", parts.count > 2 {
                    node.network = NewElement(
                        "source", ["protocol": "nbd"], [NewElement("host", ["name": parts[1], "port": parts[2]])])
                }
            }
            if node.network == nil { leave("-\(option.name) …\(file)", .notExpressible) }
            return
        }
        node.path = path(file.hasPrefix("file:") ? String(file.dropFirst(5)) : file)
    }

    /// A drive or node by its name, for a device.
    func block(_ id: String) -> BlockNode? {
        if let drive = drives[id] {
            drives[id]?.isUsed = true
            return drive
        }
        return nodes[id]
    }

    /// Adds a disk.
    func add(
        _ node: BlockNode, bus: String, target wanted: String? = nil, device: String? = nil, address: NewElement? = nil,
        more: [NewElement] = [], driverMore: [(String, String)] = [], attributes: [(String, String)] = []
    ) {
        let prefix = ["virtio": "vd", "ide": "hd", "fdc": "fd", "xen": "xvd"][bus] ?? "sd"
        var target = wanted ?? ""
        var number = 0
        while target.isEmpty || targets.contains(target) {
            target = prefix + Self.letters(number)
            number += 1
        }
        targets.insert(target)
        let kind = device ?? (node.isCDROM ? "cdrom" : "disk")
        let isBlock = node.path?.hasPrefix("/dev/") == true
        var driver = NewElement(
            "driver",
            [
                "name": "qemu",
                "type": node.format
                    ?? (kind == "disk" || kind == "cdrom" || kind == "lun" || kind == "floppy" ? "raw" : nil),
                "cache": node.cache,
                "io": node.io == "io_uring" || node.io == "native" || node.io == "threads" ? node.io : nil,
                "discard": node.discard, "detect_zeroes": node.detectZeroes, "error_policy": node.errors.write,
                "rerror_policy": node.errors.read == "stop" || node.errors.read == "report"
                    || node.errors.read == "ignore" ? node.errors.read : nil,
                "copy_on_read": node.isCopyOnRead ? "on" : nil,
            ])
        for (name, value) in driverMore { driver.attributes.append(.init(name: name, value: value)) }
        let source =
            node.network
            ?? node.path.flatMap { $0.isEmpty ? nil : NewElement("source", [isBlock ? "dev" : "file": $0]) }
        var disk = NewElement(
            "disk", ["type": node.network != nil ? "network" : isBlock ? "block" : "file", "device": kind],
            [
                driver, source, NewElement("target", ["dev": target, "bus": bus]),
                node.tuning.isEmpty ? nil : NewElement("iotune", [:], node.tuning),
                node.isReadOnly || kind == "cdrom" ? NewElement("readonly") : nil,
                node.isTransient ? NewElement("transient") : nil,
                node.serial.map { NewElement("serial", text: $0) },
            ])
        for (name, value) in attributes { disk.attributes.append(.init(name: name, value: value)) }
        disk.children += more
        if let address { disk.children.append(address) }
        devices.append(disk)
    }

    private func addFloppy(_ node: BlockNode, _ target: String) {
        add(node, bus: "fdc", target: target, device: "floppy")
    }

    static func letters(_ index: Int) -> String {
        let letter = String(UnicodeScalar(UInt8(0x61 + index % 26)))
        return index < 26 ? letter : letters(index / 26 - 1) + letter
    }
}

/// What keys can be taken from.
protocol KeyTaking { func take(_ keys: String...) -> String? }
extension QEMUKeys: KeyTaking {}

/// Keys that were taken out of others.
private struct QEMUKeysView: KeyTaking {
    private let values: [String: String]
    init(_ values: [(key: String, value: String)]) { self.values = Dictionary(values, uniquingKeysWith: { $1 }) }
    func take(_ keys: String...) -> String? { keys.lazy.compactMap { values[$0] }.first }
}
