import Foresight
import HostFacts
import JSONText
import Quantities

/// Answers about the future as JSON.
enum ForesightJSON {
    static func start(_ predictions: [StartPrediction], _ language: Language, _ json: inout JSONWriter) {
        json.array(predictions) { json, prediction in
            json.object { json in
                json.member("guest", prediction.guest)
                json.member("file", prediction.file)
                let verdict =
                    switch prediction.verdict {
                    case .starts: "starts"
                    case .fails: "fails"
                    case .unknown: "unknown"
                    }
                json.member("verdict", verdict)
                json.member("autostart", prediction.autostart.value)
                json.member("place", prediction.place)
                for (name, list) in [("obstacles", prediction.obstacles), ("risks", prediction.risks)] {
                    json.member(name, array: list) { json, obstacle in
                        json.object { json in
                            json.member("id", obstacle.kind.rawValue)
                            json.member("part", obstacle.part)
                            json.member("what", obstacle.what[language])
                            evidence(obstacle.evidence, &json)
                            json.member("remedy", obstacle.remedy[language])
                            json.member("commands", array: obstacle.commands) { $0.string($1) }
                        }
                    }
                }
                unknowns("unknown", prediction.unknowns, language, &json)
            }
        }
    }

    static func readiness(_ report: ReadinessReport, _ language: Language, _ json: inout JSONWriter) {
        json.object { json in
            json.member("target", report.target.name)
            findings("host", report.host, language, &json)
            unknowns("hostUnknown", report.hostUnknowns, language, &json)
            json.member("guests", array: report.guests) { json, guest in
                json.object { json in
                    json.member("guest", guest.guest)
                    json.member("file", guest.file)
                    json.member("verdict", guest.verdict.rawValue)
                    findings("findings", guest.findings, language, &json)
                    unknowns("unknown", guest.unknowns, language, &json)
                }
            }
        }
    }

    private static func findings(
        _ name: String, _ findings: [ReadinessFinding], _ language: Language, _ json: inout JSONWriter
    ) {
        json.member(name, array: findings) { json, finding in
            json.object { json in
                json.member("id", finding.kind.rawValue)
                json.member("severity", finding.severity.rawValue)
                json.member("part", finding.part)
                json.member("what", finding.what[language])
                evidence(finding.evidence, &json)
                json.member("remedy", finding.remedy[language])
                json.member("commands", array: finding.commands) { $0.string($1) }
            }
        }
    }

    private static func evidence(_ evidence: [ForesightEvidence], _ json: inout JSONWriter) {
        json.member("evidence", array: evidence) { json, item in
            json.object { json in
                json.member("source", item.source)
                json.member("value", item.value)
                if let line = item.line { json.member("line", line) }
            }
        }
    }

    private static func unknowns(_ name: String, _ unknowns: [Unknown], _ language: Language, _ json: inout JSONWriter)
    {
        json.member(name, array: unknowns) { json, reason in
            json.object { json in
                json.member("why", reason.why[language])
                json.member("howToRead", reason.howToRead[language])
            }
        }
    }
}
