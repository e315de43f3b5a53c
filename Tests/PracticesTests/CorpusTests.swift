import DomainXML
import HostFacts
import Inventory
import Practices
import Quantities
import Testing
import ToolRunning

/// Every practice over every definition of the corpora: what holds whatever the definition says.
@Suite(.enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"))
struct CorpusTests {
    static let definitions = Corpora.definitions("domains", "domains-rejected", "domain-status")
    static let defined: [Guest] = definitions.map { guest($0.path, $0.domain, isActive: false) }
    static let running: [Guest] = definitions.map { guest($0.path, $0.domain, isActive: true) }

    static func guest(_ path: String, _ domain: DomainDefinition, isActive: Bool) -> Guest {
        var guest = Guest(
            name: domain.name.isEmpty ? path : domain.name, origin: .file(path), persistent: domain,
            live: isActive ? domain : nil)
        if isActive { guest.state = .known(.running) }
        return guest
    }

    static func estate(_ guests: [Guest], host: HostFacts) -> Estate {
        Estate(
            host: host, hasHost: host.root != nil, guests: guests, capabilities: .known(.example), now: 1_795_000_000)
    }

    /// All guests on one host, as defined and as running, with the host and without.
    static let estates: [(name: String, estate: Estate)] = [
        ("defined, example host", estate(defined, host: .example)),
        ("running, example host", estate(running, host: .example)),
        ("defined, no host", estate(defined, host: .unexamined)),
        ("running, no host", estate(running, host: .unexamined)),
    ]

    @Test func corpusIsThere() {
        #expect(Self.definitions.count > 800)
    }

    /// No trap, texts in both languages, the same answer to the same question.
    @Test(arguments: Practices.all.map(\.about.id)) func judgesEveryDefinition(_ id: String) throws {
        let (practice, about) = try #require(Practices.named(id))
        for (name, estate) in Self.estates {
            if let practice = practice as? any HostPractice {
                let judgement = practice.judge(estate.host, in: estate)
                Self.check(judgement, about, "\(name): host")
                #expect(
                    Self.words(judgement) == Self.words(practice.judge(estate.host, in: estate)), "\(id): \(name): host"
                )
            }
            guard let practice = practice as? any GuestPractice else { continue }
            for (guest, definition) in zip(estate.guests, Self.definitions) {
                let judgement = practice.verdict(about, on: definition.domain, of: guest, in: estate)
                Self.check(judgement, about, "\(name): \(definition.path)")
                if !judgement.findings.isEmpty {
                    let again = practice.verdict(about, on: definition.domain, of: guest, in: estate)
                    if Self.words(judgement) != Self.words(again) {
                        Issue.record("\(id): \(name): \(definition.path): two answers to one question")
                    }
                }
            }
        }
    }

    /// Without a host no practice says that all is well where a host could show that it is not.
    ///
    /// The hosts of its own examples are the witnesses.
    @Test(arguments: Practices.all.map(\.about.id)) func passesWithoutAHostOnlyByTheDefinition(_ id: String) throws {
        let (practice, about) = try #require(Practices.named(id))
        var witnesses: [HostFacts] = []
        for host in practice.examples.all.map(\.estate.host) where !witnesses.contains(host) { witnesses.append(host) }
        let estate = Self.estates[3].estate
        let hosts = witnesses.map { Self.estate(estate.guests, host: $0) }
        if let practice = practice as? any HostPractice, practice.judge(estate.host, in: estate).isPass {
            for witness in hosts {
                let judgement = practice.judge(witness.host, in: witness)
                if !judgement.isPass {
                    Issue.record("\(id): passes without a host, and with one: \(Self.words(judgement))")
                }
            }
        }
        guard let practice = practice as? any GuestPractice else { return }
        var reported = 0
        for (index, definition) in Self.definitions.enumerated() where reported < 3 {
            let guest = estate.guests[index]
            guard practice.verdict(about, on: definition.domain, of: guest, in: estate).isPass else { continue }
            for witness in hosts {
                let judgement = practice.verdict(about, on: definition.domain, of: guest, in: witness)
                if judgement.findings.isEmpty { continue }
                reported += 1
                Issue.record("\(id): \(definition.path) passes without a host, and with one: \(Self.words(judgement))")
                break
            }
        }
    }

    static func check(_ judgement: Judgement, _ about: About, _ place: String) {
        func demand(_ isRight: Bool, _ what: String, _ finding: Finding? = nil) {
            if !isRight { Issue.record("\(about.id): \(place): \(what): \(finding?.what.english ?? words(judgement))") }
        }
        for finding in judgement.findings {
            demand(
                !finding.what.english.isEmpty && !finding.observed.isEmpty && !finding.expected.isEmpty, "says nothing",
                finding)
            demand(
                finding.what.chinese.unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) }, "not in Chinese",
                finding)
            demand(!finding.evidence.isEmpty, "no evidence", finding)
            demand(
                about.severities.contains(finding.severity), "\(finding.severity) is not among the severities declared",
                finding)
            demand(!finding.holds.isEmpty, "holds never", finding)
            if let note = finding.remedy.note {
                demand(!note.english.isEmpty && !note.chinese.isEmpty, "an empty note", finding)
            }
            for change in finding.remedy.changes {
                demand(
                    !change.target.isEmpty && !change.commands.isEmpty, "a change without target or command", finding)
                demand(about.fixes.contains(change.kind), "\(change.kind) is not among the fixes declared", finding)
            }
        }
        for reason in judgement.unknowns {
            demand(
                !reason.why.english.isEmpty && !reason.why.chinese.isEmpty && !reason.howToRead.english.isEmpty,
                "unknown without words")
        }
        if let why = judgement.notApplicable {
            demand(!why.english.isEmpty && !why.chinese.isEmpty, "not applicable without a reason")
            demand(judgement.findings.isEmpty && judgement.unknowns.isEmpty, "not applicable, and more")
        }
    }

    static func words(_ judgement: Judgement) -> String {
        var words: [String] = judgement.findings.map { finding in
            let changes = finding.remedy.changes.map { "\($0.target)=\($0.to ?? "")" }.joined(separator: " ")
            return
                "\(finding.severity) \(finding.part ?? "") \(finding.what.english) [\(finding.observed)/\(finding.expected)] \(changes)"
        }
        words += judgement.unknowns.map { "unknown: \($0.why.english)" }
        if let why = judgement.notApplicable { words.append("not applicable: \(why.english)") }
        return words.joined(separator: "\n")
    }
}
