import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// A virtio balloon where memory is overcommitted, and none that has nothing to give back (guide §6.1.3).
struct Balloon: GuestPractice {
    var about: About {
        About(
            id: "balloon", section: "6.1.3", scopes: [.guest], severities: [.advice], fixes: [.xml, .live],
            title: Text("Memory balloon", "内存气球(balloon)"),
            why: Text(
                "The balloon is how an overcommitted host gets memory back from a guest without swapping it. With huge pages, locked memory or passed-through PCI devices it gives nothing back.",
                "气球让内存过量使用的主机无需换出就能从客户机收回内存;使用大页、锁定内存或 PCI 直通设备时,它收不回任何内存。"),
            tradeOff: Text(
                "A guest whose balloon is inflated has less memory; without a balloon the guest's memory statistics are gone too.",
                "气球充气后客户机可用内存减少;没有气球也就没有客户机内存统计。"),
            guideSays: Text(
                "The balloon is set by hand with currentMemory and virsh setmem.",
                "通过 currentMemory 和 virsh setmem 手动控制气球。"),
            today: Text(
                "freePageReporting (libvirt 6.9, QEMU 5.1) returns free pages by itself; libvirt adds a balloon where none is written.",
                "freePageReporting(libvirt 6.9、QEMU 5.1)可自动归还空闲页;未写明时 libvirt 会自动添加气球。"),
            sources: [
                "guide §6.1.3", "libvirt docs/formatdomain.rst, Memory balloon device",
                "QEMU hw/virtio/virtio-balloon.c",
            ],
            holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let balloon = domain.balloon
        let hasBalloon = balloon.map { $0.model != "none" } ?? true
        if hasBalloon, let reason = Self.uselessness(of: domain) {
            return useless(balloon, reason, domain, guest)
        }
        if hasBalloon, balloon?.reportsFreePages == true { return .pass }
        if !hasBalloon, Self.uselessness(of: domain) != nil { return .pass }
        if hasBalloon, let version = estate.capabilities.value?.libvirtVersion, version < SoftwareVersion(6, 9) {
            return .pass
        }
        let state: Overcommit
        switch Overcommit.of(guest, domain, in: estate) {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value): state = value
        }
        guard state.isOvercommitted else { return .pass }
        return hasBalloon ? reporting(balloon, state, domain, guest) : missing(balloon, state, domain, guest)
    }

    /// Why a balloon of this guest can give nothing back: what is named keeps all its memory in place; `nil` where it can.
    private static func uselessness(of domain: DomainDefinition) -> (element: Element, what: Text, value: String)? {
        if let backing = domain.root.first("memoryBacking") {
            if let pages = backing.first("hugepages") { return (pages, Text("huge pages", "大页"), "hugepages") }
            if let locked = backing.first("locked") { return (locked, Text("locked memory", "锁定的内存"), "locked") }
        }
        let device = domain.devices("hostdev").first { $0["mode"] != "capabilities" && $0["type"] == "pci" }
        if let device { return (device, Text("a passed-through PCI device", "PCI 直通设备"), "hostdev pci") }
        return nil
    }

    /// The balloon of a guest that cannot give back.
    ///
    /// libvirt's own default, unused, is no finding with passthrough: it keeps statistics.
    private func useless(
        _ balloon: BalloonDevice?, _ reason: (element: Element, what: Text, value: String), _ domain: DomainDefinition,
        _ guest: Guest
    ) -> Judgement {
        let memory = domain.memory
        let current = domain.currentMemory
        let isInflated = memory.flatMap { memory in current.map { $0 < memory } } ?? false
        // huge-pages-conflict says that.
        if isInflated, reason.value == "hugepages" { return .pass }
        guard isInflated || reason.value == "hugepages" || balloon?.reportsFreePages == true else { return .pass }
        var evidence = [Evidence(reason.element, reason.value)]
        if let balloon { evidence.append(Evidence(balloon.element, balloon.model)) }
        if isInflated, let current, let memory {
            if let element = domain.root.first("currentMemory") {
                evidence.append(Evidence(element, current.description))
            }
            return .finding(
                Finding(
                    .advice, part: "balloon",
                    Text(
                        "the balloon leaves the guest \(current) of \(memory), and with \(reason.what.english) the host gets none of the rest back",
                        "气球只给客户机留下 \(memory) 中的 \(current),但由于使用\(reason.what.chinese),其余内存并未归还主机"),
                    observed: "currentMemory \(current)", expected: "currentMemory \(memory)",
                    remedy: .change(
                        DomainChange(
                            guest.name, "/domain/currentMemory", .text(String(memory.kibibytes)),
                            from: domain.root.first("currentMemory")?.text),
                        disrupts: .guestRestart,
                        note: Text(
                            "The number is in KiB: take a `unit` attribute out, or give it in that unit.",
                            "数值单位为 KiB:请去掉 `unit` 属性或换算。")),
                    evidence: evidence))
        }
        let change: DomainChange =
            balloon.map { DomainChange(guest.name, $0.element.xpath, .attribute("model", "none"), from: $0.model) }
            ?? DomainChange(guest.name, "/domain/devices", .insert("<memballoon model='none'/>"))
        return .finding(
            Finding(
                .advice, part: "balloon",
                Text(
                    "a balloon on a guest with \(reason.what.english), which it cannot give back",
                    "客户机使用\(reason.what.chinese),气球无法归还这些内存"),
                observed: balloon?.model ?? "virtio", expected: "none",
                remedy: .change(
                    change, disrupts: .guestRestart,
                    note: Text(
                        "Keep it if somebody reads the guest's memory statistics (virsh dommemstat).",
                        "若需要客户机内存统计(virsh dommemstat)则保留。")),
                evidence: evidence))
    }

    private func missing(_ balloon: BalloonDevice?, _ state: Overcommit, _ domain: DomainDefinition, _ guest: Guest)
        -> Judgement
    {
        .finding(
            Finding(
                .advice, part: "balloon",
                Text(
                    "no balloon, on a host whose guests were promised \(state.promised) of \(state.usable)",
                    "没有气球设备,而主机向客户机承诺了 \(state.promised) 内存,可用仅 \(state.usable)"),
                observed: "none", expected: "virtio",
                remedy: .change(
                    DomainChange(
                        guest.name, balloon?.element.xpath ?? "/domain/devices/memballoon",
                        .attribute("model", "virtio"), from: "none"),
                    disrupts: .guestRestart,
                    note: Text(
                        "Linux has the driver; Windows needs VMDP's or virtio-win's. `virsh setmem` then moves currentMemory below memory.",
                        "Linux 自带驱动,Windows 需安装 VMDP 或 virtio-win。之后用 `virsh setmem` 使 currentMemory 低于 memory。")),
                evidence: [
                    balloon.map { Evidence($0.element, "none") } ?? Evidence("/domain/devices/memballoon", "absent"),
                    state.evidence,
                ]))
    }

    private func reporting(_ balloon: BalloonDevice?, _ state: Overcommit, _ domain: DomainDefinition, _ guest: Guest)
        -> Judgement
    {
        let change: DomainChange =
            balloon.map {
                DomainChange(
                    guest.name, $0.element.xpath, .attribute("freePageReporting", "on"),
                    from: $0.element["freePageReporting"])
            }
            ?? DomainChange(
                guest.name, "/domain/devices", .insert("<memballoon model='virtio' freePageReporting='on'/>"))
        return .finding(
            Finding(
                .advice, part: "balloon",
                Text(
                    "the balloon does not report free pages, on a host whose guests were promised \(state.promised) of \(state.usable)",
                    "气球未启用空闲页报告,而主机向客户机承诺了 \(state.promised) 内存,可用仅 \(state.usable)"),
                observed: "freePageReporting \(balloon?.element["freePageReporting"] ?? "off")",
                expected: "freePageReporting on",
                remedy: .change(
                    change, disrupts: .guestRestart,
                    note: Text("Linux guests report from kernel 5.7 on.", "Linux 客户机自内核 5.7 起支持。")),
                evidence: [
                    balloon.map { Evidence($0.element, $0.element["freePageReporting"] ?? "off") }
                        ?? Evidence("/domain/devices/memballoon", "absent: libvirt adds one"), state.evidence,
                ]))
    }

    var examples: Examples {
        let crowded: @Sendable (inout HostFacts) -> Void = { $0.memory.total = .known(ByteCount(gibibytes: 2)) }
        return Examples(
            fires: .guest(
                "no balloon where memory is overcommitted", "<devices><memballoon model='none'/></devices>",
                expect: .fires(.advice, observed: "none"), beside: ["<name>b</name><memory unit='GiB'>62</memory>"]),
            .guest(
                "huge pages",
                "<memoryBacking><hugepages/></memoryBacking><devices><memballoon model='virtio'/></devices>",
                expect: .fires(.advice, observed: "virtio")),
            .guest(
                "huge pages, and libvirt would add a balloon", "<memoryBacking><hugepages/></memoryBacking>",
                expect: .fires(.advice, observed: "virtio")),
            .guest(
                "inflated, and a PCI device keeps all memory",
                "<currentMemory unit='GiB'>1</currentMemory><devices><hostdev mode='subsystem' type='pci'/></devices>",
                expect: .fires(.advice, observed: "currentMemory 1 GiB")),
            .guest(
                "overcommitted, and free pages are not reported", "<devices><memballoon model='virtio'/></devices>",
                expect: .fires(.advice),
                host: crowded),
            quiet: .guest("libvirt's default where memory suffices", "", expect: .pass),
            .guest(
                "overcommitted, and free pages are reported",
                "<devices><memballoon model='virtio' freePageReporting='on'/></devices>",
                expect: .pass, host: crowded),
            .guest(
                "a passed-through device and libvirt's default",
                "<devices><hostdev mode='subsystem' type='pci'/></devices>", expect: .pass),
            .guest("none where memory suffices", "<devices><memballoon model='none'/></devices>", expect: .pass),
            .guest(
                "inflated beside huge pages: a matter of huge-pages-conflict",
                "<currentMemory unit='GiB'>1</currentMemory><memoryBacking><hugepages/></memoryBacking>", expect: .pass),
            .guest(
                "huge pages and none",
                "<memoryBacking><hugepages/></memoryBacking><devices><memballoon model='none'/></devices>",
                expect: .pass),
            others: [
                .guest(
                    "the host's memory is not known", "<devices><memballoon model='none'/></devices>", expect: .unknown
                ) {
                    $0.memory.total = .unknown(Unknown(.denied, source: "/proc/meminfo"))
                },
                .guest(
                    "confidential", "<launchSecurity type='sev'/><devices><memballoon model='none'/></devices>",
                    expect: .notApplicable),
                .guest(
                    "Xen has its own", "<domain type='xen'><name>x</name><memory>1</memory></domain>",
                    expect: .notApplicable),
            ])
    }
}

/// What guests were promised against what the host has for them.
struct Overcommit {
    /// `<memory>` of the guests that run, and of the one in question.
    let promised: ByteCount
    /// The host's memory less what is kept for the host.
    let usable: ByteCount
    /// More is promised than there is.
    var isOvercommitted: Bool { promised > usable }
    var evidence: Evidence { Evidence("/proc/meminfo", "MemTotal less the reserve: \(usable)") }

    static func of(_ guest: Guest, _ domain: DomainDefinition, in estate: Estate) -> Fact<Overcommit> {
        estate.host.memory.total.map { total in
            let usable = total - estate.settings.reserve(of: total)
            let promised = estate.relations.activeMemory + (guest.isActive ? .zero : domain.memory ?? .zero)
            return Overcommit(promised: promised, usable: usable)
        }
    }
}
