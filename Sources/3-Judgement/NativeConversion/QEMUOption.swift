import JSONText

/// One option of a QEMU command line, with its value taken apart.
public struct QEMUOption: Sendable, Hashable {
    /// Its name without dashes.
    public let name: String
    /// Its value as it was typed; `nil` where it has none.
    public let value: String?

    /// Options that take no value.
    ///
    /// - Source: QEMU qemu-options.hx.
    private static let flags: Set<String> = [
        "S", "s", "enable-kvm", "nographic", "nodefaults", "no-user-config", "no-reboot", "no-shutdown", "daemonize",
        "snapshot", "no-acpi",
        "no-hpet", "no-fd-bootchk", "usb", "full-screen", "no-quit", "win2k-hack", "only-migratable", "version",
        "mem-prealloc", "h", "help",
        "no-kvm", "no-kvm-irqchip", "no-kvm-pit", "singlestep", "realtime", "enable-fips", "xen-attach",
        "xen-domid-restrict", "semihosting",
        "preconfig", "nouserconfig",
    ]

    /// Whether an option takes no value.
    static func isFlag(_ name: String) -> Bool { flags.contains(name) }

    /// As it was typed.
    public var words: String { value.map { "-\(name) \($0)" } ?? "-\(name)" }

    /// Reads arguments, the program not among them; a word that no option takes is a disk, as QEMU has it.
    public static func read(_ arguments: some Sequence<String>) -> [QEMUOption] {
        var options: [QEMUOption] = []
        var pending: String?
        for word in arguments {
            if let name = pending {
                options.append(QEMUOption(name: name, value: word))
                pending = nil
            } else if word.hasPrefix("-"), word.count > 1 {
                let name = String(word.hasPrefix("--") ? word.dropFirst(2) : word.dropFirst())
                if flags.contains(name) { options.append(QEMUOption(name: name, value: nil)) } else { pending = name }
            } else {
                options.append(QEMUOption(name: "hda", value: word))
            }
        }
        if let name = pending { options.append(QEMUOption(name: name, value: nil)) }
        return options
    }
}

/// The parts of an option's value, taken one after the other; what nobody took is told.
final class QEMUKeys {
    /// What stands first without a key: a driver, a type.
    private(set) var head: String
    private var values: [(key: String, value: String)]
    private var isTaken: [Bool]

    /// Takes a value apart: `head,key=value,…`, in which two commas stand for one, or a JSON object.
    ///
    /// - Throws: where it begins as JSON and is none.
    init(_ text: String, head headKeys: [String] = ["driver", "qom-type", "type"]) throws(JSONError) {
        var values: [(key: String, value: String)] = []
        var head = ""
        if text.first == "{" {
            Self.flatten(try JSONValue(text), "", &values)
        } else {
            for (index, part) in Self.split(text).enumerated() {
                guard let equals = part.firstIndex(of: "=") else {
                    if index == 0 { head = part } else if !part.isEmpty { values.append((part, "on")) }
                    continue
                }
                values.append((String(part[..<equals]), String(part[part.index(after: equals)...])))
            }
        }
        if head.isEmpty, let index = values.firstIndex(where: { headKeys.contains($0.key) }) {
            head = values.remove(at: index).value
        }
        self.head = head
        self.values = values
        isTaken = values.map { _ in false }
    }

    private static func flatten(_ value: JSONValue, _ prefix: String, _ values: inout [(key: String, value: String)]) {
        switch value {
        case .object(let members):
            for member in members.sorted(by: { $0.key < $1.key }) {
                flatten(member.value, prefix.isEmpty ? member.key : "\(prefix).\(member.key)", &values)
            }
        case .array(let list):
            for (index, element) in list.enumerated() { flatten(element, "\(prefix).\(index)", &values) }
        case .string(let text): values.append((prefix, text))
        case .bool(let flag): values.append((prefix, flag ? "on" : "off"))
        case .null: break
        default: values.append((prefix, value.integer.map { String($0) } ?? ""))
        }
    }

    static func split(_ text: String) -> [String] {
        var parts: [String] = [""]
        var rest = text[...]
        while let character = rest.popFirst() {
            if character != "," {
                parts[parts.count - 1].append(character)
            } else if rest.first == "," {
                parts[parts.count - 1].append(",")
                rest.removeFirst()
            } else {
                parts.append("")
            }
        }
        return parts
    }

    /// The last value of a key, under any of its names; taken by this.
    func take(_ keys: String...) -> String? {
        var found: String?
        for index in values.indices where keys.contains(values[index].key) {
            isTaken[index] = true
            found = values[index].value
        }
        return found
    }

    /// Looks without taking.
    func peek(_ key: String) -> String? { values.last { $0.key == key }?.value }

    /// Whether a switch is on; `nil` where it is not there.
    func flag(_ keys: String...) -> Bool? {
        for key in keys { if let value = take(key) { return ["on", "yes", "true", "y"].contains(value) } }
        return nil
    }

    /// A number, decimal or as 0x1f.
    func number(_ keys: String...) -> UInt64? {
        for key in keys { if let value = take(key) { return Self.number(value) } }
        return nil
    }

    static func number(_ text: String) -> UInt64? {
        text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }

    /// Keys that mean nothing to a definition, or that libvirt sets itself.
    func ignore(_ keys: String...) { for key in keys { _ = take(key) } }

    /// All that begin with a word, taken.
    func takeAll(prefix: String) -> [(key: String, value: String)] {
        var found: [(key: String, value: String)] = []
        for index in values.indices where values[index].key.hasPrefix(prefix) && !isTaken[index] {
            isTaken[index] = true
            found.append((String(values[index].key.dropFirst(prefix.count)), values[index].value))
        }
        return found
    }

    /// What nobody took.
    var rest: [String] { zip(values, isTaken).filter { !$0.1 }.map { "\($0.0.key)=\($0.0.value)" } }
}
