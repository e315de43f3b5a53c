import Advisor
import Changes
import JSONText
import Practices
import Quantities

/// JSON, version 1: `Schemas/check-1.schema.json`.
///
/// Fields never change their meaning; new ones may come.
struct JSONReport: ReportWriter {
    static let schemaVersion = 1

    func write(_ report: Report) -> [UInt8] { Array(pieces(report).joined()) }

    func pieces(_ report: Report) -> [[UInt8]] {
        var json = JSONWriter(indent: 1)
        let language = report.language
        json.object { json in
            json.member("schemaVersion", Self.schemaVersion)
            json.member("tool") { json in
                json.member("name", "nearmetal")
                json.member("version", report.version)
            }
            json.member("generated", report.timestamp)
            json.member("language", language.rawValue)
            json.member("host", report.host)
            json.member("notes", array: report.notes) { $0.string($1[language]) }
            json.member("summary") { summary(report.audit.summary, &$0) }
            json.member("practices", array: report.audit.practices) { PracticesJSON.write($1, language, &$0) }
            json.key("findings")
            json.array { json in
                Parallel.write(report.audit.results, &json) { json, result in
                    for entry in result.findings { finding(entry, result, report, &json) }
                }
            }
            json.key("unknown")
            json.array { json in
                Parallel.write(report.audit.results, &json) { json, result in
                    for remark in result.unknowns {
                        json.object { json in
                            json.member("id", report.about(remark.practice).id)
                            subject(result.subject, &json)
                            json.member("why", remark.reason.why[language])
                            json.member("howToRead", remark.reason.howToRead[language])
                        }
                    }
                }
            }
            json.key("afterReboot")
            if let predictions = report.afterReboot {
                ForesightJSON.start(predictions, language, &json)
            } else {
                json.null()
            }
            json.key("readiness")
            if let readiness = report.readiness {
                ForesightJSON.readiness(readiness, language, &json)
            } else {
                json.null()
            }
            json.key("subjects")
            json.array { json in
                Parallel.write(report.audit.results, &json) { json, result in
                    json.object { json in
                        json.member("kind", result.subject.kind.rawValue)
                        json.member("name", result.subject.name)
                        json.member("file", result.subject.file)
                        json.member("workload", result.subject.workload?.rawValue)
                        json.member("state", result.subject.state?.rawValue)
                        json.member("worst", result.worst?.rawValue)
                        json.member("passed", array: result.passes) { $0.string(report.about($1).id) }
                        json.member("notApplicable", array: result.notApplicable) { json, remark in
                            json.object { json in
                                json.member("id", report.about(remark.practice).id)
                                json.member("why", remark.reason[language])
                            }
                        }
                    }
                }
            }
        }
        return json.finishedPieces()
    }

    private func summary(_ summary: Audit.Summary, _ json: inout JSONWriter) {
        for severity in Severity.allCases { json.member(severity.rawValue, summary[severity]) }
        json.member("waived", summary.waived)
        json.member("passed", summary.passes)
        json.member("notApplicable", summary.notApplicable)
        json.member("unknown", summary.unknowns)
        json.member("subjects") { json in
            for kind in Audit.Subject.Kind.allCases { json.member(kind.rawValue, summary.subjects[kind] ?? 0) }
        }
    }

    private func subject(_ subject: Audit.Subject, _ json: inout JSONWriter) {
        json.member("subject") { json in
            json.member("kind", subject.kind.rawValue)
            json.member("name", subject.name)
            if let file = subject.file { json.member("file", file) }
        }
    }

    private func finding(_ entry: Audit.Entry, _ result: Audit.Result, _ report: Report, _ json: inout JSONWriter) {
        let about = report.about(entry.practice)
        let finding = entry.finding
        let language = report.language
        json.object { json in
            json.member("id", about.id)
            json.member("section", about.section)
            json.member("severity", finding.severity.rawValue)
            subject(result.subject, &json)
            json.member("part", finding.part)
            json.member("what", finding.what[language])
            json.member("observed", finding.observed)
            json.member("expected", finding.expected)
            json.member("holds") { json in
                json.member("running", finding.holds.contains(.running))
                json.member("nextStart", finding.holds.contains(.nextStart))
            }
            json.member("owner", finding.owner)
            json.member("evidence", array: finding.evidence) { json, evidence in
                json.object { json in
                    json.member("source", evidence.source)
                    json.member("value", evidence.value)
                    if let line = evidence.line { json.member("line", line) }
                }
            }
            json.member("remedy") { RemedyJSON.write(finding.remedy, language, &$0) }
            if let waiver = entry.waiver {
                json.member("waiver") { json in
                    json.member("reason", waiver.reason)
                    json.member("expires", waiver.expires.description)
                    json.member("line", waiver.line)
                }
            } else {
                json.key("waiver")
                json.null()
            }
        }
    }
}

/// A remedy's members.
enum RemedyJSON {
    static func write(_ remedy: Remedy, _ language: Language, _ json: inout JSONWriter) {
        json.member("disrupts", remedy.disruption.rawValue)
        json.member("note", remedy.note?[language])
        json.member("changes", array: remedy.changes) { json, change in
            json.object { json in
                json.member("kind", change.kind.rawValue)
                json.member("target", change.target)
                json.member("from", change.from)
                json.member("to", change.to)
                json.member("commands", array: change.commands) { $0.string($1) }
            }
        }
        json.member("commands", array: remedy.commands) { $0.string($1) }
    }
}

/// A practice's description as JSON.
public enum PracticesJSON {
    static func write(_ about: About, _ language: Language, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", about.id)
            json.member("section", about.section)
            json.member("scope", about.scopes.map(\.rawValue).joined(separator: ", "))
            json.member("severities", array: about.severities) { $0.string($1.rawValue) }
            json.member("fixes", array: about.fixes) { $0.string($1.rawValue) }
            json.member("title", about.title[language])
            json.member("why", about.why[language])
            json.member("tradeOff", about.tradeOff[language])
            json.member("guideSays", about.guideSays?[language])
            json.member("today", about.today?[language])
            json.member("sources", array: about.sources) { $0.string($1) }
            json.member("aliases", array: about.aliases) { $0.string($1) }
        }
    }
}
