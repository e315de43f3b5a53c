internal import Quantities

/// Disks, mounts, NFS statistics, multipath maps.
struct StorageReader {
    let tree: HostTree

    func read() -> StorageFacts {
        var facts = StorageFacts()
        facts.disks = disks()
        facts.mounts = tree.bytes("/proc/self/mountinfo").map { Mounts.mountinfo(String(decoding: $0, as: UTF8.self)) }
        if facts.mounts.value == nil {
            for path in ["/proc/mounts", "/proc/self/mounts", "/proc/1/mountinfo"] where facts.mounts.value == nil {
                if let bytes = tree.bytes(path).value {
                    let text = String(decoding: bytes, as: UTF8.self)
                    facts.mounts = .known(path.hasSuffix("info") ? Mounts.mountinfo(text) : Mounts.table(text))
                }
            }
        }
        facts.fstab = tree.bytes("/etc/fstab").map { Mounts.table(String(decoding: $0, as: UTF8.self)) }
        facts.nfsClient = tree.lines("/proc/net/rpc/nfs").flatMap { lines in
            Self.nfsClient(lines).map(Fact.known) ?? .unknown(Unknown(.malformed("no rpc line"), source: "/proc/net/rpc/nfs"))
        }
        facts.nfsServer = nfsServer()
        facts.multipath = facts.disks.map(Self.multipath)
        return facts
    }

    // MARK: Disks

    private func disks() -> Fact<[BlockDevice]> {
        let links = deviceLinks()
        return tree.names("/sys/block").map { names in names.compactMap { device($0, links) } }
    }

    private func device(_ name: String, _ links: [String: [String]]) -> BlockDevice? {
        let place = "/sys/block/\(name)"
        // RAM disks and free loop devices carry nothing.
        if name.hasPrefix("ram") { return nil }
        let size: Fact<ByteCount> = tree.number("\(place)/size", as: UInt64.self).map { ByteCount(bytes: 512) * $0 }
        if name.hasPrefix("loop"), size.value == .zero { return nil }
        // A captured tree may name a device and hold nothing of it.
        guard size.value != nil || tree.exists("\(place)/queue") || tree.exists("\(place)/dev") else { return nil }
        let entries = tree.names(place).value ?? []
        let partitions = entries.filter { $0.hasPrefix(name) && tree.exists("\(place)/\($0)/partition") }
        let schedulers = tree.text("\(place)/queue/scheduler")
        return BlockDevice(
            name: name, scheduler: tree.choice("\(place)/queue/scheduler"),
            schedulers: (schedulers.value?.words ?? []).map { $0.filter { $0 != "[" && $0 != "]" } },
            isRotational: tree.flag("\(place)/queue/rotational"), size: size, requests: tree.number("\(place)/queue/nr_requests"),
            discards: tree.number("\(place)/queue/discard_max_bytes", as: UInt64.self).map { $0 > 0 }, partitions: partitions,
            slaves: tree.names("\(place)/slaves").value ?? [], mapperName: tree.text("\(place)/dm/name").value,
            mapperUUID: tree.text("\(place)/dm/uuid").value, links: (links[name] ?? []) + partitions.flatMap { links[$0] ?? [] },
            model: tree.text("\(place)/device/model").value)
    }

    /// Symbolic links below /dev by the kernel name they lead to.
    private func deviceLinks() -> [String: [String]] {
        var links: [String: [String]] = [:]
        var folders = ["/dev/mapper"] + (tree.names("/dev/disk").value ?? []).map { "/dev/disk/\($0)" }
        // Volume groups have a folder each; a link in one leads to ../dm-N.
        for name in tree.names("/dev").value ?? [] where !Self.plainFolders.contains(name) {
            if let first = tree.names("/dev/\(name)").value?.first, tree.link("/dev/\(name)/\(first)")?.hasPrefix("../dm-") == true {
                folders.append("/dev/\(name)")
            }
        }
        for folder in folders {
            for name in tree.names(folder).value ?? [] {
                guard let target = tree.link("\(folder)/\(name)"), let kernelName = target.split(separator: "/").last else { continue }
                links[String(kernelName), default: []].append("\(folder)/\(name)")
            }
        }
        return links
    }
    private static let plainFolders: Set<String> = [
        "mapper", "disk", "block", "bsg", "bus", "char", "cpu", "dma_heap", "dri", "fd", "hugepages", "input", "mqueue", "net", "pts", "shm", "snd", "vfio",
    ]

    /// device-mapper devices whose UUID multipath wrote: `mpath-` and the WWID.
    static func multipath(_ disks: [BlockDevice]) -> [MultipathMap] {
        disks.compactMap { disk in
            guard let uuid = disk.mapperUUID, uuid.hasPrefix("mpath-"), let name = disk.mapperName else { return nil }
            return MultipathMap(name: name, wwid: String(uuid.dropFirst(6)), device: disk.name, paths: disk.slaves)
        }
    }

    // MARK: NFS

    /// `rpc CALLS RETRANSMISSIONS AUTHREFRESHES`.
    static func nfsClient(_ lines: [Substring]) -> NFSClientStatistics? {
        guard let words = lines.first(where: { $0.hasPrefix("rpc ") })?.words, words.count >= 3, let calls = UInt64(words[1]),
            let again = UInt64(words[2])
        else { return nil }
        return NFSClientStatistics(calls: calls, retransmissions: again)
    }

    private func nfsServer() -> Fact<NFSServerStatistics> {
        let path = "/proc/net/rpc/nfsd"
        return tree.lines(path).flatMap { lines in
            func numbers(_ name: String) -> [UInt64]? {
                lines.first { $0.hasPrefix(name + " ") }?.words.dropFirst().map { UInt64($0) ?? 0 }
            }
            let current = tree.number("/proc/fs/nfsd/threads", as: Int.self).value
            guard let threads = current ?? numbers("th")?.first.flatMap({ Int(exactly: $0) }) else {
                return .unknown(Unknown(.malformed("no th line"), source: path))
            }
            let net = numbers("net")
            return .known(NFSServerStatistics(threads: threads, connections: net.flatMap { $0.count > 3 ? $0[3] : nil }))
        }
    }
}
