public import Changes
public import Quantities

/// A plan for people: every change as a diff, what it disturbs, what it costs, and who asks for it.
public enum PlanText {
    /// The plan as bytes.
    public static func bytes(_ plan: Plan, _ style: TextStyle, _ language: Language) -> [UInt8] {
        var page = Page(style: style, language: language)
        for (index, step) in plan.steps.enumerated() { write(step, index + 1, &page) }
        settled(plan, &page)
        leftOut(plan, &page)
        if !(plan.steps.isEmpty && plan.leftOut.isEmpty) { page.line("") }
        page.paragraph(summary(plan)[language], indent: 0)
        return Array(page.text.utf8)
    }

    private static func write(_ step: Step, _ number: Int, _ page: inout Page) {
        let style = page.style
        let language = page.language
        page.line("")
        let place = Columns.plain(step.resource.name)
        page.line(
            style.ink("\(number). \(word(step.resource.kind)[language]) \(place)", .bold) + "  "
                + style.ink(disturbs(step.disruption)[language], .dim))
        diff(step.resource, step.before, step.after, step.command, &page)
        source(step.source, &page)
        var seen = Set<String>()
        for reason in step.reasons where seen.insert(reason.practice + reason.subject + reason.what.english).inserted {
            page.paragraph("\(reason.practice): " + Columns.plain(reason.what[language]), indent: 3)
            if style.isVerbose { page.field(Text("costs", "代价")[language], reason.tradeOff[language], indent: 5) }
        }
        for note in step.notes { page.field(Text("note", "注意")[language], Columns.plain(note[language]), indent: 3) }
    }

    /// Where a value came from.
    static func source(_ source: String?, _ page: inout Page) {
        guard let source else { return }
        page.field(Text("set by", "设置来源")[page.language], Columns.plain(source), indent: 3)
    }

    /// Old → new on a line for values, else a diff.
    static func diff(
        _ resource: Resource, _ old: ResourceState, _ new: ResourceState?, _ command: [String], _ page: inout Page
    ) {
        let style = page.style
        switch resource.kind {
        case .setting, .unit, .autostart,
            .live where resource.isValue:
            page.line(
                "   " + style.ink(Columns.plain(old.text ?? "–"), .red) + " → "
                    + style.ink(Columns.plain(new?.text ?? "–"), .green))
        case .bootMenu where new == nil || !command.isEmpty:
            page.line("   " + Columns.plain(command.joined(separator: " ")))
        default:
            for line in StepText.diff(resource, from: old, to: new).split(
                separator: "\n", omittingEmptySubsequences: false
            ).dropLast() {
                let text = "   " + Columns.plainLine(line)
                switch line.first {
                case "+": page.line(style.ink(text, .green))
                case "-": page.line(style.ink(text, .red))
                case "@": page.line(style.ink(text, .cyan))
                default: page.line(text)
                }
            }
        }
    }

    private static func settled(_ plan: Plan, _ page: inout Page) {
        guard !plan.settled.isEmpty else { return }
        page.line("")
        page.line(page.style.ink(Text("Settled", "已裁定的冲突")[page.language], .bold))
        var seen = Set<Plan.Settled>()
        for conflict in plan.settled where seen.insert(conflict).inserted {
            let (value, other) = (conflict.value ?? "–", conflict.refusedValue ?? "–")
            page.paragraph(
                Columns.plain(
                    Text(
                        "\(conflict.target): \(conflict.chosen) wants \(value), \(conflict.refused) wants \(other); the worse finding prevails, then the guide's order",
                        "\(conflict.target):\(conflict.chosen) 要求 \(value),\(conflict.refused) 要求 \(other);以更严重者为准,其次按指南顺序"
                    )[page.language]), indent: 3)
        }
    }

    private static func leftOut(_ plan: Plan, _ page: inout Page) {
        guard !plan.leftOut.isEmpty else { return }
        page.line("")
        page.line(page.style.ink(Text("Left to you", "留给您处理")[page.language], .bold))
        // One practice on many guests is one line.
        var order: [String] = []
        var groups: [String: [Plan.LeftOut]] = [:]
        for remedy in plan.leftOut {
            let key = remedy.practice + "\n" + remedy.why.english
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(remedy)
        }
        for key in order {
            guard let group = groups[key], let first = group.first else { continue }
            var subjects: [String] = []
            for remedy in group where !subjects.contains(remedy.subject) && subjects.count < 5 {
                subjects.append(remedy.subject)
            }
            let more = Set(group.map(\.subject)).count - subjects.count
            let names = subjects.joined(separator: ", ") + (more > 0 ? " +\(more)" : "")
            page.paragraph("\(first.practice): " + Columns.plain("\(names): \(first.why[page.language])"), indent: 3)
            guard page.style.isVerbose else { continue }
            for remedy in group {
                for command in remedy.commands {
                    page.field("", "# " + Columns.plain(Words.oneLine(command)), indent: 5)
                }
            }
        }
    }

    private static func summary(_ plan: Plan) -> Text {
        let (steps, left) = (plan.steps.count, Set(plan.leftOut.map { $0.practice + "\n" + $0.subject }).count)
        guard steps > 0 else {
            return left == 0
                ? Text("Nothing to change.", "无需更改。")
                : Text("Nothing to change by itself; \(left) left to you.", "没有可自动执行的更改;\(left) 项留给您处理。")
        }
        let rest = left == 0 ? Text("", "") : Text("; \(left) left to you", ";\(left) 项留给您处理")
        let after: Text =
            switch plan.disruption {
            case .nothing, .live: Text("nothing is restarted", "无需重启任何对象")
            case .guestRestart: Text("all of it holds once guests have been restarted", "客户机重启后全部生效")
            case .hostReboot: Text("all of it holds once the host has been rebooted", "主机重启后全部生效")
            }
        return Text(
            "\(steps) step\(steps == 1 ? "" : "s")\(rest.english); \(after.english).",
            "\(steps) 个步骤\(rest.chinese);\(after.chinese)。")
    }

    static func word(_ kind: Resource.Kind) -> Text {
        switch kind {
        case .file: Text("file", "文件")
        case .setting: Text("setting", "设置")
        case .domain: Text("guest", "客户机")
        case .unit: Text("unit", "单元")
        case .bootMenu: Text("boot menu", "引导菜单")
        case .live: Text("running guest", "运行中的客户机")
        case .autostart: Text("autostart of guest", "自动启动客户机")
        }
    }

    private static func disturbs(_ disruption: Disruption) -> Text {
        switch disruption {
        case .nothing: Text("disturbs nothing", "不影响运行")
        case .live: Text("running guests notice", "运行中的客户机会有感知")
        case .guestRestart: Text("holds after a guest restart", "客户机重启后生效")
        case .hostReboot: Text("holds after a host reboot", "主机重启后生效")
        }
    }
}
