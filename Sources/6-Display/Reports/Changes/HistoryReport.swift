public import Changes
import Inventory
import JSONText
public import Quantities
public import Transactions

/// Transactions, for people and for programs.
public enum HistoryReport {
    /// A table, the newest first.
    public static func text(_ records: [TransactionRecord], _ style: TextStyle, _ language: Language) -> [UInt8] {
        var page = Page(style: style, language: language)
        guard !records.isEmpty else {
            page.paragraph(Text("Nothing was changed yet.", "尚未做过任何更改。")[language], indent: 0)
            return Array(page.text.utf8)
        }
        for record in records {
            let place = record.root == "/" ? "" : "  \(Columns.plain(record.root))"
            let state = Columns.padded(word(record.state)[language], 12)
            page.line(
                style.ink(Columns.padded("\(record.id)", 5), .bold)
                    + CivilDay.timestamp(secondsSince1970: record.started) + "  "
                    + (record.state == .broken ? style.ink(state, .bold, .red) : state) + "  "
                    + Text(
                        "\(record.steps.count) step\(record.steps.count == 1 ? "" : "s")", "\(record.steps.count) 个步骤")[
                        language] + place)
            var practices: [String] = []
            for practice in record.steps.flatMap({ $0.reasons.map(\.practice) }) where !practices.contains(practice) {
                practices.append(practice)
            }
            if !practices.isEmpty { page.paragraph(practices.joined(separator: ", "), indent: 5, dim: true) }
            if let remark = record.remark { page.paragraph(Columns.plain(Words.oneLine(remark)), indent: 5) }
        }
        return Array(page.text.utf8)
    }

    /// An array with an object for each.
    public static func json(_ records: [TransactionRecord]) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.array(records) { write($1, &$0) }
        return json.finished()
    }

    /// One transaction whole, for programs.
    public static func json(_ record: TransactionRecord) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        write(record, &json)
        return json.finished()
    }

    private static func write(_ record: TransactionRecord, _ json: inout JSONWriter) {
        json.object { json in
            json.member("id", record.id)
            json.member("state", record.state.rawValue)
            json.member("root", record.root)
            json.member("connection", record.connection)
            json.member("started", CivilDay.timestamp(secondsSince1970: record.started))
            json.member("ended", record.ended.map(CivilDay.timestamp))
            json.member("boot", record.boot)
            json.member("tool", record.tool)
            json.member("remark", record.remark)
            json.member("steps", array: record.steps) { json, step in
                json.object { json in
                    json.member("kind", step.resource.kind.rawValue)
                    json.member("target", step.resource.name)
                    json.member("state", step.state.rawValue)
                    json.member("disrupts", step.disruption.rawValue)
                    json.member("source", step.source)
                    json.member("diff", StepText.diff(step.resource, from: step.before, to: step.after ?? step.wanted))
                    var practices: [String] = []
                    for reason in step.reasons where !practices.contains(reason.practice) {
                        practices.append(reason.practice)
                    }
                    json.member("practices", array: practices) { $0.string($1) }
                }
            }
        }
    }

    /// One transaction whole, with the commands that undo it.
    public static func text(_ record: TransactionRecord, _ style: TextStyle, _ language: Language) -> [UInt8] {
        var page = Page(style: style, language: language)
        page.line(
            style.ink(Text("Transaction \(record.id)", "事务 \(record.id)")[language], .bold) + "  "
                + CivilDay.timestamp(secondsSince1970: record.started) + "  " + word(record.state)[language])
        if let remark = record.remark { page.paragraph(Columns.plain(Words.oneLine(remark)), indent: 3) }
        for step in record.steps {
            page.line("")
            page.line(
                style.ink(
                    "\(step.ordinal + 1). \(PlanText.word(step.resource.kind)[language]) \(Columns.plain(step.resource.name))",
                    .bold)
                    + "  " + step.state.rawValue)
            PlanText.diff(step.resource, step.before, step.after ?? step.wanted, step.command, &page)
            PlanText.source(step.source, &page)
            var seen = Set<String>()
            for reason in step.reasons where seen.insert(reason.practice + reason.what.english).inserted {
                page.paragraph("\(reason.practice): " + Columns.plain(reason.what[language]), indent: 3)
            }
        }
        let taken = record.steps.filter { $0.state == .done || $0.state == .begun }
        guard !taken.isEmpty else { return Array(page.text.utf8) }
        page.line("")
        page.line(style.ink(Text("To undo it without Nearmetal", "不借助 Nearmetal 撤销")[language], .bold))
        page.line("")
        for step in taken.reversed() {
            for command in StepText.undo(
                step.resource, to: step.before, root: record.root, connection: record.connection)
            {
                // To be pasted: neither indented nor wrapped, but a terminal is not commanded.
                for line in command.split(separator: "\n", omittingEmptySubsequences: false) {
                    page.line(Columns.plainLine(line))
                }
            }
        }
        return Array(page.text.utf8)
    }

    /// Whether what was applied is still in force.
    public static func text(_ drift: [Drift], _ nextBoot: [Resource: String], _ style: TextStyle, _ language: Language)
        -> [UInt8]
    {
        var page = Page(style: style, language: language)
        for entry in drift {
            let name = "\(PlanText.word(entry.resource.kind)[language]) \(Columns.plain(entry.resource.name))"
            switch entry.isInForce {
            case true?: page.line("  " + style.ink("✓", .green) + " " + name)
            case false?:
                page.line("  " + style.ink("✗", .bold, .red) + " " + name)
                if entry.resource.isValue {
                    let (old, new) = (entry.expected.text ?? "–", entry.now?.text ?? "–")
                    page.paragraph(
                        Columns.plain(Text("was set to \(old), is \(new)", "曾设为 \(old),现为 \(new)")[language]), indent: 6
                    )
                } else {
                    PlanText.diff(entry.resource, entry.expected, entry.now ?? .absent, [], &page)
                }
            case nil:
                page.line("  " + style.ink("?", .yellow) + " " + name)
                page.paragraph(Columns.plain(entry.problem ?? ""), indent: 6)
            }
            if let why = nextBoot[entry.resource] {
                page.paragraph(Columns.plain(Text("after a reboot: \(why)", "重启后:\(why)")[language]), indent: 6)
            }
        }
        let (bad, unknown) = (drift.count { $0.isInForce == false }, drift.count { $0.isInForce == nil })
        page.line("")
        page.paragraph(
            Text(
                "\(drift.count) in all; \(bad) changed since; \(unknown) unknown; \(nextBoot.count) will not hold after a reboot.",
                "共 \(drift.count) 项;\(bad) 项已被更改;\(unknown) 项未知;\(nextBoot.count) 项重启后不再生效。")[language], indent: 0)
        return Array(page.text.utf8)
    }

    /// The same for programs.
    public static func json(_ drift: [Drift], _ nextBoot: [Resource: String]) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("resources", array: drift) { json, entry in
                json.object { json in
                    json.member("transaction", entry.transaction)
                    json.member("kind", entry.resource.kind.rawValue)
                    json.member("target", entry.resource.name)
                    json.member("inForce", entry.isInForce)
                    json.member("problem", entry.problem)
                    json.member("nextBoot", nextBoot[entry.resource])
                    json.member(
                        "diff",
                        entry.isInForce == false
                            ? StepText.diff(entry.resource, from: entry.expected, to: entry.now) : String?.none)
                }
            }
        }
        return json.finished()
    }

    private static func word(_ state: TransactionRecord.State) -> Text {
        switch state {
        case .applying: Text("cut short", "已中断")
        case .applied: Text("applied", "已应用")
        case .undone: Text("undone", "已撤销")
        case .rollingBack: Text("rolling back", "回滚中断")
        case .rolledBack: Text("rolled back", "已回滚")
        case .broken: Text("broken", "损坏")
        }
    }
}
