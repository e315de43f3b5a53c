import DomainXML
import HostFacts
import Inventory
import Quantities

/// A pin that names only CPUs that will not be there.
///
/// CPUs switched off by hand are back after a reboot; those that the command line keeps off (`nosmt`, `maxcpus=`, `nr_cpus=`) are not.
struct AbsentCPUs: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let domain = guest.domain
        var pins: [(name: String, cpus: CPUSet, element: Element)] = []
        if let element = domain.root.first("vcpu"), let cpus = domain.cpuset { pins.append(("vcpu", cpus, element)) }
        // libvirt ignores the pins of vCPUs and threads that are not there.
        for pin in domain.vcpuPins {
            if let thread = pin.thread, thread < domain.vcpus, let cpus = pin.cpus {
                pins.append(("vcpu \(thread)", cpus, pin.element))
            }
        }
        if let pin = domain.emulatorPin, let cpus = pin.cpus { pins.append(("emulator", cpus, pin.element)) }
        for pin in domain.iothreadPins {
            if let cpus = pin.cpus { pins.append(("iothread \(pin.thread ?? 0)", cpus, pin.element)) }
        }
        guard !pins.isEmpty else { return }
        let present: CPUSet
        switch host.facts.cpu.present {
        case .known(let known): present = known
        case .unknown(let reason):
            switch host.facts.cpu.online {
            case .known(let online) where host.facts.cpu.offline.value?.isEmpty ?? false: present = online
            default:
                answer.unknown(reason)
                return
            }
        }
        let online = host.facts.cpu.online.value ?? present
        for pin in pins where !pin.cpus.isEmpty {
            let absent = pin.cpus.subtracting(present)
            let off = pin.cpus.intersection(present).subtracting(online)
            guard !absent.isEmpty || !off.isEmpty else { continue }
            let evidence = [
                guest.evidence(pin.element, pin.cpus.description),
                ForesightEvidence("/sys/devices/system/cpu/online", online.description),
            ]
            func obstacle(_ what: Text) -> StartObstacle {
                StartObstacle(
                    .cpuPin, part: pin.name, what, evidence: evidence,
                    remedy: Text("Pin it to CPUs that are there.", "固定到存在的 CPU。"),
                    commands: [guest.editCommand])
            }
            if pin.cpus.isSubset(of: absent) {
                answer.add(
                    obstacle(
                        Text(
                            "\(pin.name) is pinned to CPU \(pin.cpus), and the host has \(present)",
                            "\(pin.name) 固定到 CPU \(pin.cpus),而主机只有 \(present)")))
            } else if !off.isEmpty, pin.cpus.isSubset(of: absent.union(off)) {
                switch Self.staysOff(host.facts) {
                case .known(true):
                    answer.add(
                        obstacle(
                            Text(
                                "\(pin.name) is pinned to CPU \(pin.cpus), which the kernel command line keeps off",
                                "\(pin.name) 固定到 CPU \(pin.cpus),而内核命令行使其保持离线")))
                case .known(false):
                    answer.risk(
                        obstacle(
                            Text(
                                "\(pin.name) is pinned to CPU \(off), which is off now; a boot brings it back unless something switches it off again",
                                "\(pin.name) 固定到 CPU \(off),当前离线;若无其他操作,重启后将恢复")))
                case .unknown(let reason): answer.unknown(reason)
                }
            } else if !absent.isEmpty {
                // cgroup v1 refuses the whole list; v2 takes what is there.
                let partial = obstacle(
                    Text(
                        "\(pin.name) may run on CPU \(pin.cpus), of which \(absent) are not there",
                        "\(pin.name) 可运行于 CPU \(pin.cpus),其中 \(absent) 不存在"))
                if host.facts.cgroups.version.value == 1 { answer.add(partial) } else { answer.risk(partial) }
            }
        }
    }

    /// Whether the next boot keeps CPUs off.
    private static func staysOff(_ host: HostFacts) -> Fact<Bool> {
        host.boot.nextCommandLine.map { line in
            line.has("nosmt") || line.has("maxcpus") || line.has("nr_cpus")
                || line.value("mitigations")?.contains("nosmt") == true
        }
    }
}
