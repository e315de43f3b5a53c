import Advisor
import Practices
import Quantities

/// Markdown for a wiki or a merge request.
struct MarkdownReport: ReportWriter {
    func write(_ report: Report) -> [UInt8] {
        let language = report.language
        var text = "# Nearmetal \(report.version)\n\n"
        text += report.timestamp
        if let host = report.host { text += " · \(escape(host))" }
        text += "\n\n"
        for note in report.notes { text += "> \(escape(note[language]))\n\n" }
        let forecasts = report.forecasts
        guard forecasts.isEmpty else {
            for (index, forecast) in forecasts.enumerated() {
                if index > 0 { text += "\n" }
                section(forecast, language, &text)
            }
            return Array(text.utf8)
        }
        let summary = report.audit.summary
        text +=
            Words.subjects(summary)[language] + " "
            + Severity.allCases.map { Words.count($0, summary[$0])[language] }.joined(separator: ", ")
        text += ". \(Words.rest(summary)[language])\n"
        let head = Text(
            "| Severity | Practice | Finding | Now | Next | Remedy |", "| 级别 | 实践 | 问题 | 当前 | 下次 | 措施 |")
        for result in report.audit.results where !result.findings.isEmpty || !result.unknowns.isEmpty {
            text += "\n## \(Words.kind(result.subject.kind)[language]) \(escape(result.subject.name))\n\n"
            if !result.findings.isEmpty {
                text += head[language] + "\n|---|---|---|:-:|:-:|---|\n"
                for entry in result.findings { row(entry, report, &text) }
            }
            if !result.unknowns.isEmpty {
                text += "\n<details><summary>\(Words.unknown[language]): \(result.unknowns.count)</summary>\n\n"
                for remark in result.unknowns {
                    text +=
                        "- `\(report.about(remark.practice).id)`: \(escape(Words.reason(remark.reason)[language]))\n"
                }
                text += "\n</details>\n"
            }
        }
        return Array(text.utf8)
    }

    private func row(_ entry: Audit.Entry, _ report: Report, _ text: inout String) {
        let finding = entry.finding
        let about = report.about(entry.practice)
        let part = finding.part.map { " · \(escape($0))" } ?? ""
        let waiver = entry.waiver.map { " *(\(escape($0.reason)), \($0.expires))*" } ?? ""
        var remedies: [String] = []
        if let note = finding.remedy.note { remedies.append(escape(note[report.language])) }
        remedies += finding.remedy.changes.map { code("\($0.target): \($0.from ?? "∅") → \($0.to ?? "∅")") }
        remedies += finding.remedy.commands.map(code)
        text += "| \(Words.severity(finding.severity)[report.language]) | `\(about.id)` §\(about.section)\(part) "
        text += "| \(escape(finding.what[report.language]))\(waiver) "
        text += "| \(finding.holds.contains(.running) ? "●" : "–") | \(finding.holds.contains(.nextStart) ? "●" : "–") "
        text += "| \(remedies.joined(separator: "<br>")) |\n"
    }

    func code(_ text: String) -> String {
        "<code>\(escape(Words.oneLine(text)))</code>"
    }

    /// What Markdown or HTML would read as more than text: names come from guests.
    func escape(_ text: String) -> String {
        var result = ""
        for scalar in Columns.plain(Words.oneLine(text)).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "|": result += "&#124;"
            case "\\", "`", "*", "_", "[", "]": result += "\\" + String(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
