import Advisor
import Changes
import Inventory
import Practices
import Quantities

/// The report's own words in both languages.
enum Words {
    static let tradeOff = Text("cost", "代价")
    static let today = Text("today", "现状")
    static let observed = Text("value", "数值")
    static let evidence = Text("seen", "依据")
    static let guide = Text("guide", "指南")
    static let owner = Text("owner", "归属")
    static let remedy = Text("fix", "措施")
    static let unknown = Text("unknown", "未知")

    static func kind(_ kind: Audit.Subject.Kind) -> Text {
        switch kind {
        case .host: Text("Host", "主机")
        case .configuration: Text("Configuration", "配置")
        case .guest: Text("Guest", "客户机")
        case .image: Text("Image", "映像")
        }
    }

    static func state(_ state: Guest.State) -> Text {
        switch state {
        case .running: Text("running", "运行中")
        case .blocked: Text("blocked", "阻塞")
        case .paused: Text("paused", "已暂停")
        case .shuttingDown: Text("shutting down", "正在关机")
        case .shutOff: Text("shut off", "已关机")
        case .crashed: Text("crashed", "已崩溃")
        case .suspended: Text("suspended", "已挂起")
        }
    }

    static func severity(_ severity: Severity) -> Text {
        switch severity {
        case .error: Text("error", "错误")
        case .warning: Text("warning", "警告")
        case .advice: Text("advice", "建议")
        case .info: Text("info", "信息")
        }
    }

    static func count(_ severity: Severity, _ count: Int) -> Text {
        switch severity {
        case .error: Text(count == 1 ? "1 error" : "\(count) errors", "\(count) 个错误")
        case .warning: Text(count == 1 ? "1 warning" : "\(count) warnings", "\(count) 个警告")
        case .advice: Text("\(count) advice", "\(count) 条建议")
        case .info: Text("\(count) info", "\(count) 条信息")
        }
    }

    static func waived(_ count: Int) -> Text { Text("\(count) waived", "\(count) 项已豁免") }

    static let notKnown = Text("Not known", "未知项")

    static func moreReasons(_ count: Int) -> Text {
        Text("… and \(count) more reasons: --verbose tells them", "……另有 \(count) 条原因:--verbose 可显示")
    }

    static func disruption(_ disruption: Disruption) -> Text {
        switch disruption {
        case .nothing: Text("disturbs nothing", "无影响")
        case .live: Text("live", "在线生效")
        case .guestRestart: Text("guest restart", "需重启客户机")
        case .hostReboot: Text("host reboot", "需重启主机")
        }
    }

    /// Titles of the two columns.
    static func columnTitles(guest: Bool) -> Text {
        guest ? Text("running  next start", "运行中  下次启动") : Text("    now  after boot", "  当前  重启之后")
    }

    /// A finding's marks, each under the middle of its title.
    static func columnMarks(_ holds: Finding.Holds, _ language: Language) -> String {
        let running = holds.contains(.running) ? "●" : "–"
        let next = holds.contains(.nextStart) ? "●" : "–"
        switch language {
        case .english: return "    \(running)         \(next)"
        case .chinese: return "   \(running)       \(next)"
        }
    }

    /// Columns that the titles take, and so the marks' room.
    static func columnsWidth(_ language: Language) -> Int { Columns.width(columnTitles(guest: true)[language]) }

    /// A reason and what to do about it, as two sentences.
    static func reason(_ reason: Unknown) -> Text {
        Text(
            "\(reason.why.english). \(reason.howToRead.english).", "\(reason.why.chinese)。\(reason.howToRead.chinese)。")
    }

    static func subjects(_ summary: Audit.Summary) -> Text {
        var english: [String] = []
        var chinese: [String] = []
        for kind in [Audit.Subject.Kind.host, .guest, .image] {
            guard let count = summary.subjects[kind], count > 0 else { continue }
            english.append("\(count) \(kind.rawValue)\(count == 1 ? "" : "s")")
            chinese.append("\(count) 个\(Self.kind(kind).chinese)")
        }
        guard !english.isEmpty else { return Text("Nothing to judge:", "没有可检查的对象:") }
        return Text(english.joined(separator: ", ") + ":", chinese.joined(separator: "、") + ":")
    }

    static func rest(_ summary: Audit.Summary) -> Text {
        Text(
            "\(summary.passes) passed, \(summary.notApplicable) not applicable, \(summary.unknowns) unknown.",
            "\(summary.passes) 项通过,\(summary.notApplicable) 项不适用,\(summary.unknowns) 项未知。")
    }

    /// Line ends of a fragment or unit file as a mark, so that it stays on its line.
    static func oneLine(_ text: String) -> String {
        text.contains("\n") ? text.split(separator: "\n").map(String.init).joined(separator: " ⏎ ") : text
    }
}
