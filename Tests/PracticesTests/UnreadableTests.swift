import HostFacts
import Inventory
import Practices
import Quantities
import Testing

/// What cannot be read is unknown: every example again, with each fact of the host taken away in turn.
@Suite struct UnreadableTests {
    /// The list of facts is complete: no fact of ``HostFacts`` or of what it lists is missing in it.
    @Test func listsEveryFact() {
        var host = HostFacts.example
        host.processes.qemu = .known([QEMUProcess(pid: 1, program: "qemu", arguments: [])])
        var found: [String] = []
        Self.walk(Mirror(reflecting: host), "", &found)
        let listed = Set(HostFactPath.all.map(\.name))
        #expect(found.count > 90)
        for name in Set(found).sorted() where !listed.contains(name) {
            Issue.record("HostFacts has \(name): name it in HostFactPath.all")
        }
        for name in listed.sorted() where !name.hasSuffix("]") && !found.contains(name) {
            Issue.record("HostFacts no longer has \(name)")
        }
    }

    /// Values beside facts that say where those were read.
    private static let ignored: Set<String> = [
        "root", "boot.nextSource", "boot.configuredSource", "sysctl.running", "kernel.moduleParameters",
    ]

    private static func walk(_ mirror: Mirror, _ prefix: String, _ found: inout [String]) {
        for child in mirror.children {
            guard let label = child.label else { continue }
            let name = prefix.isEmpty ? label : "\(prefix).\(label)"
            if ignored.contains(name) { continue }
            let type = String(describing: Swift.type(of: child.value))
            let value = Mirror(reflecting: child.value)
            if type.hasPrefix("Fact<") {
                found.append(name)
                // Facts inside what a list holds.
                guard let known = value.children.first, known.label == "known" else { continue }
                let list = Mirror(reflecting: known.value)
                guard list.displayStyle == .collection else { continue }
                for member in list.children {
                    for inner in Mirror(reflecting: member.value).children {
                        guard let label = inner.label,
                            String(describing: Swift.type(of: inner.value)).hasPrefix("Fact<")
                        else { continue }
                        found.append("\(name)[].\(label)")
                    }
                }
            } else if value.displayStyle == .struct {
                walk(value, name, &found)
            }
        }
    }

    @Test(arguments: Practices.all.map(\.about.id)) func verdictStaysOrBecomesUnknown(_ id: String) throws {
        let practice = try #require(Practices.named(id)).practice
        for example in practice.examples.all {
            let estate = example.estate
            let before = Self.judgement(practice, example, estate, estate.host)
            var hosts: [(name: String, host: HostFacts)] = [("any fact of the host", .unexamined)]
            for fact in HostFactPath.all {
                var host = estate.host
                if fact.blind(&host, .denied) { hosts.append((fact.name, host)) }
            }
            for (name, host) in hosts {
                let after = Self.judgement(practice, example, estate, host)
                guard let fault = Self.fault(before, after) else { continue }
                let place = "\(id): \(example.title) (\(example.file):\(example.line)): without \(name): \(fault)"
                Issue.record("\(place)\nbefore: \(Self.words(before))\nafter: \(Self.words(after))")
            }
        }
    }

    private static func judgement(_ practice: any Practice, _ example: Example, _ estate: Estate, _ host: HostFacts)
        -> Judgement
    {
        let changed = Estate(
            host: host, hasHost: estate.hasHost, guests: estate.guests, images: estate.images,
            hasImages: estate.hasImages,
            capabilities: estate.capabilities, settings: estate.settings, now: estate.now, history: estate.history)
        return Example(example.title, expect: example.expect, estate: changed).judgement(by: practice)
    }

    /// What is wrong with a verdict after a fact was taken away; `nil` if nothing is.
    private static func fault(_ before: Judgement, _ after: Judgement) -> String? {
        func keys(_ judgement: Judgement) -> Set<String> {
            Set(judgement.findings.map { "\($0.part ?? "") \($0.severity)" })
        }
        let lost = keys(before).subtracting(keys(after))
        let gained = keys(after).subtracting(keys(before))
        if !after.unknowns.isEmpty {
            // How bad a finding is may hang on what is unknown now; what it is about may not.
            let parts = Set(before.findings.map(\.part))
            let new = after.findings.filter { !parts.contains($0.part) }
            return new.isEmpty ? nil : "a finding that was not there: \(gained.sorted())"
        }
        if !before.unknowns.isEmpty { return "it was unknown" }
        if !lost.isEmpty { return "a finding is gone, and nothing is unknown: \(lost.sorted())" }
        if !gained.isEmpty { return "a finding that was not there: \(gained.sorted())" }
        if before.isPass, !after.isPass { return "it was a pass" }
        if before.notApplicable != nil, after.notApplicable == nil { return "it was not applicable" }
        return nil
    }

    private static func words(_ judgement: Judgement) -> String {
        judgement.isPass ? "pass" : CorpusTests.words(judgement)
    }
}
