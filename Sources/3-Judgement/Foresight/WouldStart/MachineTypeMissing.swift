import DomainXML
import Inventory
import Quantities

/// The host's QEMU has no such machine type, or no such kind of guest.
struct MachineTypeMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let domain = guest.domain
        let capabilities: HypervisorCapabilities
        switch host.estate.capabilities {
        case .unknown(let reason):
            answer.unknown(reason)
            return
        case .known(let known): capabilities = known
        }
        let emulator = domain.emulator.flatMap { path in
            capabilities.guests.contains { $0.emulator == path } ? path : nil
        }
        // An emulator of one's own may know other machines.
        if domain.emulator != nil, emulator == nil {
            answer.unknown(
                Unknown(.notExamined, source: "machine types of \(domain.emulator ?? "")", remedy: Guest.connect))
            return
        }
        guard
            let support = capabilities.support(architecture: domain.architecture, type: domain.type, emulator: emulator)
        else {
            answer.add(
                StartObstacle(
                    .machineType,
                    Text(
                        "the host runs no \(domain.architecture ?? "") guests of type \(domain.type)",
                        "主机不支持类型为 \(domain.type) 的 \(domain.architecture ?? "") 客户机"),
                    evidence: [
                        guest.evidence(domain.root.first("os", "type"), domain.architecture ?? "no arch"),
                        ForesightEvidence(
                            "capabilities",
                            Set(capabilities.guests.map { "\($0.architecture) \($0.type)" }).sorted().joined(
                                separator: ", ")),
                    ], remedy: Text("Install the QEMU of that architecture.", "安装该架构的 QEMU。")))
            return
        }
        guard let machine = domain.machineType else { return }
        // Domain capabilities alone name one machine; that says nothing of the others.
        guard support.machines.count > 1 else {
            if support.machine(named: machine.name) == nil {
                answer.unknown(
                    Unknown(
                        .notExamined, source: "machine types of \(support.emulator ?? "the emulator")",
                        remedy: Guest.connect))
            }
            return
        }
        guard support.machine(named: machine.name) == nil else { return limit(guest, support, machine, &answer) }
        let newest = support.newest(like: machine)
        answer.add(
            StartObstacle(
                .machineType,
                Text("the host's QEMU has no machine type \(machine.name)", "主机的 QEMU 没有计算机类型 \(machine.name)"),
                evidence: [
                    guest.evidence(domain.root.first("os", "type"), machine.name),
                    ForesightEvidence("capabilities", newest.map { "newest: \($0.name)" } ?? "none of its family"),
                ],
                remedy: newest.map { Text("Take \($0.name); Windows: snapshot first.", "改用 \($0.name);Windows 请先做快照。") }
                    ?? Text("Take a machine type that is offered.", "改用主机提供的计算机类型。"),
                commands: newest.map { ["virt-xml \(guest.name.shellWord) --edit --machine \($0.name)"] } ?? [
                    guest.editCommand
                ]))
    }

    private func limit(
        _ guest: Candidate, _ support: GuestSupport, _ machine: MachineTypeName, _ answer: inout StartAnswer
    ) {
        guard let most = support.machine(named: machine.name)?.maxCPUs, most > 0, guest.domain.vcpus > most else {
            return
        }
        answer.add(
            StartObstacle(
                .machineType, part: "vcpu",
                Text(
                    "\(machine.name) takes at most \(most) vCPUs, and the guest has \(guest.domain.vcpus)",
                    "\(machine.name) 最多支持 \(most) 个 vCPU,而客户机有 \(guest.domain.vcpus) 个"),
                evidence: [
                    guest.evidence(guest.domain.root.first("vcpu"), String(guest.domain.vcpus)),
                    ForesightEvidence("capabilities", "maxCpus \(most)"),
                ],
                remedy: Text("Give it fewer vCPUs, or a newer machine type.", "减少 vCPU,或改用更新的计算机类型。"),
                commands: ["virsh setvcpus \(guest.name.shellWord) \(most) --maximum --config"]))
    }
}
