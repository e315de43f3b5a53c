internal import Quantities

/// systemd units and tools that own settings.
struct ServiceReader {
    let tree: HostTree

    func read() -> ServiceFacts {
        var facts = ServiceFacts()
        facts.enabled = enabled()
        facts.active = active()
        facts.defaultTarget = defaultTarget()
        facts.ksmtuned = tree.bytes("/etc/ksmtuned.conf").map(HostFacts.parseShellVariables)
        facts.owners = owners(facts.enabled, facts.active)
        return facts
    }

    private func enabled() -> Fact<Set<String>> {
        let folder = "/etc/systemd/system"
        return tree.names(folder).flatMap { names in
            var units = Set<String>()
            for name in names where name.hasSuffix(".wants") || name.hasSuffix(".requires") {
                switch tree.names("\(folder)/\(name)") {
                case .known(let wanted): units.formUnion(wanted)
                case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
                }
            }
            return .known(units)
        }
    }

    /// Services have a cgroup while they run; systemd also keeps a link for each invocation.
    private func active() -> Fact<Set<String>> {
        var units = Set<String>()
        var isKnown = false
        for folder in [
            "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice", "/sys/fs/cgroup/unified/system.slice",
        ] {
            guard let names = tree.names(folder).value else { continue }
            isKnown = true
            units.formUnion(names.filter { $0.hasSuffix(".service") || $0.hasSuffix(".socket") })
        }
        if let names = tree.names("/run/systemd/units").value {
            isKnown = true
            for name in names where name.hasPrefix("invocation:") { units.insert(String(name.dropFirst(11))) }
        }
        return isKnown
            ? .known(units)
            : .unknown(tree.names("/run/systemd/units").reason ?? Unknown(.missing, source: "/run/systemd/units"))
    }

    private func defaultTarget() -> Fact<String> {
        for path in [
            "/etc/systemd/system/default.target", "/usr/lib/systemd/system/default.target",
            "/lib/systemd/system/default.target",
        ] {
            if let target = tree.link(path)?.split(separator: "/").last { return .known(String(target)) }
        }
        return .unknown(Unknown(.missing, source: "/etc/systemd/system/default.target"))
    }

    // MARK: Owners

    private func owners(_ enabled: Fact<Set<String>>, _ active: Fact<Set<String>>) -> Fact<[SettingOwner]> {
        // Who runs is told by either; without both, whether anybody tunes the host is not known.
        guard enabled.value != nil || active.value != nil else {
            return .unknown(enabled.reason ?? Unknown(.missing, source: "/etc/systemd/system"))
        }
        var owners: [SettingOwner] = []
        func runs(_ unit: String) -> Bool {
            enabled.value?.contains(unit) == true || active.value?.contains(unit) == true
        }
        if runs("tuned.service"), let profile = tree.text("/etc/tuned/active_profile").value?.nonEmpty {
            owners.append(SettingOwner(.tuned, profile: profile, settings: tuned(profile)))
        }
        if runs("saptune.service") { owners.append(saptune()) }
        let ksm: Set = [
            "/sys/kernel/mm/ksm/run", "/sys/kernel/mm/ksm/pages_to_scan", "/sys/kernel/mm/ksm/sleep_millisecs",
        ]
        if runs("ksmtuned.service") { owners.append(SettingOwner(.ksmtuned, settings: ksm)) }
        if runs("ksm.service") || runs("qemu-ksm.service") {
            owners.append(SettingOwner(.ksm, settings: ["/sys/kernel/mm/ksm/run"]))
        }
        return .known(owners)
    }

    /// What tuned's active profiles set, those they include too.
    private func tuned(_ profiles: String) -> Set<String> {
        var settings = Set<String>()
        var waiting = profiles.split(separator: " ").map(String.init)
        var seen = Set<String>()
        while let profile = waiting.popLast() {
            // Names of folders, not paths; a `-` before one says that it may be missing.
            let name = profile.hasPrefix("-") ? String(profile.dropFirst()) : profile
            guard !name.contains("/"), seen.count < 64, seen.insert(name).inserted else { continue }
            let folders = ["/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned"]
            guard let bytes = folders.lazy.compactMap({ tree.bytes("\($0)/\(name)/tuned.conf").value }).first else {
                continue
            }
            let read = HostFacts.parseTunedProfile(bytes)
            settings.formUnion(read.settings)
            waiting += read.includes
        }
        return settings
    }

    /// saptune keeps a file for each parameter it changed; without those, the notes it applies tell.
    private func saptune() -> SettingOwner {
        let variables = tree.bytes("/etc/sysconfig/saptune").value.map(HostFacts.parseShellVariables) ?? [:]
        let applied = (variables["NOTE_APPLY_ORDER"] ?? variables["TUNE_FOR_NOTES"] ?? "").split(separator: " ").map(
            String.init)
        let names = [variables["TUNE_FOR_SOLUTIONS"], variables["TUNE_FOR_NOTES"]].compactMap { $0 }.flatMap {
            $0.split(separator: " ")
        }
        var settings = Set<String>()
        for folder in ["/run/saptune/parameter", "/var/lib/saptune/parameter"] {
            for name in tree.names(folder).value ?? [] { settings.insert(HostFacts.saptuneSetting(name)) }
        }
        if settings.isEmpty {
            for note in applied where !note.contains("/") {
                for folder in [
                    "/etc/saptune/override", "/etc/saptune/extra", "/usr/share/saptune/notes",
                    "/var/lib/saptune/working/notes",
                ] {
                    let bytes = tree.bytes("\(folder)/\(note)").value ?? tree.bytes("\(folder)/\(note).conf").value
                    if let bytes { settings.formUnion(HostFacts.parseSaptuneNote(bytes)) }
                }
            }
        }
        return SettingOwner(.saptune, profile: names.isEmpty ? nil : names.joined(separator: " "), settings: settings)
    }
}

extension HostFacts {
    /// `[section]` lines and `key = value` lines below them; `#` and `;` begin comments.
    static func parseSections(_ bytes: [UInt8]) -> [(section: String, key: String, value: String)] {
        var result: [(String, String, String)] = []
        var section = ""
        for line in bytes.lines {
            let line = line.trimmed
            guard let first = line.first, first != 0x23, first != 0x3B else { continue }
            if first == 0x5B, let close = line.firstIndex(of: 0x5D) {
                section = line[(line.startIndex + 1)..<close].trimmed.string
            } else if let (key, value) = line.cut(at: 0x3D), !key.trimmed.isEmpty {
                result.append((section, key.trimmed.string, value.trimmed.string))
            }
        }
        return result
    }

    /// What a tuned profile sets (sysctl keys, sysfs paths, which may hold wildcards), and the profiles it includes.
    ///
    /// - Source: tuned-profiles(7), tuned.conf(5).
    public static func parseTunedProfile(_ bytes: [UInt8]) -> (settings: Set<String>, includes: [String]) {
        var settings = Set<String>()
        var includes: [String] = []
        for (section, key, value) in parseSections(bytes) {
            switch (section, key) {
            case ("main", "include"):
                includes += value.split { $0 == "," || $0 == ";" || $0 == " " }.map(String.init)
            case ("sysctl", _): settings.insert(dottedSysctl(key))
            case ("vm", "transparent_hugepages"), ("vm", "transparent_hugepage"):
                settings.insert("/sys/kernel/mm/transparent_hugepage/enabled")
            case ("vm", "transparent_hugepage.defrag"): settings.insert("/sys/kernel/mm/transparent_hugepage/defrag")
            case ("sysfs", _): settings.insert(key)
            case ("disk", "elevator"): settings.insert("/sys/block/*/queue/scheduler")
            case ("disk", "readahead"): settings.insert("/sys/block/*/queue/read_ahead_kb")
            case ("cpu", "governor"): settings.insert("/sys/devices/system/cpu/*/cpufreq/scaling_governor")
            case ("bootloader", _) where key.hasPrefix("cmdline"): settings.insert("/proc/cmdline")
            default: break
            }
        }
        return (settings, includes)
    }

    /// What a saptune note sets.
    ///
    /// - Source: saptune-note(5).
    public static func parseSaptuneNote(_ bytes: [UInt8]) -> Set<String> {
        var settings = Set<String>()
        for (section, key, _) in parseSections(bytes) where ["sysctl", "vm", "block", "cpu", "sys"].contains(section) {
            settings.insert(section == "sys" ? "/sys/" + key.replacing(".", with: "/") : saptuneSetting(key))
        }
        return settings
    }

    /// saptune's name of a parameter as a sysctl key or a path.
    static func saptuneSetting(_ name: String) -> String {
        switch name {
        case "THP": "/sys/kernel/mm/transparent_hugepage/enabled"
        case "KSM": "/sys/kernel/mm/ksm/run"
        case "governor": "/sys/devices/system/cpu/*/cpufreq/scaling_governor"
        default:
            if name.hasPrefix("IO_SCHEDULER") {
                "/sys/block/\(name.dropFirst(13).isEmpty ? "*" : String(name.dropFirst(13)))/queue/scheduler"
            } else if name.hasPrefix("NRREQ") {
                "/sys/block/\(name.dropFirst(6).isEmpty ? "*" : String(name.dropFirst(6)))/queue/nr_requests"
            } else {
                dottedSysctl(name)
            }
        }
    }
}
