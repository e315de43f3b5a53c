import Foundation
import Quantities
import Testing

@testable import Reports

/// Every format against a file that a person has read.
///
/// `RECORD=1 swift test` writes them anew, and fails so that nobody forgets to read them.
@Suite struct GoldenTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    func compare(_ bytes: [UInt8], _ name: String) throws {
        let file = Self.folder.appending(path: name)
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try Data(bytes).write(to: file)
            Issue.record("recorded \(name): read it, then run without RECORD")
            return
        }
        #expect(String(decoding: bytes, as: UTF8.self) == (try String(contentsOf: file, encoding: .utf8)))
    }

    @Test(arguments: ReportFormat.allCases) func format(_ format: ReportFormat) throws {
        try compare(format.write(SampleReport.make()), "sample.\(format.rawValue)")
    }

    @Test(arguments: ReportFormat.allCases) func forecast(_ format: ReportFormat) throws {
        try compare(format.write(SampleForecast.make()), "forecast.\(format.rawValue)")
    }

    /// Each question by itself.
    @Test(arguments: ReportFormat.allCases) func eachQuestion(_ format: ReportFormat) throws {
        let both = String(decoding: format.write(SampleForecast.make()), as: UTF8.self)
        for report in [SampleForecast.make(target: false), SampleForecast.make(afterReboot: false)] {
            let one = String(decoding: format.write(report), as: UTF8.self)
            #expect(one.contains("web") == (format != .prometheus) && one.utf8.count < both.utf8.count)
        }
    }

    /// `--fail-on` counts an obstacle as an error, a risk as a warning.
    @Test func whatFails() {
        #expect(SampleForecast.make().fails)
        #expect(!SampleForecast.make(failOn: nil).fails)
        var report = SampleForecast.make(target: false)
        report.afterReboot?[1].verdict = .starts
        #expect(!report.fails)
        report.failOn = .warning
        #expect(report.fails)
        #expect(report.hasUnknowns)
        report.afterReboot?.removeLast(2)
        #expect(!report.fails && !report.hasUnknowns)
    }

    @Test func forecastInChinese() throws {
        try compare(ReportFormat.markdown.write(SampleForecast.make(language: .chinese)), "forecast.zh.markdown")
    }

    @Test func chinese() throws {
        try compare(ReportFormat.text.write(SampleReport.make(language: .chinese)), "sample.zh.text")
    }

    @Test func verboseAndNarrow() throws {
        try compare(
            TextReport(style: TextStyle(width: 50, isVerbose: true)).write(SampleReport.make()),
            "sample.verbose-50.text")
    }

    @Test func colours() throws {
        let coloured = String(
            decoding: TextReport(style: TextStyle(width: 100, isColoured: true)).write(SampleReport.make()),
            as: UTF8.self)
        let plain = String(decoding: TextReport(style: TextStyle(width: 100)).write(SampleReport.make()), as: UTF8.self)
        #expect(coloured.contains("\u{1B}["))
        #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
    }

    @Test(arguments: [40, 60, 80, 120], Language.allCases) func noLineIsTooWide(_ width: Int, _ language: Language) {
        let text = TextReport(style: TextStyle(width: width, isVerbose: true)).write(
            SampleReport.make(language: language))
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            // A word without a place to break, such as a path, is not broken: people copy it.
            let longest = line.split(separator: " ").map { Columns.width(String($0)) }.max() ?? 0
            #expect(Columns.width(String(line)) <= width || longest > width - 24, "\(line)")
        }
    }
}
