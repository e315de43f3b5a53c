import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Room for every guest's asynchronous I/O (guide §4.3.2).
struct AIOMaxNr: HostPractice {
    static let key = "fs.aio-max-nr"
    /// The kernel's own limit, which holds where no file sets one.
    static let kernelDefault = 65_536

    var about: About {
        About(
            id: "aio-max-nr", section: "4.3.2", scopes: [.host], severities: [.error, .warning], fixes: [.sysctl],
            title: Text("Asynchronous I/O for every guest", "为所有客户机预留异步 I/O"),
            why: Text(
                "When the limit is reached, the next guest with native disk I/O does not start, with an error that looks like trouble with its disk.",
                "达到上限后,下一个使用原生磁盘 I/O 的客户机将无法启动,错误信息看似磁盘故障。"),
            tradeOff: Text(
                "Each context that is really used pins a little kernel memory; a higher limit alone costs nothing.",
                "实际使用的每个上下文会占用少量内核内存;仅提高上限没有代价。"),
            guideSays: Text(
                "The default of 65536 lasts until hundreds of guests run.", "默认值 65536 足够数百个客户机使用。"),
            today: Text(
                "QEMU takes 1,024 events for its main loop and for each I/O thread that does native I/O: 65536 are used up by 64 of them, that is by some 60 guests. io='io_uring' takes none. libvirt's package ships a file that sets 1048576.",
                "QEMU 的主循环和每个执行原生 I/O 的 I/O 线程各占用 1,024 个事件:65536 仅够 64 个,即约 60 个客户机。io='io_uring' 不占用。libvirt 软件包自带设置 1048576 的文件。"
            ),
            sources: ["guide §4.3.2", "kernel Documentation/admin-guide/sysctl/fs.rst", "QEMU block/linux-aio.c"],
            domainTypes: [])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let limit: Int
        switch host.sysctl.number(Self.key) {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value): limit = value
        }
        let qemu = estate.capabilities.value?.hypervisorVersion
        let all = AIODemand.events(of: estate.guests, qemu: qemu)
        let running = AIODemand.events(of: estate.activeGuests, qemu: qemu)
        let atBoot = AIODemand.events(
            of: estate.guests.lazy.filter { $0.isActive || $0.isAutostart.value == true }, qemu: qemu)
        let used: Int
        switch host.sysctl.number("fs.aio-nr") {
        case .known(let value): used = max(0, value)
        case .unknown(let reason):
            // Without it, what others on the host take is not known; that the guests alone are too many is.
            guard all > limit else { return .unknown(reason) }
            used = running
        }
        // Databases on the host itself, guests of another manager: what is in use beyond the guests known to run.
        let others = max(0, used - running)
        var judgement = Judgement()
        let next = nextLimit(host, demand: all, to: &judgement)
        let total = Self.sum(all, others)
        let isShortNow = total > limit
        let isShortNext = next.map { total > $0 } ?? false
        if isShortNow || isShortNext {
            let isCertain = Self.sum(atBoot, others) > (isShortNow ? limit : next ?? limit)
            judgement.add(
                finding(
                    isCertain ? .error : .warning, host, estate, limit: limit, next: next, total: total, others: others,
                    holds: isShortNow ? isShortNext || next == nil ? .both : .running : .nextStart))
        } else if used > 0, used >= limit - limit / 10 {
            judgement.add(
                Finding(
                    .warning,
                    Text(
                        "\(used) of \(limit) asynchronous I/O events are in use: the next guest may not start",
                        "异步 I/O 事件已使用 \(used)/\(limit):下一个客户机可能无法启动"),
                    observed: "\(used) events in use", expected: "< \(limit - limit / 10) events", holds: .running,
                    remedy: remedy(host, limit: limit, total: Self.sum(used, used / 2)),
                    evidence: [
                        Evidence("/proc/sys/fs/aio-nr", String(used)),
                        Evidence("/proc/sys/fs/aio-max-nr", String(limit)),
                    ],
                    owner: owner(host)))
        }
        return judgement
    }

    private static func sum(_ one: Int, _ other: Int) -> Int {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? Int.max : sum
    }

    /// The limit after a reboot: what a file sets, else the kernel's own; `nil` where it cannot be told.
    private func nextLimit(_ host: HostFacts, demand: Int, to judgement: inout Judgement) -> Int? {
        if host.sysctl.configured.isMissing { return Self.kernelDefault }
        guard let configured = host.sysctl.configured.value else {
            // Guests that take nothing fit under any limit.
            if demand > 0 { judgement.add(host.sysctl.configured.reason) }
            return nil
        }
        guard let setting = configured[Self.key] else { return Self.kernelDefault }
        return Int(setting.value) ?? Self.kernelDefault
    }

    private func finding(
        _ severity: Severity, _ host: HostFacts, _ estate: Estate, limit: Int, next: Int?, total: Int, others: Int,
        holds: Finding.Holds
    ) -> Finding {
        let short = holds == .nextStart ? next ?? limit : limit
        let others =
            others > 0 ? Text(", \(others) of them for other programs", ",其中 \(others) 个由其他程序使用") : Text("", "")
        let what =
            holds == .nextStart
            ? Text(
                "All defined guests take \(total) asynchronous I/O events\(others.english); \(limit) are allowed now, and \(short) after a reboot",
                "所有已定义客户机共需 \(total) 个异步 I/O 事件\(others.chinese);当前上限为 \(limit),重启后为 \(short)")
            : Text(
                "All defined guests take \(total) asynchronous I/O events\(others.english), and \(short) are allowed: some of them do not start",
                "所有已定义客户机共需 \(total) 个异步 I/O 事件\(others.chinese),上限为 \(short):部分客户机将无法启动")
        var evidence = [Evidence("/proc/sys/fs/aio-max-nr", String(limit))]
        if let used = host.sysctl.text("fs.aio-nr").value { evidence.append(Evidence("/proc/sys/fs/aio-nr", used)) }
        if let configured = host.sysctl.configured.value?[Self.key] {
            evidence.append(Evidence(configured.file, configured.value, line: configured.line))
        }
        return Finding(
            severity, what, observed: String(short), expected: "≥ \(total)", holds: holds,
            remedy: remedy(host, limit: limit, total: total), evidence: evidence, owner: owner(host))
    }

    /// The next of the usual steps that leaves a quarter of room.
    private func remedy(_ host: HostFacts, limit: Int, total: Int) -> Remedy {
        let wanted = Self.sum(total, total / 4)
        var step = 131_072
        if step < wanted { step = 1_048_576 }
        while step < wanted, step < 1 << 40 { step *= 2 }
        return .change(
            SysctlChange(Self.key, from: String(limit), to: String(max(step, limit))), disrupts: .nothing,
            note: Text(
                "Guests whose disks use io='io_uring' (QEMU ≥ 5.0, libvirt ≥ 6.3) take none of it",
                "磁盘使用 io='io_uring'(QEMU ≥ 5.0、libvirt ≥ 6.3)的客户机不占用此上限"))
    }

    private func owner(_ host: HostFacts) -> String? {
        host.services.owner(of: Self.key) ?? host.sysctl.configured.value?[Self.key]?.file
    }

    var examples: Examples {
        func native(_ name: String, _ threads: String = "") -> String {
            "<name>\(name)</name><devices><disk type='block' device='disk'><driver name='qemu' type='raw' cache='none' io='native'\(threads)/><source dev='/dev/vg/\(name)'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        let many = (0..<65).map { native("g\($0)") }
        @Sendable func limits(_ host: inout HostFacts, _ running: String, boot: String?, used: String = "0") {
            host.sysctl.running[Self.key] = .known(running)
            host.sysctl.running["fs.aio-nr"] = .known(used)
            host.sysctl.configured = .known(
                boot.map { [Self.key: ConfiguredSysctl(value: $0, file: "/etc/sysctl.d/aio.conf")] } ?? [:])
        }
        return Examples(
            fires: .host(
                "65 guests that run, under the kernel's limit", expect: .fires(.error, observed: "65536"), guests: many
            ) {
                limits(&$0, "65536", boot: nil, used: "66560")
            },
            .host(
                "65 that are defined and do not run", expect: .fires(.warning, observed: "65536"), guests: many,
                active: false
            ) {
                limits(&$0, "65536", boot: nil)
            },
            .host("raised by hand, and not for the next boot", expect: .fires(.error, observed: "65536"), guests: many)
            {
                limits(&$0, "1048576", boot: nil, used: "66560")
            },
            .host(
                "a database on the host takes the rest", expect: .fires(.warning), guests: [native("a")], active: false
            ) {
                limits(&$0, "65536", boot: "65536", used: "65000")
            },
            .host("nearly used up, by whomever", expect: .fires(.warning, observed: "60000 events in use")) {
                limits(&$0, "65536", boot: nil, used: "60000")
            },
            quiet: .host(
                "64 guests fit exactly", expect: .pass, guests: (0..<64).map { native("g\($0)") }, active: false
            ) {
                limits(&$0, "65536", boot: nil)
            },
            .host("libvirt's shipped limit", expect: .pass, guests: many) {
                limits(&$0, "1048576", boot: "1048576", used: "66560")
            },
            .host("no native I/O", expect: .pass, guests: (0..<100).map { "<name>g\($0)</name>" }) {
                limits(&$0, "65536", boot: nil)
            },
            others: [
                .host("the limit cannot be read", expect: .unknown, guests: [native("a")]) {
                    $0.sysctl.running[Self.key] = .unknown(Unknown(.denied, source: "/proc/sys/fs/aio-max-nr"))
                },
                .host("the files cannot be read", expect: .unknown, guests: [native("a")]) {
                    limits(&$0, "65536", boot: nil)
                    $0.sysctl.configured = .unknown(Unknown(.denied, source: "/etc/sysctl.d"))
                },
            ])
    }
}
