import Changes
import HostFacts
import Inventory
import Quantities

/// What the running kernel was started with is what the boot loader will give the next one (guide §7.5).
struct KernelCommandLineDrift: HostPractice {
    var about: About {
        About(
            id: "kernel-command-line", section: "7.5", scopes: [.host], severities: [.warning], fixes: [.cmdline],
            title: Text("Kernel command line", "内核命令行"),
            why: Text(
                "Reserved huge pages, isolated CPUs and the IOMMU are set at boot only: a value typed in the boot menu once is gone after the next reboot, and the guests that rely on it do not start.",
                "大页预留、CPU 隔离与 IOMMU 只能在引导时设置:在引导菜单中临时输入的值重启后即失效,依赖它的客户机将无法启动。"),
            tradeOff: Text("Each change takes a reboot of the host to try.", "每次更改都需要重启主机才能验证。"),
            guideSays: Text(
                "Edit /etc/default/grub, then run grub2-mkconfig.", "编辑 /etc/default/grub,然后运行 grub2-mkconfig。"),
            today: Text(
                "systems with boot loader entries keep it in /etc/kernel/cmdline (sdbootutil, grubby); transactional systems regenerate in a snapshot.",
                "使用引导条目的系统将其保存在 /etc/kernel/cmdline(sdbootutil、grubby);事务性系统则在快照中重新生成。"),
            sources: ["guide §7.5", "kernel Documentation/admin-guide/kernel-parameters.rst"])
    }

    /// Parameters that change what guests get, and that nothing else can set as well.
    ///
    /// The beginning of a name with `.` stands for a module's.
    private static let matters: Set<String> = [
        "hugepages", "hugepagesz", "default_hugepagesz", "hugetlb_cma", "isolcpus", "nohz_full", "rcu_nocbs",
        "intel_iommu", "amd_iommu", "iommu",
        "iommu.passthrough", "iommu.strict", "mem", "maxcpus", "nr_cpus", "nosmt", "numa", "numa_balancing",
        "mitigations", "transparent_hugepage",
        "idle", "intel_idle.max_cstate", "processor.max_cstate", "intel_pstate", "amd_pstate", "cpuidle.off",
        "cpuidle.governor",
        "cgroup_disable", "cgroup_no_v1", "systemd.unified_cgroup_hierarchy", "cgroup_enable", "swapaccount", "psi",
        "pcie_acs_override",
        "pci", "kvmarm.mode", "kernelcore", "movablecore", "memmap", "hugetlb_free_vmemmap", "irqaffinity",
        "housekeeping", "kthread_cpus",
        "mem_encrypt", "nopti", "spectre_v2", "l1tf", "mds", "clocksource", "tsc", "noibrs", "noibpb", "efi",
        "vfio_pci.ids", "pci_stub.ids",
    ]
    private static let modules = ["kvm.", "kvm_intel.", "kvm_amd.", "vfio", "mce", "nvme.", "nvme_core."]

    private static func normal(_ name: String) -> String {
        guard name.contains("-") else { return name }
        return String(name.map { $0 == "-" ? "_" : $0 })
    }

    /// The values of the parameters that matter, by name; huge pages' pairs together, for their order counts.
    private static func settings(_ line: KernelCommandLine) -> [String: [String]] {
        var settings: [String: [String]] = [:]
        for parameter in line.parameters {
            let name = normal(parameter.name)
            guard matters.contains(name) || modules.contains(where: name.hasPrefix) else { continue }
            let word = parameter.value.map { "\(name)=\($0)" } ?? name
            switch name {
            case "hugepages", "hugepagesz", "default_hugepagesz": settings["hugepages", default: []].append(word)
            // Said twice, the last holds.
            case "pci", "vfio_pci.ids", "memmap": settings[name, default: []].append(word)
            default: settings[name] = [word]
            }
        }
        return settings
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let running: KernelCommandLine
        switch host.kernel.commandLine {
        case .unknown(let reason): return .unknown(reason)
        case .known(let line): running = line
        }
        var judgement = Judgement()
        let now = Self.settings(running)
        switch host.boot.nextCommandLine {
        case .known(let line):
            compare(now, Self.settings(line), host, &judgement)
            switch host.boot.configured {
            case .known(let configured): generated(Self.settings(configured), Self.settings(line), host, &judgement)
            case .unknown(let reason) where reason.cause == .missing: break
            case .unknown(let reason): judgement.add(reason)
            }
        case .unknown(let reason):
            // The administrator's own file tells half: what it asks for and does not run; not what runs and is nowhere written.
            if let configured = host.boot.configured.value {
                let wanted = Self.settings(configured)
                compare(now.filter { wanted[$0.key] != nil }, wanted, host, &judgement)
            }
            judgement.add(reason)
        }
        return judgement
    }

    private func compare(
        _ now: [String: [String]], _ next: [String: [String]], _ host: HostFacts, _ judgement: inout Judgement
    ) {
        let source = host.boot.nextCommandLine.value != nil ? host.boot.nextSource : host.boot.configuredSource
        for name in Set(now.keys).union(next.keys).sorted() where now[name] != next[name] {
            let mine = now[name]?.joined(separator: " ")
            let theirs = next[name]?.joined(separator: " ")
            let evidence = [
                Evidence("/proc/cmdline", mine ?? "no \(name)"),
                Evidence(source ?? "boot loader", theirs ?? "no \(name)"),
            ]
            if let mine {
                let value = name == "hugepages" ? mine : String(mine.dropFirst(name.utf8.count + 1))
                judgement.add(
                    Finding(
                        .warning, part: name,
                        theirs == nil
                            ? Text("\(mine) holds now, and not after the next boot", "\(mine) 当前生效,但下次引导后将失效")
                            : Text(
                                "\(mine) holds now; after the next boot it is \(theirs ?? "")",
                                "\(mine) 当前生效;下次引导后将变为 \(theirs ?? "")"),
                        observed: theirs ?? "absent", expected: mine, holds: .nextStart,
                        remedy: .change(
                            KernelParameterChange(name, from: theirs, to: value), disrupts: .hostReboot,
                            note: Text("If the boot loader is right, reboot instead.", "若引导配置才是正确的,则只需重启主机。")),
                        evidence: evidence))
            } else {
                judgement.add(
                    Finding(
                        .warning, part: name,
                        Text(
                            "\(theirs ?? "") is configured, and the running kernel was started without it",
                            "\(theirs ?? "") 已配置,但当前内核启动时未使用"),
                        observed: "absent", expected: theirs ?? "", holds: .running,
                        remedy: .byHand(
                            Text("Reboot the host.", "重启主机。"), commands: ["systemctl reboot"], disrupts: .hostReboot),
                        evidence: evidence))
            }
        }
    }

    /// What the administrator wrote and the boot loader's own files do not have: they were not made anew.
    private func generated(
        _ configured: [String: [String]], _ next: [String: [String]], _ host: HostFacts, _ judgement: inout Judgement
    ) {
        for name in configured.keys.sorted() where next[name] != configured[name] {
            let wanted = configured[name]?.joined(separator: " ") ?? name
            // Other places add parameters too; only what is missing is certain.
            if let words = next[name], (configured[name] ?? []).allSatisfy(words.contains) { continue }
            judgement.add(
                Finding(
                    .warning, part: name,
                    Text(
                        "\(wanted) stands in \(host.boot.configuredSource ?? "the configuration"), and not in \(host.boot.nextSource ?? "the boot menu"): it was not regenerated",
                        "\(wanted) 已写入 \(host.boot.configuredSource ?? "配置文件"),但 \(host.boot.nextSource ?? "引导菜单") 中没有:尚未重新生成"
                    ),
                    observed: next[name]?.joined(separator: " ") ?? "absent", expected: wanted, holds: .nextStart,
                    remedy: .byHand(
                        Text("Make the boot loader's files anew.", "重新生成引导加载程序配置。"),
                        commands: Self.regenerate(host.boot.loader.value, host),
                        disrupts: .hostReboot),
                    evidence: [
                        Evidence(host.boot.configuredSource ?? "/etc/default/grub", wanted),
                        Evidence(
                            host.boot.nextSource ?? "boot loader", next[name]?.joined(separator: " ") ?? "no \(name)"),
                    ]))
        }
    }

    private static func regenerate(_ loader: BootFacts.Loader?, _ host: HostFacts) -> [String] {
        if host.system.isTransactional.value == true { return ["transactional-update grub.cfg"] }
        return switch loader {
        case .updateGrub: ["update-grub"]
        case .grubby: ["grubby --update-kernel=ALL --args=…"]
        case .sdbootutil: ["sdbootutil update-all-entries"]
        case .menuLst: ["# /boot/grub/menu.lst is read as it is"]
        case .zipl: ["grub2-mkconfig -o /boot/grub2/grub.cfg", "zipl"]
        case .grub2Mkconfig, nil: ["grub2-mkconfig -o /boot/grub2/grub.cfg"]
        }
    }

    var examples: Examples {
        Examples(
            fires: .host("typed in the boot menu once", expect: .fires(.warning, observed: "absent")) {
                $0.kernel.commandLine = .known(KernelCommandLine("root=/dev/sda2 quiet hugepagesz=1G hugepages=8"))
            },
            .host("configured and not yet booted", expect: .fires(.warning, observed: "absent")) {
                $0.boot.nextCommandLine = .known(KernelCommandLine("root=/dev/sda2 quiet intel_iommu=on"))
                $0.boot.configured = .known(KernelCommandLine("quiet intel_iommu=on"))
            },
            .host("the order of huge pages' pairs differs", expect: .fires(.warning)) {
                $0.kernel.commandLine = .known(KernelCommandLine("hugepagesz=1G hugepages=4"))
                $0.boot.nextCommandLine = .known(KernelCommandLine("hugepages=4 hugepagesz=1G"))
            },
            .host("the menu was not made anew", expect: .fires(.warning, observed: "absent")) {
                $0.boot.configured = .known(KernelCommandLine("quiet isolcpus=2-7"))
            },
            quiet: .host("alike", expect: .pass) { _ in },
            .host("what differs has nothing to do with guests", expect: .pass) {
                $0.kernel.commandLine = .known(KernelCommandLine("BOOT_IMAGE=/boot/vmlinuz root=UUID=1 quiet single"))
            },
            .host("dashes and underscores are one", expect: .pass) {
                $0.kernel.commandLine = .known(KernelCommandLine("kvm-intel.nested=1"))
                $0.boot.nextCommandLine = .known(KernelCommandLine("kvm_intel.nested=1"))
            },
            .host("said twice, the last holds", expect: .pass) {
                $0.kernel.commandLine = .known(KernelCommandLine("isolcpus=1 isolcpus=2-3"))
                $0.boot.nextCommandLine = .known(KernelCommandLine("isolcpus=2-3"))
            },
            others: [
                .host("no boot loader was found", expect: .unknown) {
                    $0.boot.nextCommandLine = .unknown(Unknown(.missing, source: "boot loader"))
                    $0.boot.configured = .unknown(Unknown(.missing, source: "/etc/default/grub"))
                },
                .host("grub.cfg may not be read, /etc/default/grub may", expect: .fires(.warning)) {
                    $0.kernel.commandLine = .known(KernelCommandLine("quiet"))
                    $0.boot.nextCommandLine = .unknown(Unknown(.denied, source: "/boot/grub2/grub.cfg"))
                    $0.boot.configured = .known(KernelCommandLine("quiet mitigations=off"))
                },
            ])
    }
}
