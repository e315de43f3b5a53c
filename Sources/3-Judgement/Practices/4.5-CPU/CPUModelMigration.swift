import Changes
import DomainXML
import Inventory
import Quantities

/// Whether the hosts a guest is to migrate to have its CPU (guide §4.5.2.3).
struct CPUModelMigration: GuestPractice {
    var about: About {
        About(
            id: "cpu-model-migration", section: "4.5.2.3", scopes: [.guest], severities: [.error, .warning],
            fixes: [.xml],
            title: Text("CPU model on migration targets", "迁移目标的 CPU 型号"),
            why: Text(
                "A target that lacks a feature refuses the guest, in the middle of an evacuation at worst.",
                "目标缺少某个功能时会拒绝客户机,最坏的情况发生在紧急疏散途中。"),
            tradeOff: Text("A baseline model gives up what only some of the hosts have.", "基线型号会放弃只有部分主机才有的功能。"),
            guideSays: Text(
                "virsh cpu-baseline over all hosts' capabilities.", "对所有主机的 capabilities 运行 virsh cpu-baseline。"),
            today: Text(
                "virsh hypervisor-cpu-baseline over domcapabilities: what QEMU can really give (libvirt 4.4).",
                "对 domcapabilities 运行 virsh hypervisor-cpu-baseline:即 QEMU 真正能提供的(libvirt 4.4)。"),
            sources: ["guide §4.5.2.3", "kubevirt issue 12519"], domainTypes: ["kvm"], holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let targets = estate.migrationTargets
        guard !targets.isEmpty else {
            return .notApplicable(
                Text("no migration target is named (migration: targets:)", "未指定迁移目标(migration: targets:)"))
        }
        guard let cpu = domain.cpu, let mode = cpu.mode else { return .pass }
        var judgement = Judgement()
        for (name, fact) in targets.sorted(by: { $0.key < $1.key }) {
            guard case .known(let target) = fact else {
                judgement.add(fact.reason)
                continue
            }
            if mode == "host-passthrough" || mode == "maximum" {
                passthrough(cpu, name, target, guest, estate, &judgement)
                continue
            }
            if mode == "custom", let model = cpu.model, !target.cpuModels.isEmpty, target.cpuModels[model] != true {
                judgement.add(
                    Finding(
                        .error, part: name,
                        Text("\(name) cannot give CPU model \(model)", "\(name) 无法提供 CPU 型号 \(model)"), observed: model,
                        expected: "a model of every host",
                        remedy: .byHand(
                            Text("Take the baseline of all hosts.", "使用所有主机的基线。"),
                            commands: ["virsh hypervisor-cpu-baseline ALL-DOMCAPABILITIES.xml"], disrupts: .guestRestart
                        ),
                        evidence: [Evidence(cpu.element, model)]))
            }
            let lacking = cpu.features.filter {
                $0.policy == "require" && !target.hostFeatures.isEmpty && !target.hostFeatures.contains($0.name)
                    && target.hostModel != cpu.model && cpu.model == nil
            }
            for feature in lacking {
                judgement.add(
                    Finding(
                        .warning, part: name,
                        Text("\(name) does not say that it has \(feature.name)", "\(name) 未声明具有 \(feature.name)"),
                        observed: feature.name, expected: "a feature of every host",
                        remedy: .change(
                            DomainChange(guest.name, feature.element.xpath, .remove, from: feature.name),
                            disrupts: .guestRestart), evidence: [Evidence(feature.element, feature.name)]))
            }
        }
        return judgement
    }

    private func passthrough(
        _ cpu: GuestCPU, _ name: String, _ target: HypervisorCapabilities, _ guest: Guest, _ estate: Estate,
        _ judgement: inout Judgement
    ) {
        guard case .known(let here) = estate.capabilities else {
            judgement.add(estate.capabilities.reason)
            return
        }
        var differences: [String] = []
        if let one = here.hostModel, let other = target.hostModel, one != other {
            differences.append("\(one) / \(other)")
        }
        if let one = here.microcode, let other = target.microcode, one != other {
            differences.append("microcode \(one) / \(other)")
        }
        if let one = here.hypervisorVersion, let other = target.hypervisorVersion, one != other {
            differences.append("QEMU \(one) / \(other)")
        }
        guard !differences.isEmpty else { return }
        judgement.add(
            Finding(
                .warning, part: name,
                Text(
                    "its CPU is this host's own, and \(name) differs: \(differences.joined(separator: ", "))",
                    "其 CPU 直通自本机,而 \(name) 不同:\(differences.joined(separator: "、"))"),
                observed: differences.joined(separator: ", "), expected: "the same CPU, microcode and QEMU",
                remedy: .change(
                    DomainChange(guest.name, cpu.element.xpath, .attribute("mode", "host-model"), from: cpu.mode),
                    disrupts: .guestRestart,
                    note: Text("Or the baseline of all hosts.", "或使用所有主机的基线。")),
                evidence: [Evidence(cpu.element, cpu.mode ?? "")]))
    }

    var examples: Examples {
        @Sendable func estate(_ cpu: String, _ change: (inout HypervisorCapabilities) -> Void, isKnown: Bool = true)
            -> Estate
        {
            var target = HypervisorCapabilities.example
            change(&target)
            return .example(
                guests: [.example(cpu)],
                migrationTargets: ["kvm2": isKnown ? .known(target) : .unknown(Unknown(.missing, source: "kvm2.xml"))])
        }
        return Examples(
            fires: Example(
                "a model the target cannot give", expect: .fires(.error, observed: "EPYC"),
                estate: estate("<cpu><model>EPYC</model></cpu>", { _ in })),
            Example(
                "passed through to another kind of host", expect: .fires(.warning),
                estate: estate("<cpu mode='host-passthrough'/>", { $0.hostModel = "EPYC" })),
            Example(
                "passed through to another QEMU", expect: .fires(.warning),
                estate: estate("<cpu mode='host-passthrough'/>", { $0.hypervisorVersion = SoftwareVersion(9, 0) })),
            quiet: Example(
                "a model of both", expect: .pass, estate: estate("<cpu><model>Skylake-Server</model></cpu>", { _ in })),
            Example(
                "passed through to a twin", expect: .pass, estate: estate("<cpu mode='host-passthrough'/>", { _ in })),
            .guest("no target is named", "<cpu mode='host-passthrough'/>", expect: .notApplicable),
            others: [
                Example(
                    "the target's file is gone", expect: .unknown,
                    estate: estate("<cpu><model>EPYC</model></cpu>", { _ in }, isKnown: false))
            ])
    }
}
