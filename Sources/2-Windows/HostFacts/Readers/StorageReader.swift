internal import Quantities

/// Disks, mounts, NFS statistics, multipath maps.
struct StorageReader {
    let tree: HostTree

    func read() -> StorageFacts {
        var facts = StorageFacts()
        facts.disks = disks()
        facts.mounts = mounts()
        facts.fstab = tree.bytes("/etc/fstab").map(HostFacts.parseMountTable)
        facts.nfsClient = tree.parsed("/proc/net/rpc/nfs", HostFacts.parseNFSClient)
        facts.nfsServer = nfsServer()
        facts.nfsServerThreads = nfsServerThreads()
        facts.multipath = facts.disks.map(Self.multipath)
        return facts
    }

    private func mounts() -> Fact<[Mount]> {
        let own = tree.parsed("/proc/self/mountinfo", HostFacts.parseMountinfo)
        if own.value != nil { return own }
        // Captures have whichever table their maker thought of.
        for path in ["/proc/mounts", "/proc/self/mounts", "/proc/1/mounts"] {
            let table = tree.bytes(path).map(HostFacts.parseMountTable)
            if let mounts = table.value, !mounts.isEmpty { return table }
        }
        let first = tree.parsed("/proc/1/mountinfo", HostFacts.parseMountinfo)
        return first.value == nil ? own : first
    }

    // MARK: Disks

    private func disks() -> Fact<[BlockDevice]> {
        tree.names("/sys/block").map { names in
            let links = deviceLinks()
            return names.compactMap { device($0, links) }
        }
    }

    private func device(_ name: String, _ links: [String: [String]]) -> BlockDevice? {
        // RAM disks and free loop devices carry nothing.
        if name.hasPrefix("ram") { return nil }
        let place = "/sys/block/\(name)"
        let size: Fact<ByteCount> = tree.number("\(place)/size", as: UInt64.self).map { ByteCount(bytes: 512) * $0 }
        if size.value == .zero, name.hasPrefix("loop") || name.hasPrefix("nbd") { return nil }
        let entries = tree.names(place).value ?? []
        // A captured tree may name a device and hold nothing of it.
        guard size.value != nil || entries.contains("queue") || entries.contains("dev") else { return nil }
        let partitions = entries.filter { $0.hasPrefix(name) && tree.exists("\(place)/\($0)/partition") }
        var scheduler: Fact<String> = .unknown(Unknown(.missing, source: "\(place)/queue/scheduler"))
        var schedulers: [String] = []
        switch tree.bytes("\(place)/queue/scheduler") {
        case .unknown(let reason): scheduler = .unknown(reason)
        case .known(let bytes):
            if let (chosen, offered) = HostFacts.parseScheduler(bytes) {
                scheduler = .known(chosen)
                schedulers = offered
            } else if !bytes.trimmed.isEmpty {
                scheduler = .unknown(Unknown(.malformed(bytes.excerpt), source: "\(place)/queue/scheduler"))
            }
        }
        let hasMapper = entries.contains("dm")
        return BlockDevice(
            name: name, scheduler: scheduler, schedulers: schedulers,
            isRotational: tree.flag("\(place)/queue/rotational"), size: size,
            requests: tree.number("\(place)/queue/nr_requests"),
            discards: tree.number("\(place)/queue/discard_max_bytes", as: UInt64.self).map { $0 > 0 },
            partitions: partitions,
            slaves: entries.contains("slaves") ? tree.names("\(place)/slaves").value ?? [] : [],
            mapperName: hasMapper ? tree.text("\(place)/dm/name").value : nil,
            mapperUUID: hasMapper ? tree.text("\(place)/dm/uuid").value : nil,
            links: (links[name] ?? []) + partitions.flatMap { links[$0] ?? [] },
            model: entries.contains("device") ? tree.text("\(place)/device/model").value.flatMap(\.nonEmpty) : nil)
    }

    /// Symbolic links below /dev by the kernel name they lead to.
    private func deviceLinks() -> [String: [String]] {
        var links: [String: [String]] = [:]
        func add(_ folder: String) {
            for name in tree.names(folder).value ?? [] {
                guard let target = tree.link("\(folder)/\(name)"), let end = target.split(separator: "/").last else {
                    continue
                }
                var kernelName = String(end)
                // A link to another link (`/dev/disk/by-id/x` → `/dev/mapper/y`): where it ends is what counts.
                if target.contains("mapper/"), let last = tree.real("\(folder)/\(name)").split(separator: "/").last {
                    kernelName = String(last)
                }
                links[kernelName, default: []].append("\(folder)/\(name)")
            }
        }
        add("/dev/mapper")
        add("/dev/md")
        for name in tree.names("/dev/disk").value ?? [] { add("/dev/disk/\(name)") }
        // Volume groups have a folder each; a link in one leads to ../dm-N.
        for name in tree.names("/dev").value ?? []
        where !Self.plain.contains(name) && !name.hasPrefix("tty") && !name.hasPrefix("vcs") {
            if let first = tree.names("/dev/\(name)").value?.first,
                tree.link("/dev/\(name)/\(first)")?.contains("dm-") == true
            {
                add("/dev/\(name)")
            }
        }
        return links
    }
    /// Folders of /dev that are no volume groups.
    private static let plain: Set<String> = [
        "mapper", "md", "disk", "block", "bsg", "bus", "char", "cpu", "dma_heap", "dri", "fd", "hugepages", "input",
        "mqueue", "net", "pts", "shm",
        "snd", "vfio", "infiniband", "usb",
    ]

    /// device-mapper devices whose UUID multipath wrote: `mpath-` and the WWID.
    static func multipath(_ disks: [BlockDevice]) -> [MultipathMap] {
        disks.compactMap { disk in
            guard let uuid = disk.mapperUUID, uuid.hasPrefix("mpath-"), let name = disk.mapperName else { return nil }
            return MultipathMap(name: name, wwid: String(uuid.dropFirst(6)), device: disk.name, paths: disk.slaves)
        }
    }

    // MARK: NFS

    private func nfsServer() -> Fact<NFSServerStatistics> {
        let said = tree.parsed("/proc/net/rpc/nfsd", HostFacts.parseNFSServer)
        // The number of threads now, where nfsd's own file system is mounted.
        guard let threads = tree.number("/proc/fs/nfsd/threads", as: Int.self).value else { return said }
        return .known(NFSServerStatistics(threads: threads, connections: said.value?.connections))
    }

    /// What the server's configuration says; of several files the last one counts.
    ///
    /// - Source: nfs.conf(5); SUSE's nfs.conf takes the number from sysconfig.
    private func nfsServerThreads() -> Fact<ConfiguredSysctl> {
        let folder = "/etc/nfs.conf.d"
        var paths = ["/etc/nfs.conf"]
        switch tree.names(folder) {
        case .known(let names): paths += names.filter { $0.hasSuffix(".conf") }.sorted().map { "\(folder)/\($0)" }
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        var found: ConfiguredSysctl?
        for path in paths {
            switch tree.bytes(path) {
            case .known(let bytes):
                for entry in HostFacts.parseSections(bytes)
                where entry.section.lowercased() == "nfsd" && entry.key.lowercased() == "threads" {
                    if Int(entry.value) != nil { found = ConfiguredSysctl(value: entry.value, file: path) }
                }
            case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
            }
        }
        if let found { return .known(found) }
        let path = "/etc/sysconfig/nfs"
        return tree.bytes(path).flatMap { bytes in
            let value = HostFacts.parseShellVariables(bytes)["USE_KERNEL_NFSD_NUMBER"] ?? ""
            return Int(value) == nil
                ? .unknown(Unknown(.missing, source: path)) : .known(ConfiguredSysctl(value: value, file: path))
        }
    }
}

extension HostFacts {
    /// `rpc CALLS RETRANSMISSIONS AUTHREFRESHES` of `proc/net/rpc/nfs`; `nil` where there is no such line.
    ///
    /// - Source: kernel net/sunrpc/stats.c `rpc_proc_show`.
    public static func parseNFSClient(_ bytes: [UInt8]) -> NFSClientStatistics? {
        for words in bytes.lines.map(\.fields) where words.first?.equals("rpc") == true {
            guard words.count >= 3, let calls = words[1].decimal, let again = words[2].decimal else { return nil }
            return NFSClientStatistics(calls: calls, retransmissions: again)
        }
        return nil
    }

    /// `th THREADS …` and `net PACKETS UDP TCP CONNECTIONS` of `proc/net/rpc/nfsd`; `nil` where there is no `th` line.
    ///
    /// - Source: kernel fs/nfsd/stats.c `nfsd_show`.
    public static func parseNFSServer(_ bytes: [UInt8]) -> NFSServerStatistics? {
        var threads: Int?
        var connections: UInt64?
        for words in bytes.lines.map(\.fields) {
            if words.count > 1, words[0].equals("th") { threads = words[1].decimal.flatMap { Int(exactly: $0) } }
            if words.count > 4, words[0].equals("net") { connections = words[4].decimal }
        }
        return threads.map { NFSServerStatistics(threads: $0, connections: connections) }
    }
}
