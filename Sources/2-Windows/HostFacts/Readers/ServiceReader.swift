internal import Quantities

/// systemd units and tools that own settings.
struct ServiceReader {
    let tree: HostTree

    func read() -> ServiceFacts {
        var facts = ServiceFacts()
        let folder = "/etc/systemd/system"
        facts.enabled = tree.names(folder).map { names in
            var units = Set<String>()
            for name in names where name.hasSuffix(".wants") || name.hasSuffix(".requires") {
                units.formUnion(tree.names("\(folder)/\(name)").value ?? [])
            }
            return units
        }
        facts.active = active()
        facts.defaultTarget = defaultTarget()
        facts.owners = owners(enabled: facts.enabled.value ?? [], active: facts.active.value ?? [])
        return facts
    }

    /// Services have a cgroup while they run; systemd also keeps a link for each invocation.
    private func active() -> Fact<Set<String>> {
        var units = Set<String>()
        var known = false
        for folder in ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice", "/sys/fs/cgroup/unified/system.slice"] {
            if let names = tree.names(folder).value {
                known = true
                units.formUnion(names.filter { $0.hasSuffix(".service") || $0.hasSuffix(".socket") })
            }
        }
        if let names = tree.names("/run/systemd/units").value {
            known = true
            for name in names where name.hasPrefix("invocation:") { units.insert(String(name.dropFirst(11))) }
        }
        return known ? .known(units) : .unknown(Unknown(.missing, source: "/run/systemd/units"))
    }

    private func defaultTarget() -> Fact<String> {
        for path in ["/etc/systemd/system/default.target", "/usr/lib/systemd/system/default.target", "/lib/systemd/system/default.target"] {
            if let target = tree.link(path)?.split(separator: "/").last { return .known(String(target)) }
        }
        return .unknown(Unknown(.missing, source: "/etc/systemd/system/default.target"))
    }

    private func owners(enabled: Set<String>, active: Set<String>) -> Fact<[SettingOwner]> {
        var owners: [SettingOwner] = []
        func runs(_ unit: String) -> Bool { enabled.contains(unit) || active.contains(unit) }
        if runs("tuned.service"), let profile = tree.text("/etc/tuned/active_profile").value, !profile.isEmpty {
            owners.append(SettingOwner(.tuned, profile: profile, settings: tuned(profile)))
        }
        if runs("saptune.service") {
            let text = tree.bytes("/etc/sysconfig/saptune").value.map { String(decoding: $0, as: UTF8.self) } ?? ""
            let variables = BootReader.shellVariables(text)
            let notes = [variables["TUNE_FOR_SOLUTIONS"], variables["TUNE_FOR_NOTES"]].compactMap { $0 }.flatMap { $0.words.map(String.init) }
            owners.append(SettingOwner(.saptune, profile: notes.isEmpty ? nil : notes.joined(separator: " "), settings: saptune()))
        }
        let ksm: Set = ["/sys/kernel/mm/ksm/run", "/sys/kernel/mm/ksm/pages_to_scan", "/sys/kernel/mm/ksm/sleep_millisecs"]
        if runs("ksmtuned.service") { owners.append(SettingOwner(.ksmtuned, settings: ksm)) }
        if runs("ksm.service") { owners.append(SettingOwner(.ksm, settings: ["/sys/kernel/mm/ksm/run"])) }
        return .known(owners)
    }

    /// What tuned's active profiles set, includes followed: `[sysctl]`, `[vm]`, `[sysfs]`, `[disk]`.
    private func tuned(_ profiles: String) -> Set<String> {
        var settings = Set<String>()
        var waiting = profiles.words.map(String.init)
        var seen = Set<String>()
        while let profile = waiting.popLast() {
            guard seen.insert(profile).inserted, seen.count < 64 else { continue }
            let folders = ["/etc/tuned", "/etc/tuned/profiles", "/usr/lib/tuned", "/usr/lib/tuned/profiles"]
            guard let bytes = folders.lazy.compactMap({ tree.bytes("\($0)/\(profile)/tuned.conf").value }).first else { continue }
            var section = ""
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                let line = line.trimmingWhitespace
                if line.hasPrefix("["), line.hasSuffix("]") { section = String(line.dropFirst().dropLast()) }
                guard line.first != "#", let (name, value) = line.cut(at: "=") else { continue }
                let key = name.trimmingWhitespace
                switch (section, key) {
                case ("main", "include"): waiting += value.split(separator: ",").map { $0.trimmingWhitespace }
                case ("sysctl", _): settings.insert(SysctlReader.dotted(key))
                case ("vm", "transparent_hugepages"), ("vm", "transparent_hugepage"):
                    settings.insert("/sys/kernel/mm/transparent_hugepage/enabled")
                case ("sysfs", _): settings.insert(key)
                case ("disk", "elevator"): settings.insert("elevator")
                default: break
                }
            }
        }
        return settings
    }

    /// saptune keeps a file for each parameter it changed.
    private func saptune() -> Set<String> {
        var settings = Set<String>()
        for folder in ["/run/saptune/parameter", "/var/lib/saptune/parameter"] {
            for name in tree.names(folder).value ?? [] { settings.insert(SysctlReader.dotted(name)) }
        }
        if settings.contains("THP") { settings.insert("/sys/kernel/mm/transparent_hugepage/enabled") }
        if settings.contains("KSM") { settings.insert("/sys/kernel/mm/ksm/run") }
        return settings
    }
}
