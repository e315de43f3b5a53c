public import DiskImage
import JSONText
public import Practices
public import Quantities

/// What is recommended for an image.
public enum ImageAdviceReport {
    /// For people.
    public static func text(
        _ advice: ImageAdvice, of image: ImageFacts, language: Language, style: TextStyle
    ) -> String {
        var page = ""
        let size = image.virtualSize.value.map(\.description) ?? "?"
        page += style.ink("\(Columns.plain(image.path)): \(image.format.rawValue), \(size)", .bold) + "\n"
        let labels = [
            Text("now", "现状"), Text("advice", "建议"), Text("costs", "代价"),
        ].map { $0[language] }
        let width = (labels.map { Columns.width($0) }.max() ?? 0) + 2
        for item in advice.items {
            page +=
                "\n" + (item.isMet ? "  " : style.ink("! ", .yellow)) + style.ink(item.title[language], .bold) + "\n"
            for (label, text) in zip(labels, [item.now, item.advice, item.tradeOff]) {
                let lines = Columns.wrapped(Columns.plain(text[language]), to: style.width - width - 4)
                for (index, line) in lines.enumerated() {
                    page += "    " + Columns.padded(index == 0 ? label : "", width) + line + "\n"
                }
            }
            for command in item.commands { page += "    " + style.ink(Columns.plain(command), .cyan) + "\n" }
        }
        return page
    }

    /// For programs.
    public static func json(_ advice: ImageAdvice, of image: ImageFacts, language: Language) -> [UInt8] {
        var json = JSONWriter(indent: 2)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("path", image.path)
            json.member("format", image.format.rawValue)
            json.member("virtualSize", image.virtualSize.value?.rawValue)
            json.member("advice", array: advice.items) { json, item in
                json.object { json in
                    json.member("topic", item.topic)
                    json.member("isMet", item.isMet)
                    json.member("now", item.now[language])
                    json.member("advice", item.advice[language])
                    json.member("tradeOff", item.tradeOff[language])
                    json.member("commands", array: item.commands) { $0.string($1) }
                }
            }
        }
        return json.finished()
    }
}
