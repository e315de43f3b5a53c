import DomainXML
import HostFacts
import Inventory
import Quantities

/// No KVM for a guest of type kvm, or a host of another architecture.
struct HypervisorMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        guard guest.domain.type == "kvm" else { return }
        switch host.facts.hypervisor.kvmDevice {
        // A captured tree has no /dev; a loaded module says as much.
        case .unknown where host.facts.hypervisor.present.value?.contains(.kvm) == true: break
        case .unknown(let reason): answer.unknown(reason)
        case .known(true): break
        case .known(false):
            answer.add(
                StartObstacle(
                    .hypervisor, Text("the host has no KVM (/dev/kvm)", "主机没有 KVM(/dev/kvm)"),
                    evidence: [
                        guest.evidence(guest.domain.root, "type='kvm'"), ForesightEvidence("/dev/kvm", "absent"),
                    ],
                    remedy: Text(
                        "Switch virtualization on in the firmware, and load the module at boot.", "在固件中启用虚拟化,并在引导时加载模块。"
                    ),
                    commands: ["modprobe kvm_intel   # or kvm_amd", "echo kvm_intel > /etc/modules-load.d/kvm.conf"]))
        }
        guard let wanted = guest.domain.architecture, let here = host.facts.kernel.architecture.value,
            !Self.runs(wanted, on: here)
        else { return }
        answer.add(
            StartObstacle(
                .hypervisor, Text("KVM on \(here) does not run \(wanted) guests", "\(here) 上的 KVM 不能运行 \(wanted) 客户机"),
                evidence: [
                    guest.evidence(guest.domain.root.first("os", "type"), wanted),
                    ForesightEvidence("architecture", here),
                ],
                remedy: Text("Run it on a host of its architecture.", "在相同架构的主机上运行。")))
    }

    /// Guests of another type: only that their hypervisor is absent can be told.
    func examineOther(_ domain: DomainDefinition, on host: BootedHost, _ answer: inout StartAnswer) {
        let undecided = Unknown(
            .notExamined, source: "the start of domains of type \(domain.type.isEmpty ? "(none)" : domain.type)",
            remedy: Text("Only QEMU's guests are examined", "仅检查 QEMU 的客户机"))
        guard domain.type == "xen", let present = host.facts.hypervisor.present.value, !present.contains(.xen) else {
            answer.unknown(undecided)
            return
        }
        answer.add(
            StartObstacle(
                .hypervisor, Text("the host does not run under Xen", "主机未运行 Xen"),
                evidence: [
                    ForesightEvidence(domain.root, "type='xen'"), ForesightEvidence("/sys/hypervisor", "no xen"),
                ],
                remedy: Text("Boot Xen, or convert the guest to KVM.", "引导 Xen,或将客户机转换为 KVM。"), commands: ["virt-v2v"]))
    }

    private static func runs(_ guest: String, on host: String) -> Bool {
        if guest == host { return true }
        switch host {
        case "x86_64": return guest == "i686"
        case "aarch64": return guest == "armv7l" || guest == "armv6l"
        case "ppc64", "ppc64le": return guest == "ppc64" || guest == "ppc64le"
        default: return false
        }
    }
}
