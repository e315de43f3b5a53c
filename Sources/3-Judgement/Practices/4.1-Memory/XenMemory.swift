import Changes
import HostFacts
import Inventory
import Quantities

/// A fixed amount of memory for Xen's Domain-0 (guide §4.1.3).
struct XenDom0Memory: HostPractice {
    var about: About {
        About(
            id: "xen-dom0-memory", section: "4.1.3", scopes: [.host], severities: [.warning], fixes: [.cmdline],
            title: Text("Memory of Xen's Domain-0", "Xen Domain-0 的内存"),
            why: Text(
                "With a fixed size Domain-0 keeps what it needs, and what guests can have is known.",
                "固定大小可确保 Domain-0 留有所需内存,客户机可用的内存也就确定了。"),
            tradeOff: Text(
                "Memory given to Domain-0 is not for guests; a change needs a reboot.", "分给 Domain-0 的内存不能用于客户机;更改需要重启。"
            ),
            guideSays: Text(
                "10 % of memory and 1 GiB are the default since SLES 15 SP1.", "自 SLES 15 SP1 起默认为内存的 10% 外加 1 GiB。"),
            today: Text("SLES 16 has no Xen host any more.", "SLES 16 不再提供 Xen 主机。"),
            sources: ["guide §4.1.3", "Xen docs/misc/xen-command-line.pandoc dom0_mem"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        if let verdict = xenAbsent(on: host) { return verdict }
        let running = host.hypervisor.xenCommandLine
        let configured = host.boot.configuredXen
        var isSetNow: Bool?
        switch running {
        case .known(let line): isSetNow = line.has("dom0_mem")
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        var isSetNext: Bool?
        switch configured {
        case .known(let line): isSetNext = line.has("dom0_mem")
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        guard isSetNow != nil || isSetNext != nil else {
            return .unknown(running.reason ?? Unknown(.missing, source: "the Xen command line"))
        }
        let now = isSetNow ?? isSetNext ?? true
        let next = isSetNext ?? isSetNow ?? true
        guard !now || !next else { return .pass }
        let total: ByteCount
        switch host.memory.total {
        case .known(let value): total = value
        case .unknown(let reason): return .unknown(reason)
        }
        let size = ByteCount(rawValue: total.rawValue / 10) + ByteCount(gibibytes: 1)
        let value = "\(size.mebibytes)M,max:\(size.mebibytes)M"
        return .finding(
            Finding(
                .warning,
                Text(
                    "Domain-0 has no fixed memory: no dom0_mem on Xen's command line",
                    "Domain-0 没有固定内存:Xen 命令行中没有 dom0_mem"),
                observed: "no dom0_mem", expected: "dom0_mem=\(value)",
                holds: now ? .nextStart : next ? .running : .both,
                remedy: .change(
                    KernelParameterChange("dom0_mem", from: nil, to: value, isForXen: true), disrupts: .hostReboot,
                    note: Text(
                        "10 % of the \(total) this system sees, and 1 GiB. If Domain-0 was already given less than the machine has, take 10 % of the machine's memory (xl info).",
                        "本系统可见的 \(total) 的 10% 外加 1 GiB。若 Domain-0 已小于整机内存,则取整机内存(xl info)的 10%。")),
                evidence: [Evidence(running.value != nil ? "Xen command line" : "/etc/default/grub", "no dom0_mem")]))
    }

    var examples: Examples {
        @Sendable func xen(_ host: inout HostFacts, _ running: String, _ configured: String) {
            host.hypervisor.present = .known([.xen])
            host.hypervisor.xenCommandLine = .known(KernelCommandLine(running))
            host.boot.configuredXen = .known(KernelCommandLine(configured))
            host.memory.total = .known(ByteCount(gibibytes: 32))
        }
        return Examples(
            fires: .host("not given", expect: .fires(.warning, observed: "no dom0_mem")) {
                xen(&$0, "placeholder", "")
            },
            .host("given now, lost at the next boot", expect: .fires(.warning)) { xen(&$0, "dom0_mem=4G", "") },
            quiet: .host("given", expect: .pass) { xen(&$0, "dom0_mem=4G,max:4G", "dom0_mem=4G,max:4G") },
            .host("a KVM host", expect: .notApplicable) { _ in },
            others: [
                .host("unreadable", expect: .unknown) {
                    xen(&$0, "", "")
                    $0.boot.configuredXen = .unknown(Unknown(.denied, source: "/etc/default/grub"))
                }
            ])
    }
}

/// No automatic ballooning of Xen's Domain-0 (guide §4.1.3).
struct XenAutoballoon: HostPractice {
    var about: About {
        About(
            id: "xen-autoballoon", section: "4.1.3", scopes: [.host], severities: [.warning], fixes: [.file],
            title: Text("Automatic ballooning of Domain-0", "Domain-0 自动气球"),
            why: Text(
                "Memory is squeezed out of Domain-0 for each guest that starts; that has always been prone to failure, for Domain-0 and for the guest.",
                "每启动一个客户机就从 Domain-0 挤出内存;这一直容易出错,会影响 Domain-0 和客户机。"),
            tradeOff: Text("Domain-0 keeps its memory also while no guest runs.", "没有客户机运行时 Domain-0 也保留其内存。"),
            today: Text(
                "Off by default since SLES 15 SP1; upstream's `auto` is on as long as dom0_mem is not given.",
                "自 SLES 15 SP1 起默认关闭;上游的 `auto` 在未给出 dom0_mem 时等于开启。"),
            sources: ["guide §4.1.3", "Xen docs/man/xl.conf.5 autoballoon"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        if let verdict = xenAbsent(on: host) { return verdict }
        let settings: [String: String]
        switch host.hypervisor.xlConfiguration {
        case .known(let value): settings = value
        case .unknown(let reason):
            return .unreadable(reason, absent: Text("there is no /etc/xen/xl.conf", "没有 /etc/xen/xl.conf"))
        }
        guard let value = settings["autoballoon"] else { return .pass }
        switch value.lowercased() {
        case "on", "1", "true", "yes": break
        case "auto":
            switch host.hypervisor.xenCommandLine {
            case .known(let line): if line.has("dom0_mem") { return .pass }
            case .unknown(let reason): return .unknown(reason)
            }
        default: return .pass
        }
        return .finding(
            Finding(
                .warning,
                Text(
                    "autoballoon is \(value): memory is taken from Domain-0 for each guest",
                    "autoballoon 为 \(value):每启动一个客户机都从 Domain-0 取内存"),
                observed: value, expected: "off",
                remedy: .change(
                    FileChange("/etc/xen/xl.conf", "autoballoon", from: value, to: "\"off\""), disrupts: .nothing),
                evidence: [Evidence("/etc/xen/xl.conf", "autoballoon=\(value)")]))
    }

    var examples: Examples {
        @Sendable func xen(_ host: inout HostFacts, _ settings: [String: String], _ line: String = "") {
            host.hypervisor.present = .known([.xen])
            host.hypervisor.xlConfiguration = .known(settings)
            host.hypervisor.xenCommandLine = .known(KernelCommandLine(line))
        }
        return Examples(
            fires: .host("on", expect: .fires(.warning, observed: "on")) { xen(&$0, ["autoballoon": "on"]) },
            .host("auto, and no dom0_mem", expect: .fires(.warning, observed: "auto")) {
                xen(&$0, ["autoballoon": "auto"])
            },
            quiet: .host("off", expect: .pass) { xen(&$0, ["autoballoon": "off"]) },
            .host("auto, and dom0_mem", expect: .pass) { xen(&$0, ["autoballoon": "auto"], "dom0_mem=4G") },
            .host("not written", expect: .pass) { xen(&$0, [:]) },
            .host("a KVM host", expect: .notApplicable) { _ in },
            others: [
                .host("unreadable", expect: .unknown) {
                    xen(&$0, [:])
                    $0.hypervisor.xlConfiguration = .unknown(Unknown(.denied, source: "/etc/xen/xl.conf"))
                }
            ])
    }
}

/// The verdict where the host is no Xen host, or nobody knows; `nil` where it is one.
private func xenAbsent(on host: HostFacts) -> Judgement? {
    switch host.hypervisor.present {
    case .unknown(let reason): .unknown(reason)
    case .known(let kinds): kinds.contains(.xen) ? nil : .notApplicable(Text("this is no Xen host", "这不是 Xen 主机"))
    }
}
