import DomainXML
import HostFacts
import Inventory
import Quantities

/// CPU modes, models and features the target cannot give.
///
/// A release says nothing of CPUs; a host does.
struct CPUReadiness: ReadinessAspect {
    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard domain.type == "kvm", let cpu = domain.cpu, let mode = cpu.mode, let capabilities = target.capabilities
        else { return }
        if !capabilities.cpuModes.isEmpty, !capabilities.cpuModes.contains(mode) {
            answer.add(
                ReadinessFinding(
                    .cpuModel, .error, part: mode,
                    Text("\(target.name) offers no CPU mode \(mode)", "\(target.name) 不支持 CPU 模式 \(mode)"),
                    evidence: [ForesightEvidence(cpu.element, mode)],
                    remedy: Text("Take a mode that is offered.", "改用受支持的模式。"),
                    commands: ["virsh edit \(guest.name.shellWord)"]))
            return
        }
        switch mode {
        case "host-passthrough", "maximum": passthrough(guest, cpu, mode, estate, capabilities, target, &answer)
        case "host-model": hostModel(cpu, estate, capabilities, target, &answer)
        default: custom(guest, cpu, capabilities, target, &answer)
        }
    }

    /// Starts anywhere; moves while running only between equals.
    private func passthrough(
        _ guest: Guest, _ cpu: GuestCPU, _ mode: String, _ estate: Estate, _ there: HypervisorCapabilities,
        _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        for feature in cpu.features where feature.policy == "require" && feature.name == "invtsc" {
            answer.add(
                ReadinessFinding(
                    .liveMigration, .warning, part: "invtsc",
                    Text("invtsc keeps it from moving while it runs", "invtsc 使其无法在线迁移"),
                    evidence: [ForesightEvidence(feature.element, "require")],
                    remedy: Text("Move it while it is off.", "关机后迁移。")))
        }
        let here: HypervisorCapabilities
        switch estate.capabilities {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): here = known
        }
        var differences: [String] = []
        if let one = here.hostModel, let other = there.hostModel, one != other {
            differences.append("\(one) / \(other)")
        }
        if let one = here.microcode, let other = there.microcode, one != other {
            differences.append("microcode \(one) / \(other)")
        }
        if let one = here.hypervisorVersion, let other = there.hypervisorVersion, one != other {
            differences.append("QEMU \(one) / \(other)")
        }
        guard !differences.isEmpty else { return }
        let list = differences.joined(separator: ", ")
        answer.add(
            ReadinessFinding(
                .cpuModel, .warning, part: mode,
                Text(
                    "\(mode) gives it another CPU there (\(list)): it must be off to move, and may be activated anew",
                    "\(mode) 在目标上会得到不同的 CPU(\(list)):须关机迁移,且可能需要重新激活"),
                evidence: [
                    ForesightEvidence(cpu.element, mode), ForesightEvidence(target.name, there.hostModel ?? ""),
                ],
                remedy: Text("Shut it down to move it, or take the baseline of both hosts.", "关机后迁移,或采用两台主机的基线 CPU。"),
                commands: ["virsh hypervisor-cpu-baseline DOMCAPABILITIES-OF-BOTH.xml"]))
    }

    private func hostModel(
        _ cpu: GuestCPU, _ estate: Estate, _ there: HypervisorCapabilities, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard let here = estate.capabilities.value else {
            answer.unknown(estate.capabilities.reason)
            return
        }
        guard let one = here.hostModel, let other = there.hostModel else { return }
        let lacking = one == other ? here.hostFeatures.subtracting(there.hostFeatures).sorted() : []
        guard one != other || (!lacking.isEmpty && !there.hostFeatures.isEmpty) else { return }
        let list = one == other ? lacking.joined(separator: ", ") : "\(one) / \(other)"
        answer.add(
            ReadinessFinding(
                .cpuModel, .warning, part: "host-model",
                Text(
                    "host-model is another CPU there (\(list)): it starts, and cannot move while it runs",
                    "host-model 在目标上为不同的 CPU(\(list)):可以启动,但不能在线迁移"),
                evidence: [ForesightEvidence(cpu.element, "host-model"), ForesightEvidence(target.name, other)],
                remedy: Text("Take the baseline of both hosts to move it while it runs.", "若需在线迁移,请采用两台主机的基线 CPU。"),
                commands: ["virsh hypervisor-cpu-baseline DOMCAPABILITIES-OF-BOTH.xml"]))
    }

    private func custom(
        _ guest: Guest, _ cpu: GuestCPU, _ there: HypervisorCapabilities, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard let model = cpu.model else { return }
        guard !there.cpuModels.isEmpty else {
            answer.unknown(
                Unknown(
                    .notExamined, source: "CPU models of \(target.name)",
                    remedy: Text("Give its virsh domcapabilities", "提供其 virsh domcapabilities 输出")))
            return
        }
        guard there.cpuModels[model] != true else { return }
        let isKnown = there.cpuModels[model] != nil
        let isTrimmed = isKnown && cpu.features.contains { $0.policy == "disable" || $0.policy == "optional" }
        answer.add(
            ReadinessFinding(
                .cpuModel, isTrimmed ? .warning : .error, part: model,
                isKnown
                    ? Text(
                        "\(target.name)'s CPU (\(there.hostModel ?? "unnamed")) lacks features of \(model)",
                        "\(target.name) 的 CPU(\(there.hostModel ?? "未命名"))缺少 \(model) 的特性")
                    : Text("\(target.name) knows no CPU model \(model)", "\(target.name) 不认识 CPU 型号 \(model)"),
                evidence: [
                    ForesightEvidence(cpu.element.first("model") ?? cpu.element, model),
                    ForesightEvidence(target.name, isKnown ? "usable='no'" : "absent"),
                ],
                remedy: Text("Take the baseline of both hosts.", "采用两台主机的基线 CPU。"),
                commands: ["virsh hypervisor-cpu-baseline DOMCAPABILITIES-OF-BOTH.xml"]))
    }
}
