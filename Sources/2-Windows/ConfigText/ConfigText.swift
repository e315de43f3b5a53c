import Augeas

/// Edits of the configuration files that practices change.
///
/// What is not edited comes back byte for byte. The edited text is parsed again: it must hold the setting, and every other setting as it was.
public enum ConfigText {
    /// A setting's value in a text.
    ///
    /// - Parameters:
    ///   - setting: as its grammar names it: `vm.swappiness`, `w /sys/…`, `/mnt/images options`, `[nfsd] threads`, `autoballoon`.
    ///   - path: the file's path, which tells its grammar.
    ///   - text: the file's text.
    ///
    /// - Returns: the value as the file writes it; `nil` where it is not set.
    ///
    /// - Throws: where the text is not in its grammar.
    public static func setting(_ setting: String, in path: String, of text: String) throws(ConfigTextError) -> String? {
        let grammar = Grammar(path)
        if grammar == .sections { return SectionText(text).value(setting) }
        let text = ended(text)
        do throws(AugeasError) {
            let tree = try ConfigTree(text: text, lens: grammar.lens)
            return value(setting, grammar, tree)
        } catch {
            if [.notInstalled, .noLens].contains(error.kind), grammar.isPlain {
                return SectionText(text).value(setting)
            }
            throw ConfigTextError(path, "\(error)")
        }
    }

    /// A text with a setting changed.
    ///
    /// - Parameters:
    ///   - setting: as its grammar names it.
    ///   - value: the value as the file writes it; `nil` takes the setting out.
    ///   - path: the file's path, which tells its grammar.
    ///   - text: the file's text; `nil` begins a file with just the setting.
    ///
    /// - Returns: the whole text.
    ///
    /// - Throws: where the text is not in its grammar, or the edit would change more than it says.
    public static func setting(_ setting: String, to value: String?, in path: String, of text: String?)
        throws(ConfigTextError) -> String
    {
        if let value, value.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0 }) {
            throw ConfigTextError(path, "a value of several lines cannot be written")
        }
        if Grammar(path) == .shell, let value, runsCode(value) {
            throw ConfigTextError(path, "\(setting): a shell would put something else in for \(value)")
        }
        return try written(setting, value, in: path, of: text)
    }

    /// A text with a setting changed, whatever a shell makes of the value.
    static func written(_ setting: String, _ value: String?, in path: String, of text: String?)
        throws(ConfigTextError) -> String
    {
        let old = ended(text ?? "")
        let grammar = Grammar(path)
        if grammar == .sections { return try lines(setting, value, path, old) }
        let edited: String?
        let isThere: Bool
        do throws(AugeasError) {
            var tree = try ConfigTree(text: old, lens: grammar.lens)
            let before = tree.nodes()
            let present = Self.value(setting, grammar, tree)
            guard present != value else { return text ?? "" }
            let written = value.map { Self.quoted($0, like: present, grammar) }
            isThere = try edit(setting, written, grammar, &tree)
            let text = try tree.text()
            let again = try ConfigTree(text: text, lens: grammar.lens)
            let isClean =
                Self.value(setting, grammar, again) == written
                && Self.others(before, setting, grammar) == Self.others(again.nodes(), setting, grammar)
            edited = isClean ? text : nil
        } catch {
            if [.notInstalled, .noLens].contains(error.kind), grammar.isPlain {
                return try lines(setting, value, path, old)
            }
            throw ConfigTextError(path, "\(error)")
        }
        if !isThere, value == nil, grammar == .fstab {
            throw ConfigTextError(path, "an entry's options cannot be taken out, only changed")
        }
        guard isThere else { throw ConfigTextError(path, "there is no \(setting)") }
        guard let edited else { throw ConfigTextError(path, "the edit would change more than \(setting)") }
        return edited
    }

    /// A text whose last line has an end: Augeas' grammars want one, and what is added would be glued to it.
    private static func ended(_ text: String) -> String { text.isEmpty || text.utf8.last == 0x0A ? text : text + "\n" }

    /// Whether a shell that reads a value would put in something else: `$`, backquotes and backslashes, unless in single quotes.
    static func runsCode(_ value: String) -> Bool {
        if value.utf8.count > 1, value.hasPrefix("'"), value.hasSuffix("'") { return false }
        return value.utf8.contains { $0 == 0x24 || $0 == 0x60 || $0 == 0x5C }
    }

    private static func lines(_ setting: String, _ value: String?, _ path: String, _ old: String)
        throws(ConfigTextError)
        -> String
    {
        let before = SectionText(old)
        let edited = before.setting(setting, to: value)
        let after = SectionText(edited)
        guard after.value(setting) == value, before.others(than: setting) == after.others(than: setting) else {
            throw ConfigTextError(path, "the edit would change more than \(setting)")
        }
        return edited
    }

    // MARK: Grammars

    private enum Grammar: Equatable {
        case sysctl, tmpfiles, fstab, shell, libvirt, multipath, sections

        init(_ path: String) {
            if path == "/etc/fstab" {
                self = .fstab
            } else if path == "/etc/sysctl.conf" || path.contains("/sysctl.d/") {
                self = .sysctl
            } else if path.contains("/tmpfiles.d/") {
                self = .tmpfiles
            } else if path.hasPrefix("/etc/nfs.conf") || path.hasPrefix("/etc/xen/") {
                // xl.conf looks like a shell's variables, but has spaces around `=` and dots in names.
                self = .sections
            } else if path.hasPrefix("/etc/libvirt/") {
                self = .libvirt
            } else if path.hasPrefix("/etc/multipath") {
                self = .multipath
            } else {
                self = .shell
            }
        }

        /// Whether it is lines of `key = value`, which the line editor can do where Augeas cannot.
        var isPlain: Bool { self == .libvirt || self == .sysctl }

        var lens: ConfigTree.Lens {
            switch self {
            case .sysctl: .sysctl
            case .tmpfiles: .tmpfiles
            case .fstab: .fstab
            case .libvirt: .libvirtQEMU
            case .multipath: .multipath
            case .shell, .sections: .shellVariables
            }
        }
    }

    /// A word in a path expression's quotes; `nil` where no quotes can hold it.
    private static func literal(_ text: some StringProtocol) -> String? {
        if !text.contains("'") { return "'\(text)'" }
        return text.contains("\"") ? nil : "\"\(text)\""
    }

    /// The node of a setting, and whether libvirt's quotes are around values there.
    private static func place(_ setting: String, _ grammar: Grammar, _ tree: borrowing ConfigTree) -> String? {
        switch grammar {
        case .sysctl, .shell, .libvirt: return ConfigTree.escaped(setting)
        case .tmpfiles:
            let words = setting.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let type = literal(words[0]), let path = literal(words[1]) else { return nil }
            return tree.paths("*[type=\(type)][path=\(path)]").last
        case .fstab:
            guard let name = mountPoint(setting), let file = literal(name) else { return nil }
            return tree.paths("*[file=\(file)]").last
        case .multipath:
            guard let name = wwid(setting), let quoted = literal(name) else { return nil }
            return tree.paths("multipaths/multipath[wwid=\(quoted)]").last
        case .sections: return nil
        }
    }

    /// The mount point of `/my vm options` as fstab writes it, with `\\040` for a space; `nil` for anything else.
    private static func mountPoint(_ setting: String) -> String? {
        guard setting.hasSuffix(" options") else { return nil }
        var name = ""
        for scalar in setting.unicodeScalars.dropLast(" options".count) {
            switch scalar {
            case " ": name += "\\040"
            case "\t": name += "\\011"
            case "\n": name += "\\012"
            default: name.unicodeScalars.append(scalar)
            }
        }
        return name.isEmpty ? nil : name
    }

    /// X of `multipaths: multipath { wwid X }: alias`.
    private static func wwid(_ setting: String) -> String? {
        let words = setting.split(separator: " ").map(String.init)
        guard let index = words.firstIndex(of: "wwid"), index + 1 < words.count, words[index + 1] != "WWID" else {
            return nil
        }
        return words[index + 1]
    }

    private static func value(_ setting: String, _ grammar: Grammar, _ tree: borrowing ConfigTree) -> String? {
        guard let place = place(setting, grammar, tree) else { return nil }
        switch grammar {
        case .sysctl: return tree.paths(place).last.flatMap { tree.value($0) }
        // Set twice, the last one counts.
        case .shell: return tree.paths(place).last.flatMap { tree.value($0) }
        case .libvirt:
            guard let value = tree.paths(place).last.flatMap({ tree.value($0) }) else { return nil }
            // Strings are quoted in the file, and not in the tree; numbers are in neither.
            return value.utf8.allSatisfy { (0x30...0x39).contains($0) } && !value.isEmpty ? value : "\"\(value)\""
        case .tmpfiles: return tree.value(place + "/argument")
        case .multipath: return tree.value(place + "/alias")
        case .fstab:
            let options = tree.paths(place + "/opt").map { option in
                (tree.value(option) ?? "") + (tree.value(option + "/value").map { "=\($0)" } ?? "")
            }
            return options.isEmpty ? nil : options.joined(separator: ",")
        case .sections: return nil
        }
    }

    /// A shell's value in the quotes the old one had.
    private static func quoted(_ value: String, like old: String?, _ grammar: Grammar) -> String {
        guard grammar == .shell, let quote = old?.first, quote == "\"" || quote == "'", value.first != quote else {
            return value
        }
        return "\(quote)\(value)\(quote)"
    }

    private static func edit(_ setting: String, _ value: String?, _ grammar: Grammar, _ tree: inout ConfigTree)
        throws(AugeasError) -> Bool
    {
        let place = place(setting, grammar, tree)
        switch grammar {
        case .sysctl, .shell, .libvirt:
            guard let place else { return false }
            guard let value else { return try tree.remove(place) > 0 }
            let plain = grammar == .libvirt && value.count > 1 && value.hasPrefix("\"") && value.hasSuffix("\"")
            // Where a key is set twice, the last line counts.
            try tree.set(tree.paths(place).last ?? place, to: plain ? String(value.dropFirst().dropLast()) : value)
        case .tmpfiles:
            guard let value else {
                guard let place else { return false }
                return try tree.remove(place) > 0
            }
            if let place {
                // The argument is the seventh word.
                for name in ["mode", "uid", "gid", "age"] where tree.value("\(place)/\(name)") == nil {
                    try tree.set("\(place)/\(name)", to: "-")
                }
                try tree.set(place + "/argument", to: value)
                return true
            }
            let words = setting.split(separator: " ", maxSplits: 1).map(String.init)
            guard words.count == 2 else { return false }
            let entry = "\(tree.paths("*[path]").count + 1_000)"
            for (name, word) in [
                ("type", words[0]), ("path", words[1]), ("mode", "-"), ("uid", "-"), ("gid", "-"), ("age", "-"),
                ("argument", value),
            ] {
                try tree.set("\(entry)/\(name)", to: word)
            }
        case .fstab:
            guard let place, let value else { return false }
            try tree.remove(place + "/opt")
            var after = place + "/vfstype"
            for (index, option) in value.split(separator: ",").enumerated() {
                let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
                try tree.insert("opt", beside: after)
                after = "\(place)/opt[\(index + 1)]"
                try tree.set(after, to: parts[0])
                if parts.count > 1 { try tree.set(after + "/value", to: parts[1]) }
            }
        case .multipath:
            guard let name = wwid(setting) else { return false }
            guard let value else {
                guard let place else { return false }
                return try tree.remove(place + "/alias") > 0
            }
            if let place {
                try tree.set(place + "/alias", to: value)
                return true
            }
            let entry = "multipaths/multipath[\(tree.paths("multipaths/multipath").count + 1)]"
            try tree.set(entry + "/wwid", to: name)
            try tree.set(entry + "/alias", to: value)
        case .sections: return false
        }
        return true
    }

    /// Everything but the setting, for comparison: labels and values in order.
    private static func others(_ nodes: [ConfigTree.Node], _ setting: String, _ grammar: Grammar) -> [[String?]] {
        /// Entries of a list are told apart by what they hold, as their numbers move.
        var entries: [String: [String: String]] = [:]
        for node in nodes where node.labels.count == 2 {
            entries[head(node.path), default: [:]][node.labels[1]] = node.value
        }
        return nodes.compactMap { node -> [String?]? in
            switch grammar {
            case .sysctl, .shell, .libvirt: if node.labels.first == setting { return nil }
            case .tmpfiles:
                let entry = entries[head(node.path)]
                let words = setting.split(separator: " ", maxSplits: 1).map(String.init)
                if words.count == 2, entry?["type"] == words[0], entry?["path"] == words[1] { return nil }
            case .fstab:
                let entry = entries[head(node.path)]
                if entry?["file"] == mountPoint(setting),
                    node.labels.dropFirst().first == "opt"
                {
                    return nil
                }
            case .multipath:
                if node.labels.first == "multipaths" {
                    return node.labels.last == "alias" || node.labels.last == "wwid" || node.value == nil
                        ? nil : [node.value]
                }
            case .sections: break
            }
            if node.labels.first?.allSatisfy(\.isNumber) == true {
                return node.labels.count == 1 ? nil : node.labels.dropFirst().map { Optional($0) } + [node.value]
            }
            return node.labels.map { Optional($0) } + [node.value]
        }
    }

    private static func head(_ path: String) -> String {
        String(path.drop { $0 == "/" }.prefix { $0 != "/" })
    }
}
