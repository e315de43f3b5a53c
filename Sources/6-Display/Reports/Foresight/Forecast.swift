import Advisor
import Foresight
import HostFacts
import Practices
import Quantities

/// The answers to one question about the future, in the shape that the formats for programs share.
struct Forecast {
    /// What was asked.
    enum Question {
        /// Whether guests would start if the host rebooted now.
        case afterReboot
        /// Whether host and guests are ready for a target of this name.
        case target(String)

        /// What the ids of its rules begin with, and the id of the question itself.
        var id: String {
            switch self {
            case .afterReboot: "after-reboot"
            case .target: "target"
            }
        }
    }

    /// The answer in a word.
    enum Verdict: CaseIterable { case good, bad, unknown }

    /// One reason against a subject, or a hint.
    struct Reason {
        /// What it is about, as JSON names it (`huge-pages`).
        var kind: String
        /// A reason why a guest does not start is an error, a risk a warning.
        var severity: Severity
        var part: String?
        var what: Text
        var evidence: [ForesightEvidence]
        var remedy: Text
        var commands: [String]
    }

    /// What is said of one guest, or of the host.
    struct Entry {
        var subject: Audit.Subject
        var verdict: Verdict
        /// The worst first.
        var reasons: [Reason]
        var unknowns: [Unknown]
    }

    var question: Question
    var entries: [Entry]

    /// How many guests have a verdict.
    func count(_ verdict: Verdict) -> Int {
        entries.lazy.filter { $0.subject.kind == .guest && $0.verdict == verdict }.count
    }
    /// How many guests there are.
    var guests: Int { entries.lazy.filter { $0.subject.kind == .guest }.count }
}

extension Report {
    /// The answers about the future; empty where nothing was asked.
    ///
    /// Where something was, no audit was made.
    var forecasts: [Forecast] {
        var forecasts: [Forecast] = []
        if let afterReboot { forecasts.append(Forecast(afterReboot)) }
        if let readiness { forecasts.append(Forecast(readiness)) }
        return forecasts
    }

    /// Whether a reason makes the run fail.
    func fails(_ reason: Forecast.Reason) -> Bool { failOn.map { reason.severity >= $0 } ?? false }
}

extension Forecast {
    init(_ predictions: [StartPrediction]) {
        question = .afterReboot
        entries = predictions.map { prediction in
            let verdict: Verdict =
                switch prediction.verdict {
                case .starts: .good
                case .fails: .bad
                case .unknown: .unknown
                }
            return Entry(
                subject: Audit.Subject(kind: .guest, name: prediction.guest, file: prediction.file), verdict: verdict,
                reasons: prediction.obstacles.map { Reason($0, .error) }
                    + prediction.risks.map { Reason($0, .warning) },
                unknowns: prediction.unknowns)
        }
    }

    init(_ report: ReadinessReport) {
        question = .target(report.target.name)
        entries = []
        if !report.host.isEmpty || !report.hostUnknowns.isEmpty {
            let isBlocked = report.host.contains { $0.severity == .error }
            entries.append(
                Entry(
                    subject: Audit.Subject(kind: .host, name: "host"),
                    verdict: isBlocked ? .bad : report.hostUnknowns.isEmpty ? .good : .unknown,
                    reasons: report.host.map(Reason.init), unknowns: report.hostUnknowns))
        }
        for guest in report.guests {
            let verdict: Verdict =
                switch guest.verdict {
                case .ready: .good
                case .blocked: .bad
                case .unknown: .unknown
                }
            entries.append(
                Entry(
                    subject: Audit.Subject(kind: .guest, name: guest.guest, file: guest.file), verdict: verdict,
                    reasons: guest.findings.map(Reason.init), unknowns: guest.unknowns))
        }
    }
}

extension Forecast.Reason {
    init(_ obstacle: StartObstacle, _ severity: Severity) {
        kind = obstacle.kind.rawValue
        self.severity = severity
        part = obstacle.part
        what = obstacle.what
        evidence = obstacle.evidence
        remedy = obstacle.remedy
        commands = obstacle.commands
    }

    init(_ finding: ReadinessFinding) {
        kind = finding.kind.rawValue
        severity =
            switch finding.severity {
            case .error: .error
            case .warning: .warning
            case .info: .info
            }
        part = finding.part
        what = finding.what
        evidence = finding.evidence
        remedy = finding.remedy
        commands = finding.commands
    }
}
