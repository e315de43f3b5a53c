internal import Quantities

/// Values below `proc/sys`, and what the files of sysctl.d will set at boot.
struct SysctlReader {
    let tree: HostTree
    let release: String?

    /// Keys the practices read, and those that stand beside them when an administrator tunes memory, I/O or scheduling.
    ///
    /// Reading must not change anything: `vm.stat_refresh` is none of them.
    static let keys = [
        "fs.aio-max-nr", "fs.aio-nr", "fs.file-max", "fs.inotify.max_user_instances", "fs.nr_open",
        "kernel.io_uring_disabled",
        "kernel.io_uring_group", "kernel.numa_balancing", "kernel.numa_balancing_scan_delay_ms",
        "kernel.numa_balancing_scan_period_max_ms",
        "kernel.numa_balancing_scan_period_min_ms", "kernel.numa_balancing_scan_size_mb", "kernel.pid_max",
        "kernel.sched_autogroup_enabled",
        "kernel.sched_migration_cost_ns", "kernel.sched_min_granularity_ns", "kernel.sched_rt_runtime_us",
        "kernel.sched_wakeup_granularity_ns",
        "kernel.threads-max", "kernel.timer_migration", "net.bridge.bridge-nf-call-iptables", "net.ipv4.ip_forward",
        "vm.admin_reserve_kbytes", "vm.compact_unevictable_allowed", "vm.compaction_proactiveness",
        "vm.dirty_background_bytes",
        "vm.dirty_background_ratio", "vm.dirty_bytes", "vm.dirty_expire_centisecs", "vm.dirty_ratio",
        "vm.dirty_writeback_centisecs",
        "vm.extfrag_threshold", "vm.hugetlb_optimize_vmemmap", "vm.hugetlb_shm_group", "vm.max_map_count",
        "vm.min_free_kbytes",
        "vm.nr_hugepages", "vm.nr_hugepages_mempolicy", "vm.nr_overcommit_hugepages", "vm.numa_stat",
        "vm.numa_zonelist_order",
        "vm.overcommit_kbytes", "vm.overcommit_memory", "vm.overcommit_ratio", "vm.page-cluster", "vm.stat_interval",
        "vm.swappiness",
        "vm.user_reserve_kbytes", "vm.vfs_cache_pressure", "vm.watermark_boost_factor", "vm.watermark_scale_factor",
        "vm.zone_reclaim_mode",
    ]
    /// Keys that are asked for whether the kernel has them or not; of the others only those that exist are kept.
    static let asked: Set = [
        "vm.swappiness", "vm.nr_hugepages", "vm.overcommit_memory", "vm.max_map_count", "vm.zone_reclaim_mode",
        "fs.aio-max-nr", "fs.aio-nr",
        "kernel.numa_balancing", "kernel.io_uring_disabled",
    ]

    func read() -> SysctlFacts {
        var facts = SysctlFacts()
        for key in Self.keys {
            let value = tree.bytes("/proc/sys/" + key.replacing(".", with: "/")).map {
                $0.fields.map(\.string).joined(separator: " ")
            }
            if !value.isMissing || Self.asked.contains(key) { facts.running[key] = value }
        }
        facts.configured = configured()
        return facts
    }

    // MARK: Boot

    private func configured() -> Fact<[String: ConfiguredSysctl]> {
        let fragments = DropIns(tree, "sysctl.d")
        if let reason = fragments.reason { return .unknown(reason) }
        var order = fragments.paths.map { (path: $0, name: tree.real($0)) }
        let main = "/etc/sysctl.conf"
        switch tree.presence(main) {
        case .unknown(let reason): return .unknown(reason)
        case .known(let exists):
            guard exists || fragments.hasFolder else { return .unknown(Unknown(.missing, source: "/etc/sysctl.d")) }
            // systemd reads sysctl.conf only where a link of sysctl.d leads to it, in the link's place; procps and busybox read it last.
            if exists, !order.contains(where: { $0.name == main }), !hasSystemd { order.append((main, main)) }
        }
        // SUSE: a kernel's own file comes before all others.
        if let release, tree.exists("/boot/sysctl.conf-\(release)") {
            order.insert(("/boot/sysctl.conf-\(release)", "/boot/sysctl.conf-\(release)"), at: 0)
        }
        var result: [String: ConfiguredSysctl] = [:]
        var patterns: [(pattern: Wildcard, setting: ConfiguredSysctl)] = []
        var spared = Set<String>()
        for (path, name) in order {
            switch DropIns.bytes(tree, path) {
            // Any key may stand in a file that cannot be read: the winner is not known then.
            case .unknown(let reason): return .unknown(reason)
            case .known(let bytes):
                for line in HostFacts.parseSysctl(bytes) {
                    guard let value = line.value else {
                        spared.insert(line.key)
                        continue
                    }
                    let setting = ConfiguredSysctl(value: value, file: name, line: line.line)
                    if line.key.contains(where: { $0 == "*" || $0 == "?" || $0 == "[" }) {
                        guard line.key.utf8.count <= 256, patterns.count < 4096 else { continue }
                        patterns.append((Wildcard(line.key), setting))
                    } else {
                        result[line.key] = Self.over(result[line.key], setting)
                    }
                }
            }
        }
        // A pattern sets only what is named nowhere else, and not what `-key` spares.
        for key in Self.keys where result[key] == nil && !spared.contains(key) {
            for (pattern, setting) in patterns where pattern.matches(key) {
                result[key] = Self.over(result[key], setting)
            }
        }
        return .known(result)
    }

    private var hasSystemd: Bool {
        ["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"].contains { tree.exists($0) }
    }

    /// A setting, with those it beats.
    static func over(_ before: ConfiguredSysctl?, _ setting: ConfiguredSysctl) -> ConfiguredSysctl {
        var setting = setting
        if let before { setting.overruled = before.overruled.suffix(15) + ["\(before.file): \(before.value)"] }
        return setting
    }
}

extension HostFacts {
    /// One line of a sysctl file.
    public struct SysctlLine: Sendable, Hashable {
        /// Its key, dotted.
        public var key: String
        /// Its value, white space squeezed; `nil` for a `-key` alone, which keeps patterns away from that key.
        public var value: String?
        /// Its line, from 1.
        public var line: Int
    }

    /// `key = value` lines: `#` and `;` begin comments, a `-` before the key ignores errors, `/` may stand for `.`.
    ///
    /// - Source: sysctl.d(5).
    public static func parseSysctl(_ bytes: [UInt8]) -> [SysctlLine] {
        var result: [SysctlLine] = []
        for (index, line) in bytes.allLines.enumerated() {
            var line = line.trimmed
            guard let first = line.first, first != 0x23, first != 0x3B else { continue }
            let isLenient = first == 0x2D
            if isLenient { line = line.dropFirst().trimmed }
            if let (name, value) = line.cut(at: 0x3D) {
                let key = name.trimmed
                guard !key.isEmpty else { continue }
                result.append(
                    SysctlLine(
                        key: dottedSysctl(key.string), value: value.fields.map(\.string).joined(separator: " "),
                        line: index + 1))
            } else if isLenient, !line.isEmpty {
                result.append(SysctlLine(key: dottedSysctl(line.string), value: nil, line: index + 1))
            }
        }
        return result
    }

    /// Where the first separator is a slash, slashes separate and dots belong to names.
    static func dottedSysctl(_ key: String) -> String {
        guard let first = key.first(where: { $0 == "." || $0 == "/" }), first == "/" else { return key }
        return String(key.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
    }
}
