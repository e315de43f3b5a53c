public import Changes
import LineDiff
import Quantities

/// A step as people read changes.
public enum StepText {
    /// A unified diff for files and definitions, old → new for values.
    ///
    /// Passwords in definitions are not shown.
    public static func diff(_ resource: Resource, from old: ResourceState, to new: ResourceState?) -> String {
        switch resource.kind {
        case .live where !resource.isValue:
            func text(_ state: ResourceState) -> String? {
                state.text.flatMap { $0 == LiveParameter.noDevice ? nil : withoutPasswords($0) + "\n" }
            }
            return LineDiff.unified(
                from: text(old), to: new.flatMap(text), oldName: "a/" + resource.name, newName: "b/" + resource.name)
        case .setting, .unit, .live, .autostart:
            return "-\(old.text ?? "")\n+\(new?.text ?? "")\n"
        case .file, .domain, .bootMenu:
            guard let new else { return "" }
            func text(_ state: ResourceState) -> String? {
                guard let bytes = state.bytes else { return nil }
                guard let text = String(validating: bytes, as: UTF8.self) else { return "(\(bytes.count) bytes)\n" }
                return resource.kind == .domain ? withoutPasswords(text) : text
            }
            return LineDiff.unified(
                from: text(old), to: text(new), oldName: "a/" + name(resource), newName: "b/" + name(resource))
        }
    }

    private static func name(_ resource: Resource) -> String {
        resource.kind == .domain ? "\(resource.name).xml" : String(resource.name.drop { $0 == "/" })
    }

    /// A definition without the values of `passwd` attributes.
    static func withoutPasswords(_ text: String) -> String {
        guard text.contains("passwd=") else { return text }
        var result = ""
        var rest = text[...]
        while let range = rest.firstRange(of: "passwd=") {
            result += rest[..<range.upperBound]
            rest = rest[range.upperBound...]
            guard let quote = rest.first, quote == "'" || quote == "\"" else { continue }
            let value = rest.dropFirst()
            let end = value.firstIndex(of: quote) ?? value.endIndex
            result += "\(quote)…"
            rest = value[end...]
        }
        return result + rest
    }

    /// Commands with which a person puts a state back without Nearmetal.
    public static func undo(_ resource: Resource, to state: ResourceState, root: String, connection: String?)
        -> [String]
    {
        let path = (root == "/" ? "" : root) + resource.name
        switch resource.kind {
        case .setting:
            let text = state.text ?? ""
            if let equals = text.firstIndex(of: "="), let slash = path.lastIndex(of: "/") {
                return ["echo '\(text[text.index(after: equals)...])' > \(path[..<slash])/\(text[..<equals])"]
            }
            return ["echo \(text.shellWord) > \(path.shellWord)"]
        case .unit:
            let words = (state.text ?? "").split(separator: " ")
            let at = root == "/" ? "" : "--root=\(root.shellWord) "
            var commands: [String] = []
            switch words.first {
            case "enabled"?: commands.append("systemctl \(at)enable \(resource.name.shellWord)")
            case "disabled"?: commands.append("systemctl \(at)disable \(resource.name.shellWord)")
            case "masked"?: commands.append("systemctl \(at)mask \(resource.name.shellWord)")
            default: break
            }
            if words.count > 1 {
                commands.append("systemctl \(words[1] == "active" ? "start" : "stop") \(resource.name.shellWord)")
            }
            return commands
        case .file, .bootMenu:
            guard let bytes = state.bytes else { return ["rm -f \(path.shellWord)"] }
            var commands = [write(bytes, to: path)]
            if let attributes = state.attributes {
                commands.append("chmod \(String(attributes.mode, radix: 8)) \(path.shellWord)")
                commands.append("chown \(attributes.owner):\(attributes.group) \(path.shellWord)")
            }
            return commands
        case .live:
            guard let (guest, parameter) = resource.live, let value = state.text else { return [] }
            return [parameter.command(guest, value, connection: connection)]
        case .autostart:
            let uri = connection.map { "-c \($0.shellWord) " } ?? ""
            let option = state.text == "off" ? "--disable " : ""
            return state.text == nil ? [] : ["virsh \(uri)autostart \(option)\(resource.name.shellWord)"]
        case .domain:
            let uri = connection.map { "-c \($0.shellWord) " } ?? ""
            guard let xml = state.text else { return ["virsh \(uri)undefine --keep-nvram \(resource.name.shellWord)"] }
            return [
                "virsh \(uri)define /dev/stdin <<'NEARMETAL'\n\(xml)\(xml.hasSuffix("\n") ? "" : "\n")NEARMETAL"
            ]
        }
    }

    /// A here-document where the text allows one, else digits that any shell's printf understands.
    private static func write(_ bytes: [UInt8], to path: String) -> String {
        // What a terminal would obey, or show otherwise than it is, is written in digits.
        if let text = String(validating: bytes, as: UTF8.self), bytes.last == 0x0A,
            text.split(separator: "\n").allSatisfy({ Columns.plainLine($0) == $0 && $0 != "NEARMETAL" })
        {
            return "cat > \(path.shellWord) <<'NEARMETAL'\n\(text)NEARMETAL"
        }
        let digits = bytes.map { byte in
            let octal = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - octal.count) + octal
        }
        return "printf '\(digits.joined())' > \(path.shellWord)"
    }
}
