public import Advisor
public import Foresight
import Inventory
public import Practices
public import Quantities

/// An audit with what a reader has to know of it: where it was made, when, by which version, in which language.
public struct Report: Sendable {
    /// The audit.
    public var audit: Audit
    /// The language of its sentences.
    ///
    /// Ids, keys and values are never translated.
    public var language: Language
    /// Version of the tool.
    public var version: String
    /// The moment of the audit, in seconds since 1970.
    public var moment: Int64
    /// The host's name, distribution and kernel, for the heading; `nil` where no host was examined.
    public var host: String?
    /// Where the guests came from, in words; notes on what was left out.
    public var notes: [Text]
    /// The severity from which a finding fails the run; `nil` where none does.
    public var failOn: Severity?
    /// Whether guests would start if the host rebooted now; `nil` where that was not asked.
    public var afterReboot: [StartPrediction]?
    /// Whether guests are ready for a target; `nil` where none was named.
    public var readiness: ReadinessReport?

    /// A report.
    public init(
        _ audit: Audit, language: Language, version: String, moment: Int64, host: String? = nil, notes: [Text] = [],
        failOn: Severity? = .error
    ) {
        self.audit = audit
        self.language = language
        self.version = version
        self.moment = moment
        self.host = host
        self.notes = notes
        self.failOn = failOn
    }

    /// Whether a finding that counts is as bad as ``failOn``.
    public var fails: Bool {
        guard let failOn else { return false }
        if forecasts.contains(where: { $0.entries.contains { $0.reasons.contains(where: fails) } }) { return true }
        return audit.worst.map { $0 >= failOn } ?? false
    }

    /// Whether anything could not be told: a verdict, or an answer about the future.
    public var hasUnknowns: Bool {
        audit.summary.unknowns > 0 || forecasts.contains { $0.entries.contains { !$0.unknowns.isEmpty } }
    }

    /// Whether an entry makes the run fail.
    func fails(_ entry: Audit.Entry) -> Bool {
        guard let failOn else { return false }
        return entry.waiver == nil && entry.finding.severity >= failOn
    }

    func about(_ index: Int) -> About { audit.practices[index] }

    /// The moment as RFC 3339 has it: `2026-11-23T10:42:48Z`.
    var timestamp: String { CivilDay.timestamp(secondsSince1970: moment) }
}

/// A way to write a report.
///
/// A new one is a file with a writer, and its line in ``ReportFormat``.
protocol ReportWriter {
    /// The report as bytes, ending with a line end.
    func write(_ report: Report) -> [UInt8]
    /// The same in pieces that follow one another, for who writes them out.
    func pieces(_ report: Report) -> [[UInt8]]
}

extension ReportWriter {
    func pieces(_ report: Report) -> [[UInt8]] { [write(report)] }
}

/// The formats a report can be written in.
public enum ReportFormat: String, Sendable, CaseIterable {
    case text, json, sarif, junit, markdown, prometheus

    /// Writes a report for programs, or for people without a terminal's width and colours (``text`` then has 80 columns and none).
    public func write(_ report: Report) -> [UInt8] { writer.write(report) }

    /// The same in pieces that follow one another: a report of thousands of guests is not moved into one.
    public func pieces(_ report: Report) -> [[UInt8]] { writer.pieces(report) }

    private var writer: any ReportWriter {
        switch self {
        case .text: TextReport(style: TextStyle())
        case .json: JSONReport()
        case .sarif: SARIFReport()
        case .junit: JUnitReport()
        case .markdown: MarkdownReport()
        case .prometheus: PrometheusReport()
        }
    }
}
