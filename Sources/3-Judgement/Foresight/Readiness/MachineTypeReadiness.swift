import DomainXML
import Inventory
import Quantities

/// Whether the target has the guest's machine type, and for how long.
struct MachineTypeReadiness: ReadinessAspect {
    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard domain.isQEMUs, let machine = domain.machineType, let element = domain.root.first("os", "type") else {
            return
        }
        if let release = target.release {
            onRelease(machine, element, guest, domain, release, &answer)
        } else if let capabilities = target.capabilities {
            onHost(machine, element, guest, domain, capabilities, target, &answer)
        }
    }

    private func onRelease(
        _ machine: MachineTypeName, _ element: Element, _ guest: Guest, _ domain: DomainDefinition,
        _ release: ReleaseData.Release,
        _ answer: inout ReadinessAnswer
    ) {
        let newest = Self.newest(machine, release)
        let evidence = [
            ForesightEvidence(element, machine.name), ForesightEvidence(release.name, "QEMU \(release.qemu)"),
        ]
        if case .distribution = machine.vendor {
            answer.add(
                ReadinessFinding(
                    .machineType, .error, part: machine.name,
                    Text("\(machine.name) exists in another vendor's QEMU only", "\(machine.name) 仅存在于其他厂商的 QEMU"),
                    evidence: evidence,
                    remedy: Self.remedy(newest, domain), commands: Self.commands(guest, newest)))
            return
        }
        guard let version = machine.version, let has = ReleaseData.qemu(release.qemu, has: machine) else { return }
        let lifetime = ReleaseData.lifetime(of: machine)
        if !has {
            let isNewer = version > SoftwareVersion(release.qemu.major, release.qemu.minor)
            answer.add(
                ReadinessFinding(
                    .machineType, .error, part: machine.name,
                    isNewer
                        ? Text(
                            "\(machine.name) is newer than \(release.name)'s QEMU \(release.qemu)",
                            "\(machine.name) 比 \(release.name) 的 QEMU \(release.qemu) 更新")
                        : Text(
                            "\(release.name) has QEMU \(release.qemu), which no longer has \(machine.name) (gone since QEMU \(lifetime.map { "\($0.deletedIn.major).\($0.deletedIn.minor)" } ?? "?"))",
                            "\(release.name) 的 QEMU \(release.qemu) 已不含 \(machine.name)(自 QEMU \(lifetime.map { "\($0.deletedIn.major).\($0.deletedIn.minor)" } ?? "?") 起移除)"
                        ),
                    evidence: evidence, remedy: Self.remedy(newest, domain), commands: Self.commands(guest, newest)))
        } else if let lifetime, SoftwareVersion(release.qemu.major, release.qemu.minor) >= lifetime.deprecatedIn {
            let last = ReleaseData.firstWithout(machine, after: release)?.name
            answer.add(
                ReadinessFinding(
                    .machineTypeEnd, .warning, part: machine.name,
                    Text(
                        "\(machine.name) is deprecated on \(release.name), and ends with \(lifetime.end)"
                            + (last.map { "; \($0) no longer has it" } ?? ""),
                        "\(machine.name) 在 \(release.name) 上已弃用,将于 \(lifetime.end) 终止"
                            + (last.map { ";\($0) 已不含" } ?? "")),
                    evidence: evidence, remedy: Self.remedy(newest, domain), commands: Self.commands(guest, newest)))
        } else if let lifetime {
            answer.add(
                ReadinessFinding(
                    .machineTypeEnd, .info, part: machine.name,
                    Text("\(machine.name) ends with \(lifetime.end)", "\(machine.name) 将于 \(lifetime.end) 终止"),
                    evidence: evidence,
                    remedy: Text("Nothing to do now.", "暂无需处理。")))
        }
    }

    private func onHost(
        _ machine: MachineTypeName, _ element: Element, _ guest: Guest, _ domain: DomainDefinition,
        _ capabilities: HypervisorCapabilities,
        _ target: ReadinessTarget, _ answer: inout ReadinessAnswer
    ) {
        // A kind of guest that is missing altogether is told elsewhere.
        guard let support = capabilities.support(architecture: domain.architecture, type: domain.type) else { return }
        let found = support.machine(named: machine.name)
        let newest =
            support.newest(like: machine)?.name ?? support.newest(like: MachineTypeName(Self.alias(machine)))?.name
        let evidence = [
            ForesightEvidence(element, machine.name),
            ForesightEvidence(target.name, newest.map { "newest: \($0)" } ?? "none of its family"),
        ]
        guard let found else {
            guard support.machines.count > 1 else {
                answer.unknown(
                    Unknown(
                        .notExamined, source: "machine types of \(target.name)",
                        remedy: Text("Give its virsh capabilities", "提供其 virsh capabilities 输出")))
                return
            }
            answer.add(
                ReadinessFinding(
                    .machineType, .error, part: machine.name,
                    Text(
                        "\(target.name) has no machine type \(machine.name)", "\(target.name) 没有计算机类型 \(machine.name)"),
                    evidence: evidence, remedy: Self.remedy(newest, domain), commands: Self.commands(guest, newest)))
            return
        }
        guard found.isDeprecated else { return }
        let end = ReleaseData.lifetime(of: machine).map { ", and ends with \($0.end)" } ?? ""
        let chineseEnd = ReleaseData.lifetime(of: machine).map { ",将于 \($0.end) 终止" } ?? ""
        answer.add(
            ReadinessFinding(
                .machineTypeEnd, .warning, part: machine.name,
                Text(
                    "\(machine.name) is deprecated on \(target.name)\(end)",
                    "\(machine.name) 在 \(target.name) 上已弃用\(chineseEnd)"),
                evidence: evidence, remedy: Self.remedy(newest, domain), commands: Self.commands(guest, newest)))
    }

    private static func remedy(_ newest: String?, _ domain: DomainDefinition) -> Text {
        let name = newest.map { " \($0)" } ?? ""
        return domain.isWindows
            ? Text(
                "Take a snapshot, then a machine type of the target\(name): Windows detects a changed board.",
                "先做快照,再改用目标支持的类型\(name):Windows 会检测到主板变化。")
            : Text(
                "Take a machine type that both have, or the target's newest\(name) once it is there.",
                "改用两端都有的类型,或迁移后采用目标最新的类型\(name)。")
    }

    private static func commands(_ guest: Guest, _ newest: String?) -> [String] {
        newest.map { ["virt-xml \(guest.name.shellWord) --edit --machine \($0)"] } ?? [
            "virsh edit \(guest.name.shellWord)"
        ]
    }

    /// The name of the family's newest member in a release's QEMU.
    private static func newest(_ machine: MachineTypeName, _ release: ReleaseData.Release) -> String? {
        switch machine.family {
        case .i440fx, .q35, .virt, .s390, .pseries:
            "\(machine.family.rawValue)-\(release.qemu.major).\(release.qemu.minor)"
        default: nil
        }
    }

    private static func alias(_ machine: MachineTypeName) -> String {
        switch machine.family {
        case .i440fx: "pc"
        case .q35: "q35"
        default: machine.family.rawValue
        }
    }
}
