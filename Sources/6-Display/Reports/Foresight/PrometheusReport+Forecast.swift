import Foresight
import Practices
import Quantities

/// Answers about the future as metrics: guests by answer, and reasons by kind.
extension PrometheusReport {
    func metrics(_ forecast: Forecast, _ metric: Metric) {
        var reasons: [String: Int] = [:]
        for entry in forecast.entries {
            for reason in entry.reasons where reason.severity == .error { reasons[reason.kind, default: 0] += 1 }
        }
        let kinds = ForesightWords.titles(forecast.question).map(\.kind)
        switch forecast.question {
        case .afterReboot:
            metric(
                "nearmetal_start_guests", "Guests by whether they would start if the host rebooted now.",
                [
                    ("{verdict=\"starts\"}", forecast.count(.good)), ("{verdict=\"fails\"}", forecast.count(.bad)),
                    ("{verdict=\"unknown\"}", forecast.count(.unknown)),
                ])
            metric(
                "nearmetal_start_obstacles", "Reasons why guests would not start, by kind.",
                kinds.map { ("{reason=\"\($0)\"}", reasons[$0] ?? 0) })
        case .target(let name):
            let target = "target=\"\(escape(name))\""
            metric(
                "nearmetal_readiness_guests", "Guests by whether they are ready for a target.",
                [
                    ("{\(target),verdict=\"ready\"}", forecast.count(.good)),
                    ("{\(target),verdict=\"blocked\"}", forecast.count(.bad)),
                    ("{\(target),verdict=\"unknown\"}", forecast.count(.unknown)),
                ])
            metric(
                "nearmetal_readiness_obstacles", "What keeps host and guests from a target, by kind.",
                kinds.map { ("{\(target),reason=\"\($0)\"}", reasons[$0] ?? 0) })
        }
    }

    /// A label's value: a target may be a path.
    private func escape(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
