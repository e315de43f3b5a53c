import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// A virtio random number generator, fed from a source that does not block (guide §6.3).
struct RandomNumbers: GuestPractice {
    var about: About {
        About(
            id: "rng", section: "6.3", scopes: [.guest], severities: [.advice, .info], fixes: [.xml],
            title: Text("Random number generator", "随机数设备(virtio-rng)"),
            why: Text(
                "A guest has few events to gather entropy from; without a generator its first keys wait, or are weak.",
                "客户机内可采集的熵事件很少;没有随机数设备时,首次生成密钥会等待,或质量不佳。"),
            tradeOff: Text(
                "None worth naming; a guest that reads without end can be given a <rate>.",
                "几乎没有;若客户机无节制读取,可用 <rate> 限速。"),
            guideSays: Text("Backend /dev/random.", "后端使用 /dev/random。"),
            today: Text(
                "Backend /dev/urandom, or `builtin`: /dev/random could block up to kernel 5.5, and is the same since.",
                "后端使用 /dev/urandom 或 `builtin`:内核 5.5 及以前 /dev/random 会阻塞,之后两者相同。"),
            sources: [
                "guide §6.3", "libvirt docs/formatdomain.rst, Random number generator device",
                "kernel drivers/char/random.c",
            ],
            holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let devices = domain.randomDevices
        guard !devices.isEmpty else {
            var evidence = [Evidence("/domain/devices/rng", "absent")]
            if let element = domain.root.first("devices") { evidence = [Evidence(element, "no rng")] }
            return .finding(
                Finding(
                    .advice, part: "rng", Text("the guest has no random number generator", "客户机没有随机数设备"),
                    observed: "none",
                    expected: "virtio, /dev/urandom",
                    remedy: .change(
                        DomainChange(
                            guest.name, "/domain/devices",
                            .insert("<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>")),
                        disrupts: .guestRestart,
                        note: domain.isWindows
                            ? Text(
                                "Windows needs viorng of VMDP or virtio-win.",
                                "Windows 需要 VMDP 或 virtio-win 的 viorng 驱动。")
                            : Text(
                                "virsh attach-device adds it to a running guest too.", "也可用 virsh attach-device 热添加。")),
                    evidence: evidence))
        }
        var judgement = Judgement()
        for device in devices where device.backend == "random" && (device.path ?? "/dev/random") == "/dev/random" {
            // From 5.6 on /dev/random waits only until the host has booted: nothing is lost by it.
            let blocks = estate.host.kernel.version.value.map { $0 < KernelVersion(5, 6) } ?? true
            judgement.add(estate.host.kernel.version.reason)
            let xpath = device.element.xpath + "/backend"
            judgement.add(
                Finding(
                    blocks ? .advice : .info, part: "rng",
                    blocks
                        ? Text(
                            "the guest's random numbers come from /dev/random, which can block", "随机数取自会阻塞的 /dev/random"
                        )
                        : Text(
                            "the guest's random numbers come from /dev/random; on this host's kernel that is as good as /dev/urandom",
                            "随机数取自 /dev/random;在此主机内核上与 /dev/urandom 等效"),
                    observed: device.path ?? "/dev/random (QEMU's default)", expected: "/dev/urandom",
                    remedy: .change(
                        DomainChange(guest.name, xpath, .text("/dev/urandom"), from: device.path),
                        disrupts: .guestRestart),
                    evidence: [Evidence(device.element.first("backend") ?? device.element, device.path ?? "no file")]))
        }
        return judgement
    }

    var examples: Examples {
        func rng(_ backend: String) -> String { "<devices><rng model='virtio'>\(backend)</rng></devices>" }
        return Examples(
            fires: .guest("none", "<devices/>", expect: .fires(.advice, observed: "none")),
            .guest(
                "the guide's backend on a kernel where it blocks", rng("<backend model='random'>/dev/random</backend>"),
                expect: .fires(.advice, observed: "/dev/random"), host: { $0.kernel.release = .known("5.5.19-default") }
            ),
            .guest(
                "the guide's backend on a kernel where it does not",
                rng("<backend model='random'>/dev/random</backend>"),
                expect: .fires(.info, observed: "/dev/random"), host: { $0.kernel.release = .known("5.6.0-default") }),
            .guest("no file written: QEMU's own default", rng("<backend model='random'/>"), expect: .fires(.info)),
            quiet: .guest("/dev/urandom", rng("<backend model='random'>/dev/urandom</backend>"), expect: .pass),
            .guest("QEMU's own generator", rng("<backend model='builtin'/>"), expect: .pass),
            .guest("the host's hardware", rng("<backend model='random'>/dev/hwrng</backend>"), expect: .pass),
            .guest(
                "an entropy daemon",
                rng(
                    "<backend model='egd' type='udp'><source mode='connect' host='10.0.0.1' service='1234'/></backend>"),
                expect: .pass),
            others: [
                .guest(
                    "confidential: the host is not to be trusted", "<launchSecurity type='sev-snp'/>",
                    expect: .notApplicable)
            ])
    }
}

/// The guest uses the generator it is given (guide §6.3).
struct RandomNumbersInUse: GuestPractice {
    var about: About {
        About(
            id: "rng-in-use", section: "6.3", scopes: [.inside], severities: [.advice], fixes: [.hand],
            title: Text("Random number generator in use", "随机数设备的使用"),
            why: Text(
                "A generator that the guest's kernel does not draw from gives nothing.", "客户机内核不读取的随机数设备毫无用处。"),
            tradeOff: Text("A small daemon in old guests.", "旧版客户机需运行一个小守护进程。"),
            guideSays: Text("Install, enable and start rng-tools in the guest.", "在客户机内安装、启用并启动 rng-tools。"),
            today: Text(
                "From kernel 5.6 on nothing is gained by rngd: the kernel's own thread draws from the generator.",
                "自内核 5.6 起无需 rngd:内核线程会自行读取随机数设备。"),
            sources: ["guide §6.3", "kernel drivers/char/hw_random/core.c"], holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard let device = domain.randomDevices.first else {
            return .notApplicable(Text("it has no generator", "没有随机数设备"))
        }
        if let reason = Inside.isOff(guest) { return .notApplicable(reason) }
        let inside: InsideFacts
        switch guest.inside {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value): inside = value
        }
        var judgement = Judgement()
        switch inside.rngCurrent {
        case .unknown(let reason): judgement.add(reason)
        case .known(let current) where !current.hasPrefix("virtio_rng"):
            let isOffered = inside.rngAvailable.value.map { $0.contains { $0.hasPrefix("virtio_rng") } } ?? true
            judgement.add(
                Finding(
                    .advice, part: "rng",
                    current.isEmpty || current == "none"
                        ? Text("the guest draws from no generator", "客户机未使用任何随机数设备")
                        : Text(
                            "the guest draws from \(current), not from virtio-rng", "客户机使用 \(current) 而非 virtio-rng"),
                    observed: current.isEmpty ? "none" : current, expected: "virtio_rng.0",
                    remedy: isOffered
                        ? .byHand(
                            Text("Choose it in the guest.", "在客户机内选用它。"),
                            commands: ["echo virtio_rng.0 > /sys/devices/virtual/misc/hw_random/rng_current"],
                            disrupts: .live)
                        : .byHand(
                            Text("Load its driver in the guest.", "在客户机内加载驱动。"), commands: ["modprobe virtio_rng"],
                            disrupts: .live),
                    evidence: [
                        Evidence("/sys/devices/virtual/misc/hw_random/rng_current in the guest", current),
                        Evidence(device.element, "virtio"),
                    ]))
        case .known: break
        }
        guard let version = inside.kernelRelease.value.flatMap({ KernelVersion($0) }) else {
            judgement.add(
                inside.kernelRelease.reason
                    ?? Unknown(.malformed(inside.kernelRelease.value ?? ""), source: "uname -r in the guest"))
            return judgement
        }
        guard version < KernelVersion(5, 6) else { return judgement }
        switch inside.services {
        case .unknown(let reason): judgement.add(reason)
        case .known(let services) where !services.contains(where: Self.feedsEntropy):
            judgement.add(
                Finding(
                    .advice, part: "rngd",
                    Text(
                        "no rngd in a guest with kernel \(version.major).\(version.minor), whose kernel draws little from the generator by itself",
                        "客户机内核为 \(version.major).\(version.minor),自身很少读取随机数设备,但未运行 rngd"),
                    observed: "not running", expected: "rng-tools",
                    remedy: .byHand(
                        Text("Install and start it in the guest.", "在客户机内安装并启动。"),
                        commands: ["zypper install rng-tools", "systemctl enable --now rng-tools"], disrupts: .live),
                    evidence: [
                        Evidence("services in the guest", "no rngd"),
                        Evidence("uname -r in the guest", inside.kernelRelease.value ?? ""),
                    ]))
        case .known: break
        }
        return judgement
    }

    private static func feedsEntropy(_ service: String) -> Bool {
        service.hasPrefix("rngd") || service.hasPrefix("rng-tools") || service.hasPrefix("haveged")
            || service.hasPrefix("jitterentropy")
    }

    var examples: Examples {
        let rng = "<devices><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices>"
        return Examples(
            fires: .guest(
                "another one is chosen", rng, expect: .fires(.advice, observed: "tpm-rng-0"),
                guest: Inside.facts { $0.rngCurrent = .known("tpm-rng-0") }),
            .guest(
                "none is chosen", rng, expect: .fires(.advice, observed: "none"),
                guest: Inside.facts { $0.rngCurrent = .known("") }),
            .guest(
                "an old kernel without rngd", rng, expect: .fires(.advice, observed: "not running"),
                guest: Inside.facts { $0.kernelRelease = .known("5.3.18-150300.59-default") }),
            quiet: .guest("virtio-rng on a new kernel", rng, expect: .pass, guest: Inside.facts { _ in }),
            .guest(
                "an old kernel with rngd", rng, expect: .pass,
                guest: Inside.facts {
                    $0.kernelRelease = .known("4.12.14-120-default")
                    $0.services = .known(["rng-tools.service"])
                }),
            .guest("no generator", "<devices/>", expect: .notApplicable, guest: Inside.facts { _ in }),
            others: [
                .guest("no agent inside", rng, expect: .unknown),
                .guest("it is off", rng, expect: .notApplicable, active: false),
                .guest(
                    "not a Linux", rng, expect: .unknown,
                    guest: Inside.facts {
                        $0.rngCurrent = .unknown(Unknown(.missing, source: "rng_current"))
                        $0.kernelRelease = .unknown(Unknown(.missing, source: "uname -r"))
                    }),
            ])
    }
}
