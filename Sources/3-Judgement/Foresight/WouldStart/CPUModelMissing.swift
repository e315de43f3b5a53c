import DomainXML
import Inventory
import Quantities

/// A CPU mode, model or feature that is not to be had here.
struct CPUModelMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let domain = guest.domain
        guard let cpu = domain.cpu, let mode = cpu.mode else { return }
        if domain.type == "qemu" {
            // Nothing of the host's CPU is in an emulated one.
            if mode == "host-passthrough" {
                answer.add(
                    StartObstacle(
                        .cpuModel, part: mode,
                        Text(
                            "host-passthrough needs KVM, and the guest is emulated", "host-passthrough 需要 KVM,而客户机为纯模拟"),
                        evidence: [guest.evidence(cpu.element, mode)],
                        remedy: Text("Take type='kvm', or mode='maximum'.", "改用 type='kvm' 或 mode='maximum'。"),
                        commands: [guest.editCommand]))
            }
            return
        }
        let capabilities: HypervisorCapabilities
        switch host.estate.capabilities {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): capabilities = known
        }
        if !capabilities.cpuModes.isEmpty, !capabilities.cpuModes.contains(mode) {
            answer.add(
                StartObstacle(
                    .cpuModel, part: mode, Text("the host offers no CPU mode \(mode)", "主机不支持 CPU 模式 \(mode)"),
                    evidence: [
                        guest.evidence(cpu.element, mode),
                        ForesightEvidence(
                            "domain capabilities", capabilities.cpuModes.sorted().joined(separator: ", ")),
                    ],
                    remedy: Text("Take a mode that is offered.", "改用受支持的模式。"), commands: [guest.editCommand]))
            return
        }
        if cpu.element["check"] != "none" { features(guest, cpu, host, &answer) }
        guard mode == "custom", let model = cpu.model else { return }
        guard !capabilities.cpuModels.isEmpty else {
            answer.unknown(Unknown(.notExamined, source: "domain capabilities: CPU models", remedy: Guest.connect))
            return
        }
        switch capabilities.cpuModels[model] {
        case true?: break
        case nil:
            // Without `fallback='forbid'` libvirt looks for a model near to it.
            let obstacle = StartObstacle(
                .cpuModel, part: model,
                Text("the host's QEMU knows no CPU model \(model)", "主机的 QEMU 不认识 CPU 型号 \(model)"),
                evidence: [
                    guest.evidence(cpu.element.first("model"), model),
                    ForesightEvidence("domain capabilities", "no \(model)"),
                ],
                remedy: Text("Take a model that is offered, or host-model.", "改用受支持的型号或 host-model。"),
                commands: ["virsh domcapabilities", guest.editCommand])
            if cpu.element.first("model")?["fallback"] == "forbid" {
                answer.add(obstacle)
            } else {
                answer.risk(obstacle)
            }
        case false?:
            // Features that are switched off may be the ones that are missing.
            let isTrimmed = cpu.features.contains { $0.policy == "disable" || $0.policy == "optional" }
            let isUnchecked = cpu.element["check"] == "none"
            let obstacle = StartObstacle(
                .cpuModel, part: model,
                Text(
                    "this CPU (\(capabilities.hostModel ?? "unnamed")) lacks features of \(model)",
                    "此 CPU(\(capabilities.hostModel ?? "未命名"))缺少 \(model) 的特性"),
                evidence: [
                    guest.evidence(cpu.element.first("model"), model),
                    ForesightEvidence("domain capabilities", "\(model): usable='no'"),
                ],
                remedy: Text("Take a model that is usable here, or host-model.", "改用此处可用的型号或 host-model。"),
                commands: ["virsh domcapabilities", guest.editCommand])
            if isTrimmed || isUnchecked { answer.risk(obstacle) } else { answer.add(obstacle) }
        }
    }

    /// Features by libvirt's name, with the kernel's.
    ///
    /// Only those that KVM cannot make up.
    private static let flags: [String: String] = [
        "aes": "aes", "avx": "avx", "avx2": "avx2", "avx512f": "avx512f", "avx512bw": "avx512bw",
        "avx512cd": "avx512cd", "avx512dq": "avx512dq",
        "avx512vl": "avx512vl", "avx512vnni": "avx512_vnni", "avx512-bf16": "avx512_bf16", "bmi1": "bmi1",
        "bmi2": "bmi2", "pdpe1gb": "pdpe1gb",
        "rdrand": "rdrand", "rdseed": "rdseed", "adx": "adx", "sha-ni": "sha_ni", "gfni": "gfni", "vaes": "vaes",
        "fma": "fma", "f16c": "f16c",
        "vmx": "vmx", "svm": "svm", "invtsc": "nonstop_tsc", "rtm": "rtm", "hle": "hle", "pku": "pku",
        "amx-tile": "amx_tile", "amx-bf16": "amx_bf16",
        "amx-int8": "amx_int8", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "ssse3": "ssse3", "popcnt": "popcnt",
        "movbe": "movbe", "erms": "erms",
        "smep": "smep", "smap": "smap", "pcid": "pcid", "xsaves": "xsaves", "la57": "la57",
    ]

    private func features(_ guest: Candidate, _ cpu: GuestCPU, _ host: BootedHost, _ answer: inout StartAnswer) {
        guard guest.domain.isX86(onHost: host.facts.kernel.architecture.value) else { return }
        for feature in cpu.features where feature.policy == "require" || feature.policy == "forbid" {
            guard let flag = Self.flags[feature.name] else { continue }
            switch host.facts.cpu.flags {
            case .unknown(let reason):
                answer.unknown(reason)
                return
            case .known(let flags):
                let isThere = flags.contains(flag)
                guard isThere == (feature.policy == "forbid") else { continue }
                answer.add(
                    StartObstacle(
                        .cpuModel, part: feature.name,
                        isThere
                            ? Text(
                                "the definition forbids \(feature.name), which this CPU has",
                                "定义禁止 \(feature.name),而此 CPU 具有该特性")
                            : Text(
                                "the definition requires \(feature.name), which this CPU lacks",
                                "定义要求 \(feature.name),而此 CPU 不具有该特性"),
                        evidence: [
                            guest.evidence(feature.element, feature.policy),
                            ForesightEvidence("/proc/cpuinfo", isThere ? flag : "no \(flag)"),
                        ],
                        remedy: Text("Take the feature out, or let its policy be optional.", "删除该特性,或将策略改为 optional。"),
                        commands: [guest.editCommand]))
            }
        }
    }
}
