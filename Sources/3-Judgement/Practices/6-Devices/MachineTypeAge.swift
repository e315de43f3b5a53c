import Changes
import DomainXML
import Inventory
import Quantities

/// A machine type that this host offers, and that QEMU will go on offering (guide §6.5).
struct MachineTypeAge: GuestPractice {
    var about: About {
        About(
            id: "machine-type", section: "6.5", scopes: [.guest], severities: [.error, .warning, .advice, .info],
            fixes: [.xml],
            title: Text("Machine type", "计算机类型(machine type)"),
            why: Text(
                "A machine type freezes the board as one QEMU release had it: corrections and features of later ones do not reach the guest, and one day QEMU no longer has it.",
                "计算机类型会将主板固定为某个 QEMU 版本的样子:后续修复与新特性不会作用于客户机,而且终有一天 QEMU 会将其移除。"),
            tradeOff: Text(
                "The guest sees a somewhat different board: Windows may want to be activated again (snapshot first), and it can no longer migrate to hosts with an older QEMU.",
                "客户机会看到略有不同的主板:Windows 可能需要重新激活(请先做快照),并且无法再迁移到 QEMU 较旧的主机。"),
            guideSays: Text("Old machine types stay supported; always move to the newest.", "旧计算机类型仍受支持;建议始终迁移到最新类型。"),
            today: Text(
                "QEMU deprecates a machine type 3 years after its release and deletes it after 6 (enforced from 10.1 on): it has an end date.",
                "QEMU 在发布 3 年后弃用、6 年后删除计算机类型(自 10.1 起强制执行):它有明确的终止日期。"),
            sources: ["guide §6.5", "QEMU docs/about/deprecated.rst", "QEMU docs/about/removed-features.rst"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard let machine = domain.machineType, let element = domain.root.first("os", "type") else {
            return .notApplicable(
                Text(
                    "none is written: libvirt takes the emulator's default when it defines the guest",
                    "未指定:libvirt 在定义时采用模拟器的默认值"))
        }
        var judgement = Judgement()
        switch machine.family {
        case .xen, .isapc, .microvm, .other:
            if machine.family == .isapc || machine.family == .microvm {
                return .notApplicable(Text("\(machine.name) has no versions", "\(machine.name) 没有版本之分"))
            }
        case .i440fx, .q35, .virt, .s390, .pseries: break
        }
        let here = Here(domain, machine, estate)
        switch here {
        case .unknown(let reason):
            if let finding = aged(machine, element, estate, newest: nil, domain, guest) { judgement.add(finding) }
            judgement.add(reason)
        case .noSupport: break
        case .known(let support):
            age(machine, element, support, domain, guest, estate, &judgement)
        }
        if let finding = chipset(machine, element, here, domain, guest) { judgement.add(finding) }
        return judgement
    }

    /// What this host offers the guest.
    private enum Here {
        case known(GuestSupport)
        /// The host runs no such guest at all: another practice's business.
        case noSupport
        case unknown(Unknown)

        init(_ domain: DomainDefinition, _ machine: MachineTypeName, _ estate: Estate) {
            switch estate.capabilities {
            case .unknown(let reason): self = .unknown(reason)
            case .known(let capabilities):
                let emulated =
                    capabilities.support(
                        architecture: domain.architecture, type: domain.type, emulator: domain.emulator)
                    ?? capabilities.support(architecture: domain.architecture, type: domain.type)
                guard let emulated, !emulated.machines.isEmpty else {
                    self = .noSupport
                    return
                }
                // Domain capabilities alone name one machine, which says nothing of the others.
                self =
                    emulated.machines.count > 1
                    ? .known(emulated) : .unknown(Unknown(.notExamined, source: "machine types", remedy: Guest.connect))
            }
        }
    }

    /// Compares with what the host's QEMU has.
    private func age(
        _ machine: MachineTypeName, _ element: Element, _ support: GuestSupport, _ domain: DomainDefinition,
        _ guest: Guest, _ estate: Estate,
        _ judgement: inout Judgement
    ) {
        let newest = support.newest(like: machine)
        guard let offered = support.machine(named: machine.name) else {
            let wanted = newest ?? support.newest(like: Self.plain(machine))
            judgement.add(
                Finding(
                    .error, part: "machine",
                    Text(
                        "the host's QEMU has no machine type \(machine.name): the guest cannot start here",
                        "主机的 QEMU 没有计算机类型 \(machine.name),客户机无法在此启动"), observed: machine.name,
                    expected: wanted?.name ?? "one that the host offers",
                    remedy: remedy(machine, wanted, element, domain, guest),
                    evidence: [Evidence(element, machine.name), Evidence("capabilities", "no \(machine.name)")]))
            return
        }
        // An alias is the newest; libvirt writes the full name in when the guest is defined.
        guard !machine.isAlias else { return }
        // There is nothing to move to where it is the newest itself.
        let newer = newest.flatMap { machine.isOlder(than: $0) == true ? $0 : nil }
        if let finding = aged(
            machine, element, estate, newest: newer, domain, guest, isDeprecated: offered.isDeprecated)
        {
            judgement.add(finding)
            return
        }
        guard let newest, machine.isOlder(than: newest) == true else { return }
        let end = ReleaseData.lifetime(of: machine)
        judgement.add(
            Finding(
                .advice, part: "machine",
                Text(
                    "\(machine.name) is older than \(newest.name), the newest here"
                        + (end.map { "; QEMU has it until \($0.end)" } ?? ""),
                    "\(machine.name) 比此主机最新的 \(newest.name) 旧" + (end.map { ";QEMU 将其保留至 \($0.end)" } ?? "")),
                observed: machine.name, expected: newest.name, remedy: remedy(machine, newest, element, domain, guest),
                evidence: [Evidence(element, machine.name)]))
    }

    /// A machine type that QEMU has deprecated: by its own word, or by its schedule as of today.
    private func aged(
        _ machine: MachineTypeName, _ element: Element, _ estate: Estate, newest: MachineTypeName?,
        _ domain: DomainDefinition, _ guest: Guest,
        isDeprecated: Bool = false
    ) -> Finding? {
        let end = ReleaseData.lifetime(of: machine)
        var evidence = [Evidence(element, machine.name)]
        if isDeprecated {
            evidence.append(Evidence("capabilities", "deprecated"))
        } else {
            guard let end, let deprecation = ReleaseData.qemuRelease(end.deprecatedIn), estate.now > 0,
                deprecation <= CivilDay(secondsSince1970: estate.now)
            else { return nil }
            evidence.append(
                Evidence("QEMU docs/about/deprecated.rst", "QEMU \(end.deprecatedIn.major).\(end.deprecatedIn.minor)"))
        }
        let isGone = end?.deletion.map { estate.now > 0 && $0 <= CivilDay(secondsSince1970: estate.now) } ?? false
        let until = end.map { isGone ? "; gone since \($0.end)" : "; gone with \($0.end)" } ?? ""
        let chineseUntil = end.map { isGone ? ",自 \($0.end) 起已移除" : ",将于 \($0.end) 移除" } ?? ""
        return Finding(
            isDeprecated || isGone ? .warning : .advice, part: "machine",
            Text("QEMU has deprecated \(machine.name)\(until)", "QEMU 已弃用 \(machine.name)\(chineseUntil)"),
            observed: machine.name,
            expected: newest?.name ?? "a newer version", remedy: remedy(machine, newest, element, domain, guest),
            evidence: evidence)
    }

    /// The old board where the new one serves: a hint only, for a change of board is a change of every PCI address.
    private func chipset(
        _ machine: MachineTypeName, _ element: Element, _ here: Here, _ domain: DomainDefinition, _ guest: Guest
    ) -> Finding? {
        guard machine.family == .i440fx, domain.architecture != "i686", !domain.isWindows else { return nil }
        if case .known(let support) = here, support.newest(like: MachineTypeName("q35")) == nil { return nil }
        if case .noSupport = here { return nil }
        // q35 has neither IDE nor floppy controllers.
        let hasOldDisks = domain.devices("disk").contains { disk in
            let target = disk.first("target")
            return target?["bus"] == "ide" || disk["device"] == "floppy"
                || (target?["bus"] == nil && target?["dev"]?.hasPrefix("hd") == true)
        }
        guard !hasOldDisks else { return nil }
        return Finding(
            .info, part: "chipset",
            Text(
                "\(machine.name) is the board of 1996; q35 has PCI Express, which passed-through devices and hot-plug profit from",
                "\(machine.name) 是 1996 年的主板;q35 具有 PCI Express,有利于设备直通与热插拔"),
            observed: "i440fx", expected: "q35",
            remedy: .byHand(
                Text(
                    "Best for new guests. For this one: all PCI addresses change, so network names and boot order may; take the <address> elements and PCI controllers out, and try it on a copy.",
                    "更适合新建的客户机。对现有客户机:PCI 地址全部改变,网卡名称与引导顺序可能变化;请去掉 <address> 元素与 PCI 控制器,并先在副本上试验。"),
                commands: [
                    "virt-clone --original \(guest.name.shellWord) --auto-clone",
                    "virsh edit \((guest.name + "-clone").shellWord)",
                ],
                disrupts: .guestRestart),
            evidence: [Evidence(element, machine.name)])
    }

    private func remedy(
        _ machine: MachineTypeName, _ newest: MachineTypeName?, _ element: Element, _ domain: DomainDefinition,
        _ guest: Guest
    ) -> Remedy {
        let note =
            domain.isWindows
            ? Text(
                "Windows: take a snapshot or a backup first; it detects a changed board.",
                "Windows:请先做快照或备份,系统会检测到主板变化。")
            : Text(
                "Linux does not mind. Hosts it migrates to need this machine type too.", "对 Linux 无影响。迁移目标主机也须支持该类型。")
        guard let newest else {
            return .byHand(
                note, commands: ["virsh domcapabilities | grep -A1 '<machine'", "virsh edit \(guest.name.shellWord)"],
                disrupts: .guestRestart)
        }
        return .change(
            DomainChange(guest.name, element.xpath, .attribute("machine", newest.name), from: machine.name),
            disrupts: .guestRestart, note: note)
    }

    /// QEMU's own name of a vendor's board.
    private static func plain(_ machine: MachineTypeName) -> MachineTypeName {
        switch machine.family {
        case .i440fx: MachineTypeName("pc")
        case .q35: MachineTypeName("q35")
        default: MachineTypeName(machine.family.rawValue)
        }
    }

    var examples: Examples {
        @Sendable func os(_ machine: String, _ architecture: String = "x86_64") -> String {
            "<os><type arch='\(architecture)' machine='\(machine)'>hvm</type></os>"
        }
        let unread: Fact<HypervisorCapabilities> = .unknown(
            Unknown(.notExamined, source: "capabilities", remedy: Guest.connect))
        return Examples(
            fires: .guest("one release behind", os("pc-q35-8.1"), expect: .fires(.advice, observed: "pc-q35-8.1")),
            .guest("deprecated, as QEMU says", os("pc-q35-2.11"), expect: .fires(.warning, observed: "pc-q35-2.11")),
            .guest("deprecated by QEMU's schedule", os("pc-q35-6.2"), expect: .fires(.advice, observed: "pc-q35-6.2")),
            .guest(
                "the guide's: not offered here", os("pc-i440fx-2.3"), expect: .fires(.error, observed: "pc-i440fx-2.3")),
            .guest("another vendor's", os("pc-q35-rhel8.6.0"), expect: .fires(.error, observed: "pc-q35-rhel8.6.0")),
            .guest("i440fx, the newest", os("pc-i440fx-8.2"), expect: .fires(.info, observed: "i440fx")),
            Example(
                "long gone, whatever the host", expect: .fires(.warning, observed: "pc-q35-2.10"),
                estate: .example(guests: [.example(os("pc-q35-2.10"))], capabilities: unread)),
            quiet: .guest("the newest", os("pc-q35-8.2"), expect: .pass),
            .guest("an alias is the newest", os("q35"), expect: .pass),
            .guest(
                "i440fx with an IDE disk: q35 has none",
                os("pc") + "<devices><disk type='file'><target dev='hda' bus='ide'/></disk></devices>", expect: .pass),
            .guest("i440fx and Windows", os("pc-i440fx-8.2") + "<features><hyperv/></features>", expect: .pass),
            .guest("none written", "<os><type>hvm</type></os>", expect: .notApplicable),
            .guest("a board without versions", os("microvm"), expect: .notApplicable),
            others: [
                Example(
                    "capabilities were not read", expect: .unknown,
                    estate: .example(guests: [.example(os("pc-q35-9.2"))], capabilities: unread))
            ])
    }
}
