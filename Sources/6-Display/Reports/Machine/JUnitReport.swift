import Advisor
import Practices
import Quantities

/// JUnit XML: a test suite for each subject, a test case for each practice.
///
/// Unknown is an error: it is not a skip.
struct JUnitReport: ReportWriter {
    func write(_ report: Report) -> [UInt8] {
        var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        var suites = ""
        var total = Counts()
        for result in report.audit.results {
            var counts = Counts()
            let body = cases(result, report, &counts)
            suites +=
                "  <testsuite name=\(quote("\(result.subject.kind.rawValue) \(result.subject.name)")) \(counts.attributes)"
            suites += " timestamp=\(quote(String(report.timestamp.dropLast())))>\n\(body)  </testsuite>\n"
            total.add(counts)
        }
        for forecast in report.forecasts { suites += suite(forecast, report, &total) }
        xml += "<testsuites name=\"nearmetal\" \(total.attributes)>\n\(suites)</testsuites>\n"
        return Array(xml.utf8)
    }

    struct Counts {
        var tests = 0
        var failures = 0
        var errors = 0
        var skipped = 0
        var attributes: String {
            "tests=\"\(tests)\" failures=\"\(failures)\" errors=\"\(errors)\" skipped=\"\(skipped)\""
        }
        mutating func add(_ other: Counts) {
            tests += other.tests
            failures += other.failures
            errors += other.errors
            skipped += other.skipped
        }
    }

    private func cases(_ result: Audit.Result, _ report: Report, _ counts: inout Counts) -> String {
        let findings = Dictionary(grouping: result.findings, by: \.practice)
        let unknowns = Dictionary(grouping: result.unknowns, by: \.practice)
        let skips = Dictionary(
            result.notApplicable.map { ($0.practice, $0.reason) }, uniquingKeysWith: { first, _ in first })
        let passes = Set(result.passes)
        var body = ""
        for (index, about) in report.audit.practices.enumerated() {
            let entries = findings[index] ?? []
            let reasons = unknowns[index] ?? []
            guard !entries.isEmpty || !reasons.isEmpty || skips[index] != nil || passes.contains(index) else {
                continue
            }
            counts.tests += 1
            let head =
                "    <testcase classname=\(quote(result.subject.kind.rawValue + "." + result.subject.name)) name=\(quote(about.id))"
            var inside = ""
            let failing = entries.filter(report.fails)
            if let worst = failing.first {
                counts.failures += 1
                let words = failing.map { line($0, report) }.joined(separator: "\n")
                inside +=
                    "      <failure type=\(quote(worst.finding.severity.rawValue)) message=\(quote(worst.finding.what[report.language]))>"
                inside += "\(escape(words))</failure>\n"
            } else if let first = reasons.first {
                counts.errors += 1
                let words = reasons.map { Words.reason($0.reason)[report.language] }.joined(separator: "\n")
                inside +=
                    "      <error type=\"unknown\" message=\(quote(first.reason.why[report.language]))>\(escape(words))</error>\n"
            } else if let why = skips[index] {
                counts.skipped += 1
                inside += "      <skipped message=\(quote(why[report.language]))/>\n"
            }
            let quiet = entries.filter { !report.fails($0) }
            if !quiet.isEmpty {
                inside +=
                    "      <system-out>\(escape(quiet.map { line($0, report) }.joined(separator: "\n")))</system-out>\n"
            }
            body += inside.isEmpty ? "\(head)/>\n" : "\(head)>\n\(inside)    </testcase>\n"
        }
        return body
    }

    private func line(_ entry: Audit.Entry, _ report: Report) -> String {
        let finding = entry.finding
        let place = finding.evidence.first.map { " (\($0.source)\($0.line.map { ":\($0)" } ?? ""))" } ?? ""
        let waiver = entry.waiver.map { " [waived: \($0.reason)]" } ?? ""
        return "\(finding.severity.rawValue): \(finding.what[report.language])\(place)\(waiver)"
    }

    func quote(_ text: String) -> String { "\"\(escape(text))\"" }

    func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n": result += "&#10;"
            case "\t": result += "&#9;"
            default:
                // XML 1.0 has no other control characters, and neither U+FFFE nor U+FFFF.
                if scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF {
                    result += "\u{FFFD}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
