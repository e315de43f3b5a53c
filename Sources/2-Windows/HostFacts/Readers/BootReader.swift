internal import Quantities

/// What the boot loader will give the next kernel, in the formats people have.
struct BootReader {
    let tree: HostTree

    func read(_ distribution: Distribution?) -> BootFacts {
        var facts = BootFacts()
        let missing = Unknown(.missing, source: "boot loader configuration")
        facts.loader = .unknown(missing)
        facts.nextCommandLine = .unknown(missing)
        facts.configured = .unknown(missing)
        facts.configuredXen = .unknown(Unknown(.missing, source: "/etc/default/grub"))
        defaultGrub(&facts)
        if tree.exists("/etc/kernel/cmdline"), let text = tree.text("/etc/kernel/cmdline").value {
            facts.configured = .known(KernelCommandLine(text))
            facts.configuredSource = "/etc/kernel/cmdline"
        }
        if let entries = entries(), !entries.isEmpty {
            next(entries, &facts)
        } else if let (path, text) = first(["/boot/grub2/grub.cfg", "/boot/grub/grub.cfg", "/boot/efi/EFI/grub.cfg"]),
            let line = Self.grubEntry(text)
        {
            facts.nextCommandLine = .known(KernelCommandLine(line))
            facts.nextSource = path
        } else if let (path, text) = first(["/boot/grub/menu.lst"]), let line = Self.menuLst(text) {
            facts.nextCommandLine = .known(KernelCommandLine(line))
            facts.nextSource = path
            facts.loader = .known(.menuLst)
        } else if let (path, text) = first(["/etc/zipl.conf"]), let line = Self.zipl(text) {
            facts.nextCommandLine = .known(KernelCommandLine(line))
            facts.nextSource = path
            facts.loader = .known(.zipl)
        }
        if facts.loader.value == nil { facts.loader = loader(distribution) }
        return facts
    }

    private func first(_ paths: [String]) -> (path: String, text: String)? {
        for path in paths { if let text = tree.bytes(path).value { return (path, String(decoding: text, as: UTF8.self)) } }
        return nil
    }

    private func loader(_ distribution: Distribution?) -> Fact<BootFacts.Loader> {
        if tree.exists("/etc/kernel/cmdline"), tree.exists("/usr/bin/sdbootutil") { return .known(.sdbootutil) }
        if tree.exists("/usr/sbin/grubby") || tree.exists("/sbin/grubby") { return .known(.grubby) }
        guard tree.exists("/etc/default/grub") else { return .unknown(Unknown(.missing, source: "boot loader")) }
        if tree.exists("/usr/sbin/update-grub") || distribution.map({ $0.id == "debian" || $0.like.contains("debian") || $0.id == "ubuntu" }) == true {
            return .known(.updateGrub)
        }
        return .known(.grub2Mkconfig)
    }

    // MARK: GRUB

    private func defaultGrub(_ facts: inout BootFacts) {
        guard case .known(let bytes) = tree.bytes("/etc/default/grub") else {
            if let reason = tree.bytes("/etc/default/grub").reason, reason.cause == .denied { facts.configured = .unknown(reason) }
            return
        }
        var variables = Self.shellVariables(String(decoding: bytes, as: UTF8.self))
        for name in tree.names("/etc/default/grub.d").value ?? [] where name.hasSuffix(".cfg") {
            guard let more = tree.bytes("/etc/default/grub.d/\(name)").value else { continue }
            variables = Self.shellVariables(String(decoding: more, as: UTF8.self), over: variables)
        }
        func line(_ names: String...) -> KernelCommandLine {
            KernelCommandLine(names.compactMap { variables[$0] }.joined(separator: " "))
        }
        facts.configured = .known(line("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"))
        facts.configuredSource = "/etc/default/grub"
        facts.configuredXen = .known(line("GRUB_CMDLINE_XEN", "GRUB_CMDLINE_XEN_DEFAULT"))
    }

    /// Assignments of a shell file: quotes are taken off, `$NAME` and `${NAME}` are put in, `+=` appends. No command is run.
    static func shellVariables(_ text: String, over before: [String: String] = [:]) -> [String: String] {
        var variables = before
        for line in text.split(separator: "\n") {
            var line = line.trimmingWhitespace
            if line.hasPrefix("export ") { line = line.dropFirst(7).trimmingWhitespace }
            guard line.first != "#", let (name, rest) = line.cut(at: "=") else { continue }
            let appends = name.hasSuffix("+")
            let key = String(appends ? name.dropLast() : name)
            guard !key.isEmpty, key.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else { continue }
            let value = shellValue(rest, variables)
            variables[key] = appends ? (variables[key] ?? "") + value : value
        }
        return variables
    }

    private static func shellValue(_ text: Substring, _ variables: [String: String]) -> String {
        var value = ""
        var quote: Character?
        var characters = text[...]
        while let character = characters.popFirst() {
            if let open = quote {
                if character == open {
                    quote = nil
                } else if character == "\\", open == "\"", let next = characters.first, "\"\\$`".contains(next) {
                    value.append(next)
                    characters = characters.dropFirst()
                } else if character == "$", open == "\"" {
                    value += expanded(&characters, variables)
                } else {
                    value.append(character)
                }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "$" {
                value += expanded(&characters, variables)
            } else if character == "\\", let next = characters.popFirst() {
                value.append(next)
            } else if character == " " || character == "\t" || character == "#" {
                break
            } else {
                value.append(character)
            }
        }
        return value
    }

    private static func expanded(_ rest: inout Substring, _ variables: [String: String]) -> String {
        let braced = rest.first == "{"
        var after = braced ? rest.dropFirst() : rest
        let name = after.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !name.isEmpty else { return "$" }
        after = after.dropFirst(name.count)
        if braced {
            guard after.first == "}" else { return "$" }
            after = after.dropFirst()
        }
        rest = after
        return variables[String(name)] ?? ""
    }

    /// The `linux` line of the menu entry that is started by default: `set default="0"`, by number or title; the first where that is not plain.
    static func grubEntry(_ text: String) -> String? {
        var entries: [(title: String, line: String)] = []
        var title = ""
        var wanted: String?
        for line in text.split(separator: "\n") {
            let words = line.words
            guard let command = words.first else { continue }
            if command == "menuentry" {
                let rest = line.trimmingWhitespace.dropFirst(9).trimmingWhitespace
                if let quote = rest.first, quote == "'" || quote == "\"" { title = String(rest.dropFirst().prefix { $0 != quote }) } else { title = "" }
            } else if command == "set", words.count >= 2, words[1].hasPrefix("default=") {
                let value = words[1].dropFirst(8).filter { $0 != "\"" && $0 != "'" }
                if !value.contains("$") { wanted = wanted ?? String(value) }
            } else if ["linux", "linuxefi", "linux16", "module", "module2"].contains(command), words.count >= 2 {
                // Under Xen the kernel is a module of the hypervisor.
                if command.hasPrefix("module"), !words[1].contains("vmlinu"), !words[1].contains("Image") { continue }
                entries.append((title, words.dropFirst(2).joined(separator: " ")))
            }
        }
        if let wanted {
            if let number = Int(wanted), entries.indices.contains(number) { return entries[number].line }
            if let entry = entries.first(where: { $0.title == wanted }) { return entry.line }
        }
        return entries.first?.line
    }

    // MARK: Boot loader specification

    /// Entries below `boot/loader/entries`, the newest first.
    private func entries() -> [(path: String, options: String)]? {
        for folder in ["/boot/loader/entries", "/boot/efi/loader/entries", "/efi/loader/entries"] {
            guard let names = tree.names(folder).value else { continue }
            let found = names.filter { $0.hasSuffix(".conf") && !$0.contains("rescue") }.sorted(by: >).compactMap { name -> (String, String)? in
                guard let lines = tree.lines("\(folder)/\(name)").value else { return nil }
                let options = lines.filter { $0.words.first == "options" }.map { $0.words.dropFirst().joined(separator: " ") }
                return options.isEmpty ? nil : ("\(folder)/\(name)", options.joined(separator: " "))
            }
            if !found.isEmpty { return found }
        }
        return nil
    }

    private func next(_ entries: [(path: String, options: String)], _ facts: inout BootFacts) {
        var environment: [String: String] = [:]
        if let (_, text) = first(["/boot/grub2/grubenv", "/boot/grub/grubenv"]) {
            for line in text.split(separator: "\n") {
                if let (name, value) = line.cut(at: "="), line.first != "#" { environment[String(name)] = String(value) }
            }
        }
        let saved = environment["saved_entry"]
        let chosen = entries.first { saved != nil && $0.path.hasSuffix("/\(saved ?? "").conf") } ?? entries[0]
        var line = chosen.options
        for name in ["kernelopts", "tuned_params"] { line = line.replacing("$\(name)", with: environment[name] ?? "") }
        facts.nextCommandLine = .known(KernelCommandLine(line))
        facts.nextSource = chosen.path
    }

    // MARK: Others

    /// GRUB 1: `default 0`, then `title` and `kernel PATH PARAMETERS`.
    static func menuLst(_ text: String) -> String? {
        var chosen = 0
        var kernels: [String] = []
        for line in text.split(separator: "\n") {
            let words = line.words
            if words.first == "default", words.count > 1, let number = Int(words[1]) { chosen = number }
            if words.first == "kernel", words.count > 1 {
                kernels.append(words.dropFirst(2).filter { !$0.hasPrefix("--") }.joined(separator: " "))
            }
        }
        return kernels.indices.contains(chosen) ? kernels[chosen] : kernels.first
    }

    /// `parameters = "root=… quiet"` of the first section that has one.
    static func zipl(_ text: String) -> String? {
        for line in text.split(separator: "\n") {
            guard let (name, value) = line.cut(at: "="), name.trimmingWhitespace == "parameters" else { continue }
            return value.trimmingWhitespace.filter { $0 != "\"" }
        }
        return nil
    }
}
