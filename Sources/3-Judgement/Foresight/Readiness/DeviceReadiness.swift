import DomainXML
import Inventory
import Quantities

/// Devices and disk protocols the target does not offer.
struct DeviceReadiness: ReadinessAspect {
    /// Protocols QEMU took out, with the first release without them.
    ///
    /// - Source: QEMU docs/about/removed-features.rst.
    private static let removedProtocols: [(name: String, since: SoftwareVersion)] = [
        ("vxhs", SoftwareVersion(5, 1)), ("sheepdog", SoftwareVersion(6, 0)),
    ]

    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard domain.isQEMUs else { return }
        if let qemu = target.release?.qemu ?? target.capabilities?.hypervisorVersion {
            for disk in domain.disks {
                guard let name = disk.networkProtocol,
                    let removed = Self.removedProtocols.first(where: { $0.name == name }), qemu >= removed.since
                else {
                    continue
                }
                answer.add(
                    ReadinessFinding(
                        .device, .error, part: disk.label,
                        Text(
                            "QEMU has no \(name) since \(removed.since.major).\(removed.since.minor)",
                            "QEMU 自 \(removed.since.major).\(removed.since.minor) 起不再支持 \(name)"),
                        evidence: [
                            ForesightEvidence(disk.element, name), ForesightEvidence(target.name, "QEMU \(qemu)"),
                        ],
                        remedy: Text("Copy the disk to other storage.", "将磁盘复制到其他存储。"),
                        commands: ["qemu-img convert -O qcow2 SOURCE TARGET.qcow2"]))
            }
        }
        guard let features = target.capabilities?.features else { return }
        for (element, feature) in [
            ("tpm", "tpm"), ("rng", "rng"), ("filesystem", "filesystem"), ("redirdev", "redirdev"),
            ("crypto", "crypto"), ("hostdev", "hostdev"),
        ] {
            guard features[feature] == false, let device = domain.devices(element).first else { continue }
            answer.add(
                ReadinessFinding(
                    .device, .error, part: element,
                    Text("\(target.name) offers no \(element) devices", "\(target.name) 不支持 \(element) 设备"),
                    evidence: [
                        ForesightEvidence(device, element), ForesightEvidence(target.name, "\(feature) supported='no'"),
                    ],
                    remedy: Text("Take it out, or install what provides it there.", "移除该设备,或在目标上安装相应组件。"),
                    commands: ["virsh edit \(guest.name.shellWord)"]))
        }
        if features["iothreads"] == false, let threads = domain.root.first("iothreads") {
            answer.add(
                ReadinessFinding(
                    .device, .error, part: "iothreads",
                    Text("\(target.name) offers no I/O threads", "\(target.name) 不支持 I/O 线程"),
                    evidence: [ForesightEvidence(threads, threads.text)],
                    remedy: Text("Take them out.", "移除 I/O 线程。"), commands: ["virsh edit \(guest.name.shellWord)"]))
        }
    }
}
