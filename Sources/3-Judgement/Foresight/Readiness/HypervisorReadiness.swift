import DomainXML
import HostFacts
import Inventory
import Quantities

/// Whether the target runs such guests at all.
struct HypervisorReadiness: ReadinessAspect {
    func host(_ estate: Estate, _ target: ReadinessTarget, _ answer: inout ReadinessAnswer) {
        guard estate.hasHost, let release = target.release else { return }
        if !release.offersXen {
            switch estate.host.hypervisor.present {
            case .unknown(let reason): answer.unknown(reason)
            case .known(let present):
                if present.contains(.xen) {
                    answer.add(
                        ReadinessFinding(
                            .hypervisor, .error, part: "xen",
                            Text(
                                "the host runs under Xen, which \(release.name) has no more",
                                "主机运行 Xen,而 \(release.name) 已不再包含"),
                            evidence: [ForesightEvidence("/sys/hypervisor", "xen")],
                            remedy: Text("Convert its guests to KVM before the upgrade.", "升级前将客户机转换为 KVM。"),
                            commands: ["virt-v2v -i libvirt -ic xen:///system GUEST -o local -os DIR"]))
                }
            }
        }
        guard release.major >= 16, estate.host.kernel.architecture.value == "x86_64" else { return }
        switch estate.host.cpu.flags {
        case .unknown(let reason): answer.unknown(reason)
        case .known(let flags):
            // SLES 16 is built for x86-64-v2.
            let lacking = ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"].filter { !flags.contains($0) }
            guard !lacking.isEmpty else { return }
            answer.add(
                ReadinessFinding(
                    .hardware, .error, part: "x86-64-v2",
                    Text(
                        "\(release.name) needs a CPU of x86-64-v2, and this one lacks \(lacking.joined(separator: ", "))",
                        "\(release.name) 需要 x86-64-v2 的 CPU,而此 CPU 缺少 \(lacking.joined(separator: "、"))"),
                    evidence: [ForesightEvidence("/proc/cpuinfo", "no \(lacking.joined(separator: ", "))")],
                    remedy: Text("Take newer hardware.", "更换较新的硬件。")))
        }
    }

    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        let evidence = [ForesightEvidence(domain.root, "type='\(domain.type)'")]
        if let release = target.release {
            switch domain.type {
            case "xen":
                guard !release.offersXen else { return }
                answer.add(
                    ReadinessFinding(
                        .hypervisor, .error, part: "xen",
                        Text("\(release.name) is no Xen host", "\(release.name) 不能作为 Xen 主机"), evidence: evidence,
                        remedy: Text("Convert it to KVM.", "转换为 KVM。"),
                        commands: [
                            "virt-v2v -i libvirt -ic xen:///system \(guest.name.shellWord) -o local -os /var/lib/libvirt/images"
                        ]))
            case "kvm":
                guard let architecture = domain.architecture, architecture.hasPrefix("ppc") else { return }
                answer.add(
                    ReadinessFinding(
                        .hypervisor, .warning, part: architecture,
                        Text("SUSE does not support KVM on POWER", "SUSE 不支持 POWER 上的 KVM"), evidence: evidence,
                        remedy: Text("Ask SUSE before the move.", "迁移前请咨询 SUSE。")))
            case "qemu":
                answer.add(
                    ReadinessFinding(
                        .hypervisor, .warning, part: "qemu",
                        Text("emulated without KVM: SUSE supports that on no release", "未使用 KVM 的纯模拟:SUSE 在任何版本均不支持"),
                        evidence: evidence, remedy: Text("Take type='kvm'.", "改用 type='kvm'。"),
                        commands: ["virsh edit \(guest.name.shellWord)"]))
            default:
                answer.unknown(
                    Unknown(
                        .notExamined,
                        source: "domains of type \(domain.type.isEmpty ? "(none)" : domain.type) on \(target.name)",
                        remedy: Text("Only QEMU's and Xen's guests are examined", "仅检查 QEMU 与 Xen 的客户机")))
            }
            return
        }
        guard let capabilities = target.capabilities else { return }
        guard !capabilities.guests.isEmpty else {
            answer.unknown(Unknown(.notExamined, source: "kinds of guest of \(target.name)"))
            return
        }
        guard capabilities.support(architecture: domain.architecture, type: domain.type) == nil else { return }
        // Domain capabilities speak of one kind of guest only.
        guard capabilities.guests.count > 1 || capabilities.guests[0].machines.count > 1 else {
            answer.unknown(
                Unknown(.notExamined, source: "\(domain.type) \(domain.architecture ?? "") guests of \(target.name)"))
            return
        }
        answer.add(
            ReadinessFinding(
                .hypervisor, .error, part: domain.type,
                Text(
                    "\(target.name) runs no \(domain.architecture ?? "") guests of type \(domain.type)",
                    "\(target.name) 不支持类型为 \(domain.type) 的 \(domain.architecture ?? "") 客户机"),
                evidence: evidence, remedy: Text("Choose another target, or convert it.", "选择其他目标或转换客户机。")))
    }
}
