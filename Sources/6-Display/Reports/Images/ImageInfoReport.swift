public import DiskImage
import Glibc
import JSONText

/// What images tell of themselves, as `qemu-img info` prints it.
public enum ImageInfoReport {
    /// For people; images of a chain are set off by an empty line.
    public static func text(_ infos: [ImageInfo]) -> String { infos.map(text).joined(separator: "\n") }

    private static func text(_ info: ImageInfo) -> String {
        var lines = [
            "image: \(Columns.plain(info.filename))", "file format: \(info.format.rawValue)",
            "virtual size: \(HumanSize.text(info.virtualSize)) (\(info.virtualSize) bytes)",
            "disk size: \(info.actualSize.map(HumanSize.text) ?? "unavailable")",
        ]
        if info.isEncrypted { lines.append("encrypted: yes") }
        if let size = info.clusterSize { lines.append("cluster_size: \(size)") }
        if info.isDirty == true { lines.append("cleanly shut down: no") }
        if let backing = info.backing {
            let isElsewhere = info.backingPath.map { $0 != backing.name } ?? false
            lines.append(
                "backing file: \(Columns.plain(backing.name))"
                    + (isElsewhere ? " (actual path: \(Columns.plain(info.backingPath ?? "")))" : ""))
            if let format = backing.format { lines.append("backing file format: \(Columns.plain(format))") }
        }
        if !info.snapshots.isEmpty { lines += ["Snapshot list:"] + snapshots(info.snapshots) }
        if !info.details.isEmpty {
            lines.append("Format specific information:")
            append(info.details, 1, &lines)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The table of snapshots, as `qemu-img snapshot -l` has it.
    public static func snapshots(_ snapshots: [ImageSnapshot]) -> [String] {
        func padded(_ text: String, _ width: Int, right: Bool) -> String {
            let space = String(repeating: " ", count: max(0, width - text.count))
            return right ? space + text : text + space
        }
        func row(_ id: String, _ tag: String, _ size: String, _ date: String, _ clock: String, _ count: String)
            -> String
        {
            padded(id, 10, right: false) + padded(tag, 17, right: false) + padded(size, 8, right: true)
                + padded(date, 20, right: true) + padded(clock, 13, right: true) + padded(count, 11, right: true)
        }
        func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
        return [row("ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT")]
            + snapshots.map { snapshot in
                var time = time_t(clamping: snapshot.seconds)
                var parts = tm()
                localtime_r(&time, &parts)
                let date =
                    "\(parts.tm_year + 1900)-\(two(Int(parts.tm_mon) + 1))-\(two(Int(parts.tm_mday))) \(two(Int(parts.tm_hour))):\(two(Int(parts.tm_min))):\(two(Int(parts.tm_sec)))"
                let seconds = Int(clamping: snapshot.clock / 1_000_000_000)
                let thousandths = Int(snapshot.clock / 1_000_000 % 1000)
                let clock =
                    "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(String(repeating: "0", count: thousandths < 10 ? 2 : thousandths < 100 ? 1 : 0))\(thousandths)"
                return row(
                    Columns.plain(snapshot.id), Columns.plain(snapshot.name), HumanSize.text(snapshot.stateSize), date,
                    clock, snapshot.instructions.map { String($0) } ?? "")
            }
    }

    private static func append(_ details: [(name: String, value: ImageDetail)], _ depth: Int, _ lines: inout [String]) {
        for (name, value) in details {
            append(value, String(name.map { $0 == "-" ? " " : $0 }), depth, &lines)
        }
    }

    private static func append(_ value: ImageDetail, _ name: String, _ depth: Int, _ lines: inout [String]) {
        let indent = String(repeating: "    ", count: depth)
        switch value {
        case .bool(let value): lines.append("\(indent)\(name): \(value)")
        case .number(let value): lines.append("\(indent)\(name): \(value)")
        case .text(let value): lines.append("\(indent)\(name): \(Columns.plain(value))")
        case .list(let values):
            lines.append("\(indent)\(name):")
            for (index, value) in values.enumerated() { append(value, "[\(index)]", depth + 1, &lines) }
        case .object(let values):
            lines.append("\(indent)\(name):")
            append(values, depth + 1, &lines)
        }
    }

    /// For programs: an object, or of a chain a list of them.
    public static func json(_ infos: [ImageInfo], asList: Bool) -> [UInt8] {
        var json = JSONWriter(indent: 4)
        if asList {
            json.array { json in for info in infos { object(info, &json) } }
        } else if let info = infos.first {
            object(info, &json)
        }
        return json.finished()
    }

    private static func object(_ info: ImageInfo, _ json: inout JSONWriter) {
        json.object { json in
            if let backing = info.backing, let format = backing.format {
                json.member("backing-filename-format", format)
            }
            if !info.snapshots.isEmpty {
                json.member("snapshots", array: info.snapshots) { json, snapshot in
                    json.object { json in
                        if let count = snapshot.instructions { json.member("icount", count) }
                        json.member("vm-clock-nsec", snapshot.clock % 1_000_000_000)
                        json.member("name", snapshot.name)
                        json.member("date-sec", snapshot.seconds)
                        json.member("date-nsec", snapshot.nanoseconds)
                        json.member("vm-clock-sec", snapshot.clock / 1_000_000_000)
                        json.member("id", snapshot.id)
                        json.member("vm-state-size", snapshot.stateSize)
                    }
                }
            }
            json.member("virtual-size", info.virtualSize)
            json.member("filename", info.filename)
            if let size = info.clusterSize { json.member("cluster-size", size) }
            json.member("format", info.format.rawValue)
            if let size = info.actualSize { json.member("actual-size", size) }
            if !info.details.isEmpty {
                json.member(
                    "format-specific",
                    object: { json in
                        json.member("type", info.format.rawValue)
                        json.member("data", object: { json in members(info.details, &json) })
                    })
            }
            if let backing = info.backing {
                if let path = info.backingPath { json.member("full-backing-filename", path) }
                json.member("backing-filename", backing.name)
            }
            if info.isEncrypted { json.member("encrypted", true) }
            if let isDirty = info.isDirty { json.member("dirty-flag", isDirty) }
        }
    }

    private static func members(_ details: [(name: String, value: ImageDetail)], _ json: inout JSONWriter) {
        for (name, value) in details {
            switch value {
            case .bool(let value): json.member(name, value)
            case .number(let value): json.member(name, value)
            case .text(let value): json.member(name, value)
            case .list(let values): json.member(name, array: values) { json, value in element(value, &json) }
            case .object(let values): json.member(name, object: { json in members(values, &json) })
            }
        }
    }

    private static func element(_ value: ImageDetail, _ json: inout JSONWriter) {
        switch value {
        case .bool(let value): json.bool(value)
        case .number(let value): json.integer(value)
        case .text(let value): json.string(value)
        case .list(let values): json.array { json in for value in values { element(value, &json) } }
        case .object(let values): json.object { json in members(values, &json) }
        }
    }
}

/// Sizes as QEMU writes them: three digits that count, and a unit in which there are less than 1,000.
public enum HumanSize {
    /// `1.27 MiB`.
    public static func text(_ bytes: UInt64) -> String {
        let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 || value == 0 ? 2 : 3
        let scale = [1.0, 10, 100, 1000][decimals]
        // To even at the half, as printf has it.
        let rounded = (value * scale).rounded(.toNearestOrEven)
        var text = String(Int(rounded / scale))
        let fraction = Int(rounded) % Int(scale)
        if decimals > 0, fraction != 0 {
            var digits = String(fraction)
            while digits.count < decimals { digits = "0" + digits }
            while digits.hasSuffix("0") { digits.removeLast() }
            text += "." + digits
        }
        return "\(text) \(units[unit])B"
    }
}
