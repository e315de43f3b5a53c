import JSONText
public import Planning
public import Quantities

/// Where a guest's memory lay, and lies now.
public enum PagesReport {
    /// A row for each node.
    public static func text(
        _ name: String, _ migration: PageMigration, after: [Int: ByteCount], left: Int, _ style: TextStyle,
        _ language: Language
    ) -> [UInt8] {
        var page = Page(style: style, language: language)
        page.line(
            Columns.padded(Text("node", "节点")[language], 8) + Columns.padded(Text("before", "之前")[language], 14)
                + Text("after", "之后")[language])
        for node in Set(migration.before.keys).union(after.keys).sorted() {
            let number = Columns.padded("\(node)\(migration.to.contains(node) ? " ←" : "")", 8)
            let before = Columns.padded("\(migration.before[node] ?? .zero)", 14)
            page.line("\(number)\(before)\(after[node] ?? .zero)")
        }
        let (was, now) = (share(migration.before, migration.to), share(after, migration.to))
        page.line(
            Text(
                "\(name): \(was) of its memory lay elsewhere than on node \(migration.to) (\(migration.source.english)), now \(now)",
                "\(name):其内存的 \(was) 曾不在节点 \(migration.to) 上(\(migration.source.chinese)),现为 \(now)")[language])
        if left > 0 {
            page.line(
                Text(
                    "\(left) pages stayed: they are pinned (devices passed through, RDMA), or there was no room",
                    "\(left) 个页面未移动:已被固定(直通设备、RDMA)或空间不足")[language])
        }
        return Array(page.text.utf8)
    }

    private static func share(_ memory: [Int: ByteCount], _ nodes: NodeSet) -> String {
        let total = memory.values.reduce(ByteCount.zero, +)
        guard total > .zero else { return "0 %" }
        let remote = PageMigration.remote(memory, nodes)
        let percent = Double(remote.rawValue) / Double(total.rawValue) * 100
        return remote > .zero && percent < 1 ? "< 1 %" : "\(Int(percent.rounded())) %"
    }

    /// An object.
    public static func json(_ name: String, _ migration: PageMigration, after: [Int: ByteCount], left: Int) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("name", name)
            json.member("to", array: Array(migration.to)) { $0.integer($1) }
            for (key, memory) in [("before", migration.before), ("after", after)] {
                json.member(key, array: memory.sorted { $0.key < $1.key }) { json, entry in
                    json.object { json in
                        json.member("node", entry.key)
                        json.member("bytes", entry.value.rawValue)
                    }
                }
            }
            json.member("remoteBefore", migration.remote.rawValue)
            json.member("remoteAfter", PageMigration.remote(after, migration.to).rawValue)
            json.member("pagesLeft", left)
        }
        return json.finished()
    }
}
