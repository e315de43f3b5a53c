public import DomainXML
import JSONText
public import Quantities

/// CPUs compared, and what they have in common.
public enum CPUReport {
    /// A line for each host, and what is against it.
    public static func text(
        _ answers: [(host: String, answer: CPUComparison.Answer)], _ style: TextStyle, _ language: Language
    ) -> [UInt8] {
        var page = Page(style: style, language: language)
        for (host, answer) in answers {
            let word: Text =
                switch answer.verdict {
                case .identical: Text("identical", "相同")
                case .superset: Text("superset", "超集")
                case .incompatible: Text("incompatible", "不兼容")
                }
            let inked = style.ink(word[language], answer.verdict == .incompatible ? .red : .green)
            page.line("\(Columns.plain(host)): \(inked)")
            if let reason = answer.reason { page.paragraph(Columns.plain(reason), indent: 2) }
            for (label, names) in [
                (Text("lacks", "缺少"), answer.missing), (Text("has, and must not", "存在但不允许"), answer.forbidden),
            ] where !names.isEmpty {
                page.paragraph("\(label[language]): \(Columns.plain(names.joined(separator: " ")))", indent: 2)
            }
        }
        return Array(page.text.utf8)
    }

    /// An object with an array of hosts.
    public static func json(_ answers: [(host: String, answer: CPUComparison.Answer)]) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("hosts", array: answers) { json, entry in
                json.object { json in
                    json.member("host", entry.host)
                    json.member("verdict", entry.answer.verdict.rawValue)
                    json.member("missing", array: entry.answer.missing) { $0.string($1) }
                    json.member("forbidden", array: entry.answer.forbidden) { $0.string($1) }
                    json.member("reason", entry.answer.reason)
                }
            }
        }
        return json.finished()
    }

    /// The CPU that all can be.
    public static func json(baseline: XMLDocument) -> [UInt8] {
        let cpu = baseline.root
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("model", cpu.first("model")?.text)
            json.member("vendor", cpu.first("vendor")?.text)
            json.member("features", array: cpu.all("feature")) { json, feature in
                json.object { json in
                    json.member("name", feature["name"])
                    json.member("policy", feature["policy"])
                }
            }
            json.member("xml", String(decoding: baseline.source, as: UTF8.self))
        }
        return json.finished()
    }
}
