internal import Quantities

/// What the boot loader will give the next kernel, in the formats people have.
///
/// Reads only.
struct BootReader {
    let tree: HostTree
    let isEFI: Bool

    func read(_ distribution: Distribution?) -> BootFacts {
        var facts = BootFacts()
        facts.tmpfiles = tmpfiles()
        facts.configuredXen = .unknown(Unknown(.missing, source: "/etc/default/grub"))
        facts.configured = .unknown(Unknown(.missing, source: "/etc/default/grub"))
        configured(&facts)
        let next = self.next()
        facts.nextCommandLine = next.line.map { KernelCommandLine($0) }
        facts.nextSource = next.line.value == nil ? nil : next.source
        facts.loader = loader(next.kind, distribution)
        if facts.configured.isMissing, next.kind == .zipl || next.kind == .menuLst {
            // These two are written by hand: what is configured and what comes next are one.
            facts.configured = facts.nextCommandLine
            facts.configuredSource = facts.nextSource
        }
        return facts
    }

    /// Xen's parameters of the entry that is started by itself.
    func xenLine() -> KernelCommandLine? { grub()?.menu.preset?.hypervisor.map { KernelCommandLine($0) } }

    // MARK: What the administrator wrote

    private func configured(_ facts: inout BootFacts) {
        var files = ["/etc/default/grub"]
        switch tree.names("/etc/default/grub.d") {
        case .known(let names): files += names.filter { $0.hasSuffix(".cfg") }.map { "/etc/default/grub.d/\($0)" }
        case .unknown: break
        }
        var variables: [String: String] = [:]
        var isThere = false
        for file in files {
            switch tree.bytes(file) {
            case .known(let bytes):
                isThere = true
                variables = ShellFile(bytes, over: variables).variables
            case .unknown(let reason):
                guard reason.cause != .missing else { continue }
                facts.configured = .unknown(reason)
                facts.configuredXen = .unknown(reason)
                return
            }
        }
        func line(_ names: String...) -> Fact<KernelCommandLine> {
            .known(KernelCommandLine(names.compactMap { variables[$0] }.joined(separator: " ")))
        }
        if isThere {
            // The order in which grub-mkconfig writes them.
            facts.configured = line("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
            facts.configuredXen = line("GRUB_CMDLINE_XEN", "GRUB_CMDLINE_XEN_DEFAULT")
            facts.configuredSource = "/etc/default/grub"
        }
        switch tree.bytes("/etc/kernel/cmdline") {
        case .known(let bytes):
            // Comments are allowed since kernel-install reads it line by line.
            let lines = bytes.lines.filter { $0.trimmed.first != 0x23 }.map(\.string)
            facts.configured = .known(KernelCommandLine(lines.joined(separator: " ")))
            facts.configuredSource = "/etc/kernel/cmdline"
        case .unknown(let reason):
            if reason.cause != .missing { facts.configured = .unknown(reason) }
        }
    }

    // MARK: What the next kernel gets

    private enum Kind { case grub, grubWithEntries, entries, menuLst, zipl, none }

    private func next() -> (line: Fact<String>, source: String?, kind: Kind) {
        func missing(_ source: String) -> Fact<String> { .unknown(Unknown(.missing, source: source)) }
        let usesSdbootutil = tree.exists("/usr/bin/sdbootutil") && tree.exists("/etc/kernel/cmdline")
        if !usesSdbootutil {
            if let grub = grub() {
                if grub.menu.hasLoaderEntries {
                    let (entries, reason) = entries()
                    let entry = pick(entries, wanted: grub.menu.wanted)
                    if let options = entry?.options {
                        return (.known(expand(options, grub.environment)), entry?.path, .grubWithEntries)
                    }
                    if let reason { return (.unknown(reason), nil, .grubWithEntries) }
                }
                let line = grub.menu.preset?.kernel
                return (line.map(Fact.known) ?? missing("a kernel in \(grub.path)"), grub.path, .grub)
            }
            if let reason = Self.grubPaths.lazy.compactMap({ tree.bytes($0).reason }).first(where: {
                $0.cause != .missing
            }) {
                return (.unknown(reason), nil, .grub)
            }
        }
        let (entries, reason) = entries()
        if let entry = pick(entries, wanted: loaderDefault()) {
            return (
                entry.options.map { .known(expand($0, environment())) } ?? missing("options in \(entry.path)"),
                entry.path, .entries
            )
        }
        if let reason { return (.unknown(reason), nil, .entries) }
        for path in ["/boot/grub/menu.lst", "/boot/grub/grub.conf"] {
            let line = tree.parsed(path, HostFacts.parseMenuLst)
            if !line.isMissing { return (line, path, .menuLst) }
        }
        let zipl = tree.parsed("/etc/zipl.conf") { bytes in HostFacts.parseZipl(bytes) { self.tree.bytes($0).value } }
        if !zipl.isMissing { return (zipl, "/etc/zipl.conf", .zipl) }
        return (.unknown(Self.noLoader), nil, .none)
    }

    /// A container, or a machine whose kernel is given from outside.
    private static let noLoader = Unknown(
        .missing, source: "boot loader configuration",
        remedy: Text(
            "No GRUB, boot entry or zipl was found: look at what starts this kernel, a hypervisor or the network",
            "未找到 GRUB、引导项或 zipl 配置:请查看由什么启动此内核(虚拟机管理程序或网络)"))

    private static let grubPaths = ["/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"]

    private func environment() -> [String: String] {
        for path in ["/boot/grub2/grubenv", "/boot/grub/grubenv"] {
            if let bytes = tree.bytes(path).value { return HostFacts.parseGrubEnvironment(bytes) }
        }
        return [:]
    }

    /// The menu as generated.
    ///
    /// On UEFI hosts of some distributions it lies on the system partition, elsewhere a stub there leads to it.
    private func grub() -> (menu: GrubMenu, path: String, environment: [String: String])? {
        let environment = environment()
        var paths = Self.grubPaths
        for vendor in tree.names("/boot/efi/EFI").value ?? [] { paths.append("/boot/efi/EFI/\(vendor)/grub.cfg") }
        for path in paths {
            guard let bytes = tree.bytes(path).value else { continue }
            var variables = environment
            // The system partition has a grubenv of its own then.
            if variables.isEmpty, let slash = path.lastIndex(of: "/"),
                let own = tree.bytes(path[..<slash] + "/grubenv").value
            {
                variables = HostFacts.parseGrubEnvironment(own)
            }
            let menu = GrubMenu(bytes, environment: variables, isEFI: isEFI)
            if !menu.entries.isEmpty || menu.hasLoaderEntries { return (menu, path, variables) }
        }
        return nil
    }

    // MARK: Loader entries

    private func entries() -> (entries: [LoaderEntry], reason: Unknown?) {
        var reason: Unknown?
        for folder in ["/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries"] {
            switch tree.names(folder) {
            case .unknown(let why): if why.cause != .missing { reason = reason ?? why }
            case .known(let names):
                var found: [LoaderEntry] = []
                for name in names.prefix(1024) where name.hasSuffix(".conf") {
                    switch tree.bytes("\(folder)/\(name)") {
                    case .known(let bytes):
                        found.append(LoaderEntry(bytes, id: String(name.dropLast(5)), path: "\(folder)/\(name)"))
                    case .unknown(let why): reason = reason ?? why
                    }
                }
                if !found.isEmpty { return (found.sorted(by: LoaderEntry.precedes), reason) }
            }
        }
        return ([], reason)
    }

    /// The entry a name, title, pattern or number stands for, else the first that is no rescue system.
    private func pick(_ entries: [LoaderEntry], wanted: String?) -> LoaderEntry? {
        if let wanted, !wanted.isEmpty, wanted.utf8.count <= 512 {
            let plain = wanted.hasSuffix(".conf") ? String(wanted.dropLast(5)) : wanted
            if let number = Array(plain.utf8).decimal, number < UInt64(entries.count) { return entries[Int(number)] }
            let pattern = Wildcard(plain)
            if let entry = entries.first(where: { $0.id == plain || $0.title == plain || pattern.matches($0.id) }) {
                return entry
            }
        }
        return entries.first { !$0.id.contains("rescue") } ?? entries.first
    }

    /// systemd-boot's preset: the firmware's variable, else loader.conf's.
    private func loaderDefault() -> String? {
        let variable = "/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
        if let bytes = tree.bytes(variable).value, let name = HostFacts.parseEFIString(bytes) { return name }
        if let saved = environment()["saved_entry"]?.nonEmpty { return saved }
        for path in ["/efi/loader/loader.conf", "/boot/efi/loader/loader.conf", "/boot/loader/loader.conf"] {
            for words in tree.bytes(path).value?.lines.map(\.fields) ?? []
            where words.first?.equals("default") == true && words.count > 1 {
                // `@saved` stands for the variable above.
                if words[1].first != 0x40 { return words[1].string }
            }
        }
        return nil
    }

    /// `$kernelopts` and `$tuned_params` come from grubenv.
    private func expand(_ options: String, _ environment: [String: String]) -> String {
        options.split(separator: " ").map { word in
            word.hasPrefix("$")
                ? environment[String(word.dropFirst()).filter { $0 != "{" && $0 != "}" }] ?? "" : String(word)
        }.filter { !$0.isEmpty }.joined(separator: " ")
    }

    // MARK: Which loader

    private func loader(_ kind: Kind, _ distribution: Distribution?) -> Fact<BootFacts.Loader> {
        func has(_ name: String) -> Bool { ["/usr/sbin/", "/sbin/", "/usr/bin/"].contains { tree.exists($0 + name) } }
        if has("sdbootutil"), tree.exists("/etc/kernel/cmdline") { return .known(.sdbootutil) }
        switch kind {
        case .menuLst: return .known(.menuLst)
        case .zipl: return .known(.zipl)
        case .grubWithEntries, .entries: if has("grubby") { return .known(.grubby) }
        case .grub, .none: break
        }
        guard kind != .none && kind != .entries || tree.exists("/etc/default/grub") else {
            return .unknown(Self.noLoader)
        }
        let isDebian = distribution.map { $0.id == "debian" || $0.like.contains("debian") } == true
        return .known(has("update-grub") || isDebian ? .updateGrub : .grub2Mkconfig)
    }

    // MARK: tmpfiles.d

    private func tmpfiles() -> Fact<[String: ConfiguredSysctl]> {
        let fragments = DropIns(tree, "tmpfiles.d")
        if let reason = fragments.reason { return .unknown(reason) }
        guard fragments.hasFolder else { return .unknown(Unknown(.missing, source: "/etc/tmpfiles.d")) }
        var result: [String: ConfiguredSysctl] = [:]
        for path in fragments.paths {
            switch DropIns.bytes(tree, path) {
            case .unknown(let reason): return .unknown(reason)
            case .known(let bytes):
                for line in HostFacts.parseTmpfiles(bytes) {
                    let setting = ConfiguredSysctl(value: line.value, file: path, line: line.line)
                    // Of two lines for one path the first counts; one that appends is carried out after it.
                    if let before = result[line.path], !line.appends {
                        result[line.path]?.overruled = before.overruled.prefix(15) + ["\(path): \(line.value)"]
                    } else {
                        result[line.path] = SysctlReader.over(result[line.path], setting)
                    }
                }
            }
        }
        return .known(result)
    }
}
