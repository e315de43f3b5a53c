import Inventory
import Practices
import Quantities
import Testing

/// Every example of every practice: they are its documentation, and this is what keeps them true.
@Suite struct ExamplesTests {
    static let cases: [(id: String, example: Example)] = Practices.all.flatMap { entry in
        entry.practice.examples.all.map { (entry.about.id, $0) }
    }

    @Test(arguments: cases.indices) func example(_ index: Int) throws {
        let (id, example) = Self.cases[index]
        let practice = try #require(Practices.named(id)).practice
        let judgement = example.judgement(by: practice)
        let place = Comment(
            rawValue: "\(example.file):\(example.line): \(id): \(example.title)\n\(Self.words(judgement))")
        switch example.expect {
        case .fires(let severity, let observed):
            #expect(judgement.findings.map(\.severity).max() == severity, place)
            if let observed { #expect(judgement.findings.contains { $0.observed == observed }, place) }
        case .pass: #expect(judgement.isPass, place)
        case .notApplicable:
            #expect(judgement.notApplicable != nil && judgement.findings.isEmpty && judgement.unknowns.isEmpty, place)
        case .unknown: #expect(!judgement.unknowns.isEmpty && judgement.findings.isEmpty, place)
        }
        for finding in judgement.findings {
            #expect(!finding.observed.isEmpty && !finding.what.english.isEmpty && !finding.what.chinese.isEmpty, place)
            #expect(!finding.evidence.isEmpty, place)
        }
    }

    /// Examples stand in the lists that say what they show.
    @Test(arguments: Practices.all.map(\.about.id)) func kindsOfExamples(_ id: String) throws {
        let practice = try #require(Practices.named(id)).practice
        for example in practice.examples.fires {
            guard case .fires = example.expect else {
                Issue.record("\(example.file):\(example.line): stands among `fires` and expects \(example.expect)")
                continue
            }
        }
        for example in practice.examples.quiet {
            #expect(example.expect == .pass || example.expect == .notApplicable, "\(example.file):\(example.line)")
        }
    }

    static func words(_ judgement: Judgement) -> String {
        var words = judgement.findings.map { "\($0.severity) \($0.what.english) [\($0.observed) / \($0.expected)]" }
        words += judgement.unknowns.map { "unknown: \($0.why.english)" }
        if let why = judgement.notApplicable { words.append("not applicable: \(why.english)") }
        return words.isEmpty ? "pass" : words.joined(separator: "\n")
    }
}
