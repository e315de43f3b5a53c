import JSONText
public import Practices
public import Quantities

/// Practices shown to people and programs: `nearmetal practices` and `nearmetal explain`.
public enum PracticeText {
    /// All practices as a JSON array.
    public static func json(_ abouts: [About], language: Language) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.array(abouts) { PracticesJSON.write($1, language, &$0) }
        return json.finished()
    }

    /// All practices as a table.
    public static func table(_ abouts: [About], language: Language, style: TextStyle) -> String {
        let idWidth = max(2, abouts.map { Columns.width($0.id) }.max() ?? 0)
        let scopeWidth = max(5, abouts.map { scope($0).count }.max() ?? 0)
        var text = ""
        var section = ""
        let head = Text("§       ID", "章节    ID")[language]
        text +=
            style.ink(
                Columns.padded(head, 8 + idWidth) + "  " + Columns.padded(Text("scope", "对象")[language], scopeWidth)
                    + "  "
                    + Text("title", "标题")[language], .bold) + "\n"
        for about in abouts {
            let isNew = about.section != section
            section = about.section
            let start =
                Columns.padded(isNew ? "§" + section : "", 8) + Columns.padded(about.id, idWidth) + "  "
                + Columns.padded(scope(about), scopeWidth) + "  "
            let room = max(16, style.width - Columns.width(start))
            for (index, line) in Columns.wrapped(about.title[language], to: room).enumerated() {
                text += (index == 0 ? start : String(repeating: " ", count: Columns.width(start))) + line + "\n"
            }
        }
        return text
    }

    private static func scope(_ about: About) -> String { about.scopes.map(\.rawValue).joined(separator: ", ") }

    /// One practice, with its examples.
    public static func explanation(_ practice: any Practice, _ about: About, language: Language, style: TextStyle)
        -> String
    {
        var page = Page(style: style, language: language)
        page.line(style.ink(about.id, .bold) + "  §" + about.section)
        page.paragraph(about.title[language], indent: 0)
        page.line("")
        func part(_ label: Text, _ words: String) {
            page.line(style.ink(label[language], .bold))
            page.paragraph(words, indent: 2)
            page.line("")
        }
        part(Text("Why", "为什么"), about.why[language])
        part(Text("Trade-off", "代价"), about.tradeOff[language])
        if let says = about.guideSays { part(Text("The guide says", "指南的说法"), says[language]) }
        if let today = about.today { part(Text("Today", "如今"), today[language]) }
        part(
            Text("Judges", "检查对象"),
            scope(about) + "; " + about.severities.map { Words.severity($0)[language] }.joined(separator: ", ") + "; "
                + about.fixes.map(\.rawValue).joined(separator: ", "))
        if !about.domainTypes.isEmpty, about.scopes.contains(.guest) {
            part(Text("Holds for domains of type", "适用的域类型"), about.domainTypes.sorted().joined(separator: ", "))
        }
        page.line(style.ink(Text("Examples", "示例")[language], .bold))
        for example in practice.examples.all {
            let mark: String
            switch example.expect {
            case .fires(let severity, _): mark = style.severity(severity, Words.severity(severity)[language])
            case .pass: mark = style.ink(Text("pass", "通过")[language], .green)
            case .notApplicable: mark = Text("not applicable", "不适用")[language]
            case .unknown: mark = Text("unknown", "未知")[language]
            }
            page.line("  \(mark): \(example.title)")
            for finding in example.judgement(by: practice).findings.prefix(1) {
                page.paragraph(finding.what[language], indent: 6, dim: true)
            }
        }
        if !about.sources.isEmpty {
            page.line("")
            part(Text("Sources", "来源"), about.sources.joined(separator: "; "))
        }
        while page.text.hasSuffix("\n\n") { page.text.removeLast() }
        return page.text
    }
}
