import DomainXML
public import Inventory
import Quantities

/// Judges whether host and guests would do on another release, or on another host.
public enum Readiness {
    /// The aspects, in the order they are told.
    static let aspects: [any ReadinessAspect] = [
        HypervisorReadiness(), MachineTypeReadiness(), GraphicsReadiness(), CPUReadiness(), DeviceReadiness(),
        MigrationReadiness(),
    ]

    /// Judges an estate against a target.
    ///
    /// Time is linear in the guests.
    public static func judge(_ estate: Estate, for target: ReadinessTarget) -> ReadinessReport {
        var host = ReadinessAnswer()
        for aspect in aspects { aspect.host(estate, target, &host) }
        let guests = estate.guests.map { guest in
            var answer = ReadinessAnswer()
            if let domain = guest.persistent ?? guest.live {
                for aspect in aspects { aspect.guest(guest, domain, estate, target, &answer) }
            } else {
                answer.unknown(Unknown(.missing, source: "definition of \(guest.name)"))
            }
            return GuestReadiness(
                guest: guest.name, file: guest.file, findings: answer.sorted, unknowns: answer.unknowns)
        }
        return ReadinessReport(target: target, host: host.sorted, hostUnknowns: host.unknowns, guests: guests)
    }
}

/// One aspect of readiness: each is a file of this folder.
protocol ReadinessAspect: Sendable {
    /// Judges the host.
    func host(_ estate: Estate, _ target: ReadinessTarget, _ answer: inout ReadinessAnswer)
    /// Judges a guest.
    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer)
}

extension ReadinessAspect {
    func host(_ estate: Estate, _ target: ReadinessTarget, _ answer: inout ReadinessAnswer) {}
    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {}
}

/// What the aspects say of one subject.
struct ReadinessAnswer {
    private(set) var findings: [ReadinessFinding] = []
    private(set) var unknowns: [Unknown] = []

    mutating func add(_ finding: ReadinessFinding) { findings.append(finding) }
    mutating func unknown(_ reason: Unknown?) {
        if let reason, !unknowns.contains(reason) { unknowns.append(reason) }
    }
    /// Worst first; within a severity as told.
    var sorted: [ReadinessFinding] {
        findings.enumerated().sorted { ($0.element.severity.rank, $0.offset) < ($1.element.severity.rank, $1.offset) }
            .map(\.element)
    }
}

extension DomainDefinition {
    /// A guest of QEMU, with KVM or without.
    var isQEMUs: Bool { type == "kvm" || type == "qemu" }
}
