import Changes
import DomainXML
import Inventory
import Quantities

/// Folders are shared with virtiofs, or with 9p that is told how (guide §5.4).
struct FilesystemShare: GuestPractice {
    var about: About {
        About(
            id: "filesystem-share", section: "5.4", scopes: [.guest], severities: [.error, .advice], fixes: [.xml],
            title: Text("Shared folders", "共享目录"),
            why: Text(
                "9p asks QEMU for each operation, 8 KiB at a time where the guest mounts it without msize. virtiofs lets a daemon of its own read and write the guest's memory, and caches as a local file system does.",
                "9p 的每个操作都要经过 QEMU,客户机挂载时若不指定 msize,每次只有 8 KiB。virtiofs 由独立守护进程直接读写客户机内存,并像本地文件系统一样缓存。"),
            tradeOff: Text(
                "virtiofs needs shared memory, which KSM never merges and which gets huge pages only through shmem_enabled (see thp-shared), and keeps a guest from migrating on older releases.",
                "virtiofs 需要共享内存:KSM 不会合并它,且只有通过 shmem_enabled 才能使用大页(参见 thp-shared);旧版本上客户机无法迁移。"),
            guideSays: Text("9p with trans=virtio, without size or version.", "使用 9p,仅指定 trans=virtio,未指定大小与版本。"),
            today: Text(
                "virtiofs (libvirt ≥ 6.2); where it must be 9p: version=9p2000.L,msize=524288.",
                "使用 virtiofs(libvirt ≥ 6.2);必须使用 9p 时:version=9p2000.L,msize=524288。"),
            sources: [
                "guide §5.4", "libvirt docs/kbase/virtiofs.rst",
                "QEMU wiki Documentation/9psetup; kernel Documentation/filesystems/9p.rst",
            ])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var isConcerned = false
        for share in domain.devices("filesystem") where (share["type"] ?? "mount") == "mount" {
            isConcerned = true
            let tag = share.first("target")?["dir"] ?? "TAG"
            let driver = share.first("driver")?["type"] ?? "path"
            if driver == "virtiofs" {
                if !SharedMemory.isShared(domain) { judgement.add(privateMemory(share, tag, domain, guest)) }
            } else {
                judgement.add(plan9(share, tag, driver, domain, guest))
            }
        }
        return isConcerned ? judgement : .notApplicable(Text("it shares no folder with the host", "未与主机共享目录"))
    }

    private func privateMemory(_ share: Element, _ tag: String, _ domain: DomainDefinition, _ guest: Guest) -> Finding {
        Finding(
            .error, part: tag,
            Text(
                "\(tag) is shared with virtiofs, and the guest's memory is not shared: libvirt refuses to start it",
                "\(tag) 使用 virtiofs,但客户机内存未共享:libvirt 会拒绝启动"),
            observed: "virtiofs, private memory", expected: "shared memory",
            remedy: .changes(SharedMemory.changes(domain), disrupts: .guestRestart),
            evidence: [
                Evidence(share.first("driver") ?? share, "virtiofs"),
                Evidence(domain.root.first("memoryBacking") ?? domain.root, "no <access mode='shared'/>"),
            ])
    }

    private func plan9(_ share: Element, _ tag: String, _ driver: String, _ domain: DomainDefinition, _ guest: Guest)
        -> Finding
    {
        let mode = share["accessmode"] ?? "passthrough"
        let meaning: Text =
            switch mode {
            case "mapped":
                Text(
                    "mapped: owners and modes the guest sets are kept in extended attributes, invisible on the host",
                    "mapped:客户机设置的属主和权限保存在扩展属性中,主机上不可见")
            case "squash":
                Text("squash: changes of owner that fail are passed over in silence", "squash:更改属主失败时静默忽略")
            default:
                Text(
                    "passthrough: files are made with the rights of QEMU's user, so that the guest's root owns nothing unless QEMU runs as root",
                    "passthrough:以 QEMU 用户的权限创建文件;除非 QEMU 以 root 运行,否则客户机的 root 并不拥有文件")
            }
        let isReadOnly = share.first("readonly") != nil
        let mount = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 \(shellWord(tag)) /mnt"
        let remedy: Remedy
        if isReadOnly || domain.isConfidential {
            remedy = .byHand(
                Text(
                    "In the guest. virtiofs can be read-only from libvirt 11.0 only, and not without memory the host reads",
                    "在客户机内执行。virtiofs 自 libvirt 11.0 起才支持只读,且需要主机可读的内存"), commands: [mount])
        } else {
            var changes: [DomainChange] = []
            if let element = share.first("driver") {
                changes.append(
                    DomainChange(guest.name, element.xpath, .attribute("type", "virtiofs"), from: element["type"]))
                // libvirt has these for 9p only.
                for name in ["wrpolicy", "format", "name"] where element[name] != nil {
                    changes.append(DomainChange(guest.name, element.xpath, .removeAttribute(name), from: element[name]))
                }
            } else {
                changes.append(DomainChange(guest.name, share.xpath, .insert("<driver type='virtiofs'/>")))
            }
            if mode != "passthrough" {
                changes.append(
                    DomainChange(guest.name, share.xpath, .attribute("accessmode", "passthrough"), from: mode))
            }
            if !SharedMemory.isShared(domain) { changes += SharedMemory.changes(domain) }
            remedy = .changes(
                changes, disrupts: .guestRestart,
                note: Text(
                    "In the guest: mount -t virtiofs \(tag) /mnt. Where it stays 9p: \(mount)\(mode == "mapped" ? ". Owners kept as mapped are lost with virtiofs: set them anew" : "")",
                    "客户机内:mount -t virtiofs \(tag) /mnt。若仍用 9p:\(mount)\(mode == "mapped" ? "。以 mapped 保存的属主在 virtiofs 下会丢失:需重新设置" : "")"
                ))
        }
        return Finding(
            .advice, part: tag,
            Text(
                "\(tag) is shared with 9p (\(meaning.english)); virtiofs is faster, and 9p wants msize=524288 where it stays",
                "\(tag) 使用 9p 共享(\(meaning.chinese));virtiofs 更快,若保留 9p 应设 msize=524288"),
            observed: "9p (\(driver)), \(mode)", expected: "virtiofs", remedy: remedy,
            evidence: [Evidence(share, "9p (\(driver)), accessmode \(mode)")])
    }

    var examples: Examples {
        @Sendable func share(_ mode: String, _ more: String = "", memory: String = "") -> String {
            "\(memory)<devices><filesystem type='mount'\(mode)>\(more)<source dir='/srv/share'/><target dir='share'/></filesystem></devices>"
        }
        let memfd = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
        let cells = "<cpu><numa><cell id='0' cpus='0-1' memory='2' unit='GiB' memAccess='shared'/></numa></cpu>"
        return Examples(
            fires: .guest(
                "9p, as libvirt does it by default", share(""),
                expect: .fires(.advice, observed: "9p (path), passthrough")),
            .guest(
                "9p mapped", share(" accessmode='mapped'", "<driver type='path' wrpolicy='immediate'/>"),
                expect: .fires(.advice, observed: "9p (path), mapped")),
            .guest(
                "9p read-only", share(" accessmode='squash'", "<readonly/>"),
                expect: .fires(.advice, observed: "9p (path), squash")),
            .guest(
                "virtiofs on private memory", share(" accessmode='passthrough'", "<driver type='virtiofs'/>"),
                expect: .fires(.error, observed: "virtiofs, private memory")),
            quiet: .guest(
                "virtiofs", share(" accessmode='passthrough'", "<driver type='virtiofs'/>", memory: memfd),
                expect: .pass),
            .guest(
                "virtiofs, shared by cell",
                share(" accessmode='passthrough'", "<driver type='virtiofs'/>", memory: cells), expect: .pass),
            .guest("nothing is shared", "<devices/>", expect: .notApplicable),
            .guest(
                "a container's folder",
                "<domain type='lxc'><name>c</name><memory>1</memory><os><type>exe</type></os><devices><filesystem type='mount'><source dir='/srv'/><target dir='/'/></filesystem></devices></domain>",
                expect: .notApplicable))
    }
}
