public import Foresight
import JSONText
public import Quantities

/// Whether a guest can migrate, as a table.
public enum MigrationReport {
    /// A line for each thing it needs there.
    public static func text(_ verdicts: [MigrationCheck.Verdict], _ style: TextStyle, _ language: Language) -> [UInt8] {
        var page = Page(style: style, language: language)
        let width = verdicts.map { Columns.width(Columns.plain($0.part)) }.max() ?? 0
        for verdict in verdicts {
            let (mark, ink): (Text, TextStyle.Ink) =
                switch verdict.isMet {
                case true?: (Text("yes", "是"), .green)
                case false?: (Text("no", "否"), .red)
                case nil: (Text("unknown", "未知"), .yellow)
                }
            let part = Columns.padded(Columns.plain(verdict.part), min(width, 24))
            let head = "\(style.ink(Columns.padded(mark[language], 8), ink))\(part)  "
            let lines = Columns.wrapped(
                Columns.plain(verdict.why[language]), to: max(20, style.width - 10 - min(width, 24)))
            for (index, line) in lines.enumerated() {
                page.line(index == 0 ? head + line : String(repeating: " ", count: 10 + min(width, 24)) + line)
            }
        }
        return Array(page.text.utf8)
    }

    /// An object with an array of verdicts; what is not known is null.
    public static func json(_ verdicts: [MigrationCheck.Verdict], _ language: Language) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member(
                "canMigrate",
                verdicts.contains { $0.isMet == false } ? false : verdicts.contains { $0.isMet == nil } ? nil : true)
            json.member("verdicts", array: verdicts) { json, verdict in
                json.object { json in
                    json.member("part", verdict.part)
                    json.member("met", verdict.isMet)
                    json.member("why", verdict.why[language])
                }
            }
        }
        return json.finished()
    }
}
