import Advisor
import JSONText
import Practices
import Quantities

/// SARIF 2.1.0: findings as results of kind `fail`, what is unknown as `open`, what does not apply as such, waivers as suppressions.
///
/// - Source: OASIS Static Analysis Results Interchange Format 2.1.0.
struct SARIFReport: ReportWriter {
    func write(_ report: Report) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
            json.member("version", "2.1.0")
            json.key("runs")
            json.array { json in json.object { run(report, &$0) } }
        }
        return json.finished()
    }

    private func run(_ report: Report, _ json: inout JSONWriter) {
        let forecasts = report.forecasts
        json.member("tool") { json in
            json.member("driver") { json in
                json.member("name", "nearmetal")
                json.member("semanticVersion", report.version)
                json.member("language", report.language == .chinese ? "zh-CN" : "en-US")
                json.key("rules")
                json.array { json in
                    for about in report.audit.practices { rule(about, report.language, &json) }
                    for forecast in forecasts { rules(forecast, report.language, &json) }
                }
            }
        }
        json.key("invocations")
        json.array { json in
            json.object { json in
                json.member("executionSuccessful", true)
                json.member("endTimeUtc", report.timestamp)
            }
        }
        json.member("columnKind", "unicodeCodePoints")
        json.key("results")
        json.array { json in
            for result in report.audit.results { results(result, report, &json) }
            var firstRule = report.audit.practices.count
            for forecast in forecasts {
                results(forecast, firstRule: firstRule, report, &json)
                firstRule += 1 + ForesightWords.titles(forecast.question).count
            }
        }
    }

    private func results(_ result: Audit.Result, _ report: Report, _ json: inout JSONWriter) {
        for entry in result.findings { failure(entry, result.subject, report, &json) }
        for remark in result.unknowns {
            let words = Words.reason(remark.reason)[report.language]
            other("open", remark.practice, words, result.subject, report, &json)
        }
        for remark in result.notApplicable {
            other("notApplicable", remark.practice, remark.reason[report.language], result.subject, report, &json)
        }
    }

    private func rule(_ about: About, _ language: Language, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", about.id)
            json.member("name", Self.pascal(about.id))
            json.member("shortDescription") { $0.member("text", about.title[language]) }
            json.member("fullDescription") { $0.member("text", about.why[language]) }
            json.member("help") { json in
                var text = about.why[language] + "\n\n" + Words.tradeOff[language] + ": " + about.tradeOff[language]
                if let says = about.guideSays { text += "\n\n" + Words.guide[language] + ": " + says[language] }
                if let today = about.today { text += "\n\n" + Words.today[language] + ": " + today[language] }
                json.member("text", text)
            }
            json.member("defaultConfiguration") { $0.member("level", Self.level(about.severities.max() ?? .info)) }
            json.member("properties") { json in
                json.member("section", about.section)
                json.key("tags")
                json.array(about.scopes) { $0.string($1.rawValue) }
            }
        }
    }

    private func failure(_ entry: Audit.Entry, _ subject: Audit.Subject, _ report: Report, _ json: inout JSONWriter) {
        let finding = entry.finding
        let about = report.about(entry.practice)
        json.object { json in
            json.member("ruleId", about.id)
            json.member("ruleIndex", entry.practice)
            json.member("kind", "fail")
            json.member("level", Self.level(finding.severity))
            json.member("message") { $0.member("text", finding.what[report.language]) }
            locations(subject, part: finding.part, evidence: finding.evidence.first, &json)
            json.member("partialFingerprints") { json in
                json.member(
                    "nearmetal/v1",
                    Self.fingerprint([about.id, subject.kind.rawValue, subject.name, finding.part ?? ""]))
            }
            if let waiver = entry.waiver {
                json.key("suppressions")
                json.array { json in
                    json.object { json in
                        json.member("kind", "external")
                        json.member("justification", "\(waiver.reason) (until \(waiver.expires))")
                    }
                }
            }
            json.member("properties") { json in
                json.member("severity", finding.severity.rawValue)
                json.member("observed", finding.observed)
                json.member("expected", finding.expected)
                json.member("running", finding.holds.contains(.running))
                json.member("nextStart", finding.holds.contains(.nextStart))
            }
        }
    }

    private func other(
        _ kind: String, _ practice: Int, _ message: String, _ subject: Audit.Subject, _ report: Report,
        _ json: inout JSONWriter
    ) {
        json.object { json in
            json.member("ruleId", report.about(practice).id)
            json.member("ruleIndex", practice)
            json.member("kind", kind)
            json.member("level", "none")
            json.member("message") { $0.member("text", message) }
            locations(subject, part: nil, evidence: nil, &json)
        }
    }

    func locations(_ subject: Audit.Subject, part: String?, evidence: Evidence?, _ json: inout JSONWriter) {
        json.key("locations")
        json.array { json in
            json.object { json in
                let file = subject.file ?? (subject.kind == .image ? subject.name : nil)
                if let file {
                    json.member("physicalLocation") { json in
                        json.member("artifactLocation") { $0.member("uri", Self.uri(file)) }
                        if let line = evidence?.line, line > 0, subject.file != nil {
                            json.member("region") { $0.member("startLine", line) }
                        }
                    }
                }
                json.key("logicalLocations")
                json.array { json in
                    json.object { json in
                        json.member("name", part ?? subject.name)
                        var full = "\(subject.kind.rawValue)/\(subject.name)"
                        if let evidence, subject.kind == .guest {
                            full += evidence.source
                        } else if let part {
                            full += "/\(part)"
                        }
                        json.member("fullyQualifiedName", full)
                        json.member("kind", "resource")
                    }
                }
            }
        }
    }

    /// SARIF knows three levels; advice and information are notes.
    static func level(_ severity: Severity) -> String {
        switch severity {
        case .error: "error"
        case .warning: "warning"
        case .advice, .info: "note"
        }
    }

    /// `huge-pages-guest` → `HugePagesGuest`.
    static func pascal(_ id: String) -> String {
        id.split { $0 == "-" || $0 == "/" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// A path as a URI reference: absolute ones get the file scheme, relative ones stay relative to where the run was made.
    static func uri(_ path: String) -> String {
        var uri = path.hasPrefix("/") ? "file://" : ""
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        uri += String(decoding: bytes, as: UTF8.self)
        return uri
    }

    /// FNV-1a over the parts: the same finding keeps its mark from run to run, also when lines move.
    static func fingerprint(_ parts: [String]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in parts.joined(separator: "\u{1F}").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
