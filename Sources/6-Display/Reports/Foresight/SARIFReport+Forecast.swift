import Foresight
import JSONText
import Practices
import Quantities

/// Answers about the future in SARIF: a rule for each question and for each kind of reason (`after-reboot/huge-pages`).
///
/// Reasons are results of kind `fail`; where it cannot be told, the question itself is a result of kind `open`.
extension SARIFReport {
    /// Ids of a question's rules, in order: the question, then its kinds of reasons.
    private static func ids(_ question: Forecast.Question) -> [String] {
        [question.id] + ForesightWords.titles(question).map { "\(question.id)/\($0.kind)" }
    }

    func rules(_ forecast: Forecast, _ language: Language, _ json: inout JSONWriter) {
        let question = ForesightWords.question(forecast.question)[language]
        let titles = [question] + ForesightWords.titles(forecast.question).map { $0.title[language] }
        for (id, title) in zip(Self.ids(forecast.question), titles) {
            json.object { json in
                json.member("id", id)
                json.member("name", Self.pascal(id))
                json.member("shortDescription") { $0.member("text", title) }
                json.member("fullDescription") { $0.member("text", question) }
                json.member("defaultConfiguration") { $0.member("level", "error") }
            }
        }
    }

    /// The results of a question whose rules begin at an index.
    func results(_ forecast: Forecast, firstRule: Int, _ report: Report, _ json: inout JSONWriter) {
        let language = report.language
        let ids = Self.ids(forecast.question)
        for entry in forecast.entries {
            for reason in entry.reasons {
                let id = "\(forecast.question.id)/\(reason.kind)"
                json.object { json in
                    json.member("ruleId", id)
                    json.member("ruleIndex", ids.firstIndex(of: id).map { firstRule + $0 })
                    json.member("kind", "fail")
                    json.member("level", Self.level(reason.severity))
                    json.member("message") { $0.member("text", reason.what[language]) }
                    // What has a line is a place in the definition; the rest are files of the host.
                    let place = reason.evidence.first { $0.line != nil }
                    locations(
                        entry.subject, part: reason.part,
                        evidence: place.map { Evidence($0.source, $0.value, line: $0.line) }, &json)
                    json.member("partialFingerprints") { json in
                        json.member(
                            "nearmetal/v1",
                            Self.fingerprint([id, entry.subject.kind.rawValue, entry.subject.name, reason.part ?? ""]))
                    }
                    json.member("properties") { json in
                        json.member("severity", reason.severity.rawValue)
                        json.member("remedy", reason.remedy[language])
                        json.member("commands", array: reason.commands) { $0.string($1) }
                    }
                }
            }
            for reason in entry.unknowns {
                json.object { json in
                    json.member("ruleId", forecast.question.id)
                    json.member("ruleIndex", firstRule)
                    json.member("kind", "open")
                    json.member("level", "none")
                    json.member("message") { $0.member("text", Words.reason(reason)[language]) }
                    locations(entry.subject, part: nil, evidence: nil, &json)
                }
            }
        }
    }
}
