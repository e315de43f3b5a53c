import Changes
import DomainXML
import Inventory
import Quantities

/// A writable image has one guest, unless all say that they share it (guide §5.2).
struct ImageShared: GuestPractice {
    var about: About {
        About(
            id: "image-shared", section: "5.2", scopes: [.guest], severities: [.error], fixes: [.hand],
            title: Text("Images used twice", "被重复使用的映像"),
            why: Text(
                "Two guests that write one file system destroy it. QEMU's locks let the second one not start on this host; on shared storage without locks nothing stops it.",
                "两个客户机写同一文件系统会将其毁坏。在本机上 QEMU 的锁会阻止第二个启动;在没有锁的共享存储上则无从阻止。"),
            tradeOff: Text(
                "<shareable/> takes the locks away: it is for cluster file systems and clusters that fence, with raw and without cache.",
                "<shareable/> 会取消锁:仅用于集群文件系统和具备隔离机制的集群,且须为 raw 并关闭缓存。"),
            sources: [
                "guide §5.2", "libvirt docs/formatdomain.rst (shareable)",
                "QEMU docs/system/qemu-block-drivers.rst.inc (Disk image file locking)",
            ],
            domainTypes: ["kvm", "qemu", "xen"])
    }

    /// Devices that keep nothing.
    private static let bottomless: Set<String> = ["/dev/null", "/dev/zero", "/dev/full"]

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let relations = estate.relations.images
        var judgement = Judgement()
        var isConcerned = false
        var own: [String: Disk] = [:]
        for disk in domain.disks where disk.type == "file" || disk.type == "block" {
            guard let path = disk.path, !Self.bottomless.contains(path) else { continue }
            isConcerned = true
            let key = relations.key(of: path)
            if let twin = own[key], twin.isWritable || disk.isWritable, !(twin.isShareable && disk.isShareable) {
                judgement.add(twice(disk, twin, path))
                continue
            }
            own[key] = disk
            let users = relations.users(of: path)
            guard users.all.count > 1, let other = Self.rival(of: disk, guest, users, estate) else { continue }
            judgement.add(finding(disk, path, guest, other, users, estate))
        }
        return isConcerned
            ? judgement : .notApplicable(Text("it has no disk on a file or device of the host", "没有位于主机文件或设备上的磁盘"))
    }

    /// Another guest whose use does not go together with this one; `nil` where there is none.
    ///
    /// Ends at the first: thousands may share one ISO image.
    private static func rival(of disk: Disk, _ guest: Guest, _ users: ImageRelations.Users, _ estate: Estate)
        -> ImageRelations.Use?
    {
        if !disk.isWritable, users.writers.isEmpty { return nil }
        if users.unshared == 0 { return nil }
        let candidates = disk.isWritable ? users.all : users.writers
        return candidates.first { use in
            let other = estate.guests[use.guest]
            // The same guest in two files (as it is backed up, or as it was on another host) is one guest.
            guard other.name != guest.name,
                other.definition?.uuid == nil || other.definition?.uuid != guest.definition?.uuid
            else { return false }
            return !(use.disk.isShareable && disk.isShareable)
        }
    }

    private func twice(_ disk: Disk, _ twin: Disk, _ path: String) -> Finding {
        Finding(
            .error, part: disk.label,
            Text(
                "\(disk.label) and \(twin.label) of the same guest are one image, \(path): it will not start",
                "同一客户机的 \(disk.label) 与 \(twin.label) 是同一映像 \(path):将无法启动"),
            observed: "\(twin.label), \(disk.label)", expected: "one disk for an image",
            remedy: .byHand(Text("Name the right image for one of them", "为其中之一指定正确的映像"), disrupts: .guestRestart),
            evidence: [
                Evidence(twin.source ?? twin.element, path), Evidence(disk.source ?? disk.element, disk.path ?? path),
            ])
    }

    private func finding(
        _ disk: Disk, _ path: String, _ guest: Guest, _ other: ImageRelations.Use, _ users: ImageRelations.Users,
        _ estate: Estate
    ) -> Finding {
        let rival = estate.guests[other.guest]
        let through = other.disk.path ?? path
        let what: Text
        if other.depth > 0 {
            what = Text(
                "\(disk.label) writes to \(path), which \(rival.name) has as a backing file (below \(through)): that guest's disk breaks",
                "\(disk.label) 写入 \(path),而它是 \(rival.name) 的后备文件(位于 \(through) 之下):会破坏该客户机的磁盘")
        } else if disk.isWritable, other.isWriter {
            what = Text(
                "\(disk.label) and \(other.disk.label) of \(rival.name) both write to \(path)\(through == path ? "" : " (there: \(through))"), and do not both say <shareable/>",
                "\(disk.label) 与 \(rival.name) 的 \(other.disk.label) 都写入 \(path)\(through == path ? "" : "(对方写作 \(through))"),且未都声明 <shareable/>"
            )
        } else {
            let writer = disk.isWritable ? guest.name : rival.name
            what = Text(
                "\(path) is used by \(guest.name) and \(rival.name), and \(writer) writes to it: the other sees it change, or does not start",
                "\(path) 被 \(guest.name) 与 \(rival.name) 使用,且 \(writer) 会写入:另一方会看到内容变化或无法启动")
        }
        let rest = users.all.prefix(4).map { estate.guests[$0.guest] }.filter { $0.name != guest.name }
        return Finding(
            .error, part: disk.label, what, observed: "also \(names(rest.isEmpty ? [rival] : rest))",
            expected: "one guest, or <shareable/> in all",
            remedy: .byHand(
                Text(
                    "Give each guest an image of its own (a copy, or an overlay each over a base nobody writes); read-only users get <readonly/>; <shareable/> only for clusters",
                    "为每个客户机提供自己的映像(副本,或各自基于只读后备文件的覆盖映像);只读使用者加 <readonly/>;<shareable/> 仅用于集群"),
                commands: ["virsh edit \(shellWord(guest.name))", "virsh edit \(shellWord(rival.name))"],
                disrupts: .guestRestart),
            evidence: [
                Evidence(disk.source ?? disk.element, path),
                Evidence("\(rival.name): \(other.disk.element.xpath)", through, line: other.disk.element.line),
            ])
    }

    var examples: Examples {
        @Sendable func disk(_ name: String, _ path: String, _ more: String = "", device: String = "disk") -> String {
            "<name>\(name)</name><devices><disk type='file' device='\(device)'><driver name='qemu' type='raw'/><source file='\(path)'/><target dev='vda' bus='virtio'/>\(more)</disk></devices>"
        }
        let below = """
            <name>b</name><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/top.qcow2'/>
            <backingStore type='file'><format type='raw'/><source file='/images/a.raw'/><backingStore/></backingStore>
            <target dev='vda' bus='virtio'/></disk></devices>
            """
        let twin =
            "<devices><disk type='file'><source file='/images/a.raw'/><target dev='vda'/></disk><disk type='file'><source file='/images/./a.raw'/><target dev='vdb'/></disk></devices>"
        return Examples(
            fires: .guest(
                "two writers", disk("a", "/images/a.raw"), expect: .fires(.error, observed: "also b"),
                beside: [disk("b", "/images/a.raw")]),
            .guest(
                "another spelling", disk("a", "/images/a.raw"), expect: .fires(.error),
                beside: [disk("b", "/images//./a.raw")]),
            .guest(
                "one writes, one reads", disk("a", "/images/a.raw", "<readonly/>"), expect: .fires(.error),
                beside: [disk("b", "/images/a.raw")]),
            .guest(
                "only one says shareable", disk("a", "/images/a.raw", "<shareable/>"), expect: .fires(.error),
                beside: [disk("b", "/images/a.raw")]),
            .guest(
                "it is the base of another guest's disk", disk("a", "/images/a.raw"), expect: .fires(.error),
                beside: [below]),
            .guest("twice in one guest", twin, expect: .fires(.error, observed: "vda, vdb")),
            quiet: .guest(
                "an image each", disk("a", "/images/a.raw"), expect: .pass, beside: [disk("b", "/images/b.raw")]),
            .guest(
                "a cluster's disk", disk("a", "/images/a.raw", "<shareable/>"), expect: .pass,
                beside: [disk("b", "/images/a.raw", "<shareable/>")]),
            .guest(
                "one ISO for all", disk("a", "/iso/a.iso", device: "cdrom"), expect: .pass,
                beside: [disk("b", "/iso/a.iso", device: "cdrom")]),
            .guest(
                "one base below two overlays",
                below.split(separator: "<name>b</name>").joined(separator: "<name>a</name>").split(separator: "top")
                    .joined(separator: "other"),
                expect: .pass, beside: [below]),
            .guest("no disk", "<devices/>", expect: .notApplicable))
    }
}
