import Foresight
import HostFacts
import Quantities

/// Answers about the future for people: would guests start, are they ready for a target.
enum ForesightText {
    static func start(_ predictions: [StartPrediction], _ page: inout Page) {
        let style = page.style
        let language = page.language
        page.line("")
        page.line(style.ink(ForesightWords.heading(.afterReboot)[language], .bold))
        guard !predictions.isEmpty else {
            return page.paragraph(Text("No guest is defined.", "没有已定义的客户机。")[language], indent: 2)
        }
        let width = min(32, predictions.map { Columns.width($0.guest) }.max() ?? 0)
        for prediction in predictions {
            let (mark, words): (String, String) =
                switch prediction.verdict {
                case .starts: (style.ink("✓", .green), Text("would start", "可以启动")[language])
                case .fails:
                    (style.ink("✗", .bold, .red), style.ink(Text("would not start", "无法启动")[language], .bold, .red))
                case .unknown: (style.ink("?", .yellow), Text("cannot be told", "无法判断")[language])
                }
            let autostart = prediction.place.map { Text(" (autostart \($0))", "(自动启动 \($0))")[language] } ?? ""
            page.line("  \(mark) " + Columns.padded(Columns.plain(prediction.guest), width) + "  " + words + autostart)
            for obstacle in prediction.obstacles {
                obstacleLines(obstacle, mark: obstacle.kind.rawValue, &page)
            }
            for risk in prediction.risks {
                obstacleLines(risk, mark: Text("risk", "风险")[language] + " " + risk.kind.rawValue, &page)
            }
            if case .unknown(let reasons) = prediction.verdict { unknowns(reasons, &page) }
        }
        page.line("")
        page.paragraph(ForesightWords.summary(Forecast(predictions))[language], indent: 0)
    }

    /// The first reasons why something cannot be told; all of them where details are asked for.
    private static func unknowns(_ reasons: [Unknown], _ page: inout Page) {
        for reason in reasons.prefix(page.style.isVerbose ? .max : 3) {
            page.paragraph(Columns.plain(Words.reason(reason)[page.language]), indent: 6, dim: true)
        }
    }

    private static func obstacleLines(_ obstacle: StartObstacle, mark: String, _ page: inout Page) {
        let language = page.language
        let part = obstacle.part.map { " · \(Columns.plain($0))" } ?? ""
        page.paragraph("\(mark)\(part): " + Columns.plain(obstacle.what[language]), indent: 6)
        page.field(Words.remedy[language], Columns.plain(obstacle.remedy[language]), indent: 8)
        for command in obstacle.commands { page.field("", "# " + Columns.plain(Words.oneLine(command)), indent: 8) }
    }

    static func readiness(_ report: ReadinessReport, _ page: inout Page) {
        let style = page.style
        let language = page.language
        page.line("")
        page.line(style.ink(ForesightWords.heading(.target(report.target.name))[language], .bold))
        func lines(_ findings: [ReadinessFinding]) {
            for finding in findings {
                let part = finding.part.map { " · \(Columns.plain($0))" } ?? ""
                page.paragraph(
                    "\(finding.severity.rawValue) \(finding.kind.rawValue)\(part): "
                        + Columns.plain(finding.what[language]), indent: 6)
                page.field(Words.remedy[language], Columns.plain(finding.remedy[language]), indent: 8)
                for command in finding.commands {
                    page.field("", "# " + Columns.plain(Words.oneLine(command)), indent: 8)
                }
            }
        }
        if !report.host.isEmpty || !report.hostUnknowns.isEmpty {
            page.line("  " + Text("host", "主机")[language])
            lines(report.host)
            unknowns(report.hostUnknowns, &page)
        }
        let width = min(32, report.guests.map { Columns.width($0.guest) }.max() ?? 0)
        for guest in report.guests {
            let (mark, words): (String, Text) =
                switch guest.verdict {
                case .ready: (style.ink("✓", .green), Text("ready", "就绪"))
                case .blocked: (style.ink("✗", .bold, .red), Text("blocked", "受阻"))
                case .unknown: (style.ink("?", .yellow), Text("cannot be told", "无法判断"))
                }
            page.line("  \(mark) " + Columns.padded(Columns.plain(guest.guest), width) + "  " + words[language])
            lines(guest.findings)
            unknowns(guest.unknowns, &page)
        }
        page.line("")
        page.paragraph(ForesightWords.summary(Forecast(report))[language], indent: 0)
    }
}
