/// QEMU's command line as options with their values.
struct QEMUArguments: Sendable {
    /// An option without its dashes (`device`) and what follows it; `nil` where nothing does.
    struct Option: Sendable, Hashable {
        var name: String
        var value: String?
        /// The option as it was typed.
        var words: String { value.map { "-\(name) \($0)" } ?? "-\(name)" }
        /// The value's first word, before any comma: a driver or type.
        var head: String { String((value ?? "").prefix { $0 != "," }) }
        /// The value's `key=value` parts; a doubled comma stands for one.
        ///
        /// A part without `=` maps to an empty string.
        var keys: [String: String] {
            var keys: [String: String] = [:]
            for part in Self.split(value ?? "") {
                guard let equals = part.firstIndex(of: "=") else {
                    keys[part] = keys[part] ?? ""
                    continue
                }
                keys[String(part[..<equals])] = String(part[part.index(after: equals)...])
            }
            return keys
        }

        private static func split(_ value: String) -> [String] {
            var parts: [String] = []
            var part = ""
            var rest = value[...]
            while let character = rest.popFirst() {
                if character != "," {
                    part.append(character)
                } else if rest.first == "," {
                    part.append(",")
                    rest.removeFirst()
                } else {
                    parts.append(part)
                    part = ""
                }
            }
            return parts + [part]
        }
    }
    /// The options in order.
    var options: [Option] = []

    /// Reads arguments, the program not among them.
    ///
    /// A word that no option takes is a disk, as QEMU has it (`hda`).
    init(_ arguments: some Sequence<String>) {
        var pending: String?
        for word in arguments {
            if word.hasPrefix("-"), word.count > 1 {
                if let pending { options.append(Option(name: pending, value: nil)) }
                pending = String(word.drop { $0 == "-" })
                if let name = pending, Self.flags.contains(name) {
                    options.append(Option(name: name, value: nil))
                    pending = nil
                }
            } else if let name = pending {
                options.append(Option(name: name, value: word))
                pending = nil
            } else {
                options.append(Option(name: "hda", value: word))
            }
        }
        if let pending { options.append(Option(name: pending, value: nil)) }
    }

    /// Options that take no value.
    private static let flags: Set<String> = [
        "S", "s", "enable-kvm", "nographic", "nodefaults", "no-user-config", "no-reboot", "no-shutdown", "daemonize",
        "snapshot", "no-acpi",
        "no-hpet", "no-fd-bootchk", "usb", "full-screen", "no-quit", "win2k-hack", "only-migratable", "version",
        "old-style", "mem-prealloc",
    ]
}
