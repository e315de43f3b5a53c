import DiskImage
import DomainXML
public import Inventory
import Practices
import Quantities

/// Runs practices over an estate.
public struct Advice: Sendable {
    /// What to run, and on what.
    public struct Selection: Sendable, Hashable {
        /// Ids of practices to run; empty runs all.
        ///
        /// Wildcards are allowed.
        public var only: [String] = []
        /// Ids of practices to leave out.
        public var except: [String] = []
        /// Name patterns of guests to judge; empty judges all.
        ///
        /// The others still count in relations.
        public var guests: [String] = []
        /// Everything.
        public init() {}
    }

    private let practices: [(practice: any Practice, about: About)]
    // Sorted out once: a cast for each practice and guest would cost more than most practices do.
    private let onHosts: [(index: Int, practice: any HostPractice, about: About)]
    private let onGuests: [(index: Int, practice: any GuestPractice, about: About)]
    private let onImages: [(index: Int, practice: any ImagePractice, about: About)]
    private let selection: Selection

    /// An advisor for a selection.
    public init(_ selection: Selection = Selection(), settings: Settings = Settings()) {
        self.selection = selection
        let only = selection.only.map(Wildcard.init)
        let except = (selection.except + settings.disabled).map(Wildcard.init)
        practices = Practices.all.filter { entry in
            let names = [entry.about.id] + entry.about.aliases
            let isChosen = only.isEmpty || only.contains { pattern in names.contains(where: pattern.matches) }
            return isChosen && !except.contains { pattern in names.contains(where: pattern.matches) }
        }
        let numbered = practices.enumerated()
        onHosts = numbered.compactMap { index, entry in
            entry.practice.onHost.map { (index, $0, entry.about) }
        }
        onGuests = numbered.compactMap { index, entry in
            entry.practice.onGuest.map { (index, $0, entry.about) }
        }
        onImages = numbered.compactMap { index, entry in
            entry.practice.onImage.map { (index, $0, entry.about) }
        }
    }

    /// Judges an estate.
    ///
    /// Work is spread over the CPUs; the answer does not depend on how.
    public func audit(_ estate: Estate) async -> Audit {
        let guests = Self.worstFirst(await spread(chosen(estate.guests)) { guest($0, estate) })
        return audit(hostOrConfiguration(estate) + guests + (await images(estate)))
    }

    /// Judges the host, or the configuration where there is none, and the images: all but guests.
    public func auditHost(_ estate: Estate) async -> Audit {
        audit(hostOrConfiguration(estate) + (await images(estate)))
    }

    /// Judges some guests of an estate, by their indices, and nothing else; what they are to each other counts all the same.
    public func audit(_ indices: [Int], of estate: Estate) async -> Audit {
        audit(await spread(chosen(indices.map { estate.guests[$0] })) { guest($0, estate) })
    }

    private func audit(_ results: [Audit.Result]) -> Audit {
        Audit(practices: practices.map(\.about), results: results)
    }

    private func chosen(_ guests: [Guest]) -> [Guest] {
        let patterns = selection.guests.map(Wildcard.init)
        return guests.filter { Wildcard.choose(patterns, $0.name) }
    }

    private func hostOrConfiguration(_ estate: Estate) -> [Audit.Result] {
        if estate.hasHost { return [host(estate)] }
        return estate.settings.waivers.isEmpty ? [] : [configuration(estate)]
    }

    private func images(_ estate: Estate) async -> [Audit.Result] {
        guard selection.guests.isEmpty else { return [] }
        let images = estate.images.sorted { $0.key < $1.key }
        return Self.worstFirst(await spread(images) { image($0.key, $0.value, estate) })
    }

    private static func worstFirst(_ results: [Audit.Result]) -> [Audit.Result] {
        // Keys are sorted, not results: those are large, and to compare them means to look at every finding.
        results.indices.map { (rank: results[$0].worst?.rank ?? 9, name: results[$0].subject.name, index: $0) }
            .sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.map { results[$0.index] }
    }

    /// Maps in parallel, in order; a few at a time are not worth a task.
    private func spread<Input: Sendable>(_ inputs: [Input], _ work: @escaping @Sendable (Input) -> Audit.Result) async
        -> [Audit.Result]
    {
        let chunk = 64
        guard inputs.count > chunk else { return inputs.map(work) }
        return await withTaskGroup(of: (Int, [Audit.Result]).self) { group in
            var parts: [Int: [Audit.Result]] = [:]
            for start in stride(from: 0, to: inputs.count, by: chunk) {
                group.addTask { (start, inputs[start..<min(start + chunk, inputs.count)].map(work)) }
            }
            for await (start, part) in group { parts[start] = part }
            return parts.sorted { $0.key < $1.key }.flatMap(\.value)
        }
    }

    private func host(_ estate: Estate) -> Audit.Result {
        var collector = Collector(Audit.Subject(kind: .host, name: estate.host.system.hostName.value ?? "host"), estate)
        for (index, practice, about) in onHosts {
            collector.add(practice.judge(estate.host, in: estate), of: index, about)
        }
        return collector.finished()
    }

    private func configuration(_ estate: Estate) -> Audit.Result {
        var collector = Collector(
            Audit.Subject(
                kind: .configuration, name: estate.settings.source ?? "configuration", file: estate.settings.source),
            estate)
        for (index, entry) in practices.enumerated() {
            guard let practice = entry.practice.onSettings else { continue }
            collector.add(practice.judge(estate.host, in: estate), of: index, entry.about)
        }
        return collector.finished()
    }

    private func guest(_ guest: Guest, _ estate: Estate) -> Audit.Result {
        var collector = Collector(
            Audit.Subject(
                kind: .guest, name: guest.name, file: guest.file, workload: guest.workload, state: guest.state.value),
            estate)
        for (index, practice, about) in onGuests {
            collector.add(both(practice, about, guest, estate), of: index, about)
        }
        return collector.finished()
    }

    /// Judges the running and the next start's definition, and puts the two answers together.
    private func both(_ practice: any GuestPractice, _ about: About, _ guest: Guest, _ estate: Estate) -> Judgement {
        func judged(_ domain: DomainDefinition, _ holds: Finding.Holds) -> Judgement {
            var judgement = practice.verdict(about, on: domain, of: guest, in: estate)
            for index in judgement.findings.indices { judgement.findings[index].holds = holds }
            return judgement
        }
        guard let live = guest.live else {
            return guest.persistent.map { judged($0, .nextStart) }
                ?? .unknown(Unknown(.missing, source: "definition of \(guest.name)"))
        }
        guard let persistent = guest.persistent else { return judged(live, .running) }
        if live.root.document === persistent.root.document { return judged(live, .both) }
        var sum = judged(live, .running)
        let next = judged(persistent, .nextStart)
        for finding in next.findings {
            let twin = sum.findings.firstIndex {
                $0.severity == finding.severity && $0.part == finding.part && $0.observed == finding.observed
                    && $0.expected == finding.expected
            }
            if let twin { sum.findings[twin].holds = .both } else { sum.findings.append(finding) }
        }
        for reason in next.unknowns { sum.add(reason) }
        if next.notApplicable == nil { sum.notApplicable = nil }
        return sum
    }

    private func image(_ path: String, _ image: Fact<ImageFacts>, _ estate: Estate) -> Audit.Result {
        var collector = Collector(Audit.Subject(kind: .image, name: path), estate)
        for (index, practice, about) in onImages {
            switch image {
            case .known(let image): collector.add(practice.judge(image, in: estate), of: index, about)
            case .unknown(let reason): collector.add(.unknown(reason), of: index, about)
            }
        }
        return collector.finished()
    }
}

/// Gathers verdicts on one subject.
private struct Collector {
    private var result: Audit.Result
    private let waivers: [(waiver: Settings.Waiver, practice: Wildcard)]

    init(_ subject: Audit.Subject, _ estate: Estate) {
        result = Audit.Result(subject: subject)
        let today = CivilDay(secondsSince1970: estate.now)
        waivers = estate.settings.waivers.filter { waiver in
            guard waiver.expires >= today else { return false }
            guard let pattern = waiver.guest else { return true }
            return subject.kind == .guest && Wildcard(pattern).matches(subject.name)
        }.map { ($0, Wildcard($0.practice)) }
    }

    mutating func add(_ judgement: Judgement, of index: Int, _ about: About) {
        for finding in judgement.findings {
            let waiver =
                about.canBeWaived
                ? waivers.first { entry in ([about.id] + about.aliases).contains(where: entry.practice.matches) }?
                    .waiver : nil
            result.findings.append(Audit.Entry(practice: index, finding: finding, waiver: waiver))
        }
        for reason in judgement.unknowns { result.unknowns.append(Audit.Remark(practice: index, reason: reason)) }
        if judgement.findings.isEmpty, judgement.unknowns.isEmpty {
            if let why = judgement.notApplicable {
                result.notApplicable.append(Audit.Remark(practice: index, reason: why))
            } else {
                result.passes.append(index)
            }
        }
    }

    consuming func finished() -> Audit.Result {
        // Stable, so that within a severity the guide's order stays.
        result.findings = result.findings.enumerated().sorted {
            ($0.element.finding.severity.rank, $0.offset) < ($1.element.finding.severity.rank, $1.offset)
        }.map(\.element)
        return result
    }
}
