import Changes
import HostFacts
import Inventory
import Quantities

/// `mq-deadline` on the host's disks that guests lie on (guide §4.3.1).
struct HostIOScheduler: HostPractice {
    var about: About {
        About(
            id: "host-io-scheduler", section: "4.3.1", scopes: [.host], severities: [.advice], fixes: [.sysfs],
            title: Text("I/O scheduler of the host", "主机 I/O 调度程序"),
            why: Text(
                "Guests schedule their own I/O. BFQ and kyber reorder it once more and take CPU time for fairness between processes, which on a host are whole guests.",
                "客户机会自行调度 I/O。BFQ 和 kyber 会再次排序,并为进程间的公平性消耗 CPU 时间,而主机上的进程就是整个客户机。"),
            tradeOff: Text(
                "mq-deadline weighs guests by nothing: one that floods the disk slows the others. Limits belong into <iotune> then.",
                "mq-deadline 不区分客户机权重:大量占用磁盘的客户机会拖慢其他客户机。此时应使用 <iotune> 限制。"),
            guideSays: Text(
                "mq-deadline for every disk of the host, written to /usr/lib/tmpfiles.d by the disk's name.",
                "主机所有磁盘使用 mq-deadline,按磁盘名称写入 /usr/lib/tmpfiles.d。"),
            today: Text(
                "NVMe disks have queues of their own and want none. /usr/lib is the vendor's folder, names such as sda move, and disks that are plugged in later are missed: a udev rule holds for all of them.",
                "NVMe 磁盘有自己的队列,应使用 none。/usr/lib 是厂商目录,sda 等名称会变化,后插入的磁盘会被遗漏:udev 规则可覆盖所有情况。"),
            sources: ["guide §4.3.1", "kernel Documentation/block/switching-sched.rst"], domainTypes: [])
    }

    /// Schedulers that are not wanted below guests.
    private static let unwanted: Set<String> = ["bfq", "kyber", "cfq"]

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        let places = ImagePlaces(of: estate).places
        if places.isEmpty {
            return .notApplicable(
                Text("no guest's image lies on a file system or device of this host", "没有客户机映像位于此主机的文件系统或设备上"))
        }
        guard host.storage.disks.value != nil else {
            return .unknown(host.storage.disks.reason ?? Unknown(.missing, source: "/sys/block"))
        }
        var disks: [String: (device: BlockDevice, path: String)] = [:]
        var unresolved: [String] = []
        for (place, path, _) in places {
            guard let found = host.storage.disks(under: place) else {
                if !place.hasPrefix("/dev/"), let reason = host.storage.mounts.reason {
                    judgement.add(reason)
                } else {
                    unresolved.append(path)
                }
                continue
            }
            for disk in found where disks[disk.name] == nil { disks[disk.name] = (disk, path) }
        }
        if let first = unresolved.first {
            let others = unresolved.count > 1 ? " (\(unresolved.count) places)" : ""
            judgement.add(
                Unknown(
                    .missing, source: "the disk below \(first)\(others)",
                    remedy: Text("Audit guests on the host they run on", "请在客户机实际运行的主机上检查")))
        }
        for (device, path) in disks.values.sorted(by: { $0.device.name < $1.device.name }) {
            switch device.scheduler {
            case .unknown(let reason):
                // Devices without a queue of their own have no such file.
                if reason.cause != .missing { judgement.add(reason) }
            case .known(let scheduler):
                guard Self.unwanted.contains(scheduler) else { continue }
                judgement.add(finding(device, scheduler, path: path, host: host))
            }
        }
        return judgement
    }

    private func finding(_ device: BlockDevice, _ scheduler: String, path: String, host: HostFacts) -> Finding {
        let file = "/sys/block/\(device.name)/queue/scheduler"
        // A disk with queues of its own (NVMe), or one that a hypervisor below schedules (virtio), wants none.
        let isQueued = device.isNVMe || device.name.hasPrefix("vd")
        let choices = device.schedulers
        var wanted = isQueued ? "none" : "mq-deadline"
        if !choices.isEmpty, !choices.contains(wanted) {
            wanted = ["mq-deadline", "deadline", "none", "noop"].first(where: choices.contains) ?? wanted
        }
        let match = device.isNVMe ? "nvme[0-9]*" : device.name.hasPrefix("vd") ? "vd[a-z]*" : "sd[a-z]*"
        // A line of tmpfiles.d for this disk is what the next boot gets; udev rules are not read.
        let atBoot = host.boot.tmpfiles.value?[file]?.value
        return Finding(
            .advice, part: device.name,
            Text(
                "\(device.name) uses \(scheduler), and guests' images lie on it (\(path)); \(wanted) suits a host better",
                "\(device.name) 使用 \(scheduler),且客户机映像位于其上(\(path));\(wanted) 更适合主机"),
            observed: scheduler, expected: wanted,
            holds: Self.unwanted.contains(atBoot ?? scheduler) ? .both : .running,
            remedy: .change(
                SysfsChange(file, from: scheduler, to: wanted), disrupts: .nothing,
                note: Text(
                    "For disks whose names may move, a udev rule instead of tmpfiles.d: ACTION==\"add|change\", KERNEL==\"\(match)\", ATTR{queue/scheduler}=\"\(wanted)\" in /etc/udev/rules.d/90-nearmetal.rules",
                    "若磁盘名称可能变化,请用 udev 规则代替 tmpfiles.d:在 /etc/udev/rules.d/90-nearmetal.rules 中写入 ACTION==\"add|change\", KERNEL==\"\(match)\", ATTR{queue/scheduler}=\"\(wanted)\""
                )),
            evidence: [Evidence(file, scheduler), Evidence(path, device.name)], owner: host.services.owner(of: file))
    }

    var examples: Examples {
        let guest =
            "<devices><disk type='file' device='disk'><source file='/var/lib/libvirt/images/a.qcow2'/><target dev='vda'/></disk></devices>"
        let onDevice =
            "<devices><disk type='block' device='disk'><source dev='/dev/mapper/vg-web1'/><target dev='vda'/></disk></devices>"
        @Sendable func disk(_ name: String, _ scheduler: String, partitions: [String] = []) -> BlockDevice {
            BlockDevice(
                name: name, scheduler: .known(scheduler), schedulers: ["mq-deadline", "kyber", "bfq", "none"],
                partitions: partitions)
        }
        return Examples(
            fires: .host("BFQ below the images", expect: .fires(.advice, observed: "bfq"), guests: [guest]) {
                $0.storage.disks = .known([disk("sda", "bfq", partitions: ["sda2"])])
            },
            .host("through LVM", expect: .fires(.advice, observed: "kyber"), guests: [onDevice]) {
                $0.storage.disks = .known([
                    disk("sda", "mq-deadline", partitions: ["sda2"]), disk("sdb", "kyber", partitions: ["sdb1"]),
                    BlockDevice(name: "dm-0", slaves: ["sdb1"], mapperName: "vg-web1"),
                ])
            },
            .host("NVMe wants none", expect: .fires(.advice, observed: "bfq"), guests: [guest]) {
                $0.storage.disks = .known([disk("nvme0n1", "bfq", partitions: ["nvme0n1p2"])])
                $0.storage.mounts = .known([Mount(source: "/dev/nvme0n1p2", path: "/", type: "xfs")])
            },
            quiet: .host("mq-deadline", expect: .pass, guests: [guest]) {
                $0.storage.disks = .known([disk("sda", "mq-deadline", partitions: ["sda2"])])
            },
            .host("none on NVMe", expect: .pass, guests: [guest]) {
                $0.storage.disks = .known([disk("nvme0n1", "none", partitions: ["nvme0n1p2"])])
                $0.storage.mounts = .known([Mount(source: "/dev/nvme0n1p2", path: "/", type: "xfs")])
            },
            .host("a disk no guest lies on", expect: .pass, guests: [guest]) {
                $0.storage.disks = .known([disk("sda", "none", partitions: ["sda2"]), disk("sdz", "bfq")])
            },
            .host("images on NFS have no disk here", expect: .pass, guests: [guest]) {
                $0.storage.mounts = .known([Mount(source: "nas:/vm", path: "/var/lib/libvirt/images", type: "nfs4")])
                $0.storage.disks = .known([disk("sda", "bfq")])
            },
            others: [
                .host("no guests", expect: .notApplicable) { $0.storage.disks = .known([disk("sda", "bfq")]) },
                .host("disks cannot be listed", expect: .unknown, guests: [guest]) {
                    $0.storage.disks = .unknown(Unknown(.denied, source: "/sys/block"))
                },
                .host("a device that is not there", expect: .unknown, guests: [onDevice]) {
                    $0.storage.disks = .known([disk("sda", "none")])
                },
                .host("the scheduler cannot be read", expect: .unknown, guests: [guest]) {
                    $0.storage.disks = .known([
                        BlockDevice(
                            name: "sda",
                            scheduler: .unknown(Unknown(.denied, source: "/sys/block/sda/queue/scheduler")),
                            partitions: ["sda2"])
                    ])
                },
            ])
    }
}
