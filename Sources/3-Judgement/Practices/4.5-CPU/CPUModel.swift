import Changes
import DomainXML
import Inventory
import Quantities

/// A CPU model near the host's (guide §4.5.2.1).
struct CPUModel: GuestPractice {
    var about: About {
        About(
            id: "cpu-model", section: "4.5.2.1", scopes: [.guest], severities: [.warning], fixes: [.xml],
            title: Text("CPU model", "CPU 型号"),
            why: Text(
                "QEMU's default model lacks most instructions of the last fifteen years: cryptography, checksums and string functions run many times slower, and mitigations are missing.",
                "QEMU 的默认型号缺少近十五年的大部分指令:加密、校验和与字符串函数会慢数倍,并且缺少漏洞缓解。"),
            tradeOff: Text(
                "host-passthrough ties migration to hosts of the same kind; host-model keeps it possible within a family; a baseline model fits a mixed cluster.",
                "host-passthrough 只能迁移到同类主机;host-model 可在同系列内迁移;混合集群应使用基线型号。"),
            guideSays: Text("Name a model such as Broadwell with features.", "指定 Broadwell 之类的型号及功能。"),
            today: Text(
                "host-model and host-passthrough follow the host; `virsh hypervisor-cpu-baseline` computes what all hosts of a cluster can give.",
                "host-model 与 host-passthrough 会跟随主机;`virsh hypervisor-cpu-baseline` 可计算集群内所有主机都能提供的型号。"),
            sources: ["guide §4.5.2.1", "libvirt formatdomain \"CPU model and topology\""])
    }

    /// Models that QEMU has for no real processor.
    private static let generic: Set<String> = [
        "qemu64", "qemu32", "kvm64", "kvm32", "pentium", "pentium2", "pentium3", "coreduo", "486", "base", "x86-64-v1",
    ]

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        // Other architectures default to the host's own CPU under KVM.
        guard domain.isX86 ?? (estate.host.kernel.architecture.value.map { $0 == "x86_64" } ?? true) else {
            return .notApplicable(Text("holds for x86 guests", "适用于 x86 客户机"))
        }
        guard domain.type == "kvm" else { return .notApplicable(Text("an emulated CPU can be any", "模拟的 CPU 可以是任意型号")) }
        let cpu = domain.cpu
        let mode = cpu?.mode
        if mode == "host-passthrough" || mode == "host-model" || mode == "maximum" { return .pass }
        let model = cpu?.model
        if let model, !Self.generic.contains(model) { return .pass }
        let hasTargets = !estate.settings.migrationTargets.isEmpty
        let wanted = hasTargets ? "host-model" : "host-passthrough"
        let change: DomainChange
        if let cpu, model == nil {
            change = DomainChange(guest.name, cpu.element.xpath, .attribute("mode", wanted), from: nil)
        } else if let cpu {
            change = DomainChange(
                guest.name, cpu.element.xpath, .attribute("mode", wanted), from: "custom \(model ?? "")")
        } else {
            change = DomainChange(guest.name, "/domain", .insert("<cpu mode='\(wanted)'/>"), from: nil)
        }
        var changes = [change]
        if let element = cpu?.element.first("model") {
            changes.append(DomainChange(guest.name, element.xpath, .remove, from: model))
        }
        let element = cpu?.element ?? domain.root
        return .finding(
            Finding(
                .warning,
                Text(
                    model.map { "CPU model \($0) is no real processor's" }
                        ?? "no CPU model is named: QEMU gives qemu64",
                    model.map { "CPU 型号 \($0) 不对应任何真实处理器" } ?? "未指定 CPU 型号:QEMU 使用 qemu64"),
                observed: model ?? "qemu64 (default)", expected: wanted,
                remedy: .changes(
                    changes, disrupts: .guestRestart,
                    note: hasTargets
                        ? Text(
                            "Better for a mixed cluster: virsh hypervisor-cpu-baseline over the hosts' domcapabilities.",
                            "混合集群更适合:对各主机的 domcapabilities 运行 virsh hypervisor-cpu-baseline。")
                        : Text("host-model, if it migrates to hosts that differ.", "若要迁移到不同主机,请用 host-model。")),
                evidence: [Evidence(element, model ?? "no <cpu> model")]))
    }

    var examples: Examples {
        Examples(
            fires: .guest("no <cpu>", "", expect: .fires(.warning, observed: "qemu64 (default)")),
            .guest(
                "kvm64", "<cpu mode='custom'><model>kvm64</model></cpu>", expect: .fires(.warning, observed: "kvm64")),
            .guest(
                "only a topology", "<cpu><topology sockets='1' cores='2' threads='1'/></cpu>", expect: .fires(.warning)),
            quiet: .guest("host-model", "<cpu mode='host-model'/>", expect: .pass),
            .guest("host-passthrough", "<cpu mode='host-passthrough'/>", expect: .pass),
            .guest("a named model", "<cpu><model>EPYC</model></cpu>", expect: .pass),
            .guest("s390x", "<os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os>", expect: .notApplicable),
            .guest("aarch64", "<os><type arch='aarch64' machine='virt'>hvm</type></os>", expect: .notApplicable))
    }
}

/// invtsc through libvirt's own elements rather than raw arguments (guide §4.5.2.1).
struct InvariantTSC: GuestPractice {
    var about: About {
        About(
            id: "invtsc", section: "4.5.2.1", scopes: [.guest], severities: [.info], fixes: [.xml],
            title: Text("Invariant TSC", "不变 TSC(invtsc)"),
            why: Text(
                "A guest that sees an invariant TSC reads time without leaving the guest; libvirt has elements for it and can then track it.",
                "客户机看到不变 TSC 时可直接读取时间而无需退出;libvirt 有对应元素,因而能够跟踪。"),
            tradeOff: Text(
                "A guest with invtsc cannot be migrated live unless the TSC frequency is fixed.",
                "带 invtsc 的客户机除非固定 TSC 频率,否则无法实时迁移。"),
            guideSays: Text(
                "Pass `-cpu host,migratable=off,+invtsc` with qemu:commandline.",
                "用 qemu:commandline 传递 `-cpu host,migratable=off,+invtsc`。"),
            today: Text(
                "`<cpu mode='host-passthrough' migratable='off'>` with the feature required, since libvirt 6.5.",
                "自 libvirt 6.5 起使用 `<cpu mode='host-passthrough' migratable='off'>` 并将该功能设为 require。"),
            sources: ["guide §4.5.2.1", "libvirt formatdomain"], domainTypes: ["kvm"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let commandline = domain.root.children.first { $0.name == "commandline" && $0.namespace != nil }
        let raw = commandline?.children.first { $0.name == "arg" && $0["value"]?.contains("invtsc") == true }
        if let raw {
            let features =
                "<cpu mode='host-passthrough' migratable='off'><feature policy='require' name='invtsc'/></cpu>"
            return .finding(
                Finding(
                    .info,
                    Text(
                        "invtsc is asked for with raw QEMU arguments, which libvirt cannot track",
                        "通过 QEMU 原始参数启用 invtsc,libvirt 无法跟踪"),
                    observed: raw["value"] ?? "", expected: "<feature policy='require' name='invtsc'/>",
                    remedy: .changes(
                        [
                            domain.cpu.map {
                                DomainChange(
                                    guest.name, $0.element.xpath, .insert("<feature policy='require' name='invtsc'/>"))
                            }
                                ?? DomainChange(guest.name, "/domain", .insert(features)),
                            DomainChange(guest.name, raw.xpath, .remove, from: raw["value"]),
                        ], disrupts: .guestRestart), evidence: [Evidence(raw, raw["value"] ?? "")]))
        }
        guard let cpu = domain.cpu,
            let feature = cpu.features.first(where: {
                $0.name == "invtsc" && ($0.policy == "require" || $0.policy == "force")
            })
        else {
            return .notApplicable(Text("invtsc is not asked for", "未要求 invtsc"))
        }
        guard cpu.mode == "host-passthrough", cpu.migratable != "off" else { return .pass }
        return .finding(
            Finding(
                .info,
                Text(
                    "invtsc is required, and host-passthrough masks it unless migratable is off",
                    "要求了 invtsc,但 host-passthrough 在 migratable 未关闭时会将其屏蔽"),
                observed: "migratable='\(cpu.migratable ?? "on")'", expected: "migratable='off'",
                remedy: .change(
                    DomainChange(guest.name, cpu.element.xpath, .attribute("migratable", "off"), from: cpu.migratable),
                    disrupts: .guestRestart),
                evidence: [Evidence(feature.element, "invtsc")]))
    }

    var examples: Examples {
        Examples(
            fires: .guest(
                "the guide's own way",
                "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name><qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host,migratable=off,+invtsc'/></qemu:commandline></domain>",
                expect: .fires(.info)),
            .guest(
                "still masked", "<cpu mode='host-passthrough'><feature policy='require' name='invtsc'/></cpu>",
                expect: .fires(.info)),
            quiet: .guest(
                "libvirt's way",
                "<cpu mode='host-passthrough' migratable='off'><feature policy='require' name='invtsc'/></cpu>",
                expect: .pass),
            .guest("not wanted", "<cpu mode='host-passthrough'/>", expect: .notApplicable))
    }
}

/// Emulation where the host could virtualize.
struct TCG: GuestPractice {
    var about: About {
        About(
            id: "tcg", section: "4.5", scopes: [.guest], severities: [.error], fixes: [.xml],
            title: Text("Emulated CPU (TCG)", "模拟 CPU(TCG)"),
            why: Text(
                "Without KVM each instruction is translated: ten times slower or worse, unsupported, and no security boundary.",
                "不使用 KVM 时每条指令都要翻译:慢十倍以上,不受支持,也不构成安全边界。"),
            tradeOff: Text(
                "None on a host of the guest's architecture; another architecture has only emulation.",
                "在同架构主机上没有代价;其他架构只能模拟。"),
            sources: ["SUSE virtualization support statement", "QEMU docs/system/security.rst"],
            domainTypes: ["qemu", "kvm"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard domain.type == "qemu" else { return .pass }
        guard case .known(let native) = estate.host.kernel.architecture else {
            return .unknown(estate.host.kernel.architecture.reason ?? Unknown(.missing, source: "architecture"))
        }
        let wanted = domain.architecture ?? native
        let runs =
            wanted == native || (wanted == "i686" && native == "x86_64") || (wanted == "armv7l" && native == "aarch64")
        guard runs else {
            return .notApplicable(
                Text(
                    "the host is \(native), the guest \(wanted): only emulation runs it",
                    "主机为 \(native),客户机为 \(wanted):只能模拟"))
        }
        guard case .known(let hasKVM) = estate.host.hypervisor.kvmDevice else {
            return .unknown(estate.host.hypervisor.kvmDevice.reason ?? Unknown(.missing, source: "/dev/kvm"))
        }
        guard hasKVM else { return .notApplicable(Text("the host has no KVM", "主机没有 KVM")) }
        return .finding(
            Finding(
                .error,
                Text("its CPU is emulated (type='qemu') and the host has KVM", "CPU 为模拟(type='qemu'),而主机支持 KVM"),
                observed: "type='qemu'",
                expected: "type='kvm'",
                remedy: .change(
                    DomainChange(guest.name, domain.root.xpath, .attribute("type", "kvm"), from: "qemu"),
                    disrupts: .guestRestart,
                    note: Text("The emulator element may name another program for KVM.", "KVM 可能需要另一个 emulator。")),
                evidence: [Evidence(domain.root, "type='qemu'")]))
    }

    var examples: Examples {
        let emulated =
            "<domain type='qemu'><name>g</name><memory>1</memory><os><type arch='x86_64'>hvm</type></os></domain>"
        return Examples(
            fires: .guest("on a host with KVM", emulated, expect: .fires(.error)),
            quiet: .guest("KVM", "", expect: .pass),
            .guest("no KVM there", emulated, expect: .notApplicable, host: { $0.hypervisor.kvmDevice = .known(false) }),
            .guest(
                "another architecture",
                "<domain type='qemu'><name>g</name><os><type arch='aarch64'>hvm</type></os></domain>",
                expect: .notApplicable),
            others: [.guest("host not examined", emulated, expect: .unknown, host: { $0 = .unexamined })])
    }
}

/// Windows wants to know that it runs under a hypervisor.
struct HyperV: GuestPractice {
    var about: About {
        About(
            id: "hyperv", section: "4.5", scopes: [.guest], severities: [.advice], fixes: [.xml],
            title: Text("Hyper-V enlightenments for Windows", "Windows 的 Hyper-V 增强"),
            why: Text(
                "With Hyper-V's interfaces Windows reads time, sends interrupts and waits for locks without costly exits; idle CPU use drops to a fraction.",
                "有了 Hyper-V 接口,Windows 读取时间、发送中断和等待锁都无需昂贵的退出;空闲 CPU 占用大幅下降。"),
            tradeOff: Text(
                "A new feature can make Windows ask for activation; change one guest first.",
                "新增功能可能触发 Windows 重新激活;请先在一台客户机上尝试。"),
            sources: ["libvirt formatdomain \"Hypervisor features\"", "QEMU docs/system/i386/hyperv.rst"])
    }

    private static let core = ["relaxed", "vapic", "spinlocks", "vpindex", "synic", "stimer"]

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard domain.isWindows else {
            return .notApplicable(Text("not a Windows guest, as far as is declared", "据声明不是 Windows 客户机"))
        }
        guard domain.isX86 != false else { return .notApplicable(Text("holds for x86 guests", "适用于 x86 客户机")) }
        let hyperv = domain.feature("hyperv")
        let isPassthrough = hyperv?["mode"] == "passthrough"
        let missing = isPassthrough ? [] : Self.core.filter { hyperv?.first($0)?["state"] != "on" }
        let timer = domain.timer("hypervclock")
        let hasClock = timer?["present"] == "yes"
        guard !missing.isEmpty || !hasClock else { return .pass }
        var changes: [DomainChange] = []
        // One that is written and off is switched on where it stands.
        for name in missing {
            guard let element = hyperv?.first(name) else { continue }
            changes.append(DomainChange(guest.name, element.xpath, .attribute("state", "on"), from: element["state"]))
            if name == "spinlocks", element["retries"] == nil {
                changes.append(DomainChange(guest.name, element.xpath, .attribute("retries", "8191"), from: nil))
            }
        }
        let wanted = missing.filter { hyperv?.first($0) == nil }.map {
            $0 == "spinlocks" ? "<spinlocks state='on' retries='8191'/>" : "<\($0) state='on'/>"
        }.joined()
        if let hyperv {
            if !wanted.isEmpty { changes.append(DomainChange(guest.name, hyperv.xpath, .insert(wanted))) }
        } else if !missing.isEmpty {
            changes.append(
                DomainChange(guest.name, "/domain/features", .insert("<hyperv mode='custom'>\(wanted)</hyperv>")))
        }
        if !hasClock {
            changes.append(
                timer.map { DomainChange(guest.name, $0.xpath, .attribute("present", "yes"), from: $0["present"]) }
                    ?? (domain.root.first("clock") == nil
                        // Windows keeps local time in its hardware clock.
                        ? DomainChange(
                            guest.name, "/domain",
                            .insert("<clock offset='localtime'><timer name='hypervclock' present='yes'/></clock>"))
                        : DomainChange(
                            guest.name, "/domain/clock", .insert("<timer name='hypervclock' present='yes'/>"))))
        }
        let names = missing + (hasClock ? [] : ["hypervclock"])
        return .finding(
            Finding(
                .advice,
                Text("Windows lacks \(names.joined(separator: ", "))", "Windows 缺少 \(names.joined(separator: "、"))"),
                observed: "without \(names.joined(separator: ", "))",
                expected: (Self.core + ["hypervclock"]).joined(separator: ", "),
                remedy: .changes(changes, disrupts: .guestRestart),
                evidence: [
                    Evidence(
                        hyperv ?? domain.root.first("features") ?? domain.root,
                        hyperv == nil ? "no <hyperv>" : "without \(names.joined(separator: ", "))")
                ]))
    }

    var examples: Examples {
        let windows =
            "<metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'><libosinfo:os id='http://microsoft.com/win/2k22'/></libosinfo:libosinfo></metadata>"
        let all =
            "<features><hyperv><relaxed state='on'/><vapic state='on'/><spinlocks state='on'/><vpindex state='on'/><synic state='on'/><stimer state='on'/></hyperv></features>"
        let clock = "<clock offset='localtime'><timer name='hypervclock' present='yes'/></clock>"
        return Examples(
            fires: .guest("none", windows, expect: .fires(.advice)),
            .guest("all but the clock", windows + all, expect: .fires(.advice, observed: "without hypervclock")),
            quiet: .guest("all", windows + all + clock, expect: .pass),
            .guest(
                "passed through", windows + "<features><hyperv mode='passthrough'/></features>" + clock, expect: .pass),
            .guest("a Linux guest", "<clock offset='utc'/>", expect: .notApplicable))
    }
}
