import DomainXML
public import Inventory
import Quantities

/// Foretells whether each guest would start if the host rebooted now.
///
/// Guests that start with the host are taken one after the other, in the order of libvirt's autostart folder where that is known, else by name; each
/// of the others is then tried by itself beside them. What decides is what the next boot brings (kernel command line, sysctl.d, tmpfiles.d), not what
/// was set by hand since the last.
public enum WouldStart {
    /// The reasons, in the order they are told.
    static let reasons: [any StartReason] = [
        InvalidDefinition(), HypervisorMissing(), EmulatorMissing(), MachineTypeMissing(), CPUModelMissing(),
        AbsentCPUs(), NUMAMemory(), HugePagesShort(),
        MemoryShort(), HardLimit(), AIOContexts(), ImageMissing(), ImageLocked(), GraphicsMissing(), PortTaken(),
        HostDeviceTaken(),
        NetworkInterfaceMissing(),
    ]
    private static let alone = reasons.filter { !$0.dependsOnOthers }
    private static let relative = reasons.filter(\.dependsOnOthers)

    /// What would become of every guest, in the estate's order.
    ///
    /// Time is linear in the guests.
    public static func predict(_ estate: Estate) -> [StartPrediction] {
        let host = BootedHost(estate)
        let order = AutostartOrder(estate)
        var predictions = [StartPrediction?](repeating: nil, count: estate.guests.count)
        // What certainly runs before, and what may: guests of which nobody knows whether they start with the host.
        var certain = HeldResources()
        for (place, index) in order.certain.enumerated() {
            predictions[index] = prediction(estate.guests[index], host, estate, place: place + 1) { candidate, answer in
                examine(relative, candidate, host, certain, &answer)
                if isAdmitted(answer) { certain.admit(candidate) }
            }
        }
        var possible = certain
        for index in order.possible {
            predictions[index] = prediction(estate.guests[index], host, estate, place: nil) { candidate, answer in
                examineBeside(certain, possible, candidate, host, estate.guests[index].isAutostart.reason, &answer)
                if isAdmitted(answer) { possible.admit(candidate) }
            }
        }
        let undecided = order.possible.first.flatMap { estate.guests[$0].isAutostart.reason }
        for index in order.others {
            predictions[index] = prediction(estate.guests[index], host, estate, place: nil) { candidate, answer in
                examineBeside(certain, possible, candidate, host, undecided, &answer)
            }
        }
        return predictions.compactMap { $0 }
    }

    /// A guest that fails for a reason of its own takes nothing; one that only lacks something is counted with what it asks for.
    private static func isAdmitted(_ answer: StartAnswer) -> Bool {
        answer.obstacles.allSatisfy { obstacle in
            switch obstacle.kind {
            case .hugePages, .memory, .aio, .numaMemory: true
            default: false
            }
        }
    }

    private static func examine(
        _ reasons: [any StartReason], _ candidate: Candidate, _ host: BootedHost, _ held: HeldResources,
        _ answer: inout StartAnswer
    ) {
        for reason in reasons { reason.examine(candidate, on: host, held: held, &answer) }
    }

    /// Tries a guest beside those that certainly run; what stands against it only because of those that may is not known.
    private static func examineBeside(
        _ certain: HeldResources, _ possible: HeldResources, _ candidate: Candidate, _ host: BootedHost,
        _ undecided: Unknown?,
        _ answer: inout StartAnswer
    ) {
        let before = answer
        examine(relative, candidate, host, certain, &answer)
        guard let undecided, answer.obstacles.count == before.obstacles.count,
            possible.guests.count > certain.guests.count
        else { return }
        var crowded = before
        examine(relative, candidate, host, possible, &crowded)
        if crowded.obstacles.count > before.obstacles.count { answer.unknown(undecided) }
        for risk in crowded.risks { answer.risk(risk) }
    }

    private static func prediction(
        _ guest: Guest, _ host: BootedHost, _ estate: Estate, place: Int?,
        _ judge: (Candidate, inout StartAnswer) -> Void
    ) -> StartPrediction {
        var answer = StartAnswer()
        if let domain = guest.persistent {
            if domain.type == "kvm" || domain.type == "qemu" {
                let candidate = Candidate(guest.name, domain, host)
                examine(alone, candidate, host, HeldResources(), &answer)
                judge(candidate, &answer)
            } else {
                HypervisorMissing().examineOther(domain, on: host, &answer)
            }
        } else if guest.live != nil {
            answer.add(
                StartObstacle(
                    .transient,
                    Text("it runs without a definition: after a reboot it is gone", "它没有持久定义,重启后将不复存在"),
                    evidence: [ForesightEvidence("virDomainIsPersistent", "no")],
                    remedy: Text("Define it from the definition it runs with.", "用其运行时的定义进行持久定义。"),
                    commands: [
                        "virsh dumpxml --inactive \(guest.name.shellWord) > \((guest.name + ".xml").shellWord)",
                        "virsh define \((guest.name + ".xml").shellWord)",
                    ]))
        } else {
            answer.unknown(Unknown(.missing, source: "definition of \(guest.name)"))
        }
        let verdict: StartPrediction.Verdict =
            !answer.obstacles.isEmpty
            ? .fails(answer.obstacles) : answer.unknowns.isEmpty ? .starts : .unknown(answer.unknowns)
        return StartPrediction(
            guest: guest.name, file: guest.file, verdict: verdict, risks: answer.risks, unknowns: answer.unknowns,
            autostart: place != nil ? .known(true) : guest.isAutostart, place: place)
    }
}

/// In what order guests start with the host.
private struct AutostartOrder {
    /// Those that do, in order.
    private(set) var certain: [Int] = []
    /// Those of which it is not known.
    private(set) var possible: [Int] = []
    /// Those that do not.
    private(set) var others: [Int] = []

    init(_ estate: Estate) {
        var rank: [String: Int] = [:]
        if let files = estate.host.libvirt.autostart.value {
            for (place, file) in files.enumerated() {
                let name = file.hasSuffix(".xml") ? String(file.dropLast(4)) : file
                if rank[name] == nil { rank[name] = place }
            }
        }
        let isFolderKnown = estate.host.libvirt.autostart.value != nil
        var ranked: [(rank: Int, index: Int)] = []
        for (index, guest) in estate.guests.enumerated() {
            let place = rank[guest.name]
            switch guest.isAutostart {
            case .known(true): ranked.append((place ?? Int.max, index))
            case .known(false): others.append(index)
            // libvirt's own folder says it as well.
            case .unknown where isFolderKnown && estate.hasHost:
                if let place { ranked.append((place, index)) } else { others.append(index) }
            case .unknown: possible.append(index)
            }
        }
        certain = ranked.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map(\.index)
    }
}
