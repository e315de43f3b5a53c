public import Inventory
import JSONText
public import Quantities

/// What a guest's agent told of its inside.
public enum InsideReport {
    /// A line for each fact; what is not known says why.
    public static func text(_ name: String, _ inside: InsideFacts, _ style: TextStyle, _ language: Language) -> [UInt8]
    {
        var page = Page(style: style, language: language)
        page.line(style.ink(Columns.plain(name), .bold))
        func row(_ what: Text, _ fact: Fact<String>) {
            let value: String
            switch fact {
            case .known(let text): value = text.isEmpty ? "–" : text
            case .unknown(let reason):
                value = Text("not known: \(reason.why.english)", "未知:\(reason.why.chinese)")[language]
            }
            let label = Columns.padded(what[language], 15)
            for (index, line) in Columns.wrapped(Columns.plain(value), to: style.width - 17).enumerated() {
                page.line("  \(index == 0 ? label : String(repeating: " ", count: 15))\(line)")
            }
        }
        row(Text("system", "系统"), inside.system)
        row(Text("agent", "代理"), inside.agentVersion)
        row(Text("kernel", "内核"), inside.kernelRelease)
        row(Text("random numbers", "随机数"), inside.rngCurrent)
        row(Text("to be had", "可用"), inside.rngAvailable.map { $0.joined(separator: " ") })
        row(Text("schedulers", "调度器"), inside.schedulers.map(pairs))
        row(Text("virtio drivers", "virtio 驱动"), inside.virtioDrivers.map(pairs))
        row(Text("services", "服务"), inside.services.map { $0.sorted().joined(separator: " ") })
        return Array(page.text.utf8)
    }

    private static func pairs(_ values: [String: String]) -> String {
        values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.isEmpty ? "–" : $0.value)" }.joined(
            separator: " ")
    }

    /// The same as an object; what is not known is null, with its reason beside.
    public static func json(_ name: String, _ inside: InsideFacts) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("name", name)
            var unknown: [(String, Unknown)] = []
            func value<Value>(_ key: String, _ fact: Fact<Value>) -> Value? {
                if case .unknown(let reason) = fact { unknown.append((key, reason)) }
                return fact.value
            }
            json.member("system", value("system", inside.system))
            json.member("agentVersion", value("agentVersion", inside.agentVersion))
            json.member("kernelRelease", value("kernelRelease", inside.kernelRelease))
            json.member("rngCurrent", value("rngCurrent", inside.rngCurrent))
            json.member("rngAvailable", array: value("rngAvailable", inside.rngAvailable) ?? []) { $0.string($1) }
            for (key, fact) in [("schedulers", inside.schedulers), ("virtioDrivers", inside.virtioDrivers)] {
                let pairs = (value(key, fact) ?? [:]).sorted { $0.key < $1.key }
                json.member(key, object: { json in for (name, value) in pairs { json.member(name, value) } })
            }
            json.member("services", array: (value("services", inside.services) ?? []).sorted()) { $0.string($1) }
            json.member("unknown", array: unknown) { json, entry in
                json.object { json in
                    json.member("fact", entry.0)
                    json.member("why", entry.1.why.english)
                }
            }
        }
        return json.finished()
    }
}
