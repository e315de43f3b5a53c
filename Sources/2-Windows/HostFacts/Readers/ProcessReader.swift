public import Quantities

/// Running QEMU processes, with where their memory really lies.
struct ProcessReader {
    let tree: HostTree
    let pageSize: ByteCount?

    func read() -> ProcessFacts {
        var facts = ProcessFacts()
        facts.qemu = tree.names("/proc").flatMap { names in
            let pids = names.compactMap { name in Array(name.utf8).decimal.flatMap { Int(exactly: $0) } }.sorted()
            // A captured tree without any process does not say whether QEMU ran there.
            guard !pids.isEmpty else { return .unknown(Unknown(.missing, source: "/proc/*/cmdline")) }
            return .known(pids.compactMap(process))
        }
        return facts
    }

    private func process(_ pid: Int) -> QEMUProcess? {
        let place = "/proc/\(pid)"
        // One file for each process of the host: its name may be set by -name process=, its program may not.
        guard let bytes = tree.bytes("\(place)/cmdline").value, let command = HostFacts.parseCommandLine(bytes) else {
            return nil
        }
        let status = tree.bytes("\(place)/status")
        return QEMUProcess(
            pid: pid, program: command.program, arguments: command.arguments, name: command.name, uuid: command.uuid,
            resident: field("VmRSS", status, pid).flatMap { text in
                text.fields.first?.decimal.map { .known(ByteCount(kibibytes: $0)) }
                    ?? .unknown(Unknown(.malformed(text.excerpt), source: "\(place)/status (VmRSS)"))
            },
            memoryByNode: tree.parsed("\(place)/numa_maps", limit: HostTree.mapsLimit) {
                HostFacts.parseNUMAMaps($0, pageSize: pageSize)
            },
            allowedCPUs: set("Cpus_allowed_list", status, pid), allowedNodes: set("Mems_allowed_list", status, pid),
            threads: threads(pid))
    }

    private func field(_ name: String, _ status: Fact<[UInt8]>, _ pid: Int) -> Fact<ArraySlice<UInt8>> {
        status.flatMap { bytes in
            for line in bytes.lines {
                if let (key, value) = line.cut(at: 0x3A), key.elementsEqual(name.utf8) { return .known(value.trimmed) }
            }
            return .unknown(Unknown(.missing, source: "/proc/\(pid)/status (\(name))"))
        }
    }

    private func set<Kind>(_ name: String, _ status: Fact<[UInt8]>, _ pid: Int) -> Fact<IDSet<Kind>> {
        field(name, status, pid).flatMap { text in
            IDSet(list: text.string).map(Fact.known)
                ?? .unknown(Unknown(.malformed(text.excerpt), source: "/proc/\(pid)/status (\(name))"))
        }
    }

    private func threads(_ pid: Int) -> Fact<[String: CPUSet]> {
        tree.names("/proc/\(pid)/task").map { ids in
            var threads: [String: CPUSet] = [:]
            for id in ids {
                let place = "/proc/\(pid)/task/\(id)"
                guard let name = tree.text("\(place)/comm").value else { continue }
                let allowed: Fact<CPUSet> = set("Cpus_allowed_list", tree.bytes("\(place)/status"), pid)
                // Workers share a name: together they may use what any of them may.
                if let cpus = allowed.value { threads[name] = threads[name].map { $0.union(cpus) } ?? cpus }
            }
            return threads
        }
    }
}

extension HostFacts {
    /// Where the memory of a process of this machine lies, in bytes by node; `nil` where that cannot be read.
    public static func memoryByNode(ofProcess pid: Int) -> [Int: ByteCount]? {
        HostTree(root: "/").parsed("/proc/\(pid)/numa_maps", limit: HostTree.mapsLimit) {
            parseNUMAMaps($0, pageSize: Platform.pageSize)
        }.value
    }

    /// A QEMU process's command line.
    public struct QEMUCommandLine: Sendable, Hashable {
        /// The program as it was started.
        public var program: String
        /// All arguments, the program included.
        public var arguments: [String]
        /// The guest's name from `-name`.
        public var name: String?
        /// The guest's UUID from `-uuid`.
        public var uuid: String?
    }

    /// Arguments with a NUL after each; `nil` where the program is no qemu-system.
    public static func parseCommandLine(_ bytes: [UInt8]) -> QEMUCommandLine? {
        let program = bytes.prefix { $0 != 0 }
        let base = program.split(separator: 0x2F).last ?? program
        guard base.hasPrefix("qemu-system-") || base.equals("qemu-kvm") || base.equals("kvm") else { return nil }
        var arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).map(\.string)
        if bytes.last == 0 { arguments.removeLast() }
        func following(_ option: String) -> String? {
            arguments.firstIndex { $0 == option || $0 == "-" + option }.flatMap {
                $0 + 1 < arguments.count ? arguments[$0 + 1] : nil
            }
        }
        let name = following("-name").flatMap { value -> String? in
            // Options separated by commas, a comma in a value doubled; a first one without a key is the name.
            let parts = value.replacing(",,", with: "\u{1}").split(separator: ",").map {
                $0.replacing("\u{1}", with: ",")
            }
            if let guest = parts.first(where: { $0.hasPrefix("guest=") }) { return String(guest.dropFirst(6)) }
            return parts.first.flatMap { $0.contains("=") ? nil : String($0) }
        }
        return QEMUCommandLine(program: program.string, arguments: arguments, name: name, uuid: following("-uuid"))
    }

    /// Sums `N0=123` over all mappings; `kernelpagesize_kB` gives the unit.
    ///
    /// `nil` where a mapping has pages of no known size: a sum that leaves them out is none.
    ///
    /// - Source: kernel Documentation/filesystems/proc.rst, numa_maps.
    public static func parseNUMAMaps(_ bytes: [UInt8], pageSize: ByteCount?) -> [Int: ByteCount]? {
        var sums: [Int: ByteCount] = [:]
        for line in bytes.lines {
            var unit = pageSize
            var pages: [(node: Int, count: UInt64)] = []
            for word in line.split(separator: 0x20) {
                if word.hasPrefix("kernelpagesize_kB=") {
                    unit = word.dropFirst(18).decimal.map { ByteCount(kibibytes: $0) }
                } else if word.first == 0x4E, let (node, count) = word.dropFirst().cut(at: 0x3D),
                    let node = node.decimal, node <= UInt64(NodeSet.limit),
                    let count = count.decimal
                {
                    pages.append((Int(node), count))
                }
            }
            guard !pages.isEmpty else { continue }
            guard let unit else { return nil }
            for (node, count) in pages { sums[node, default: .zero] += unit * count }
        }
        return sums
    }
}
