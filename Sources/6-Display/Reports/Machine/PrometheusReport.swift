import Advisor
import Practices
import Quantities

/// Prometheus' text format for node_exporter's textfile collector: counts by severity and rule, never a label for each guest.
///
/// - Source: Prometheus exposition format 0.0.4. Write it to a temporary file and rename it to `nearmetal.prom`; `--output` does.
struct PrometheusReport: ReportWriter {
    /// Writes one metric with its samples.
    typealias Metric = (_ name: String, _ help: String, _ samples: [(labels: String, value: Int)]) -> Void

    func write(_ report: Report) -> [UInt8] {
        var text = ""
        func metric(_ name: String, _ help: String, _ samples: [(labels: String, value: Int)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
            for sample in samples { text += "\(name)\(sample.labels) \(sample.value)\n" }
        }
        let forecasts = report.forecasts
        for forecast in forecasts { metrics(forecast, metric) }
        if forecasts.isEmpty { audit(report.audit, metric) }
        metric("nearmetal_build_info", "Version of the tool.", [("{version=\"\(report.version)\"}", 1)])
        metric("nearmetal_last_run_timestamp_seconds", "When the audit was made.", [("", Int(report.moment))])
        return Array(text.utf8)
    }

    private func audit(_ audit: Audit, _ metric: Metric) {
        var findings: [Int: [Severity: Int]] = [:]
        var passes: [Int: Int] = [:]
        var unknowns: [Int: Int] = [:]
        var skips: [Int: Int] = [:]
        for result in audit.results {
            for entry in result.findings where entry.waiver == nil {
                findings[entry.practice, default: [:]][entry.finding.severity, default: 0] += 1
            }
            for index in result.passes { passes[index, default: 0] += 1 }
            for remark in result.unknowns { unknowns[remark.practice, default: 0] += 1 }
            for remark in result.notApplicable { skips[remark.practice, default: 0] += 1 }
        }
        metric(
            "nearmetal_findings", "Findings that are not waived, by rule and severity.",
            audit.practices.enumerated().flatMap { index, about in
                about.severities.sorted(by: >).map { severity in
                    ("{rule=\"\(about.id)\",severity=\"\(severity.rawValue)\"}", findings[index]?[severity] ?? 0)
                }
            })
        metric(
            "nearmetal_rule_status", "Subjects by rule and verdict.",
            audit.practices.enumerated().flatMap { index, about in
                [
                    ("{rule=\"\(about.id)\",status=\"pass\"}", passes[index] ?? 0),
                    ("{rule=\"\(about.id)\",status=\"unknown\"}", unknowns[index] ?? 0),
                    ("{rule=\"\(about.id)\",status=\"not_applicable\"}", skips[index] ?? 0),
                ]
            })
        metric("nearmetal_findings_waived", "Findings that a waiver accepts.", [("", audit.summary.waived)])
        metric(
            "nearmetal_subjects", "Subjects judged, by kind.",
            Audit.Subject.Kind.allCases.map { ("{kind=\"\($0.rawValue)\"}", audit.summary.subjects[$0] ?? 0) })
    }
}
