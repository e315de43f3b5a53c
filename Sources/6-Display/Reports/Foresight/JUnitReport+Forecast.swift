import Foresight
import Practices
import Quantities

/// Answers about the future in JUnit: a suite for each question, a case for each guest.
extension JUnitReport {
    func suite(_ forecast: Forecast, _ report: Report, _ total: inout Counts) -> String {
        let language = report.language
        var counts = Counts()
        var body = ""
        for entry in forecast.entries {
            counts.tests += 1
            let head =
                "    <testcase classname=\(quote("\(forecast.question.id).\(entry.subject.kind.rawValue)")) name=\(quote(entry.subject.name))"
            var inside = ""
            let failing = entry.reasons.filter(report.fails)
            if let worst = failing.first {
                counts.failures += 1
                let words = failing.map { line($0, language) }.joined(separator: "\n")
                inside +=
                    "      <failure type=\(quote(worst.severity.rawValue)) message=\(quote(worst.what[language]))>\(escape(words))</failure>\n"
            } else if let first = entry.unknowns.first {
                counts.errors += 1
                let words = entry.unknowns.map { Words.reason($0)[language] }.joined(separator: "\n")
                inside +=
                    "      <error type=\"unknown\" message=\(quote(first.why[language]))>\(escape(words))</error>\n"
            }
            let quiet = entry.reasons.filter { !report.fails($0) }
            if !quiet.isEmpty {
                let words = quiet.map { line($0, language) }.joined(separator: "\n")
                inside += "      <system-out>\(escape(words))</system-out>\n"
            }
            body += inside.isEmpty ? "\(head)/>\n" : "\(head)>\n\(inside)    </testcase>\n"
        }
        total.add(counts)
        let name = quote(ForesightWords.heading(forecast.question)[language])
        return
            "  <testsuite name=\(name) \(counts.attributes) timestamp=\(quote(String(report.timestamp.dropLast())))>\n"
            + body + "  </testsuite>\n"
    }

    private func line(_ reason: Forecast.Reason, _ language: Language) -> String {
        let part = reason.part.map { " · \($0)" } ?? ""
        let place = reason.evidence.first.map { " (\($0.source)\($0.line.map { ":\($0)" } ?? ""))" } ?? ""
        return "\(reason.severity.rawValue): \(reason.kind)\(part): \(reason.what[language])\(place)"
    }
}
