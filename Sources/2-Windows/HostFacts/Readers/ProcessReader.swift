internal import Quantities

/// Running QEMU processes, with where their memory really lies.
struct ProcessReader {
    let tree: HostTree
    let pageSize: ByteCount?

    func read() -> ProcessFacts {
        var facts = ProcessFacts()
        facts.qemu = tree.names("/proc").flatMap { names in
            let pids = names.compactMap { Int($0) }.sorted()
            // A captured tree has the files of a few processes at most: whether QEMU ran there is not known then.
            guard !pids.isEmpty else { return .unknown(Unknown(.missing, source: "/proc/*/cmdline")) }
            return .known(pids.compactMap(process))
        }
        return facts
    }

    private func process(_ pid: Int) -> QEMUProcess? {
        let place = "/proc/\(pid)"
        // `comm` is cut at 15 bytes; threads may be renamed, the main thread is not.
        guard let comm = tree.text("\(place)/comm").value ?? tree.text("\(place)/stat").value, comm.contains("qemu") || comm.contains("kvm") else {
            return nil
        }
        guard let bytes = tree.bytes("\(place)/cmdline").value else { return nil }
        let arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            .dropLast(bytes.last == 0 ? 1 : 0)
        guard let program = arguments.first, let base = program.split(separator: "/").last,
            base.hasPrefix("qemu-system") || base == "qemu-kvm" || base == "kvm"
        else { return nil }
        let list = Array(arguments)
        func following(_ option: String) -> String? {
            list.firstIndex { $0 == option || $0 == "-" + option }.flatMap { $0 + 1 < list.count ? list[$0 + 1] : nil }
        }
        let name = following("-name").map { value -> String in
            let first = value.split(separator: ",").first.map(String.init) ?? value
            return first.hasPrefix("guest=") ? String(first.dropFirst(6)) : first
        }
        let status = tree.lines("\(place)/status")
        return QEMUProcess(
            pid: pid, program: program, arguments: list, name: name, uuid: following("-uuid"),
            resident: field("VmRSS", status, pid).flatMap { text in
                text.words.first.flatMap { UInt64($0) }.map { .known(ByteCount(kibibytes: $0)) }
                    ?? .unknown(Unknown(.malformed(text), source: "\(place)/status"))
            },
            memoryByNode: tree.bytes("\(place)/numa_maps").map { Self.numaMaps(String(decoding: $0, as: UTF8.self), pageSize: pageSize) },
            allowedCPUs: list2(field("Cpus_allowed_list", status, pid), pid), allowedNodes: list2(field("Mems_allowed_list", status, pid), pid),
            threads: threads(pid))
    }

    private func field(_ name: String, _ lines: Fact<[Substring]>, _ pid: Int) -> Fact<String> {
        lines.flatMap { lines in
            for line in lines where line.hasPrefix(name + ":") { return .known(line.dropFirst(name.count + 1).trimmingWhitespace) }
            return .unknown(Unknown(.missing, source: "/proc/\(pid)/status (\(name))"))
        }
    }

    private func list2<Kind>(_ text: Fact<String>, _ pid: Int) -> Fact<IDSet<Kind>> {
        text.flatMap { text in
            IDSet(list: text).map(Fact.known) ?? .unknown(Unknown(.malformed(text), source: "/proc/\(pid)/status"))
        }
    }

    private func threads(_ pid: Int) -> Fact<[String: CPUSet]> {
        tree.names("/proc/\(pid)/task").map { ids in
            var threads: [String: CPUSet] = [:]
            for id in ids {
                let place = "/proc/\(pid)/task/\(id)"
                guard let name = tree.text("\(place)/comm").value, case .known(let set) = list2(field("Cpus_allowed_list", tree.lines("\(place)/status"), pid), pid) as Fact<CPUSet>
                else { continue }
                threads[name] = set
            }
            return threads
        }
    }

    /// Sums `N0=123` over all mappings; `kernelpagesize_kB` gives the unit.
    ///
    /// - Source: kernel Documentation, numa_maps in filesystems/proc.rst.
    public static func numaMaps(_ text: String, pageSize: ByteCount?) -> [Int: ByteCount] {
        var sums: [Int: ByteCount] = [:]
        for line in text.split(separator: "\n") {
            var unit = pageSize
            var pages: [(Int, UInt64)] = []
            for word in line.words {
                if word.hasPrefix("kernelpagesize_kB="), let size = UInt64(word.dropFirst(18)) {
                    unit = ByteCount(kibibytes: size)
                } else if word.first == "N", let (node, count) = word.dropFirst().cut(at: "="), let node = Int(node), node >= 0, let count = UInt64(count) {
                    pages.append((node, count))
                }
            }
            guard let unit else { continue }
            for (node, count) in pages { sums[node, default: .zero] += unit * count }
        }
        return sums
    }
}
