public import HostFacts
import JSONText
import Quantities

/// Host facts as JSON, version 1.
///
/// What is unknown is `null` in its place, and stands with its reason in `unknown`.
public struct FactsJSON {
    private var json = JSONWriter(indent: 1)
    private var unknown: [(fact: String, reason: Unknown)] = []
    private var path: [String] = []

    /// The facts as bytes, ending with a line end.
    public static func write(_ facts: HostFacts) -> [UInt8] {
        var writer = FactsJSON()
        writer.all(facts)
        return writer.json.finished()
    }

    // MARK: Ways to write a fact

    private mutating func note<Value>(_ name: String, _ fact: Fact<Value>) {
        if let reason = fact.reason { unknown.append(((path + [name]).joined(separator: "."), reason)) }
    }
    private mutating func text(_ name: String, _ fact: Fact<String>) {
        note(name, fact)
        json.member(name, fact.value)
    }
    private mutating func number(_ name: String, _ fact: Fact<some BinaryInteger & Sendable>) {
        note(name, fact)
        json.member(name, fact.value)
    }
    private mutating func kibibytes(_ name: String, _ fact: Fact<ByteCount>) { number(name, fact.map(\.kibibytes)) }
    private mutating func flag(_ name: String, _ fact: Fact<Bool>) {
        note(name, fact)
        json.member(name, fact.value)
    }
    private mutating func set<Kind>(_ name: String, _ fact: Fact<IDSet<Kind>>) {
        note(name, fact)
        json.key(name)
        if let set = fact.value { json.array(set) { $0.integer($1) } } else { json.null() }
    }
    private mutating func strings(_ name: String, _ fact: Fact<[String]>) {
        note(name, fact)
        json.key(name)
        if let strings = fact.value { json.array(strings) { $0.string($1) } } else { json.null() }
    }
    private mutating func values(_ name: String, _ fact: Fact<[String: UInt64]>) {
        note(name, fact)
        json.key(name)
        guard let values = fact.value else { return json.null() }
        json.object { json in for (key, value) in values.sorted(by: { $0.key < $1.key }) { json.member(key, value) } }
    }
    private mutating func words(_ name: String, _ fact: Fact<[String: String]>) {
        note(name, fact)
        json.key(name)
        guard let values = fact.value else { return json.null() }
        json.object { json in for (key, value) in values.sorted(by: { $0.key < $1.key }) { json.member(key, value) } }
    }
    private mutating func list<Item: Sendable>(
        _ name: String, _ fact: Fact<[Item]>, _ write: (inout FactsJSON, Item) -> Void
    ) {
        note(name, fact)
        json.key(name)
        guard let items = fact.value else { return json.null() }
        json.beginArray()
        for (index, item) in items.enumerated() {
            path.append("\(name)[\(index)]")
            json.beginObject()
            write(&self, item)
            json.endObject()
            path.removeLast()
        }
        json.endArray()
    }
    private mutating func object(_ name: String, _ write: (inout FactsJSON) -> Void) {
        json.key(name)
        path.append(name)
        json.beginObject()
        write(&self)
        json.endObject()
        path.removeLast()
    }

    // MARK: The facts

    private mutating func all(_ facts: HostFacts) {
        json.beginObject()
        json.member("schemaVersion", 1)
        json.member("root", facts.root)
        object("system") { $0.system(facts.system) }
        object("kernel") { $0.kernel(facts.kernel) }
        object("hypervisor") { $0.hypervisor(facts.hypervisor) }
        object("cpu") { $0.cpu(facts.cpu) }
        object("numa") { $0.numa(facts.numa) }
        object("memory") { $0.memory(facts.memory) }
        object("sysctl") { $0.sysctl(facts.sysctl) }
        object("storage") { $0.storage(facts.storage) }
        object("boot") { $0.boot(facts.boot) }
        object("services") { $0.services(facts.services) }
        object("cgroups") { $0.cgroups(facts.cgroups) }
        object("processes") { $0.processes(facts.processes) }
        object("network") { writer in
            writer.strings("ipv4Addresses", facts.network.ipv4Addresses)
            writer.strings("interfaces", facts.network.interfaces)
        }
        object("libvirt") { writer in
            writer.words("qemuConf", facts.libvirt.qemuConf)
            writer.strings("autostart", facts.libvirt.autostart)
            writer.strings("emulators", facts.libvirt.emulators.map { $0.sorted() })
        }
        json.member("unknown", array: unknown) { json, entry in
            json.object { json in
                json.member("fact", entry.fact)
                json.member("source", entry.reason.source)
                json.member("why", entry.reason.why.english)
            }
        }
        json.endObject()
    }

    private mutating func system(_ facts: SystemFacts) {
        note("distribution", facts.distribution)
        json.key("distribution")
        if let distribution = facts.distribution.value {
            json.object { json in
                json.member("id", distribution.id)
                json.member("version", distribution.version)
                json.member("name", distribution.name)
                json.member("like", array: distribution.like) { $0.string($1) }
            }
        } else {
            json.null()
        }
        text("hostName", facts.hostName)
        note("uptimeSeconds", facts.uptime)
        json.member("uptimeSeconds", number: facts.uptime.value)
        note("loadAverages", facts.loadAverages)
        json.key("loadAverages")
        if let loads = facts.loadAverages.value { json.array(loads) { $0.number($1) } } else { json.null() }
        flag("transactional", facts.isTransactional)
        flag("efi", facts.isEFI)
    }

    private mutating func line(_ name: String, _ fact: Fact<KernelCommandLine>) {
        strings(
            name,
            fact.map {
                $0.parameters.map { parameter in parameter.value.map { "\(parameter.name)=\($0)" } ?? parameter.name }
            })
    }

    private mutating func kernel(_ facts: KernelFacts) {
        text("release", facts.release)
        text("architecture", facts.architecture)
        line("commandLine", facts.commandLine)
        strings("modules", facts.modules.map { $0.sorted() })
        object("moduleParameters") { writer in
            for (name, value) in facts.moduleParameters.sorted(by: { $0.key < $1.key }) { writer.text(name, value) }
        }
    }

    private mutating func hypervisor(_ facts: HypervisorFacts) {
        strings("present", facts.present.map { $0.map(\.rawValue).sorted() })
        flag("kvmDevice", facts.kvmDevice)
        note("under", facts.under)
        json.member("under", facts.under.value ?? nil)
        line("xenCommandLine", facts.xenCommandLine)
        words("xlConfiguration", facts.xlConfiguration)
    }

    private mutating func cpu(_ facts: CPUFacts) {
        set("online", facts.online)
        set("offline", facts.offline)
        set("present", facts.present)
        set("possible", facts.possible)
        set("isolated", facts.isolated)
        number("sockets", facts.sockets)
        number("cores", facts.cores)
        number("threads", facts.threads)
        flag("smtActive", facts.smtActive)
        text("vendor", facts.vendor)
        text("model", facts.model)
        text("microcode", facts.microcode)
        text("governor", facts.governor)
        strings("flags", facts.flags.map { $0.sorted() })
        list("topology", facts.topology) { writer, cpu in
            writer.json.member("cpu", cpu.id)
            writer.json.member("socket", cpu.socket)
            writer.json.member("die", cpu.die)
            writer.json.member("cluster", cpu.cluster)
            writer.json.member("core", cpu.core)
            writer.json.member("node", cpu.node)
            writer.json.member("book", cpu.book)
            writer.json.member("drawer", cpu.drawer)
            writer.set(
                "siblings",
                cpu.siblings.isEmpty
                    ? .unknown(
                        Unknown(.missing, source: "/sys/devices/system/cpu/cpu\(cpu.id)/topology/thread_siblings_list"))
                    : .known(cpu.siblings))
        }
        list("caches", facts.caches) { writer, cache in
            writer.json.member("level", cache.level)
            writer.json.member("type", cache.type)
            writer.json.member("sizeKiB", cache.size?.kibibytes)
            writer.json.member("cpus", array: cache.cpus) { $0.integer($1) }
        }
    }

    private mutating func pools(_ fact: Fact<[HugePagePool]>, isHost: Bool) {
        list("hugePages", fact) { writer, pool in
            writer.json.member("sizeKiB", pool.size.kibibytes)
            writer.json.member("total", pool.total)
            writer.json.member("free", pool.free)
            writer.json.member("surplus", pool.surplus)
            if isHost {
                writer.json.member("reserved", pool.reserved)
                writer.json.member("overcommit", pool.overcommit)
            }
        }
    }

    private mutating func numa(_ facts: NUMAFacts) {
        list("nodes", facts.nodes) { writer, node in
            writer.json.member("id", node.id)
            writer.set("cpus", node.unknownCPUs.map { .unknown($0) } ?? .known(node.cpus))
            writer.kibibytes("memoryKiB", node.memory)
            writer.kibibytes("freeKiB", node.free)
            writer.note("distances", node.distances)
            writer.json.key("distances")
            if let distances = node.distances.value {
                writer.json.array(distances) { $0.integer($1) }
            } else {
                writer.json.null()
            }
            writer.pools(node.hugePages, isHost: false)
        }
        values("balancingScan", facts.balancingScan)
        values("statistics", facts.statistics)
    }

    private mutating func memory(_ facts: MemoryFacts) {
        kibibytes("totalKiB", facts.total)
        kibibytes("freeKiB", facts.free)
        kibibytes("availableKiB", facts.available)
        kibibytes("pageSizeKiB", facts.pageSize)
        kibibytes("defaultHugePageKiB", facts.defaultHugePageSize)
        pools(facts.hugePages, isHost: true)
        object("thp") { writer in
            writer.text("enabled", facts.thp.enabled)
            writer.text("defrag", facts.thp.defrag)
            writer.text("shmemEnabled", facts.thp.shmemEnabled)
            writer.values("khugepaged", facts.thp.khugepaged)
        }
        object("ksm") { writer in
            let ksm = facts.ksm
            writer.number("run", ksm.run)
            writer.number("pagesShared", ksm.pagesShared)
            writer.number("pagesSharing", ksm.pagesSharing)
            writer.number("pagesUnshared", ksm.pagesUnshared)
            writer.number("pagesVolatile", ksm.pagesVolatile)
            writer.number("fullScans", ksm.fullScans)
            writer.number("sleepMillisecs", ksm.sleepMilliseconds)
            writer.number("pagesToScan", ksm.pagesToScan)
            writer.flag("mergeAcrossNodes", ksm.mergeAcrossNodes)
            writer.number("maxPageSharing", ksm.maxPageSharing)
            writer.flag("useZeroPages", ksm.useZeroPages)
            writer.text("advisorMode", ksm.advisorMode)
            writer.flag("smartScan", ksm.smartScan)
            writer.number("generalProfit", ksm.generalProfit)
        }
        list("swap", facts.swap) { writer, area in
            writer.json.member("path", area.path)
            writer.json.member("type", area.type)
            writer.json.member("sizeKiB", area.size.kibibytes)
            writer.json.member("usedKiB", area.used.kibibytes)
            writer.json.member("priority", area.priority)
            writer.json.member("zram", area.isZRAM)
        }
        values("meminfo", facts.meminfo)
    }

    private mutating func sysctl(_ facts: SysctlFacts) {
        object("running") { writer in
            for (key, value) in facts.running.sorted(by: { $0.key < $1.key }) { writer.text(key, value) }
        }
        settings("configured", facts.configured)
    }

    private mutating func settings(_ name: String, _ fact: Fact<[String: ConfiguredSysctl]>) {
        note(name, fact)
        json.key(name)
        guard let settings = fact.value else { return json.null() }
        json.object { json in
            for (key, setting) in settings.sorted(by: { $0.key < $1.key }) {
                json.member(key) { json in
                    json.member("value", setting.value)
                    json.member("file", setting.file)
                    json.member("line", setting.line)
                    json.member("overruled", array: setting.overruled) { $0.string($1) }
                }
            }
        }
    }

    private mutating func storage(_ facts: StorageFacts) {
        list("disks", facts.disks) { writer, disk in
            writer.json.member("name", disk.name)
            writer.text("scheduler", disk.scheduler)
            writer.json.member("schedulers", array: disk.schedulers) { $0.string($1) }
            writer.flag("rotational", disk.isRotational)
            writer.kibibytes("sizeKiB", disk.size)
            writer.number("requests", disk.requests)
            writer.flag("discards", disk.discards)
            writer.json.member("partitions", array: disk.partitions) { $0.string($1) }
            writer.json.member("slaves", array: disk.slaves) { $0.string($1) }
            writer.json.member("mapperName", disk.mapperName)
            writer.json.member("mapperUUID", disk.mapperUUID)
            writer.json.member("links", array: disk.links) { $0.string($1) }
            writer.json.member("model", disk.model)
        }
        for (name, fact) in [("mounts", facts.mounts), ("fstab", facts.fstab)] {
            list(name, fact) { writer, mount in
                writer.json.member("source", mount.source)
                writer.json.member("path", mount.path)
                writer.json.member("type", mount.type)
                writer.json.member("options", mount.options.joined(separator: ","))
            }
        }
        note("nfsClient", facts.nfsClient)
        json.key("nfsClient")
        if let client = facts.nfsClient.value {
            json.object { json in
                json.member("calls", client.calls)
                json.member("retransmissions", client.retransmissions)
            }
        } else {
            json.null()
        }
        note("nfsServer", facts.nfsServer)
        json.key("nfsServer")
        if let server = facts.nfsServer.value {
            json.object { json in
                json.member("threads", server.threads)
                json.member("connections", server.connections)
            }
        } else {
            json.null()
        }
        list("multipath", facts.multipath) { writer, map in
            writer.json.member("name", map.name)
            writer.json.member("wwid", map.wwid)
            writer.json.member("device", map.device)
            writer.json.member("paths", array: map.paths) { $0.string($1) }
        }
    }

    private mutating func boot(_ facts: BootFacts) {
        text("loader", facts.loader.map(\.rawValue))
        line("nextCommandLine", facts.nextCommandLine)
        json.member("nextSource", facts.nextSource)
        line("configured", facts.configured)
        json.member("configuredSource", facts.configuredSource)
        line("configuredXen", facts.configuredXen)
        settings("tmpfiles", facts.tmpfiles)
    }

    private mutating func services(_ facts: ServiceFacts) {
        strings("enabled", facts.enabled.map { $0.sorted() })
        strings("active", facts.active.map { $0.sorted() })
        text("defaultTarget", facts.defaultTarget)
        list("owners", facts.owners) { writer, owner in
            writer.json.member("tool", owner.tool.rawValue)
            writer.json.member("profile", owner.profile)
            writer.json.member("settings", array: owner.settings.sorted()) { $0.string($1) }
        }
    }

    private mutating func cgroups(_ facts: CgroupFacts) {
        number("version", facts.version)
        set("machineCpus", facts.machineCPUs)
        set("machineMems", facts.machineMems)
        list("guests", facts.guests) { writer, group in
            writer.json.member("guest", group.guest)
            writer.json.member("part", group.part)
            writer.json.member("cpus", array: group.cpus) { $0.integer($1) }
            writer.json.member("mems", array: group.mems) { $0.integer($1) }
            writer.json.member("path", group.path)
        }
    }

    private mutating func processes(_ facts: ProcessFacts) {
        list("qemu", facts.qemu) { writer, process in
            writer.json.member("pid", process.pid)
            writer.json.member("program", process.program)
            writer.json.member("name", process.name)
            writer.json.member("uuid", process.uuid)
            writer.kibibytes("residentKiB", process.resident)
            writer.note("memoryByNodeKiB", process.memoryByNode)
            writer.json.key("memoryByNodeKiB")
            if let nodes = process.memoryByNode.value {
                writer.json.object { json in
                    for (node, size) in nodes.sorted(by: { $0.key < $1.key }) {
                        json.member(String(node), size.kibibytes)
                    }
                }
            } else {
                writer.json.null()
            }
            writer.set("allowedCpus", process.allowedCPUs)
            writer.set("allowedNodes", process.allowedNodes)
            writer.note("threads", process.threads)
            writer.json.key("threads")
            if let threads = process.threads.value {
                writer.json.object { json in
                    for (name, cpus) in threads.sorted(by: { $0.key < $1.key }) { json.member(name, cpus.description) }
                }
            } else {
                writer.json.null()
            }
            writer.json.member("arguments", array: process.arguments) { $0.string($1) }
        }
    }
}
