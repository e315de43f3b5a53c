import Changes
import DomainXML
import Inventory
import Quantities

/// Cache modes that fit the disk (guide §4.3.3; the guide names none).
struct DiskCacheMode: GuestPractice {
    var about: About {
        About(
            id: "disk-cache-mode", section: "4.3.3", scopes: [.guest], severities: [.error, .warning, .advice],
            fixes: [.xml],
            title: Text("Disk cache modes", "磁盘缓存模式"),
            why: Text(
                "Guest and host would both cache the same blocks; with none the guest's own cache does it, the host's memory stays for guests, and the guest can migrate safely. unsafe ignores flushes: data the guest believes written is lost with the host.",
                "客户机和主机会重复缓存相同数据块;使用 none 时由客户机自身缓存,主机内存留给客户机,且可安全迁移。unsafe 会忽略刷新请求:客户机认为已写入的数据会随主机故障丢失。"),
            tradeOff: Text(
                "Without the host's cache, guests that read the same image read it from the disk each, and a guest with little memory reads more.",
                "没有主机缓存时,读取同一映像的客户机会各自读取磁盘,内存小的客户机读取更多。"),
            guideSays: Text("Nothing: cache modes are not named.", "未提及缓存模式。"),
            today: Text(
                "QEMU's default is writeback. Native asynchronous I/O needs none or directsync: libvirt refuses any other.",
                "QEMU 默认使用 writeback。原生异步 I/O 需要 none 或 directsync:libvirt 会拒绝其他模式。"),
            sources: [
                "guide §4.3.3", "libvirt docs/formatdomain.rst (disk driver)",
                "SUSE doc-modular virtual-disk-cache-modes",
            ])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var judged = 0
        for disk in domain.disks {
            if disk.io == "native", !disk.isDirect {
                judged += 1
                judgement.add(native(disk, of: guest))
                continue
            }
            // Caching is a matter of disks the guest writes to, on this host's kernel: network protocols have caches of their own.
            guard disk.device == "disk" || disk.device == "lun", disk.isWritable, disk.isOnHost else { continue }
            judged += 1
            if disk.cache == "unsafe" {
                judgement.add(
                    finding(
                        .warning, disk, observed: "unsafe", expected: "none",
                        Text(
                            "Disk \(disk.label) ignores the guest's flushes (cache unsafe): its file system is damaged when the host goes down",
                            "磁盘 \(disk.label) 忽略客户机的刷新请求(cache 为 unsafe):主机故障时其文件系统会损坏"), of: guest))
            } else if disk.isShareable {
                guard let cache = disk.cache, cache != "default", !disk.isDirect else { continue }
                judgement.add(
                    finding(
                        .warning, disk, observed: cache, expected: "none",
                        Text(
                            "Disk \(disk.label) is shared by several guests and cached by this host (\(cache)): another host does not see what is still in the cache",
                            "磁盘 \(disk.label) 由多个客户机共享并经本机缓存(\(cache)):其他主机看不到仍在缓存中的数据"), of: guest))
            } else if !disk.isDirect, isBetterDirect(disk, estate) {
                let observed = disk.cache.flatMap { $0 == "default" ? nil : $0 } ?? "writeback (default)"
                let isBlock = disk.type == "block"
                judgement.add(
                    finding(
                        .advice, disk, observed: observed, expected: "none",
                        Text(
                            "Disk \(disk.label) (\(isBlock ? "block device" : "raw file")) goes through the host's page cache: \(observed); none keeps that memory for guests",
                            "磁盘 \(disk.label)(\(isBlock ? "块设备" : "raw 文件"))经过主机页缓存:\(observed);none 可将内存留给客户机"),
                        of: guest))
            }
        }
        if judged == 0 {
            return .notApplicable(Text("the guest writes to no file or block device of a host", "客户机不写入主机上的文件或块设备"))
        }
        return judgement
    }

    /// A block device or raw image; formats with metadata gain from the cache, and file systems that copy on write do not take direct I/O well.
    private func isBetterDirect(_ disk: Disk, _ estate: Estate) -> Bool {
        guard disk.type == "block" || (disk.type == "file" && (disk.format ?? "raw") == "raw") else { return false }
        guard let path = disk.path, case .known(let image)? = estate.images[path] else { return true }
        switch image.fileSystem.value {
        case "btrfs": return image.isNoCOW.value == true
        case "tmpfs", "ramfs", "zfs": return false
        default: return true
        }
    }

    private func native(_ disk: Disk, of guest: Guest) -> Finding {
        let cache = disk.cache ?? "default"
        return finding(
            .error, disk, observed: "io native, cache \(cache)", expected: "cache none or directsync",
            Text(
                "Disk \(disk.label) asks for native asynchronous I/O with cache \(cache): libvirt refuses it, the guest does not start",
                "磁盘 \(disk.label) 在 cache 为 \(cache) 时使用原生异步 I/O:libvirt 会拒绝,客户机无法启动"), of: guest)
    }

    private func finding(
        _ severity: Severity, _ disk: Disk, observed: String, expected: String, _ what: Text, of guest: Guest
    ) -> Finding {
        let driver = disk.element.first("driver")
        let change =
            driver.map { DomainChange(guest.name, $0.xpath, .attribute("cache", "none"), from: disk.cache) }
            ?? DomainChange(guest.name, disk.element.xpath, .insert("<driver name='qemu' type='raw' cache='none'/>"))
        return Finding(
            severity, part: disk.label, what, observed: observed, expected: expected,
            remedy: .change(
                change, disrupts: .guestRestart,
                note: Text(
                    "none needs direct I/O of the file system below: not on tmpfs, and on Btrfs only for files without copy-on-write (chattr +C)",
                    "none 需要底层文件系统支持直接 I/O:tmpfs 不支持,Btrfs 仅适用于关闭写时复制的文件(chattr +C)")),
            evidence: [Evidence(driver ?? disk.element, "cache=\(disk.cache ?? "default")")])
    }

    var examples: Examples {
        @Sendable func disk(_ driver: String, type: String = "file", more: String = "") -> String {
            let source = type == "block" ? "<source dev='/dev/vg/a'/>" : "<source file='/images/a.img'/>"
            return
                "<devices><disk type='\(type)' device='disk'>\(driver)\(source)<target dev='vda' bus='virtio'/>\(more)</disk></devices>"
        }
        return Examples(
            fires: .guest(
                "native I/O with the default cache", disk("<driver name='qemu' type='raw' io='native'/>"),
                expect: .fires(.error, observed: "io native, cache default")),
            .guest(
                "native I/O with writeback", disk("<driver name='qemu' type='qcow2' cache='writeback' io='native'/>"),
                expect: .fires(.error)),
            .guest(
                "unsafe", disk("<driver name='qemu' type='qcow2' cache='unsafe'/>"),
                expect: .fires(.warning, observed: "unsafe")),
            .guest(
                "a block device by default", disk("<driver name='qemu' type='raw'/>", type: "block"),
                expect: .fires(.advice, observed: "writeback (default)")),
            .guest("no driver: raw, default cache", disk(""), expect: .fires(.advice, observed: "writeback (default)")),
            .guest(
                "shared and cached", disk("<driver name='qemu' type='raw' cache='writeback'/>", more: "<shareable/>"),
                expect: .fires(.warning)),
            quiet: .guest("none", disk("<driver name='qemu' type='raw' cache='none'/>"), expect: .pass),
            .guest(
                "native with directsync", disk("<driver name='qemu' type='raw' cache='directsync' io='native'/>"),
                expect: .pass),
            .guest("qcow2 may keep its default", disk("<driver name='qemu' type='qcow2'/>"), expect: .pass),
            .guest(
                "io_uring needs no direct I/O", disk("<driver name='qemu' type='qcow2' io='io_uring'/>"), expect: .pass),
            .guest(
                "libvirt switches the cache of shared disks off by itself",
                disk("<driver name='qemu' type='raw'/>", more: "<shareable/>"), expect: .pass),
            others: [
                .guest(
                    "unsafe, but thrown away",
                    disk("<driver name='qemu' type='qcow2' cache='unsafe'/>", more: "<transient/>"),
                    expect: .notApplicable),
                .guest(
                    "Ceph has a cache of its own",
                    "<devices><disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='p/i'/><target dev='vda'/></disk></devices>",
                    expect: .notApplicable),
                .guest(
                    "an installation medium",
                    "<devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/iso/a.iso'/><target dev='sda' bus='sata'/><readonly/></disk></devices>",
                    expect: .notApplicable),
            ])
    }
}
