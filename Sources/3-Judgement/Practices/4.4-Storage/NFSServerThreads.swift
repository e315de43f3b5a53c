import Changes
import HostFacts
import Inventory
import Quantities

/// Enough NFS server threads, seen by retransmissions at the client (guide §4.4.2).
struct NFSServerThreads: HostPractice {
    var about: About {
        About(
            id: "nfs-server-threads", section: "4.4.2", scopes: [.host], severities: [.warning, .info],
            fixes: [.file, .hand],
            title: Text("NFS server threads", "NFS 服务器线程"),
            why: Text(
                "A server with too few threads lets requests wait until the client sends them again; each wait stops a guest's disk for seconds.",
                "线程过少的服务器会让请求一直等待直到客户端重传;每次等待都会使客户机磁盘停顿数秒。"),
            tradeOff: Text(
                "Each thread takes kernel memory on the server, and more threads than its disks can serve bring nothing.",
                "每个线程都占用服务器内核内存,超过磁盘能力的线程没有益处。"),
            guideSays: Text(
                "nfsstat -rc is run on the server, and USE_KERNEL_NFSD_NUMBER raised until retrans is 0.",
                "在服务器上运行 nfsstat -rc,并增大 USE_KERNEL_NFSD_NUMBER 直到 retrans 为 0。"),
            today: Text(
                "-c shows the client's statistics: retransmissions are counted on the client, threads set on the server, in /etc/nfs.conf.d with threads= under [nfsd] where sysconfig is gone.",
                "-c 显示的是客户端统计:重传在客户端计数,线程在服务器上设置;没有 sysconfig 的系统在 /etc/nfs.conf.d 的 [nfsd] 下用 threads= 设置。"),
            sources: ["guide §4.4.2", "nfsstat(8)", "nfs.conf(5)"], domainTypes: [])
    }

    /// The server's default for decades; newer nfs-utils start 16.
    static let smallDefault = 8
    /// Connections from which a server has many clients: four for each thread of the small default.
    static let manyConnections: UInt64 = 32

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        let client = host.storage.nfsClient
        let server = host.storage.nfsServer
        if client.isMissing, server.isMissing || server.value?.threads == 0 {
            return .notApplicable(Text("the host is neither NFS client nor server", "主机既不是 NFS 客户端也不是服务器"))
        }
        switch client {
        case .unknown(let reason): if reason.cause != .missing { judgement.add(reason) }
        case .known(let statistics):
            if statistics.retransmissions > 0 { addClient(statistics, host, estate, to: &judgement) }
        }
        switch server {
        case .unknown(let reason): if reason.cause != .missing { judgement.add(reason) }
        case .known(let statistics):
            guard statistics.threads > 0, statistics.threads <= Self.smallDefault else { break }
            guard let connections = statistics.connections, connections >= Self.manyConnections else { break }
            let wanted = Self.advised(host)
            let configured = host.storage.nfsServerThreads
            if let reason = configured.reason, reason.cause != .missing { judgement.add(reason) }
            let isReady = configured.value.flatMap { Int($0.value) }.map { $0 > Self.smallDefault } ?? false
            let now = Text("Now, without a restart: rpc.nfsd \(wanted)", "立即生效且无需重启:rpc.nfsd \(wanted)")
            judgement.add(
                Finding(
                    .warning, part: "nfsd",
                    Text(
                        "The NFS server runs \(statistics.threads) threads, its small default, and has taken \(connections) connections",
                        "NFS 服务器仅运行 \(statistics.threads) 个线程(默认值较小),已接受 \(connections) 个连接"),
                    observed: "\(statistics.threads) threads", expected: "≥ \(wanted) threads",
                    holds: isReady ? .running : .both,
                    remedy: isReady
                        ? .byHand(now, commands: ["rpc.nfsd \(configured.value?.value ?? String(wanted))"])
                        : .change(Self.change(host, from: statistics.threads), disrupts: .nothing, note: now),
                    evidence: [
                        Evidence("/proc/net/rpc/nfsd", "th \(statistics.threads)"),
                        Evidence("/proc/net/rpc/nfsd", "net … \(connections)"),
                    ]))
        }
        return judgement
    }

    private func addClient(
        _ statistics: NFSClientStatistics, _ host: HostFacts, _ estate: Estate, to judgement: inout Judgement
    ) {
        // Retransmissions are counted for the host as a whole. Where it is known that no image lies on NFS, they are not the guests' trouble.
        var severity = Severity.warning
        if let mounts = host.storage.mounts.value {
            let folders = ImagePlaces(of: estate).places.map(\.folder) + [ImagePlaces.defaultPool]
            if mounts.contains(where: \.isNFS), !folders.contains(where: { host.storage.mount(of: $0)?.isNFS == true })
            {
                severity = .info
            }
        } else {
            judgement.add(host.storage.mounts.reason)
        }
        let perMillion = Double(statistics.retransmissions) / Double(max(statistics.calls, 1)) * 1_000_000
        let rate = perMillion < 1 ? "< 1" : String(Int(min(perMillion, 1_000_000)))
        judgement.add(
            Finding(
                severity, part: "nfs client",
                Text(
                    "\(statistics.retransmissions) of \(statistics.calls) NFS requests of this host had to be sent again (\(rate) in a million)",
                    "此主机的 \(statistics.calls) 个 NFS 请求中有 \(statistics.retransmissions) 个需要重传(每百万 \(rate) 个)"),
                observed: "\(statistics.retransmissions) retransmissions", expected: "0 retransmissions",
                holds: .running,
                remedy: .byHand(
                    Text(
                        "On the server: raise the number of threads, then watch whether the count here goes on rising. Look at the network too; over TCP a server's restart counts as well",
                        "在服务器上:增加线程数,然后观察此处计数是否继续上升。同时检查网络;使用 TCP 时服务器重启也会计入"),
                    commands: [
                        "nfsstat -rc", "cat /proc/fs/nfsd/threads   # on the server",
                        "printf '[nfsd]\\nthreads=64\\n' > /etc/nfs.conf.d/90-threads.conf   # on the server; SLES 15: USE_KERNEL_NFSD_NUMBER=64 in /etc/sysconfig/nfs",
                        "systemctl restart nfs-server   # on the server",
                    ]),
                evidence: [Evidence("/proc/net/rpc/nfs", "rpc \(statistics.calls) \(statistics.retransmissions)")]))
    }

    /// Threads to begin with: two a CPU, and no fewer than 32.
    private static func advised(_ host: HostFacts) -> Int { max(32, (host.cpu.online.value?.count ?? 16) * 2) }

    private static func change(_ host: HostFacts, from threads: Int) -> FileChange {
        let major = host.system.distribution.value.flatMap { $0.isSUSE ? Int($0.version.prefix { $0 != "." }) : nil }
        let isInSysconfig = major.map { $0 < 16 } ?? false
        let wanted = String(advised(host))
        // Where it is set, it is changed: a file read later would win over one of ours.
        if let written = host.storage.nfsServerThreads.value, written.file.hasPrefix("/etc/nfs.conf") {
            return FileChange(written.file, "[nfsd] threads", from: written.value, to: wanted)
        }
        if isInSysconfig {
            return FileChange("/etc/sysconfig/nfs", "USE_KERNEL_NFSD_NUMBER", from: String(threads), to: wanted)
        }
        return FileChange("/etc/nfs.conf.d/90-nearmetal.conf", "[nfsd] threads", from: String(threads), to: wanted)
    }

    var examples: Examples {
        @Sendable func onNFS(_ host: inout HostFacts, _ path: String) {
            host.storage.mounts = host.storage.mounts.map { $0 + [Mount(source: "nas:/vm", path: path, type: "nfs4")] }
        }
        return Examples(
            fires: .host("the guide's example", expect: .fires(.warning, observed: "198 retransmissions")) {
                onNFS(&$0, "/var/lib/libvirt/images")
                $0.storage.nfsClient = .known(NFSClientStatistics(calls: 6_401_066, retransmissions: 198))
            },
            .host(
                "a server with its default and a hundred connections", expect: .fires(.warning, observed: "8 threads")
            ) {
                $0.storage.nfsServer = .known(NFSServerStatistics(threads: 8, connections: 100))
            },
            .host("a server that was given more, and not restarted", expect: .fires(.warning, observed: "8 threads")) {
                $0.storage.nfsServer = .known(NFSServerStatistics(threads: 8, connections: 100))
                $0.storage.nfsServerThreads = .known(ConfiguredSysctl(value: "64", file: "/etc/nfs.conf.d/local.conf"))
            },
            .host("home directories are not the guests' trouble", expect: .fires(.info)) {
                onNFS(&$0, "/home")
                $0.storage.nfsClient = .known(NFSClientStatistics(calls: 1000, retransmissions: 5))
            },
            quiet: .host("nothing sent again", expect: .pass) {
                $0.storage.nfsClient = .known(NFSClientStatistics(calls: 6_401_066, retransmissions: 0))
            },
            .host("enough threads", expect: .pass) {
                $0.storage.nfsServer = .known(NFSServerStatistics(threads: 64, connections: 1000))
            },
            .host("few clients", expect: .pass) {
                $0.storage.nfsServer = .known(NFSServerStatistics(threads: 8, connections: 31))
            },
            others: [
                .host("no NFS at all", expect: .notApplicable) { _ in },
                .host("a server that is stopped", expect: .notApplicable) {
                    $0.storage.nfsServer = .known(NFSServerStatistics(threads: 0))
                },
                .host("statistics cannot be read", expect: .unknown) {
                    $0.storage.nfsClient = .unknown(Unknown(.denied, source: "/proc/net/rpc/nfs"))
                },
            ])
    }
}
