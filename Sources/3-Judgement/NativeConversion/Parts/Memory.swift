import DomainXML
import JSONText
import Quantities

/// What `-object memory-backend-…` names.
struct MemoryBackend {
    var size: ByteCount?
    var path: String?
    var isFile = false
    var isMemfd = false
    var isShared = false
    var isPreallocated = false
    var policy: String?
    var nodes: String?
    var pageSize: ByteCount?
}

extension NativeDraft {
    /// Memory, NUMA cells.
    func takeMemory(_ option: QEMUOption) throws(JSONError) -> Bool {
        switch option.name {
        case "m": try takeSize(option)
        case "mem-path": hugePages = .some(option.value)
        case "mem-prealloc": isPreallocated = true
        case "numa": try takeCell(option)
        case "object":
            let keys = try QEMUKeys(option.value ?? "", head: ["qom-type"])
            return takeObject(keys, option)
        default: return false
        }
        return true
    }

    /// QEMU's sizes: MiB without a suffix for `-m`, bytes for objects.
    static func size(_ text: String, unit: String) -> ByteCount? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits) else { return nil }
        let suffix = text.dropFirst(digits.count)
        return ByteCount(number, unit: suffix.isEmpty ? unit : String(suffix))
    }

    private func takeSize(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: ["size"])
        guard let size = Self.size(keys.head.isEmpty ? "128" : keys.head, unit: "MiB"), size > .zero,
            size.rawValue < 1 << 62
        else {
            return leave(option.words, .malformed)
        }
        memory = size
        slots = keys.number("slots")
        maxMemory = keys.take("maxmem").flatMap { Self.size($0, unit: "MiB") }
        leave(keys, of: option)
    }

    private func takeObject(_ keys: QEMUKeys, _ option: QEMUOption) -> Bool {
        let id = keys.take("id") ?? ""
        switch keys.head {
        case "memory-backend-ram", "memory-backend-file", "memory-backend-memfd":
            var backend = MemoryBackend(isFile: keys.head.hasSuffix("file"), isMemfd: keys.head.hasSuffix("memfd"))
            backend.size = keys.take("size").flatMap { Self.size($0, unit: "B") }
            backend.path = keys.take("mem-path")
            backend.isShared = keys.flag("share") ?? false
            backend.isPreallocated = keys.flag("prealloc") ?? false
            backend.policy = keys.take("policy")
            var nodes = keys.takeAll(prefix: "host-nodes.").map(\.value)
            if let list = keys.take("host-nodes") { nodes.append(list) }
            backend.nodes = nodes.isEmpty ? nil : nodes.joined(separator: ",")
            backend.pageSize = keys.take("hugetlbsize").flatMap { Self.size($0, unit: "B") }
            if keys.flag("hugetlb") == true, backend.pageSize == nil { backend.pageSize = ByteCount(mebibytes: 2) }
            keys.ignore(
                "prealloc-threads", "x-use-canonical-path-for-ramblock-id", "merge", "dump", "discard-data", "reserve",
                "prealloc-context", "seal", "align", "pmem", "readonly")
            backends[id] = backend
        case "rng-random":
            rngs[id] = NewElement("backend", ["model": "random"], text: keys.take("filename") ?? "/dev/urandom")
        case "rng-builtin": rngs[id] = NewElement("backend", ["model": "builtin"])
        case "iothread":
            iothreads.append(id)
            keys.ignore(
                "poll-max-ns", "poll-grow", "poll-shrink", "thread-pool-min", "thread-pool-max", "aio-max-batch")
        case "secret", "secret_keyring":
            // What it holds is nobody's business.
            leave("-object \(keys.head),id=\(id),…", .libvirtDoes)
            return true
        case "tls-creds-x509", "tls-creds-anon", "tls-cipher-suites", "authz-list",
            "authz-simple", "thread-context",
            "throttle-group":
            leave(option.words, .libvirtDoes)
            return true
        case "sev-guest", "sev-snp-guest", "tdx-guest", "pef-guest", "s390-pv-guest", "rng-egd", "input-linux",
            "filter-mirror", "can-bus":
            pass(option, .notExpressible)
            return true
        default: return false
        }
        leave(keys, of: option)
        return true
    }

    private func takeCell(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "")
        guard keys.head == "node" else {
            return keys.head == "cpu" ? leave(option.words, .libvirtDoes) : pass(option, .notExpressible)
        }
        let text = keys.take("nodeid")
        guard let id = text.map(QEMUKeys.number) ?? UInt64(cells.count), id < 1024 else {
            return leave(option.words, .malformed)
        }
        let backend = keys.take("memdev").flatMap { backends[$0] }
        let size = keys.take("mem").flatMap { Self.size($0, unit: "MiB") } ?? backend?.size ?? .zero
        var cell = NewElement("cell", ["id": String(id)])
        if let cpus = keys.take("cpus") { cell.attributes.append(.init(name: "cpus", value: cpus)) }
        cell.attributes.append(.init(name: "memory", value: String(size.kibibytes)))
        cell.attributes.append(.init(name: "unit", value: "KiB"))
        if backend?.isShared == true { cell.attributes.append(.init(name: "memAccess", value: "shared")) }
        cells.append(cell)
        if let backend {
            note(backend)
            if let nodes = backend.nodes {
                cellTuning.append(
                    NewElement("memnode", ["cellid": String(id), "mode": Self.mode(backend.policy), "nodeset": nodes]))
            }
        }
        leave(keys, of: option)
    }

    private static func mode(_ policy: String?) -> String {
        switch policy {
        case "preferred": "preferred"
        case "interleave": "interleave"
        default: "strict"
        }
    }

    /// What a back end says of all memory.
    private func note(_ backend: MemoryBackend) {
        if backend.isShared { isShared = true }
        if backend.isPreallocated { isPreallocated = true }
        if backend.isMemfd { memorySource = "memfd" }
        if backend.isFile {
            if backend.path?.contains("huge") == true { hugePages = .some(backend.path) } else { memorySource = "file" }
        }
        if let size = backend.pageSize { hugePages = .some("pagesize=\(size.kibibytes)K") }
    }

    func memoryElements() -> [NewElement?] {
        if let backend = memoryBackend.flatMap({ backends[$0] }) {
            note(backend)
            if let nodes = backend.nodes { nodeset = (Self.mode(backend.policy), nodes) }
        }
        var backing: [NewElement] = []
        if case .some(let path) = hugePages {
            // The folder tells the size of its pages where it is named after it, as hosts have it.
            let size: ByteCount? =
                path.flatMap { path in
                    if path.contains("1G") || path.contains("1048576") { return ByteCount(gibibytes: 1) }
                    if path.contains("2M") || path.contains("2048") { return ByteCount(mebibytes: 2) }
                    return nil
                }
            backing.append(
                NewElement(
                    "hugepages", [:], [size.map { NewElement("page", ["size": String($0.kibibytes), "unit": "KiB"]) }]))
        }
        if !isMerged { backing.append(NewElement("nosharepages")) }
        if isLocked { backing.append(NewElement("locked")) }
        if let memorySource { backing.append(NewElement("source", ["type": memorySource])) }
        if isShared { backing.append(NewElement("access", ["mode": "shared"])) }
        if isPreallocated { backing.append(NewElement("allocation", ["mode": "immediate"])) }
        var tuning: [NewElement] = []
        if let nodeset { tuning.append(NewElement("memory", ["mode": nodeset.mode, "nodeset": nodeset.nodes])) }
        tuning += cellTuning
        return [
            maxMemory.map {
                NewElement("maxMemory", ["slots": String(slots ?? 1), "unit": "KiB"], text: String($0.kibibytes))
            },
            NewElement("memory", ["unit": "KiB", "dumpCore": dumpCore], text: String(memory.kibibytes)),
            backing.isEmpty ? nil : NewElement("memoryBacking", [:], backing),
            tuning.isEmpty ? nil : NewElement("numatune", [:], tuning),
        ]
    }
}
