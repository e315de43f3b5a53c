import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Busy disks with asynchronous I/O, an I/O thread and enough queues (guide §4.3.2; Today: far more than the guide has).
struct DiskIOMode: GuestPractice {
    var about: About {
        About(
            id: "disk-io-mode", section: "4.3.2", scopes: [.guest], severities: [.error, .warning, .advice, .info],
            fixes: [.xml, .sysctl],
            title: Text("I/O of busy disks", "繁忙磁盘的 I/O 方式"),
            why: Text(
                "By default a pool of threads serves a disk's requests and QEMU's one main loop takes them up, beside everything else it does. Native I/O or io_uring saves the threads, an I/O thread takes the disk out of the main loop, and a queue for each vCPU saves their contention.",
                "默认由线程池处理磁盘请求,且由 QEMU 的单个主循环接收,与其他工作竞争。原生 I/O 或 io_uring 省去线程,I/O 线程使磁盘脱离主循环,每个 vCPU 一个队列可避免争用。"),
            tradeOff: Text(
                "An I/O thread takes CPU time of its own (pin it), native I/O takes events of fs.aio-max-nr and stops the loop while a sparse file grows, and io_uring is more code of the kernel within reach of QEMU.",
                "I/O 线程需要额外 CPU 时间(应固定),原生 I/O 占用 fs.aio-max-nr 的事件且在稀疏文件增长时会阻塞循环,io_uring 则扩大了 QEMU 可触及的内核代码面。"),
            guideSays: Text("Native asynchronous I/O only, and its limit.", "仅介绍原生异步 I/O 及其上限。"),
            today: Text(
                "io_uring since QEMU 5.0 and libvirt 6.3 where kernel.io_uring_disabled allows it; several I/O threads for one disk since QEMU 9.0 and libvirt 10.0; queues follow the vCPUs since machine type 5.2.",
                "io_uring 自 QEMU 5.0 和 libvirt 6.3 起可用(须 kernel.io_uring_disabled 允许);QEMU 9.0 和 libvirt 10.0 起一个磁盘可用多个 I/O 线程;自 5.2 机器类型起队列数跟随 vCPU。"
            ),
            sources: [
                "guide §4.3.2", "libvirt docs/formatdomain.rst (iothreads, disk driver)",
                "kernel Documentation/admin-guide/sysctl/kernel.rst (io_uring_disabled)",
            ])
    }

    /// Mean requests a second, over the host's whole time since boot, from which a disk is busy for sure.
    static let busyRate = 500.0
    /// vCPUs from which one queue is too few.
    static let manyVCPUs = 4
    /// vCPUs from which one I/O thread for a disk is a bottleneck.
    static let veryManyVCPUs = 8

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        let disks = domain.disks.filter { $0.isOnHost && ($0.device == "disk" || $0.device == "lun") }
        if disks.isEmpty { return .notApplicable(Text("the guest has no disk on a host's kernel", "客户机没有由主机内核提供的磁盘")) }
        let isAllowed = Self.ioUring(estate.host)
        addRefused(disks, isAllowed, of: guest, to: &judgement)
        var isIdleGeneral = false
        for disk in disks where !disk.isReadOnly && Self.canBeServed(disk, domain) {
            let lacks = lacking(disk, domain, estate)
            let several = severalThreads(disk, domain, guest, estate)
            guard !lacks.isEmpty || several else { continue }
            switch Self.isBusy(disk, guest, estate.host) {
            case .unknown(let reason):
                if let state = guest.state.value, !state.isActive {
                    isIdleGeneral = true
                } else if !lacks.isEmpty {
                    judgement.add(reason)
                }
            case .known(false): break
            case .known(true):
                if !lacks.isEmpty {
                    add(lacks, disk, domain, isAllowed, of: guest, to: &judgement)
                } else if several {
                    judgement.add(severalFinding(disk, domain, of: guest))
                }
            }
        }
        if isIdleGeneral, judgement.isPass {
            return .notApplicable(
                Text("the guest does not run, and no busy workload is declared for it", "客户机未运行,且未声明繁忙的工作负载"))
        }
        return judgement
    }

    // MARK: io_uring

    /// `kernel.io_uring_disabled`: 0 allowed, 1 for the privileged, 2 for nobody; kernels before 6.6 have no such switch.
    private static func ioUring(_ host: HostFacts) -> Fact<Int> {
        let key = "kernel.io_uring_disabled"
        let value = host.sysctl.number(key)
        if value.isMissing || (host.sysctl.running[key] == nil && host.root != nil) { return .known(0) }
        return value
    }

    /// Disks that ask for io_uring where the kernel gives none.
    private func addRefused(_ disks: [Disk], _ isAllowed: Fact<Int>, of guest: Guest, to judgement: inout Judgement) {
        for disk in disks where disk.io == "io_uring" {
            switch isAllowed {
            case .unknown(let reason): judgement.add(reason)
            case .known(let value):
                guard value > 0 else { continue }
                judgement.add(
                    Finding(
                        value >= 2 ? .error : .warning, part: disk.label,
                        Text(
                            "Disk \(disk.label) uses io_uring, and kernel.io_uring_disabled is \(value): \(value >= 2 ? "the guest does not start" : "QEMU may use it only as a member of kernel.io_uring_group")",
                            "磁盘 \(disk.label) 使用 io_uring,而 kernel.io_uring_disabled 为 \(value):\(value >= 2 ? "客户机无法启动" : "仅当 QEMU 属于 kernel.io_uring_group 时可用")"
                        ),
                        observed: "kernel.io_uring_disabled = \(value)", expected: "0",
                        remedy: .change(
                            SysctlChange("kernel.io_uring_disabled", from: String(value), to: "0"), disrupts: .nothing,
                            note: Text(
                                "Switched off on purpose (hardening profiles do)? Then give the disk io='native' with cache='none' instead",
                                "是否为安全加固有意关闭?若是,请改用 io='native' 与 cache='none'")),
                        evidence: [
                            Evidence("/proc/sys/kernel/io_uring_disabled", String(value)),
                            Evidence(disk.element, "io=io_uring"),
                        ]))
            }
        }
    }

    // MARK: Busy or not

    /// Whether a disk is busy: by the declared workload, else by what it has served.
    ///
    /// A guest runs no longer than its host, so that requests over the
    /// host's time are the least its rate can have been.
    private static func isBusy(_ disk: Disk, _ guest: Guest, _ host: HostFacts) -> Fact<Bool> {
        switch guest.workload {
        case .database, .storage, .latency: return .known(true)
        default: break
        }
        switch guest.statistics {
        case .unknown(let reason): return .unknown(reason)
        case .known(let statistics):
            guard let counts = statistics.disks.first(where: { $0.target == disk.target }), let reads = counts.reads,
                let writes = counts.writes
            else {
                return .unknown(Unknown(.missing, source: "statistics of disk \(disk.label)"))
            }
            switch host.system.uptime {
            case .unknown(let reason): return .unknown(reason)
            case .known(let seconds): return .known((Double(reads) + Double(writes)) / max(seconds, 1) >= busyRate)
            }
        }
    }

    /// virtio-blk on PCI or CCW, or virtio-scsi: buses that take I/O threads and queues.
    ///
    /// Others are the business of `disk-bus`.
    private static func canBeServed(_ disk: Disk, _ domain: DomainDefinition) -> Bool {
        switch disk.busInForce {
        case "virtio": disk.element.first("address")?["type"] != "virtio-mmio"
        case "scsi": domain.scsiModel(ofController: disk.scsiController).hasPrefix("virtio")
        default: false
        }
    }

    // MARK: What it lacks

    private enum Lack { case io, thread, queues }

    private func lacking(_ disk: Disk, _ domain: DomainDefinition, _ estate: Estate) -> [Lack] {
        var lacks: [Lack] = []
        // Threads that are written for a file are a choice: native I/O stops the loop while a sparse file grows.
        let isChosen = disk.io == "threads" && disk.type == "file"
        if disk.io != "native", disk.io != "io_uring", !isChosen { lacks.append(.io) }
        if disk.servingThreads(in: domain).isEmpty { lacks.append(.thread) }
        if domain.vcpus >= Self.manyVCPUs, queues(of: disk, domain) == 1 { lacks.append(.queues) }
        return lacks
    }

    /// Queues in force; `nil` where they follow the vCPUs or cannot be told.
    private func queues(of disk: Disk, _ domain: DomainDefinition) -> Int? {
        if disk.busInForce == "scsi" {
            let number = disk.scsiController
            return domain.controllers.first { $0.type == "scsi" && ($0.index ?? 0) == number }?.queues
        }
        if let queues = disk.queues { return queues }
        guard let machine = domain.machineType, let version = machine.version, version < SoftwareVersion(5, 2) else {
            return nil
        }
        return 1
    }

    private func add(
        _ lacks: [Lack], _ disk: Disk, _ domain: DomainDefinition, _ isAllowed: Fact<Int>, of guest: Guest,
        to judgement: inout Judgement
    ) {
        var observed: [String] = []
        var expected: [String] = []
        var changes: [any Change] = []
        var byHand = false
        let driver = disk.element.first("driver")
        var attributes: [(name: String, value: String)] = []
        for lack in lacks {
            switch lack {
            case .io:
                observed.append("io \(disk.io ?? "threads (default)")")
                // Native is surest on devices that are allocated and pass the cache by; io_uring serves the rest, where the kernel gives it.
                if disk.isDirect, disk.type == "block" || isAllowed.value != 0 {
                    attributes.append(("io", "native"))
                } else if isAllowed.value == 0 {
                    attributes.append(("io", "io_uring"))
                } else {
                    attributes.append(("cache", "none"))
                    attributes.append(("io", "native"))
                }
                expected.append("io \(attributes.last?.value ?? "native")")
            case .thread:
                observed.append("no I/O thread")
                expected.append("an I/O thread")
                if disk.busInForce == "scsi" {
                    byHand = true
                } else if let thread = Self.thread(for: disk, domain, of: guest, &changes) {
                    attributes.append(("iothread", String(thread)))
                } else {
                    byHand = true
                }
            case .queues:
                observed.append("1 queue")
                expected.append("\(domain.vcpus) queues")
                if disk.busInForce == "scsi" {
                    byHand = true
                } else {
                    attributes.append(("queues", String(domain.vcpus)))
                }
            }
        }
        if let driver {
            changes += attributes.map {
                DomainChange(guest.name, driver.xpath, .attribute($0.name, $0.value), from: driver[$0.name])
                    as any Change
            }
        } else {
            let words = attributes.map { " \($0.name)='\($0.value)'" }.joined()
            changes.append(
                DomainChange(guest.name, disk.element.xpath, .insert("<driver name='qemu' type='raw'\(words)/>")))
        }
        let note = Text(
            "Pin the new thread beside the emulator (<iothreadpin>). For virtio-scsi thread and queues belong to the controller: <driver iothread='1' queues='\(domain.vcpus)'/>",
            "将新线程与模拟器线程一起固定(<iothreadpin>)。virtio-scsi 的线程和队列属于控制器:<driver iothread='1' queues='\(domain.vcpus)'/>")
        judgement.add(
            Finding(
                .advice, part: disk.label,
                Text(
                    "Disk \(disk.label) is busy (\(Self.reason(guest))) and has \(observed.joined(separator: ", ")) for \(domain.vcpus) vCPUs",
                    "磁盘 \(disk.label) 繁忙(\(Self.chineseReason(guest))),\(domain.vcpus) 个 vCPU 仅有:\(observed.joined(separator: "、"))"
                ),
                observed: observed.joined(separator: ", "), expected: expected.joined(separator: ", "),
                remedy: byHand
                    ? .byHand(note, commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart)
                    : .changes(changes, disrupts: .guestRestart, note: note),
                evidence: [
                    Evidence(
                        driver ?? disk.element,
                        "io=\(disk.io ?? "default") iothread=\(disk.iothread.map(String.init) ?? "none")")
                ]))
    }

    /// An I/O thread nobody has yet where that is simple to say: the next after those that are counted; `nil` where threads have ids of their own.
    private static func thread(
        for disk: Disk, _ domain: DomainDefinition, of guest: Guest, _ changes: inout [any Change]
    ) -> Int? {
        guard domain.root.first("iothreadids") == nil else { return nil }
        guard let counted = domain.root.first("iothreads") else {
            changes.append(DomainChange(guest.name, "/domain", .insert("<iothreads>1</iothreads>")))
            return 1
        }
        guard let count = Int(counted.text), count >= 0, count < 1000 else { return nil }
        let used = Set(domain.disks.flatMap { $0.servingThreads(in: domain) })
        if let free = (1...max(1, count)).first(where: { !used.contains($0) }), count > 0 { return free }
        changes.append(DomainChange(guest.name, counted.xpath, .text(String(count + 1)), from: String(count)))
        return count + 1
    }

    private static func reason(_ guest: Guest) -> String {
        switch guest.workload {
        case .database, .storage, .latency: "workload \(guest.workload.rawValue)"
        default: "≥ \(Int(busyRate)) requests/s on average"
        }
    }
    private static func chineseReason(_ guest: Guest) -> String {
        switch guest.workload {
        case .database, .storage, .latency: "工作负载 \(guest.workload.rawValue)"
        default: "平均每秒 ≥ \(Int(busyRate)) 个请求"
        }
    }

    // MARK: Several threads

    private func severalThreads(_ disk: Disk, _ domain: DomainDefinition, _ guest: Guest, _ estate: Estate) -> Bool {
        guard guest.workload == .database || guest.workload == .storage, domain.vcpus >= Self.veryManyVCPUs,
            disk.busInForce == "virtio"
        else {
            return false
        }
        guard let capabilities = estate.capabilities.value, let libvirt = capabilities.libvirtVersion,
            let qemu = capabilities.hypervisorVersion,
            libvirt >= SoftwareVersion(10, 0), qemu >= SoftwareVersion(9, 0)
        else { return false }
        return disk.servingThreads(in: domain).count == 1
    }

    private func severalFinding(_ disk: Disk, _ domain: DomainDefinition, of guest: Guest) -> Finding {
        Finding(
            .info, part: disk.label,
            Text(
                "One I/O thread serves disk \(disk.label) for \(domain.vcpus) vCPUs; this host's QEMU can share it among several",
                "\(domain.vcpus) 个 vCPU 的磁盘 \(disk.label) 由一个 I/O 线程处理;此主机的 QEMU 可由多个线程分担"),
            observed: "1 I/O thread", expected: "2 to 4 I/O threads",
            remedy: .byHand(
                Text(
                    "<iothreads>4</iothreads>, and in the disk's driver, instead of iothread=: <iothreads><iothread id='1'/> … <iothread id='4'/></iothreads>; measure before and after",
                    "设置 <iothreads>4</iothreads>,并在磁盘 driver 中以 <iothreads><iothread id='1'/> … <iothread id='4'/></iothreads> 代替 iothread=;前后均需测量"
                ),
                commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart),
            evidence: [Evidence(disk.element, "iothread=\(disk.iothreads.first.map(String.init) ?? "?")")])
    }

    var examples: Examples {
        @Sendable func disk(_ attributes: String, type: String = "block") -> String {
            let source = type == "block" ? "<source dev='/dev/vg/a'/>" : "<source file='/images/a.qcow2'/>"
            return
                "<vcpu>8</vcpu><iothreads>1</iothreads><devices><disk type='\(type)' device='disk'><driver name='qemu' type='raw'\(attributes)/>\(source)<target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func served(_ requests: UInt64) -> @Sendable (inout Guest) -> Void {
            { guest in
                var statistics = GuestStatistics()
                var disk = GuestStatistics.DiskStatistics(target: "vda")
                disk.reads = requests
                disk.writes = 0
                statistics.disks = [disk]
                guest.statistics = .known(statistics)
            }
        }
        let good = " cache='none' io='native' iothread='1' queues='8'"
        let shut: @Sendable (inout Guest) -> Void = { $0.state = .known(.shutOff) }
        return Examples(
            fires: .guest(
                "a database on defaults", disk(" cache='none'"),
                expect: .fires(.advice, observed: "io threads (default), no I/O thread"),
                workload: .database),
            .guest(
                "one queue for eight vCPUs", disk(" cache='none' io='native' iothread='1' queues='1'"),
                expect: .fires(.advice, observed: "1 queue"), workload: .storage),
            .guest(
                "busy by what it has served: 500 a second on average", disk(" cache='none'"), expect: .fires(.advice),
                guest: served(432_000_000)),
            .guest(
                "io_uring, and the kernel gives none", disk(" io='io_uring' iothread='1'", type: "file"),
                expect: .fires(.error, observed: "kernel.io_uring_disabled = 2"),
                host: { $0.sysctl.running["kernel.io_uring_disabled"] = .known("2") }),
            .guest(
                "an old machine type has one queue",
                "<os><type arch='x86_64' machine='pc-q35-4.2'>hvm</type></os>"
                    + disk(" cache='none' io='native' iothread='1'"),
                expect: .fires(.advice, observed: "1 queue"), workload: .database),
            quiet: .guest("native, with a thread and queues", disk(good), expect: .pass, workload: .database),
            .guest(
                "io_uring with a thread", disk(" io='io_uring' iothread='1'", type: "file"), expect: .pass,
                workload: .database),
            .guest("just below busy", disk(" cache='none'"), expect: .pass, guest: served(431_000_000)),
            .guest(
                "virtio-scsi with a thread of its controller",
                "<vcpu>8</vcpu><iothreads>1</iothreads><devices><controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1' queues='8'/></controller><disk type='block' device='disk'><driver name='qemu' type='raw' cache='none' io='native'/><source dev='/dev/vg/a'/><target dev='sda' bus='scsi'/></disk></devices>",
                expect: .pass, workload: .database),
            .guest(
                "kernels before 6.6 have no switch", disk(" io='io_uring' iothread='1'"), expect: .pass,
                workload: .database,
                host: {
                    $0.sysctl.running["kernel.io_uring_disabled"] = nil
                }),
            others: [
                .guest("nobody measured, and no workload is declared", disk(""), expect: .unknown),
                .guest("the same, switched off", disk(""), expect: .notApplicable, active: false, guest: shut),
                .guest(
                    "io_uring, and the switch cannot be read", disk(" io='io_uring' iothread='1'"), expect: .unknown,
                    workload: .database,
                    host: {
                        $0.sysctl.running["kernel.io_uring_disabled"] = .unknown(
                            Unknown(.denied, source: "/proc/sys/kernel/io_uring_disabled"))
                    }),
                .guest(
                    "a network disk",
                    "<devices><disk type='network' device='disk'><source protocol='rbd' name='p/i'/><target dev='vda'/></disk></devices>",
                    expect: .notApplicable, workload: .database),
            ])
    }
}
