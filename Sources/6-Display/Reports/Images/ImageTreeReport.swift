public import DiskImage
import JSONText
public import Quantities

/// Images and what lies on them, drawn.
public enum ImageTreeReport {
    /// For people: a line for each image, overlays below what they lie on.
    ///
    /// - Parameters:
    ///   - forest: the trees.
    ///   - folder: what paths are told from.
    ///   - isASCII: whether lines are drawn with ASCII alone.
    ///   - language: of the words.
    ///   - style: of the terminal.
    ///
    /// - Returns: the text.
    public static func text(
        _ forest: ImageForest, in folder: String, isASCII: Bool, language: Language, style: TextStyle
    ) -> String {
        guard !forest.roots.isEmpty else {
            return Text("No images among \(forest.files) files.", "\(forest.files) 个文件中没有映像。")[language] + "\n"
        }
        var lines: [(line: String, facts: String, fault: String?)] = []
        func add(_ node: ImageForest.Node, _ before: String, _ branch: String, _ below: String) {
            lines.append(
                (before + branch + name(node.path, folder), facts(node), node.fault.map { words($0, folder)[language] })
            )
            for (index, overlay) in node.overlays.enumerated() {
                let isLast = index == node.overlays.count - 1
                let next = isASCII ? (isLast ? "`-- " : "|-- ") : isLast ? "└── " : "├── "
                let rest = isASCII ? (isLast ? "    " : "|   ") : isLast ? "    " : "│   "
                add(overlay, before + below, next, rest)
            }
        }
        for root in forest.roots { add(root, "", "", "") }
        let width = min(lines.map { Columns.width($0.line) }.max() ?? 0, max(24, style.width - 40))
        return lines.map { line in
            var text = Columns.padded(line.line, width) + "  " + style.ink(line.facts, .dim)
            if let fault = line.fault {
                text += "\n" + String(repeating: " ", count: 4) + style.ink("! " + fault, .yellow)
            }
            return text + "\n"
        }.joined()
    }

    private static func name(_ path: String, _ folder: String) -> String {
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        return Columns.plain(path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path)
    }

    private static func facts(_ node: ImageForest.Node) -> String {
        guard let image = node.image.value else { return "?" }
        let size = image.virtualSize.value.map { HumanSize.text($0.rawValue) } ?? "?"
        let disk = image.allocated.value.map { HumanSize.text($0.rawValue) } ?? "?"
        return "\(image.format.rawValue) \(size), \(disk)"
    }

    private static func words(_ fault: ImageForest.Fault, _ folder: String) -> Text {
        switch fault {
        case .missing(let path):
            let name = name(path, folder)
            return Text("what it lies on is not there: \(name)", "缺少后备文件:\(name)")
        case .refused(let path):
            let name = name(path, folder)
            return Text(
                "what it lies on is outside, and was not opened: \(name) (--allow-named)",
                "后备文件在文件夹之外,未打开:\(name)(--allow-named)")
        case .notLocal(let name):
            let name = Columns.plain(name)
            return Text("what it lies on is no file of this host: \(name)", "后备文件不在本主机上:\(name)")
        case .loop: return Text("its chain comes back to it", "后备链成环")
        case .undeclared(let path):
            let name = name(path, folder)
            return Text(
                "it does not declare the format of \(name): a guest could choose it (rebase -u -F)",
                "未声明 \(name) 的格式:客户机可能自行决定(rebase -u -F)")
        case .wrongFormat(let format):
            let format = Columns.plain(format)
            return Text("it declares \(format), and what it lies on is something else", "声明的格式为 \(format),与后备文件不符")
        case .malformed(let what):
            let what = Columns.plain(what)
            return Text("its header is damaged: \(what)", "头部已损坏:\(what)")
        }
    }

    /// For programs.
    public static func json(_ forest: ImageForest) -> [UInt8] {
        func write(_ node: ImageForest.Node, _ json: inout JSONWriter) {
            json.member("path", node.path)
            if let image = node.image.value {
                json.member("format", image.format.rawValue)
                if let size = image.virtualSize.value { json.member("virtualSize", size.rawValue) }
                if let size = image.allocated.value { json.member("allocated", size.rawValue) }
                if let backing = image.backingFile { json.member("backingFile", backing) }
            }
            if let fault = node.fault {
                json.member("fault", kind(fault))
                json.member("reason", words(fault, "/")[.english])
            }
            json.member("overlays", array: node.overlays) { json, overlay in json.object { write(overlay, &$0) } }
        }
        var json = JSONWriter(indent: 2)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("files", UInt64(forest.files))
            json.member("images", array: forest.roots) { json, root in json.object { write(root, &$0) } }
        }
        return json.finished()
    }

    private static func kind(_ fault: ImageForest.Fault) -> String {
        switch fault {
        case .missing: "missing"
        case .refused: "refused"
        case .notLocal: "not-local"
        case .loop: "loop"
        case .undeclared: "undeclared-format"
        case .wrongFormat: "wrong-format"
        case .malformed: "malformed"
        }
    }
}
