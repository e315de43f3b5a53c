public import DiskImage
public import DomainXML
public import HostFacts
public import Inventory
public import Quantities

/// A practice's examples.
///
/// There is no way to make one without a case that fires and a case that does not.
public struct Examples: Sendable {
    /// Cases in which it finds something.
    public let fires: [Example]
    /// Cases in which it passes or does not apply.
    public let quiet: [Example]
    /// Cases it cannot judge, and others.
    public let others: [Example]

    /// Examples.
    ///
    /// - Parameters:
    ///   - fires: a case that makes it fire.
    ///   - moreThatFire: further such cases.
    ///   - quiet: a case in which all is well, or the practice does not apply.
    ///   - moreThatAreQuiet: further such cases.
    ///   - others: cases that are unknown or not applicable.
    public init(
        fires: Example, _ moreThatFire: Example..., quiet: Example, _ moreThatAreQuiet: Example...,
        others: [Example] = []
    ) {
        self.fires = [fires] + moreThatFire
        self.quiet = [quiet] + moreThatAreQuiet
        self.others = others
    }

    /// All of them.
    public var all: [Example] { fires + quiet + others }
}

/// One example: an estate, and what the practice says of it.
public struct Example: Sendable {
    /// What is expected of the practice.
    public enum Expectation: Sendable, Hashable {
        /// At least one finding; the worst has this severity, and one has this observed value where one is given.
        case fires(Severity, observed: String? = nil)
        case pass
        case notApplicable
        case unknown
    }
    /// What the case shows.
    public let title: String
    /// What is expected.
    public let expect: Expectation
    /// The file the example stands in.
    public let file: String
    /// The line it stands at.
    public let line: Int
    private let make: @Sendable () -> Estate

    /// The estate; made anew each time.
    public var estate: Estate { make() }

    /// An example over any estate.
    public init(
        _ title: String, expect: Expectation, file: String = #fileID, line: Int = #line,
        estate: @escaping @Sendable @autoclosure () -> Estate
    ) {
        self.title = title
        self.expect = expect
        self.file = file
        self.line = line
        make = estate
    }

    /// An example about the host: ``HostFacts/example`` with changes, and the guests it serves.
    public static func host(
        _ title: String, expect: Expectation, guests: [String] = [], active: Bool = true,
        settings: Settings = Settings(),
        file: String = #fileID, line: Int = #line, _ change: @escaping @Sendable (inout HostFacts) -> Void
    ) -> Example {
        Example(
            title, expect: expect, file: file, line: line,
            estate: .example(host: change, guests: guests.map { .example($0, active: active) }, settings: settings))
    }

    /// An example about a guest: what stands inside `<domain type='kvm'>` (or a whole `<domain>`), on ``HostFacts/example`` with changes.
    ///
    /// Other guests may stand beside it.
    public static func guest(
        _ title: String, _ xml: String, expect: Expectation, workload: Workload = .general, active: Bool = true,
        beside: [String] = [],
        settings: Settings = Settings(), file: String = #fileID, line: Int = #line,
        host change: @escaping @Sendable (inout HostFacts) -> Void = { _ in },
        guest alter: @escaping @Sendable (inout Guest) -> Void = { _ in }
    ) -> Example {
        Example(
            title, expect: expect, file: file, line: line,
            estate: .example(
                host: change,
                guests: [.example(xml, workload: workload, active: active, alter)]
                    + beside.map { .example($0, active: active) },
                settings: settings))
    }

    /// An example about an image, and the guests that use it.
    public static func image(
        _ title: String, expect: Expectation, guests: [String] = [], others: [ImageFacts] = [], active: Bool = true,
        settings: Settings = Settings(), file: String = #fileID, line: Int = #line,
        host change: @escaping @Sendable (inout HostFacts) -> Void = { _ in },
        _ image: @escaping @Sendable () -> ImageFacts
    ) -> Example {
        Example(
            title, expect: expect, file: file, line: line,
            estate: .example(
                host: change, guests: guests.map { .example($0, active: active) }, images: [image()] + others,
                settings: settings))
    }
}

extension Estate {
    /// An estate for an example: the example host with changes.
    public static func example(
        host change: (inout HostFacts) -> Void = { _ in }, guests: [Guest] = [], images: [ImageFacts] = [],
        capabilities: Fact<HypervisorCapabilities> = .known(.example),
        migrationTargets: [String: Fact<HypervisorCapabilities>] = [:],
        settings: Settings = Settings()
    ) -> Estate {
        var host = HostFacts.example
        change(&host)
        return Estate(
            host: host, guests: guests,
            images: Dictionary(images.map { ($0.path, .known($0)) }, uniquingKeysWith: { first, _ in first }),
            hasImages: true, capabilities: capabilities, migrationTargets: migrationTargets, settings: settings,
            now: 1_795_000_000)
    }
}

extension Guest {
    /// A guest for an example: a whole `<domain>`, or what stands inside one of type kvm (a name, memory of 2 GiB, two vCPUs and ACPI are added where
    /// they are not written).
    public static func example(
        _ xml: String, workload: Workload = .general, active: Bool = true, _ alter: (inout Guest) -> Void = { _ in }
    ) -> Guest {
        var text = xml
        if !xml.contains("<domain") {
            text = "<domain type='kvm'>"
            if !xml.contains("<name>") { text += "<name>guest</name>" }
            if !xml.contains("<memory ") && !xml.contains("<memory>") { text += "<memory unit='GiB'>2</memory>" }
            if !xml.contains("<vcpu>") && !xml.contains("<vcpu ") { text += "<vcpu>2</vcpu>" }
            if !xml.contains("<os>") { text += "<os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type></os>" }
            text += xml + "</domain>"
        }
        do {
            let definition = try DomainDefinition(xml: text, path: "example.xml")
            var guest = Guest(
                name: definition.name.isEmpty ? "guest" : definition.name, origin: .example, persistent: definition,
                live: active ? definition : nil)
            guest.state = .known(active ? .running : .shutOff)
            guest.isAutostart = .known(false)
            guest.messages = .known([])
            guest.workload = definition.declaredWorkload.flatMap(Workload.init) ?? workload
            alter(&guest)
            return guest
        } catch {
            preconditionFailure("an example's XML is wrong: \(error)")
        }
    }
}

extension HostFacts {
    /// A small host in good order, on which examples build: two nodes with four cores of two threads and 32 GiB each, SLES 15 SP6, KVM; node 0 has
    /// CPUs 0-3 and 8-11, node 1 has 4-7 and 12-15; siblings are n and n+8.
    public static var example: HostFacts {
        var host = HostFacts()
        host.root = "/"
        host.kernel.release = .known("6.4.0-150600.23.25-default")
        host.kernel.architecture = .known("x86_64")
        host.kernel.commandLine = .known(KernelCommandLine("BOOT_IMAGE=/boot/vmlinuz root=/dev/sda2 quiet"))
        host.kernel.modules = .known(["kvm", "kvm_intel", "virtio_net"])
        host.kernel.moduleParameters = ["kvm/halt_poll_ns": .known("200000"), "kvm_intel/nested": .known("Y")]
        host.system.distribution = .known(
            Distribution(id: "sles", like: ["suse"], version: "15.6", name: "SUSE Linux Enterprise Server 15 SP6"))
        host.system.hostName = .known("kvm1")
        host.system.uptime = .known(864_000)
        host.system.loadAverages = .known([1.5, 1.5, 1.5])
        host.system.isTransactional = .known(false)
        host.system.isEFI = .known(true)
        host.hypervisor.present = .known([.kvm])
        host.hypervisor.kvmDevice = .known(true)
        host.hypervisor.under = .known(nil)
        host.hypervisor.xenCommandLine = .unknown(Unknown(.missing, source: "/sys/hypervisor"))
        host.hypervisor.xlConfiguration = .unknown(Unknown(.missing, source: "/etc/xen/xl.conf"))
        let all = CPUSet(0..<16)
        host.cpu.online = .known(all)
        host.cpu.offline = .known([])
        host.cpu.present = .known(all)
        host.cpu.possible = .known(all)
        host.cpu.isolated = .known([])
        host.cpu.topology = .known(
            (0..<16).map { id in
                LogicalProcessor(
                    id: id, socket: id % 8 / 4, die: 0, core: id % 4, siblings: [id % 8, id % 8 + 8], node: id % 8 / 4)
            })
        host.cpu.sockets = .known(2)
        host.cpu.cores = .known(8)
        host.cpu.threads = .known(2)
        host.cpu.smtActive = .known(true)
        host.cpu.caches = .known(
            [0, 1].map { node in
                CPUCache(
                    level: 3, type: "Unified", size: ByteCount(mebibytes: 32),
                    cpus: CPUSet([0, 1, 2, 3, 8, 9, 10, 11].map { $0 + node * 4 }))
            })
        host.cpu.vendor = .known("GenuineIntel")
        host.cpu.model = .known("Intel(R) Xeon(R) Gold 6334")
        host.cpu.microcode = .known("0xd0003a5")
        host.cpu.flags = .known(["pse", "pdpe1gb", "vmx", "constant_tsc", "nonstop_tsc"])
        host.cpu.governor = .known("performance")
        host.numa.nodes = .known(
            [0, 1].map { id in
                NUMANode(
                    id: id, cpus: id == 0 ? [0, 1, 2, 3, 8, 9, 10, 11] : [4, 5, 6, 7, 12, 13, 14, 15],
                    memory: .known(ByteCount(gibibytes: 32)),
                    free: .known(ByteCount(gibibytes: 28)), distances: .known(id == 0 ? [10, 21] : [21, 10]),
                    hugePages: .known([
                        HugePagePool(size: ByteCount(mebibytes: 2), total: 0),
                        HugePagePool(size: ByteCount(gibibytes: 1), total: 0),
                    ]))
            })
        host.numa.statistics = .known([:])
        host.numa.balancingScan = .known(
            ["scan_delay_ms": 1000, "scan_period_min_ms": 1000, "scan_period_max_ms": 60_000, "scan_size_mb": 256])
        host.memory.total = .known(ByteCount(gibibytes: 64))
        host.memory.free = .known(ByteCount(gibibytes: 56))
        host.memory.available = .known(ByteCount(gibibytes: 58))
        host.memory.meminfo = .known([:])
        host.memory.pageSize = .known(ByteCount(kibibytes: 4))
        host.memory.defaultHugePageSize = .known(ByteCount(mebibytes: 2))
        host.memory.hugePages = .known([
            HugePagePool(size: ByteCount(mebibytes: 2), total: 0),
            HugePagePool(size: ByteCount(gibibytes: 1), total: 0),
        ])
        host.memory.thp.enabled = .known("madvise")
        host.memory.thp.defrag = .known("madvise")
        host.memory.thp.shmemEnabled = .known("advise")
        host.memory.thp.khugepaged = .known(["defrag": 1, "pages_to_scan": 4096, "scan_sleep_millisecs": 10_000])
        host.memory.ksm.run = .known(0)
        host.memory.ksm.pagesShared = .known(0)
        host.memory.ksm.pagesSharing = .known(0)
        host.memory.ksm.pagesUnshared = .known(0)
        host.memory.ksm.pagesVolatile = .known(0)
        host.memory.ksm.fullScans = .known(0)
        host.memory.ksm.sleepMilliseconds = .known(1000)
        host.memory.ksm.pagesToScan = .known(1000)
        host.memory.ksm.mergeAcrossNodes = .known(false)
        host.memory.ksm.maxPageSharing = .known(256)
        host.memory.ksm.useZeroPages = .known(false)
        host.memory.ksm.advisorMode = .unknown(Unknown(.missing, source: "/sys/kernel/mm/ksm/advisor_mode"))
        host.memory.ksm.smartScan = .unknown(Unknown(.missing, source: "/sys/kernel/mm/ksm/smart_scan"))
        host.memory.ksm.generalProfit = .known(0)
        host.memory.swap = .known([SwapArea(path: "/dev/sda3", size: ByteCount(gibibytes: 8))])
        for (key, value) in [
            "vm.swappiness": "35", "fs.aio-max-nr": "1048576", "fs.aio-nr": "0", "kernel.numa_balancing": "1",
            "vm.nr_hugepages": "0",
            "kernel.io_uring_disabled": "0", "vm.overcommit_memory": "0", "vm.max_map_count": "65530",
        ] {
            host.sysctl.running[key] = .known(value)
        }
        host.sysctl.configured = .known([
            "vm.swappiness": ConfiguredSysctl(value: "35", file: "/etc/sysctl.d/90-site.conf"),
            "fs.aio-max-nr": ConfiguredSysctl(value: "1048576", file: "/usr/lib/sysctl.d/60-libvirtd.conf"),
        ])
        host.storage.disks = .known([
            BlockDevice(
                name: "sda", scheduler: .known("mq-deadline"), schedulers: ["mq-deadline", "kyber", "bfq", "none"],
                isRotational: .known(false), size: .known(ByteCount(gibibytes: 960)), requests: .known(64),
                discards: .known(true),
                partitions: ["sda1", "sda2", "sda3"])
        ])
        host.storage.mounts = .known([Mount(source: "/dev/sda2", path: "/", type: "xfs", options: ["rw"])])
        host.storage.fstab = .known([Mount(source: "/dev/sda2", path: "/", type: "xfs", options: ["defaults"])])
        host.storage.nfsClient = .unknown(Unknown(.missing, source: "/proc/net/rpc/nfs"))
        host.storage.nfsServer = .unknown(Unknown(.missing, source: "/proc/net/rpc/nfsd"))
        host.storage.multipath = .known([])
        host.boot.loader = .known(.grub2Mkconfig)
        host.boot.nextCommandLine = .known(KernelCommandLine("root=/dev/sda2 quiet"))
        host.boot.nextSource = "/boot/grub2/grub.cfg"
        host.boot.configured = .known(KernelCommandLine("quiet"))
        host.boot.configuredSource = "/etc/default/grub"
        host.boot.configuredXen = .known(KernelCommandLine(""))
        host.boot.tmpfiles = .known([:])
        host.services.enabled = .known(["libvirtd.service"])
        host.services.active = .known(["libvirtd.service"])
        host.services.defaultTarget = .known("multi-user.target")
        host.services.owners = .known([])
        host.cgroups.version = .known(2)
        host.cgroups.guests = .known([])
        host.processes.qemu = .known([])
        host.network.ipv4Addresses = .known(["192.168.1.10"])
        host.network.interfaces = .known(["lo", "eth0"])
        host.libvirt.qemuConf = .known([:])
        host.libvirt.autostart = .known([])
        host.libvirt.emulators = .known(["/usr/bin/qemu-system-x86_64"])
        return host
    }
}

extension HypervisorCapabilities {
    /// What the example host's libvirt says: QEMU 8.2 with q35 and i440fx machine types.
    public static var example: HypervisorCapabilities {
        var capabilities = HypervisorCapabilities()
        capabilities.libvirtVersion = SoftwareVersion(10, 0)
        capabilities.hypervisorVersion = SoftwareVersion(8, 2, 2)
        capabilities.driver = "QEMU"
        let machines =
            ["8.2", "8.1", "7.2", "6.2", "5.2", "4.2", "2.11"].flatMap {
                [
                    MachineType(name: "pc-q35-\($0)", maxCPUs: 288, isDeprecated: $0 == "2.11"),
                    MachineType(name: "pc-i440fx-\($0)", maxCPUs: 255, isDeprecated: $0 == "2.11"),
                ]
            } + [
                MachineType(name: "q35", canonical: "pc-q35-8.2", maxCPUs: 288),
                MachineType(name: "pc", canonical: "pc-i440fx-8.2", maxCPUs: 255),
            ]
        capabilities.guests = ["kvm", "qemu"].map {
            GuestSupport(architecture: "x86_64", type: $0, emulator: "/usr/bin/qemu-system-x86_64", machines: machines)
        }
        capabilities.cpuModes = ["host-passthrough", "host-model", "maximum", "custom"]
        capabilities.cpuModels = ["Icelake-Server": true, "Skylake-Server": true, "qemu64": true, "EPYC": false]
        capabilities.hostModel = "Icelake-Server"
        capabilities.graphicsTypes = ["vnc", "spice"]
        return capabilities
    }
}
