import DomainXML
import HostFacts
import Inventory
import Quantities

/// Whether guests can be moved while they run: by SUSE's matrix, and by what each has.
struct MigrationReadiness: ReadinessAspect {
    func host(_ estate: Estate, _ target: ReadinessTarget, _ answer: inout ReadinessAnswer) {
        guard estate.hasHost, let release = target.release else { return }
        let distribution: Distribution
        switch estate.host.system.distribution {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): distribution = known
        }
        guard let here = ReleaseData.release(of: distribution) else {
            answer.add(
                ReadinessFinding(
                    .liveMigration, .info, part: distribution.name,
                    Text(
                        "SUSE's matrix does not list \(distribution.name): nothing is promised for live migration to \(release.name)",
                        "SUSE 的支持矩阵未列出 \(distribution.name):到 \(release.name) 的在线迁移没有保证"),
                    evidence: [ForesightEvidence("/etc/os-release", distribution.name)],
                    remedy: Text("Shut guests down to move them.", "关机后迁移客户机。")))
            return
        }
        let evidence = [
            ForesightEvidence("/etc/os-release", here.name),
            ForesightEvidence("SUSE: Virtualization Limits and Support", release.name),
        ]
        switch ReleaseData.liveMigration(from: here, to: release) {
        case .supported: break
        case .withTests:
            answer.add(
                ReadinessFinding(
                    .liveMigration, .warning, part: "\(here.id) → \(release.id)",
                    Text(
                        "live migration over several service packs (\(here.name) to \(release.name)) is tested little: try it first",
                        "跨多个服务包的在线迁移(\(here.name) 到 \(release.name))测试很少,请先验证"),
                    evidence: evidence,
                    remedy: Text("Go one service pack at a time, or test it on site.", "逐个服务包迁移,或先在现场测试。")))
        case .unsupported:
            answer.add(
                ReadinessFinding(
                    .liveMigration, .warning, part: "\(here.id) → \(release.id)",
                    Text(
                        "live migration from \(here.name) to \(release.name) is not supported: guests must be off to move",
                        "不支持从 \(here.name) 到 \(release.name) 的在线迁移:客户机须关机迁移"),
                    evidence: evidence, remedy: Text("Plan a downtime for each guest.", "为每个客户机安排停机时间。"),
                    commands: ["virsh shutdown GUEST", "virsh dumpxml --inactive GUEST > GUEST.xml"]))
        }
    }

    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard domain.isQEMUs else { return }
        // Where nothing can move while it runs, saying so of each guest adds nothing.
        if let release = target.release,
            let here = estate.host.system.distribution.value.flatMap(ReleaseData.release(of:)),
            ReleaseData.liveMigration(from: here, to: release) == .unsupported
        {
            return
        }
        func add(_ part: String, _ what: Text, _ element: Element) {
            answer.add(
                ReadinessFinding(
                    .liveMigration, .info, part: part, what, evidence: [ForesightEvidence(element, part)],
                    remedy: Text("Shut it down to move it.", "关机后迁移。"),
                    commands: ["virsh shutdown \(guest.name.shellWord)"]))
        }
        if domain.isConfidential, let element = domain.root.first("launchSecurity") {
            add("launchSecurity", Text("a confidential guest cannot move while it runs", "机密客户机不能在线迁移"), element)
        }
        for device in domain.hostDevices where !device.isUnpluggedToMigrate {
            switch device.kind {
            case .pci, .mdev, .usb, .scsi, .scsiHost:
                add(
                    device.label,
                    Text("the host's device \(device.label) cannot move with it", "主机设备 \(device.label) 不能随之迁移"),
                    device.element)
            case .capabilities, .other: break
            }
        }
        for share in domain.devices("filesystem") {
            let name = share.first("target")?["dir"] ?? "filesystem"
            add(
                name, Text("the shared folder \(name) keeps it from moving while it runs", "共享目录 \(name) 使其无法在线迁移"),
                share)
        }
    }
}
