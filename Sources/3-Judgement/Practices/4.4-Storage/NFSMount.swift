import Changes
import HostFacts
import Inventory
import Quantities

/// NFS mounts that hold images: hard, with transfer sizes left to client and server (guide §4.4.1).
struct NFSMount: HostPractice {
    var about: About {
        About(
            id: "nfs-mount", section: "4.4.1", scopes: [.host], severities: [.error, .warning, .advice],
            fixes: [.file, .hand],
            title: Text("NFS mounts with images", "存放映像的 NFS 挂载"),
            why: Text(
                "On a soft mount a request that times out fails: the guest sees write errors, and its file system loses data or goes read-only. Small transfers cost a round trip each.",
                "soft 挂载的请求超时即失败:客户机会遇到写错误,其文件系统可能丢失数据或变为只读。传输块过小则每次都要一个往返。"),
            tradeOff: Text(
                "On a hard mount guests wait as long as the server is away; stopping them or unmounting may wait too.",
                "hard 挂载在服务器不可用期间客户机会一直等待;停止客户机或卸载也可能等待。"),
            guideSays: Text(
                "Raise rsize and wsize to 16 KiB; its example writes 8192 and sync.",
                "将 rsize 和 wsize 增至 16 KiB;其示例为 8192 和 sync。"),
            today: Text(
                "Client and server agree on the largest size both know, up to 1 MiB, when nothing is written: a written value mostly lowers it. hard is the default. sync costs much and adds nothing where QEMU flushes or writes directly. nconnect= opens several connections.",
                "不指定时,客户端和服务器会协商双方支持的最大值(最大 1 MiB):手动指定通常会降低它。hard 是默认值。在 QEMU 会刷新或直接写入时,sync 代价高且没有益处。nconnect= 可打开多个连接。"
            ),
            sources: ["guide §4.4.1", "nfs(5)"], domainTypes: [])
    }

    /// Below this a written transfer size is small: cloud file services ask for as little as 256 KiB, and no server in support offers less over TCP.
    static let smallTransfer = 262_144

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let storage = host.storage
        guard let mounts = storage.mounts.value else {
            return .unknown(storage.mounts.reason ?? Unknown(.missing, source: "/proc/self/mountinfo"))
        }
        // Without an fstab nothing is asked for; one that cannot be read may ask for anything.
        let fstab: [Mount]? = storage.fstab.isMissing ? [] : storage.fstab.value
        var places: [(folder: String, path: String)] = ImagePlaces(of: estate).places.filter {
            !$0.folder.hasPrefix("/dev/")
        }.map { ($0.folder, $0.path) }
        places.append((ImagePlaces.defaultPool, ImagePlaces.defaultPool))
        let nfsMounts = mounts.contains(where: \.isNFS)
        let nfsLines = fstab?.contains(where: \.isNFS) ?? false
        var judgement = Judgement()
        var held: [String: (running: Mount?, line: Mount?, path: String)] = [:]
        if nfsMounts || nfsLines {
            for (folder, path) in places {
                let running = storage.mount(of: folder).flatMap { $0.isNFS ? $0 : nil }
                let line = Self.line(for: folder, running: running, in: fstab ?? [])
                guard let key = running?.path ?? line?.path else { continue }
                if held[key] == nil { held[key] = (running, line, path) }
            }
        }
        if fstab == nil { judgement.add(storage.fstab.reason) }
        for (_, mount) in held.sorted(by: { $0.key < $1.key }) {
            add(mount.running, mount.line, knowsLines: fstab != nil, path: mount.path, estate, to: &judgement)
        }
        if held.isEmpty, judgement.unknowns.isEmpty {
            return .notApplicable(Text("no NFS mount holds images of guests", "没有存放客户机映像的 NFS 挂载"))
        }
        return judgement
    }

    /// The line of fstab for a mount that is there, or that a folder would lie on after a reboot.
    private static func line(for folder: String, running: Mount?, in fstab: [Mount]) -> Mount? {
        if let running { return fstab.last { $0.isNFS && $0.path == running.path } }
        var best: Mount?
        for mount in fstab
        where mount.path.hasPrefix("/") && mount.contains(folder)
            && mount.path.utf8.count >= (best?.path.utf8.count ?? 0)
        {
            best = mount
        }
        return best?.isNFS == true ? best : nil
    }

    private func add(
        _ running: Mount?, _ line: Mount?, knowsLines: Bool, path: String, _ estate: Estate,
        to judgement: inout Judgement
    ) {
        guard let mount = running ?? line else { return }
        func option(_ mount: Mount?, _ names: String...) -> String? {
            guard let mount else { return nil }
            return names.first { mount.option($0) != nil }.map { name in
                mount.option(name).map { $0.isEmpty ? name : "\(name)=\($0)" } ?? name
            }
        }
        // What the next mount gets: the line's word, else what this one has (an automounter's map, a unit, a person will say it again).
        func check(
            _ severity: Severity, _ inForce: String?, _ written: String?, expected: String, drop: [String],
            add: [String] = [], _ what: Text
        ) {
            guard let found = inForce ?? written else { return }
            let atBoot = line == nil ? inForce != nil : written != nil
            let holds: Finding.Holds = inForce == nil ? .nextStart : atBoot ? .both : .running
            judgement.add(
                Finding(
                    severity, part: mount.path,
                    Text(
                        "\(mount.path) (\(mount.source)) holds images and is mounted \(found): \(what.english)",
                        "\(mount.path)(\(mount.source))存放映像,挂载选项为 \(found):\(what.chinese)"),
                    observed: found, expected: expected, holds: holds,
                    remedy: remedy(mount, line, drop: drop, add: add),
                    evidence: [
                        Evidence(
                            line == nil || inForce != nil ? "/proc/self/mountinfo" : "/etc/fstab",
                            "\(mount.path) \(found)"), Evidence(path, mount.path),
                    ]))
        }
        check(
            .error, option(running, "soft", "softerr"), option(line, "soft", "softerr"), expected: "hard",
            drop: ["soft", "softerr"],
            Text("requests that time out fail, and the guest loses data", "超时的请求会失败,客户机会丢失数据"))
        check(
            .warning, option(running, "nolock") ?? lockedLocally(running),
            option(line, "nolock") ?? lockedLocally(line), expected: "lock",
            drop: ["nolock", "local_lock"],
            Text(
                "QEMU's locks on images are not seen by other hosts, so that two may write one image",
                "其他主机看不到 QEMU 的映像锁,可能有两台主机写同一映像"))
        check(
            .warning, isUDP(running), isUDP(line), expected: "proto=tcp", drop: ["proto", "udp", "mountproto"],
            add: ["proto=tcp"],
            Text("fragments lost on a fast network can be put together wrongly, unnoticed", "高速网络上丢失的分片可能被错误重组而不被察觉"))
        for name in ["rsize", "wsize"] {
            let written = size(line, name)
            // What is in force without being written is what the server offers; nobody has chosen it here.
            let inForce = line != nil && written == nil ? nil : size(running, name)
            if inForce != nil, line == nil, !knowsLines { continue }
            check(
                .advice, inForce, written, expected: "no \(name) (negotiated, up to 1048576)", drop: [name],
                Text("client and server agree on more by themselves", "客户端与服务器会自行协商更大的值"))
        }
        addAsync(mount, line, estate, to: &judgement)
    }

    /// Buffered writes of guests on a mount that is asynchronous by default, without a word in fstab that says it is meant.
    private func addAsync(_ mount: Mount, _ line: Mount?, _ estate: Estate, to judgement: inout Judgement) {
        guard let line, line.option("async") == nil, line.option("sync") == nil else { return }
        for guest in estate.guests {
            guard let domain = guest.definition else { continue }
            for disk in domain.devices("disk") where disk["device"] ?? "disk" == "disk" && disk.first("readonly") == nil
            {
                guard let file = disk.first("source")?["file"], mount.contains(file), disk.first("shareable") == nil
                else { continue }
                let cache = disk.first("driver")?["cache"] ?? "default"
                guard ["default", "writeback", "unsafe"].contains(cache) else { continue }
                judgement.add(
                    Finding(
                        .advice, part: mount.path,
                        Text(
                            "\(mount.path) is mounted async by default, and \(guest.name) writes to \(file) through this host's page cache (cache \(cache)): what its own flushes have not sent is lost with this host",
                            "\(mount.path) 默认以 async 挂载,且 \(guest.name) 经本机页缓存写入 \(file)(cache 为 \(cache)):客户机尚未刷新的数据会随主机故障丢失"
                        ),
                        observed: "neither sync nor async", expected: "async written, or cache='none'",
                        holds: .both,
                        remedy: .byHand(
                            Text(
                                "Give the guests' disks cache='none', which also makes them safe to migrate, or write async to say that it is meant",
                                "为客户机磁盘设置 cache='none'(同时保证迁移安全),或写明 async 表示有意为之"), disrupts: .guestRestart),
                        evidence: [
                            Evidence("/etc/fstab", "\(line.path) \(line.options.joined(separator: ","))"),
                            Evidence(disk, "cache=\(cache)"),
                        ]))
                return
            }
        }
    }

    private func lockedLocally(_ mount: Mount?) -> String? {
        guard let value = mount?.option("local_lock"), value == "all" || value == "posix" else { return nil }
        return "local_lock=\(value)"
    }

    private func isUDP(_ mount: Mount?) -> String? {
        guard let mount else { return nil }
        if let proto = mount.option("proto"), proto == "udp" || proto == "udp6" { return "proto=\(proto)" }
        return mount.option("udp") == nil ? nil : "udp"
    }

    private func size(_ mount: Mount?, _ name: String) -> String? {
        guard let text = mount?.option(name), let bytes = Int(text), bytes < Self.smallTransfer else { return nil }
        return "\(name)=\(bytes)"
    }

    private func remedy(_ mount: Mount, _ line: Mount?, drop: [String], add: [String]) -> Remedy {
        let note = Text(
            "Shut the guests on it down first: such options change only when it is unmounted and mounted again",
            "请先关闭其上的客户机:这些选项只有在卸载并重新挂载后才会改变")
        guard let line else {
            return .byHand(
                Text(
                    "\(note.english). fstab has no line for it: look at the automounter's map, a mount unit or the storage pool",
                    "\(note.chinese)。fstab 中没有对应行:请检查自动挂载映射、挂载单元或存储池"),
                commands: [
                    "systemctl cat '*.mount' | grep -F -B5 -A5 -e \(mount.path.shellWord)",
                    "umount \(mount.path.shellWord) && mount \(mount.path.shellWord)",
                ], disrupts: .guestRestart)
        }
        let kept = line.options.filter { option in !drop.contains(String(option.prefix { $0 != "=" })) } + add
        return .change(
            FileChange(
                "/etc/fstab", "\(line.path) options", from: line.options.joined(separator: ","),
                to: kept.isEmpty ? "defaults" : kept.joined(separator: ",")), disrupts: .guestRestart, note: note)
    }

    var examples: Examples {
        @Sendable func guest(_ cache: String = "none") -> String {
            "<devices><disk type='file' device='disk'><driver name='qemu' type='raw' cache='\(cache)'/><source file='/mnt/vm/a.raw'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func mount(
            _ host: inout HostFacts, _ running: [String]?, fstab: [String]? = nil, path: String = "/mnt/vm"
        ) {
            if let running {
                host.storage.mounts = host.storage.mounts.map {
                    $0 + [Mount(source: "nas:/vm", path: path, type: "nfs4", options: running)]
                }
            }
            if let fstab {
                host.storage.fstab = host.storage.fstab.map {
                    $0 + [Mount(source: "nas:/vm", path: path, type: "nfs", options: fstab)]
                }
            }
        }
        let negotiated = [
            "rw", "relatime", "vers=4.2", "rsize=1048576", "wsize=1048576", "hard", "proto=tcp", "local_lock=none",
        ]
        return Examples(
            fires: .host("soft", expect: .fires(.error, observed: "soft"), guests: [guest()]) {
                mount(&$0, ["rw", "rsize=1048576", "wsize=1048576", "soft", "proto=tcp"], fstab: ["soft", "async"])
            },
            .host("soft in fstab, not mounted now", expect: .fires(.error, observed: "soft"), guests: [guest()]) {
                mount(&$0, nil, fstab: ["soft", "noauto", "async"])
            },
            .host("the guide's own sizes", expect: .fires(.advice, observed: "rsize=8192"), guests: [guest()]) {
                mount(
                    &$0, ["rw", "sync", "rsize=8192", "wsize=8192", "hard"],
                    fstab: ["rw", "hard", "sync", "rsize=8192", "wsize=8192"])
            },
            .host("libvirt's own folder, though no guest is known", expect: .fires(.error)) {
                mount(&$0, ["softerr", "rsize=1048576", "wsize=1048576"], path: "/var/lib/libvirt/images")
            },
            .host("locks that stay on this host", expect: .fires(.warning, observed: "nolock"), guests: [guest()]) {
                mount(&$0, ["vers=3", "nolock", "hard", "rsize=1048576", "wsize=1048576", "local_lock=all"])
            },
            .host(
                "buffered writes, and no word on async", expect: .fires(.advice, observed: "neither sync nor async"),
                guests: [guest("writeback")]
            ) {
                mount(&$0, negotiated, fstab: ["defaults"])
            },
            quiet: .host("hard, sizes negotiated", expect: .pass, guests: [guest()]) {
                mount(&$0, negotiated, fstab: ["defaults", "_netdev"])
            },
            .host("a server that offers no more", expect: .pass, guests: [guest()]) {
                mount(&$0, ["rw", "rsize=65536", "wsize=65536", "hard"], fstab: ["defaults"])
            },
            .host("256 KiB, as cloud file services ask", expect: .pass, guests: [guest()]) {
                mount(&$0, ["rsize=262144", "wsize=262144", "hard"], fstab: ["rsize=262144", "wsize=262144", "hard"])
            },
            .host("softreval is another thing", expect: .pass, guests: [guest()]) {
                mount(&$0, negotiated + ["softreval"], fstab: ["softreval"])
            },
            others: [
                .host("soft, but without images", expect: .notApplicable, guests: [guest()]) {
                    mount(&$0, ["soft"], path: "/home")
                },
                .host("no NFS", expect: .notApplicable, guests: [guest()]) { _ in },
                .host("mounts cannot be read", expect: .unknown, guests: [guest()]) {
                    $0.storage.mounts = .unknown(Unknown(.denied, source: "/proc/self/mountinfo"))
                },
                .host("fstab cannot be read", expect: .unknown, guests: [guest()]) {
                    mount(&$0, negotiated)
                    $0.storage.fstab = .unknown(Unknown(.denied, source: "/etc/fstab"))
                },
            ])
    }
}
