internal import Quantities

/// Values below `proc/sys`, and what the files of sysctl.d will set at boot.
struct SysctlReader {
    let tree: HostTree

    /// Keys the practices read.
    static let keys = [
        "vm.swappiness", "vm.nr_hugepages", "vm.nr_overcommit_hugepages", "vm.overcommit_memory", "vm.overcommit_ratio", "vm.zone_reclaim_mode",
        "vm.dirty_ratio", "vm.dirty_bytes", "vm.dirty_background_ratio", "vm.dirty_background_bytes", "vm.max_map_count", "vm.min_free_kbytes",
        "vm.compaction_proactiveness", "fs.aio-max-nr", "fs.aio-nr", "fs.file-max", "fs.nr_open", "kernel.numa_balancing",
        "kernel.numa_balancing_scan_delay_ms", "kernel.numa_balancing_scan_size_mb", "kernel.io_uring_disabled", "kernel.sched_autogroup_enabled",
    ]

    func read() -> SysctlFacts {
        var facts = SysctlFacts()
        for key in Self.keys {
            facts.running[key] = tree.text("/proc/sys/" + key.replacing(".", with: "/")).map { $0.words.joined(separator: " ") }
        }
        facts.configured = configured()
        return facts
    }

    /// Folders of drop-ins; the first one that has a file of a name hides the others' file of that name.
    ///
    /// - Source: sysctl.d(5).
    private static let folders = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"]

    private func configured() -> Fact<[String: ConfiguredSysctl]> {
        var files: [String: String] = [:]
        var known = false
        var reason: Unknown?
        for folder in Self.folders {
            switch tree.names(folder) {
            case .known(let names):
                known = true
                for name in names where name.hasSuffix(".conf") && files[name] == nil { files[name] = "\(folder)/\(name)" }
            case .unknown(let why): if why.cause != .missing { reason = why }
            }
        }
        var order = files.sorted { $0.key < $1.key }.map(\.value)
        // procps reads sysctl.conf last; systemd reads it only where 99-sysctl.conf leads to it, which then comes in its place above.
        if tree.exists("/etc/sysctl.conf"), files["99-sysctl.conf"] == nil {
            known = true
            order.append("/etc/sysctl.conf")
        }
        guard known else { return .unknown(reason ?? Unknown(.missing, source: "/etc/sysctl.d")) }
        var result: [String: ConfiguredSysctl] = [:]
        for path in order {
            guard let bytes = tree.bytes(path).value else { continue }
            for (key, value, line) in Self.parse(String(decoding: bytes, as: UTF8.self)) {
                var overruled: [String] = []
                if let before = result[key] { overruled = before.overruled + ["\(before.file): \(before.value)"] }
                result[key] = ConfiguredSysctl(value: value, file: path, line: line, overruled: overruled)
            }
        }
        return .known(result)
    }

    /// `key = value` lines: `#` and `;` begin comments, a `-` before the key ignores errors, `/` may stand for `.`.
    static func parse(_ text: String) -> [(key: String, value: String, line: Int)] {
        var result: [(String, String, Int)] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmingWhitespace
            guard let first = line.first, first != "#", first != ";", let (name, value) = line.cut(at: "=") else { continue }
            var key = name.trimmingWhitespace
            if key.hasPrefix("-") { key = key.dropFirst().trimmingWhitespace }
            result.append((dotted(key), value.trimmingWhitespace, index + 1))
        }
        return result
    }

    /// Where the first separator is a slash, slashes separate and dots belong to names.
    static func dotted(_ key: String) -> String {
        guard let first = key.first(where: { $0 == "." || $0 == "/" }), first == "/" else { return key }
        return String(key.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
    }
}
