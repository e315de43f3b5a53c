import HostFacts
import Quantities

/// One fact of a host, and how to make it unreadable.
struct HostFactPath: Sendable {
    /// Its dotted path, as a mirror of ``HostFacts`` names it; `[]` stands for the members of a list.
    let name: String
    /// Takes the fact away; whether there was anything to take.
    let blind: @Sendable (inout HostFacts, Unknown.Cause) -> Bool

    init<Value: Sendable & Equatable>(_ name: String, _ path: WritableKeyPath<HostFacts, Fact<Value>> & Sendable) {
        self.name = name
        blind = { host, cause in
            guard host[keyPath: path].value != nil else { return false }
            host[keyPath: path] = .unknown(Unknown(cause, source: "test: \(name)"))
            return true
        }
    }

    /// A fact of each member of a list.
    init<Member: Sendable & Equatable, Value: Sendable & Equatable>(
        _ name: String, each list: WritableKeyPath<HostFacts, Fact<[Member]>> & Sendable,
        _ path: WritableKeyPath<Member, Fact<Value>> & Sendable
    ) {
        self.name = name
        blind = { host, cause in
            guard var members = host[keyPath: list].value else { return false }
            var isChanged = false
            for index in members.indices where members[index][keyPath: path].value != nil {
                members[index][keyPath: path] = .unknown(Unknown(cause, source: "test: \(name)"))
                isChanged = true
            }
            host[keyPath: list] = .known(members)
            return isChanged
        }
    }

    /// A fact kept in a dictionary.
    init(_ name: String, entry key: String, of path: WritableKeyPath<HostFacts, [String: Fact<String>]> & Sendable) {
        self.name = name
        blind = { host, cause in
            guard host[keyPath: path][key]?.value != nil else { return false }
            host[keyPath: path][key] = .unknown(Unknown(cause, source: "test: \(name)"))
            return true
        }
    }

    /// Every fact of a host.
    ///
    /// A test holds this list against the type itself.
    static let all: [HostFactPath] = kernelAndSystem + processors + memory + storage + rest + entries

    private static let kernelAndSystem: [HostFactPath] = [
        .init("kernel.release", \.kernel.release), .init("kernel.architecture", \.kernel.architecture),
        .init("kernel.commandLine", \.kernel.commandLine), .init("kernel.modules", \.kernel.modules),
        .init("system.distribution", \.system.distribution), .init("system.hostName", \.system.hostName),
        .init("system.uptime", \.system.uptime), .init("system.loadAverages", \.system.loadAverages),
        .init("system.isTransactional", \.system.isTransactional), .init("system.isEFI", \.system.isEFI),
        .init("hypervisor.present", \.hypervisor.present), .init("hypervisor.kvmDevice", \.hypervisor.kvmDevice),
        .init("hypervisor.under", \.hypervisor.under), .init("hypervisor.xenCommandLine", \.hypervisor.xenCommandLine),
        .init("hypervisor.xlConfiguration", \.hypervisor.xlConfiguration),
    ]
    private static let processors: [HostFactPath] = [
        .init("cpu.online", \.cpu.online), .init("cpu.offline", \.cpu.offline), .init("cpu.present", \.cpu.present),
        .init("cpu.possible", \.cpu.possible), .init("cpu.isolated", \.cpu.isolated),
        .init("cpu.topology", \.cpu.topology),
        .init("cpu.sockets", \.cpu.sockets), .init("cpu.cores", \.cpu.cores), .init("cpu.threads", \.cpu.threads),
        .init("cpu.smtActive", \.cpu.smtActive), .init("cpu.caches", \.cpu.caches), .init("cpu.vendor", \.cpu.vendor),
        .init("cpu.model", \.cpu.model), .init("cpu.microcode", \.cpu.microcode), .init("cpu.flags", \.cpu.flags),
        .init("cpu.governor", \.cpu.governor), .init("numa.nodes", \.numa.nodes),
        .init("numa.statistics", \.numa.statistics),
        .init("numa.balancingScan", \.numa.balancingScan), .init("numa.nodes[].memory", each: \.numa.nodes, \.memory),
        .init("numa.nodes[].free", each: \.numa.nodes, \.free),
        .init("numa.nodes[].distances", each: \.numa.nodes, \.distances),
        .init("numa.nodes[].hugePages", each: \.numa.nodes, \.hugePages),
    ]
    private static let memory: [HostFactPath] = [
        .init("memory.total", \.memory.total), .init("memory.free", \.memory.free),
        .init("memory.available", \.memory.available),
        .init("memory.meminfo", \.memory.meminfo), .init("memory.defaultHugePageSize", \.memory.defaultHugePageSize),
        .init("memory.hugePages", \.memory.hugePages), .init("memory.swap", \.memory.swap),
        .init("memory.pageSize", \.memory.pageSize),
        .init("memory.thp.enabled", \.memory.thp.enabled), .init("memory.thp.defrag", \.memory.thp.defrag),
        .init("memory.thp.shmemEnabled", \.memory.thp.shmemEnabled),
        .init("memory.thp.khugepaged", \.memory.thp.khugepaged),
        .init("memory.ksm.run", \.memory.ksm.run), .init("memory.ksm.pagesShared", \.memory.ksm.pagesShared),
        .init("memory.ksm.pagesSharing", \.memory.ksm.pagesSharing),
        .init("memory.ksm.pagesUnshared", \.memory.ksm.pagesUnshared),
        .init("memory.ksm.pagesVolatile", \.memory.ksm.pagesVolatile),
        .init("memory.ksm.fullScans", \.memory.ksm.fullScans),
        .init("memory.ksm.sleepMilliseconds", \.memory.ksm.sleepMilliseconds),
        .init("memory.ksm.pagesToScan", \.memory.ksm.pagesToScan),
        .init("memory.ksm.mergeAcrossNodes", \.memory.ksm.mergeAcrossNodes),
        .init("memory.ksm.maxPageSharing", \.memory.ksm.maxPageSharing),
        .init("memory.ksm.useZeroPages", \.memory.ksm.useZeroPages),
        .init("memory.ksm.advisorMode", \.memory.ksm.advisorMode),
        .init("memory.ksm.smartScan", \.memory.ksm.smartScan),
        .init("memory.ksm.generalProfit", \.memory.ksm.generalProfit),
    ]
    private static let storage: [HostFactPath] = [
        .init("storage.disks", \.storage.disks), .init("storage.mounts", \.storage.mounts),
        .init("storage.fstab", \.storage.fstab),
        .init("storage.nfsClient", \.storage.nfsClient), .init("storage.nfsServer", \.storage.nfsServer),
        .init("storage.nfsServerThreads", \.storage.nfsServerThreads),
        .init("storage.multipath", \.storage.multipath),
        .init("storage.disks[].scheduler", each: \.storage.disks, \.scheduler),
        .init("storage.disks[].isRotational", each: \.storage.disks, \.isRotational),
        .init("storage.disks[].size", each: \.storage.disks, \.size),
        .init("storage.disks[].requests", each: \.storage.disks, \.requests),
        .init("storage.disks[].discards", each: \.storage.disks, \.discards),
    ]
    private static let rest: [HostFactPath] = [
        .init("sysctl.configured", \.sysctl.configured), .init("boot.loader", \.boot.loader),
        .init("boot.nextCommandLine", \.boot.nextCommandLine), .init("boot.configured", \.boot.configured),
        .init("boot.configuredXen", \.boot.configuredXen), .init("boot.tmpfiles", \.boot.tmpfiles),
        .init("cgroups.version", \.cgroups.version),
        .init("cgroups.guests", \.cgroups.guests),
        .init("cgroups.machineCPUs", \.cgroups.machineCPUs), .init("cgroups.machineMems", \.cgroups.machineMems),
        .init("services.enabled", \.services.enabled), .init("services.active", \.services.active),
        .init("services.defaultTarget", \.services.defaultTarget), .init("services.owners", \.services.owners),
        .init("services.ksmtuned", \.services.ksmtuned),
        .init("processes.qemu", \.processes.qemu),
        .init("processes.qemu[].resident", each: \.processes.qemu, \.resident),
        .init("processes.qemu[].memoryByNode", each: \.processes.qemu, \.memoryByNode),
        .init("processes.qemu[].allowedCPUs", each: \.processes.qemu, \.allowedCPUs),
        .init("processes.qemu[].allowedNodes", each: \.processes.qemu, \.allowedNodes),
        .init("processes.qemu[].threads", each: \.processes.qemu, \.threads),
        .init("network.ipv4Addresses", \.network.ipv4Addresses),
        .init("network.interfaces", \.network.interfaces), .init("libvirt.qemuConf", \.libvirt.qemuConf),
        .init("libvirt.autostart", \.libvirt.autostart), .init("libvirt.emulators", \.libvirt.emulators),
    ]
    private static let entries: [HostFactPath] =
        HostFacts.example.sysctl.running.keys.sorted().map {
            .init("sysctl.running[\($0)]", entry: $0, of: \.sysctl.running)
        }
        + HostFacts.example.kernel.moduleParameters.keys.sorted().map {
            .init("kernel.moduleParameters[\($0)]", entry: $0, of: \.kernel.moduleParameters)
        }
}
