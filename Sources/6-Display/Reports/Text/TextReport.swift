import Advisor
import Inventory
import Practices
import Quantities

/// The report for people: grouped by subject, the worst first, with a column for what runs and one for the next start.
public struct TextReport: ReportWriter {
    private let style: TextStyle

    /// A writer for a terminal.
    public init(style: TextStyle) { self.style = style }

    /// The report for a terminal.
    public func bytes(_ report: Report) -> [UInt8] { write(report) }

    /// The report as bytes, ending with a line end.
    func write(_ report: Report) -> [UInt8] {
        var page = Page(style: style, language: report.language)
        heading(report, &page)
        if let predictions = report.afterReboot { ForesightText.start(predictions, &page) }
        if let readiness = report.readiness { ForesightText.readiness(readiness, &page) }
        guard report.afterReboot == nil, report.readiness == nil else { return Array(page.text.utf8) }
        for result in report.audit.results { section(result, report, &page) }
        if !style.isVerbose { unknownsOfAll(report, &page) }
        summary(report, &page)
        return Array(page.text.utf8)
    }

    private func heading(_ report: Report, _ page: inout Page) {
        page.line(style.ink("Nearmetal \(report.version)", .bold) + style.ink("  \(report.timestamp)", .dim))
        if let host = report.host { page.paragraph(Columns.plain(host), indent: 0) }
        for note in report.notes { page.paragraph(Columns.plain(note[report.language]), indent: 0) }
    }

    private func section(_ result: Audit.Result, _ report: Report, _ page: inout Page) {
        let entries = result.findings.filter { $0.waiver == nil }
        let waived = result.findings.count - entries.count
        guard !result.findings.isEmpty || (style.isVerbose && !result.unknowns.isEmpty) else { return }
        page.line("")
        sectionTitle(result, &page)
        for entry in entries { finding(entry, report, &page) }
        if waived > 0 { page.paragraph(Words.waived(waived)[report.language], indent: 2, dim: true) }
        if style.isVerbose { unknowns(result, report, &page) }
    }

    private func sectionTitle(_ result: Audit.Result, _ page: inout Page) {
        let subject = result.subject
        var title = Words.kind(subject.kind)[page.language] + " " + Columns.plain(subject.name)
        var details: [String] = []
        if let state = subject.state { details.append(Words.state(state)[page.language]) }
        if let workload = subject.workload, workload != .general { details.append(workload.rawValue) }
        if let file = subject.file, file != subject.name { details.append(Columns.plain(file)) }
        if !details.isEmpty { title += " (" + details.joined(separator: ", ") + ")" }
        let columns = Words.columnTitles(guest: subject.kind == .guest)[page.language]
        let room = style.width - Columns.width(columns)
        if Columns.width(title) + 1 <= room {
            page.line(style.ink(Columns.padded(title, room), .bold) + style.ink(columns, .dim))
        } else {
            for line in Columns.wrapped(title, to: style.width) { page.line(style.ink(line, .bold)) }
            page.line(style.ink(String(repeating: " ", count: max(0, room)) + columns, .dim))
        }
    }

    private func finding(_ entry: Audit.Entry, _ report: Report, _ page: inout Page) {
        let language = report.language
        let about = report.about(entry.practice)
        let finding = entry.finding
        let mark = Words.severity(finding.severity)[language]
        let name = about.id + (finding.part.map { " · " + Columns.plain($0) } ?? "")
        let columns = Words.columnMarks(finding.holds, language)
        let room = style.width - Words.columnsWidth(language) - 12
        page.line(
            "  " + style.severity(finding.severity, Columns.padded(mark, 8)) + "  "
                + (Columns.width(name) < room ? Columns.padded(name, room) + columns : name + "  " + columns.trimmed))
        page.paragraph(Columns.plain(finding.what[language]), indent: 12)
        if style.isVerbose {
            page.paragraph(about.why[language], indent: 12, dim: true)
            page.field(Words.tradeOff[language], about.tradeOff[language], indent: 12)
            if let today = about.today { page.field(Words.today[language], today[language], indent: 12) }
            page.field(
                Words.observed[language], Columns.plain(finding.observed) + " → " + Columns.plain(finding.expected),
                indent: 12)
            for evidence in finding.evidence {
                let line = evidence.line.map { ":\($0)" } ?? ""
                page.field(
                    Words.evidence[language], Columns.plain("\(evidence.source)\(line): \(evidence.value)"), indent: 12)
            }
            page.field(Words.guide[language], "§" + about.section, indent: 12)
        }
        if let owner = finding.owner { page.field(Words.owner[language], Columns.plain(owner), indent: 12) }
        remedy(finding, language, &page)
    }

    private func remedy(_ finding: Finding, _ language: Language, _ page: inout Page) {
        let remedy = finding.remedy
        let disruption = Words.disruption(remedy.disruption)[language]
        var told = false
        func label() -> String {
            defer { told = true }
            return told ? "" : Words.remedy[language]
        }
        if let note = remedy.note { page.field(label(), Columns.plain(note[language]), indent: 12) }
        for change in remedy.changes {
            let edit = "\(change.target): \(change.from ?? "∅") → \(change.to ?? "∅")"
            page.field(
                label(), Columns.plain(Words.oneLine(edit)) + " [\(change.kind.rawValue); \(disruption)]", indent: 12)
        }
        for command in remedy.commands { page.field(label(), "# " + Columns.plain(Words.oneLine(command)), indent: 12) }
    }

    private func unknowns(_ result: Audit.Result, _ report: Report, _ page: inout Page) {
        guard !result.unknowns.isEmpty else { return }
        // The same reason for many practices is told once.
        var order: [Unknown] = []
        var ids: [Unknown: [String]] = [:]
        for remark in result.unknowns {
            if ids[remark.reason] == nil { order.append(remark.reason) }
            ids[remark.reason, default: []].append(report.about(remark.practice).id)
        }
        for reason in order {
            let names = (ids[reason] ?? []).joined(separator: ", ")
            page.paragraph(
                Columns.plain(
                    "\(Words.unknown[report.language]) \(names): \(Words.reason(reason)[report.language])"), indent: 2,
                dim: true)
        }
    }

    /// What could not be told, over all subjects: each reason once, those that concern most first.
    private func unknownsOfAll(_ report: Report, _ page: inout Page) {
        var order: [Unknown] = []
        var ids: [Unknown: [Int]] = [:]
        var subjects: [Unknown: Int] = [:]
        for result in report.audit.results {
            var seen = Set<Unknown>()
            for remark in result.unknowns {
                if ids[remark.reason] == nil { order.append(remark.reason) }
                if !(ids[remark.reason] ?? []).contains(remark.practice) {
                    ids[remark.reason, default: []].append(remark.practice)
                }
                if seen.insert(remark.reason).inserted { subjects[remark.reason, default: 0] += 1 }
            }
        }
        guard !order.isEmpty else { return }
        page.line("")
        page.line(style.ink(Words.notKnown[report.language], .bold))
        let ranked = order.enumerated().sorted {
            let (one, other) = (subjects[$0.element] ?? 0, subjects[$1.element] ?? 0)
            return one != other ? one > other : $0.offset < $1.offset
        }.map(\.element)
        for reason in ranked.prefix(5) {
            let names = (ids[reason] ?? []).map { report.about($0).id }.sorted()
            let shown = names.prefix(6).joined(separator: ", ") + (names.count > 6 ? ", …" : "")
            page.paragraph(Columns.plain("\(shown): \(Words.reason(reason)[report.language])"), indent: 2, dim: true)
        }
        if ranked.count > 5 {
            page.paragraph(Words.moreReasons(ranked.count - 5)[report.language], indent: 2, dim: true)
        }
    }

    private func summary(_ report: Report, _ page: inout Page) {
        let summary = report.audit.summary
        page.line("")
        page.paragraph(Words.subjects(summary)[report.language], indent: 0)
        var line = ""
        var width = 0
        var counts = Severity.allCases.map { ($0 as Severity?, Words.count($0, summary[$0])[report.language]) }
        if summary.waived > 0 { counts.append((nil, Words.waived(summary.waived)[report.language])) }
        for (severity, text) in counts {
            if width > 0, width + 2 + Columns.width(text) > style.width {
                page.line(line + ",")
                line = ""
                width = 0
            }
            line += width > 0 ? ", " : ""
            line += severity.flatMap { summary[$0] > 0 ? style.severity($0, text) : nil } ?? text
            width += (width > 0 ? 2 : 0) + Columns.width(text)
        }
        page.line(line)
        page.paragraph(Words.rest(summary)[report.language], indent: 0, dim: true)
    }
}

extension String {
    /// Without spaces at its ends.
    var trimmed: String {
        var text = self[...]
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}

/// Lines as they are written.
struct Page {
    let style: TextStyle
    let language: Language
    var text = ""

    mutating func line(_ line: String) { text += line + "\n" }

    mutating func paragraph(_ words: String, indent: Int, dim: Bool = false) {
        let margin = String(repeating: " ", count: indent)
        for piece in Columns.wrapped(words, to: style.width - indent) {
            line(margin + (dim ? style.ink(piece, .dim) : piece))
        }
    }

    /// A label and a text that wraps beside it.
    mutating func field(_ label: String, _ words: String, indent: Int) {
        let column = 8
        let margin = String(repeating: " ", count: indent)
        for (index, piece) in Columns.wrapped(words, to: max(20, style.width - indent - column)).enumerated() {
            line(margin + style.ink(Columns.padded(index == 0 ? label : "", column), .dim) + piece)
        }
    }
}
