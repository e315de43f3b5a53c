import Inventory
import Quantities

/// Turns YAML's nodes into settings: every key is known, or an error says where it stands and which one was meant.
struct SettingsParser {
    let path: String

    /// One key a mapping may have.
    typealias Keys = [String: (YAMLNode, inout Settings) throws(ConfigurationError) -> Void]

    func read(_ root: YAMLNode, into settings: inout Settings) throws(ConfigurationError) {
        try mapping(
            root, "the configuration",
            [
                "workloads": { (node, settings) throws(ConfigurationError) in try self.workloads(node, &settings) },
                "thresholds": { (node, settings) throws(ConfigurationError) in
                    try self.mapping(node, "thresholds", self.thresholds, &settings)
                },
                "waivers": { (node, settings) throws(ConfigurationError) in try self.waivers(node, &settings) },
                "disable": { (node, settings) throws(ConfigurationError) in
                    settings.disabled = Set(try self.strings(node))
                },
                "migration": { (node, settings) throws(ConfigurationError) in
                    try self.mapping(node, "migration", self.migration, &settings)
                },
                "backup": { (node, settings) throws(ConfigurationError) in
                    try self.mapping(node, "backup", self.backup, &settings)
                },
            ], &settings)
    }

    private var thresholds: Keys {
        [
            "swappiness": { (node, settings) throws(ConfigurationError) in
                settings.swappiness = try self.integer(node, 0...200)
            },
            "load-target": { (node, settings) throws(ConfigurationError) in settings.loadTarget = try self.share(node)
            },
            "load-tolerance": { (node, settings) throws(ConfigurationError) in
                settings.loadTolerance = try self.share(node)
            },
            "vcpus-per-core": { (node, settings) throws(ConfigurationError) in
                settings.vcpusPerCore = try self.number(node, 0.1...1000)
            },
            "host-reserve": { (node, settings) throws(ConfigurationError) in settings.hostReserve = try self.size(node)
            },
            "host-reserve-share": { (node, settings) throws(ConfigurationError) in
                settings.hostReserveShare = try self.share(node)
            },
            "huge-pages-from": { (node, settings) throws(ConfigurationError) in
                settings.hugePagesFrom = try self.size(node)
            },
            "remote-memory": { (node, settings) throws(ConfigurationError) in
                settings.remoteMemory = try self.share(node)
            },
            "ksm-sleep-millisecs": { (node, settings) throws(ConfigurationError) in
                settings.ksmSleepMilliseconds = UInt64(try self.integer(node, 1...3_600_000))
            },
            "ksm-pages-to-scan": { (node, settings) throws(ConfigurationError) in
                settings.ksmPagesToScan = UInt64(try self.integer(node, 1...100_000_000))
            },
            "chain-depth": { (node, settings) throws(ConfigurationError) in
                settings.chainDepth = try self.integer(node, 1...1000)
            },
        ]
    }

    private var migration: Keys {
        [
            "targets": { (node, settings) throws(ConfigurationError) in
                settings.migrationTargets = try self.strings(node)
            },
            "release": { (node, settings) throws(ConfigurationError) in
                settings.migrationRelease = try self.string(node)
            },
        ]
    }

    private var backup: Keys {
        [
            "folders": { (node, settings) throws(ConfigurationError) in settings.backupFolders = try self.strings(node)
            },
            "max-age-days": { (node, settings) throws(ConfigurationError) in
                settings.backupAgeDays = try self.integer(node, 1...36_500)
            },
        ]
    }

    private func workloads(_ node: YAMLNode, _ settings: inout Settings) throws(ConfigurationError) {
        for (key, value) in try pairs(node, "workloads") {
            let name = try string(value)
            guard let workload = Workload(rawValue: name) else {
                throw error(
                    value, "there is no workload \"\(name)\"", nearest(name, Workload.allCases.map(\.rawValue)),
                    "One of \(Workload.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            settings.workloads.append(Settings.WorkloadRule(pattern: try string(key), workload: workload))
        }
    }

    private func waivers(_ node: YAMLNode, _ settings: inout Settings) throws(ConfigurationError) {
        guard let sequence = node.sequence else {
            throw error(node, "waivers are a list", nil, "Begin each one with `- practice:`")
        }
        for item in sequence {
            var fields: [String: YAMLNode] = [:]
            for (key, value) in try pairs(item, "a waiver") {
                let name = try string(key)
                guard Self.waiverKeys.contains(name) else { throw unknown(key, name, "a waiver", Self.waiverKeys) }
                fields[name] = value
            }
            guard let practice = fields["practice"], let reason = fields["reason"], let expires = fields["expires"]
            else {
                throw error(
                    item, "a waiver needs practice, reason and expires", nil,
                    "Without a reason and an end an exception becomes the rule")
            }
            let day = try string(expires)
            guard let end = CivilDay(day) else {
                throw error(expires, "\"\(day)\" is not a day", nil, "Write it as 2027-01-31")
            }
            settings.waivers.append(
                Settings.Waiver(
                    practice: try string(practice),
                    guest: try fields["guest"].map { (node) throws(ConfigurationError) in try string(node) },
                    reason: try string(reason), expires: end, line: item.mark.line))
        }
    }

    private static let waiverKeys = ["practice", "guest", "reason", "expires"]

    // MARK: YAMLNodes

    private func mapping(_ node: YAMLNode, _ name: String, _ keys: Keys, _ settings: inout Settings)
        throws(ConfigurationError)
    {
        for (key, value) in try pairs(node, name) {
            let word = try string(key)
            guard let read = keys[word] else { throw unknown(key, word, name, keys.keys.sorted()) }
            try read(value, &settings)
        }
    }

    private func pairs(_ node: YAMLNode, _ name: String) throws(ConfigurationError) -> [(
        key: YAMLNode, value: YAMLNode
    )] {
        guard let mapping = node.mapping else { throw error(node, "\(name) must be `key: value` lines", nil, nil) }
        return mapping
    }

    private func string(_ node: YAMLNode) throws(ConfigurationError) -> String {
        guard let scalar = node.scalar else { throw error(node, "a word is expected here", nil, nil) }
        return scalar
    }

    private func strings(_ node: YAMLNode) throws(ConfigurationError) -> [String] {
        guard let sequence = node.sequence else { return [try string(node)] }
        var words: [String] = []
        for item in sequence { words.append(try string(item)) }
        return words
    }

    private func integer(_ node: YAMLNode, _ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        let text = try string(node)
        guard let value = Int(text), range.contains(value) else {
            throw error(
                node, "\"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)", nil, nil)
        }
        return value
    }

    private func number(_ node: YAMLNode, _ range: ClosedRange<Double>) throws(ConfigurationError) -> Double {
        let text = try string(node)
        guard let value = Double(text), range.contains(value) else {
            throw error(node, "\"\(text)\" is not a number from \(range.lowerBound) to \(range.upperBound)", nil, nil)
        }
        return value
    }

    /// `70 %`, `70%` or `0.7`.
    private func share(_ node: YAMLNode) throws(ConfigurationError) -> Double {
        let text = try string(node)
        var digits = text[...]
        var scale = 1.0
        if digits.last == "%" {
            digits = digits.dropLast()
            while digits.last == " " { digits = digits.dropLast() }
            scale = 100
        }
        guard let value = Double(digits), value.isFinite, (0...scale).contains(value) else {
            throw error(node, "\"\(text)\" is not a share", nil, "Write 70% or 0.7")
        }
        return value / scale
    }

    /// `4 GiB`, `4G`, `1048576` (bytes).
    private func size(_ node: YAMLNode) throws(ConfigurationError) -> ByteCount {
        let text = try string(node)
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = UInt64(digits), let size = ByteCount(number, unit: unit.isEmpty ? "b" : String(unit)) else {
            throw error(node, "\"\(text)\" is not a size", nil, "Write 4 GiB, 512M or a number of bytes")
        }
        return size
    }

    // MARK: Errors

    private func unknown(_ node: YAMLNode, _ word: String, _ place: String, _ known: [String]) -> ConfigurationError {
        error(node, "\(place) has no \"\(word)\"", nearest(word, known), "Known are \(known.joined(separator: ", "))")
    }

    private func error(_ node: YAMLNode, _ what: String, _ nearest: String?, _ remedy: String?) -> ConfigurationError {
        ConfigurationError(
            what, path: path, line: node.mark.line, column: node.mark.column,
            remedy: nearest.map { "Did you mean \"\($0)\"?" } ?? remedy)
    }

    private func nearest(_ word: String, _ known: [String]) -> String? { Spelling.nearest(to: word, among: known) }
}
