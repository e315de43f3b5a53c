import DomainXML
public import Inventory
import JSONText
public import Quantities

/// Guests in a table: what they have while they run, and at their next start.
public enum GuestList {
    /// One guest's row.
    private struct Row {
        var cells: [String]
        var isRunning: Bool
    }

    /// A table, by name.
    public static func text(_ guests: [Guest], _ style: TextStyle, _ language: Language) -> [UInt8] {
        var page = Page(style: style, language: language)
        guard !guests.isEmpty else {
            page.paragraph(Text("There is no guest.", "没有客户机。")[language], indent: 0)
            return Array(page.text.utf8)
        }
        let heads = [
            Text("Guest", "客户机"), Text("State", "状态"), Text("vCPUs", "vCPU"), Text("Memory", "内存"),
            Text("Workload", "负载"), Text("Starts with host", "随主机启动"),
        ].map { $0[language] }
        let rows = sorted(guests).map { guest in
            Row(
                cells: [
                    Columns.plain(guest.name),
                    guest.state.value.map { Words.state($0)[language] } ?? "?",
                    pair(guest.live?.currentVCPUs.description, guest.persistent?.currentVCPUs.description),
                    pair(memory(guest)?.description, guest.persistent?.currentMemory?.description),
                    guest.workload.rawValue,
                    guest.isAutostart.value.map { ($0 ? Text("yes", "是") : Text("no", "否"))[language] } ?? "?",
                ], isRunning: guest.isActive)
        }
        var widths = heads.indices.map { column in
            ([heads[column]] + rows.map { $0.cells[column] }).map(Columns.width).max() ?? 0
        }
        // Names give way, so that a row fits its line.
        widths[0] = min(widths[0], max(20, style.width - widths.dropFirst().reduce(0) { $0 + $1 + 2 }))
        func line(_ cells: [String]) -> String {
            var line = zip(cells, widths).map { Columns.padded(shortened($0, $1), $1) }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        page.line(style.ink(line(heads), .bold))
        for row in rows { page.line(row.isRunning ? line(row.cells) : style.ink(line(row.cells), .dim)) }
        if rows.contains(where: { $0.cells[2].contains("/") || $0.cells[3].contains("/") }) {
            page.line("")
            page.paragraph(
                Text("Two values: running / at its next start.", "两个值:运行中 / 下次启动。")[language], indent: 0, dim: true)
        }
        return Array(page.text.utf8)
    }

    /// An object with an array of guests, by name.
    public static func json(_ guests: [Guest]) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("guests", array: sorted(guests)) { json, guest in
                json.object { json in
                    json.member("name", guest.name)
                    json.member("state", guest.state.value?.rawValue)
                    json.member("workload", guest.workload.rawValue)
                    json.member("autostart", guest.isAutostart.value)
                    json.member("file", guest.file)
                    json.member("running", guest.live, memory(guest))
                    json.member("nextStart", guest.persistent, guest.persistent?.currentMemory)
                }
            }
        }
        return json.finished()
    }

    /// The text's beginning where it is wider than its column.
    private static func shortened(_ text: String, _ columns: Int) -> String {
        guard Columns.width(text) > columns else { return text }
        var short = ""
        for character in text {
            guard Columns.width(short) + Columns.width(String(character)) < columns else { break }
            short.append(character)
        }
        return short + "…"
    }

    private static func sorted(_ guests: [Guest]) -> [Guest] { guests.sorted { $0.name < $1.name } }

    /// What a running guest has now: the balloon's word before the definition's.
    private static func memory(_ guest: Guest) -> ByteCount? {
        guest.live.flatMap { guest.statistics.value?.balloonCurrent ?? $0.currentMemory }
    }

    /// One value where both say the same, or only one is there.
    private static func pair(_ running: String?, _ next: String?) -> String {
        guard let running, let next, running != next else { return running ?? next ?? "?" }
        return "\(running) / \(next)"
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ domain: DomainDefinition?, _ memory: ByteCount?) {
        guard let domain else { return member(name, nil as String?) }
        member(
            name,
            object: { json in
                json.member("vcpus", domain.currentVCPUs)
                json.member("maximumVCPUs", domain.vcpus)
                json.member("memoryBytes", memory?.rawValue)
                json.member("maximumMemoryBytes", domain.memory?.rawValue)
            })
    }
}
