import Changes
import DiskImage
import DomainXML
import Inventory
import Quantities

/// A database's disk is a block device or a file that has all its space (guide §4.4, table 3).
struct BlockOrFile: GuestPractice {
    var about: About {
        About(
            id: "block-or-file", section: "4.4", scopes: [.guest], severities: [.advice], fixes: [.hand],
            title: Text("Block device or file", "块设备还是映像文件"),
            why: Text(
                "Each first write into a sparse or growing file makes the host's file system find space, write its own metadata and wait for them. A block device or a fully allocated raw file has that behind it.",
                "向稀疏或可增长文件首次写入时,主机文件系统要分配空间、写入自身元数据并等待完成。块设备或完全分配的 raw 文件则无此开销。"),
            tradeOff: Text(
                "Files are easier to move, copy, snapshot and back up, and thin ones share space; a block device needs an administrator of storage.",
                "文件更便于移动、复制、快照和备份,精简文件还能共享空间;块设备需要存储管理。"),
            guideSays: Text("A raw image takes all its space.", "raw 映像会占用全部空间。"),
            today: Text(
                "Only if it is allocated: a sparse raw file grows as it is written.", "只有完全分配时才如此:稀疏 raw 文件会随写入增长。"),
            sources: ["guide §4.4, table 3", "QEMU docs/tools/qemu-img.rst (preallocation)"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard guest.workload == .database || guest.workload == .storage else {
            return .notApplicable(Text("it matters for database and storage workloads", "仅对 database 与 storage 负载有意义"))
        }
        var judgement = Judgement()
        var isConcerned = false
        for disk in domain.disks where disk.device == "disk" && disk.isWritable {
            isConcerned = true
            guard disk.type == "file", let path = disk.path else { continue }
            guard let fact = estate.image(at: path) else {
                judgement.add(
                    Unknown(
                        .notExamined, source: path,
                        remedy: Text(
                            "Run where the image is: whether it is sparse is seen there", "在映像所在主机上运行,才能看出是否稀疏")))
                continue
            }
            guard let image = fact.value else {
                judgement.add(fact.reason)
                continue
            }
            guard let isPreallocated = image.isPreallocated else {
                judgement.add(image.unreadable("whether it is preallocated"))
                continue
            }
            if !isPreallocated { judgement.add(finding(disk, image, guest)) }
        }
        return isConcerned ? judgement : .notApplicable(Text("it has no disk it writes to", "没有可写磁盘"))
    }

    private func finding(_ disk: Disk, _ image: ImageFacts, _ guest: Guest) -> Finding {
        let isRaw = image.format == .raw
        let copy = image.sibling("-full.raw")
        let format = disk.format ?? "raw"
        return Finding(
            .advice, part: disk.label,
            Text(
                "\(disk.label) of a \(guest.workload.rawValue) guest is a \(isRaw ? "sparse raw file" : "growing \(image.format.rawValue) file") (\(image.allocated.value?.description ?? "?") of \(image.virtualSize.value?.description ?? "?"))",
                "\(guest.workload.rawValue) 客户机的 \(disk.label) 是\(isRaw ? "稀疏 raw 文件" : "可增长的 \(image.format.rawValue) 文件")(\(image.allocated.value?.description ?? "?") / \(image.virtualSize.value?.description ?? "?"))"
            ),
            observed: isRaw ? "sparse raw" : image.format.rawValue, expected: "block device, or fully allocated raw",
            remedy: .byHand(
                Text(
                    "With the guest off: give the file its space, or copy it into a logical volume; then name that with type='block' in the definition",
                    "在客户机关闭时:为文件分配全部空间,或复制到逻辑卷,再在定义中以 type='block' 指定"),
                commands: (isRaw
                    ? ["fallocate --length \(image.fileSize.value?.rawValue ?? 0) \(shellWord(image.path))"]
                    : [
                        "qemu-img convert -p -f \(shellWord(format)) -O raw -o preallocation=falloc \(shellWord(image.path)) \(shellWord(copy))"
                    ])
                    + ["qemu-img convert -p -n -f \(shellWord(format)) -O raw \(shellWord(image.path)) /dev/VG/LV"],
                disrupts: .guestRestart),
            evidence: [Evidence(disk.source ?? disk.element, image.path), Evidence(image.path, image.words)])
    }

    var examples: Examples {
        @Sendable func disk(_ format: String) -> String {
            "<devices><disk type='file' device='disk'><driver name='qemu' type='\(format)'/><source file='/images/a.img'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        let volume =
            "<devices><disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/vg/db'/><target dev='vda' bus='virtio'/></disk></devices>"
        @Sendable func estate(_ workload: Workload, _ format: ImageFacts.Format, _ isPreallocated: Bool?) -> Estate {
            var image = ImageFacts(
                path: "/images/a.img", format: format, virtualSize: .known(ByteCount(gibibytes: 100)),
                fileSize: .known(ByteCount(gibibytes: 100)),
                allocated: .known(ByteCount(gibibytes: 20)))
            image.isPreallocated = isPreallocated
            return .example(guests: [.example(disk(format.rawValue), workload: workload)], images: [image])
        }
        return Examples(
            fires: Example(
                "a database on a sparse file", expect: .fires(.advice, observed: "sparse raw"),
                estate: estate(.database, .raw, false)),
            Example(
                "a file server on qcow2", expect: .fires(.advice, observed: "qcow2"),
                estate: estate(.storage, .qcow2, false)),
            quiet: Example("fully allocated", expect: .pass, estate: estate(.database, .raw, true)),
            .guest("a block device", volume, expect: .pass, workload: .database),
            Example("a web server", expect: .notApplicable, estate: estate(.web, .raw, false)),
            others: [
                .guest("nobody looked at the file", disk("raw"), expect: .unknown, workload: .database),
                Example("the header does not tell", expect: .unknown, estate: estate(.database, .qcow2, nil)),
            ])
    }
}
