import Foresight
import Practices
import Quantities

/// Answers about the future in Markdown: a table for each question, a row for each reason.
extension MarkdownReport {
    func section(_ forecast: Forecast, _ language: Language, _ text: inout String) {
        let question = forecast.question
        text += "## \(escape(ForesightWords.heading(question)[language]))\n\n"
        text += ForesightWords.summary(forecast)[language] + "\n"
        guard !forecast.entries.isEmpty else { return }
        text +=
            "\n" + Text("| Guest | Answer | Reason | Remedy |", "| 客户机 | 结论 | 原因 | 措施 |")[language]
            + "\n|---|---|---|---|\n"
        for entry in forecast.entries {
            let isHost = entry.subject.kind == .host
            var subject = isHost ? "*\(Words.kind(.host)[language])*" : escape(entry.subject.name)
            var answer = mark(entry.verdict) + " " + ForesightWords.verdict(entry.verdict, of: question)[language]
            if entry.reasons.isEmpty { text += "| \(subject) | \(answer) | | |\n" }
            for reason in entry.reasons {
                let part = reason.part.map { " · \(escape($0))" } ?? ""
                let remedy = ([escape(reason.remedy[language])] + reason.commands.map(code)).joined(separator: "<br>")
                text += "| \(subject) | \(answer) | \(Words.severity(reason.severity)[language]) "
                text += "`\(reason.kind)`\(part): \(escape(reason.what[language])) | \(remedy) |\n"
                // Said once, in the first of a subject's rows.
                subject = ""
                answer = ""
            }
        }
        let unknowns = forecast.entries.flatMap { entry in entry.unknowns.map { (entry.subject, $0) } }
        guard !unknowns.isEmpty else { return }
        text += "\n<details><summary>\(Words.unknown[language]): \(unknowns.count)</summary>\n\n"
        for (subject, reason) in unknowns {
            let name = subject.kind == .host ? Words.kind(.host)[language] : escape(subject.name)
            text += "- \(name): \(escape(Words.reason(reason)[language]))\n"
        }
        text += "\n</details>\n"
    }

    private func mark(_ verdict: Forecast.Verdict) -> String {
        switch verdict {
        case .good: "✓"
        case .bad: "✗"
        case .unknown: "?"
        }
    }
}
