import Changes
import DiskImage
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Images on Btrfs are NOCOW (not in the guide: SUSE's /var is Btrfs).
struct ImageNoCOW: HostPractice, ImagePractice {
    var about: About {
        About(
            id: "image-nocow", section: "5.1", scopes: [.image, .host], severities: [.warning], fixes: [.hand],
            title: Text("Images on Btrfs", "Btrfs 上的映像"),
            why: Text(
                "Btrfs writes each changed block to a new place and a checksum for it: an image falls into thousands of pieces. Direct I/O on such files is not direct: with a guest that changes a buffer in flight checksums broke, and since Linux 6.15 the kernel quietly goes through the page cache.",
                "Btrfs 将每个被修改的块写到新位置并计算校验和:映像会碎成成千上万片。此类文件上的直接 I/O 并不直接:客户机在写入途中改动缓冲区会造成校验和错误;自 Linux 6.15 起内核会悄悄改走页缓存。"
            ),
            tradeOff: Text(
                "NOCOW files have no checksums and no compression; a snapshot of the subvolume still copies once.",
                "NOCOW 文件没有校验和与压缩;子卷快照后仍会复制一次。"),
            today: Text(
                "The attribute takes effect on empty files only; a folder hands it to what is made in it later.",
                "该属性只对空文件生效;目录会将其传给之后在其中创建的文件。"),
            sources: [
                "btrfs(5), chattr(1)", "kernel fs/btrfs/direct-io.c (6.15)", "QEMU docs/tools/qemu-img.rst (nocow)",
            ])
    }

    private static func isConcerned(_ image: ImageFacts, _ estate: Estate) -> Bool {
        // What is only read is written once, when it is made.
        let users = estate.relations.images.users(of: image.path)
        return !users.writers.isEmpty || (users.all.isEmpty && estate.relations.images.overlays(of: image.path).isEmpty)
    }

    // MARK: Images

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        if image.isBlockDevice { return .notApplicable(Text("it is a block device", "它是块设备")) }
        guard let fileSystem = image.fileSystem.value else {
            return .unknown(image.fileSystem.reason ?? Unknown(.missing, source: image.path))
        }
        guard fileSystem == "btrfs" else {
            return .notApplicable(Text("it lies on \(fileSystem)", "位于 \(fileSystem) 上"))
        }
        guard Self.isConcerned(image, estate) else { return .notApplicable(Text("no guest writes to it", "没有客户机写入")) }
        guard let isNoCOW = image.isNoCOW.value else {
            return .unknown(image.isNoCOW.reason ?? Unknown(.missing, source: image.path))
        }
        if isNoCOW { return .pass }
        let direct = estate.writers(of: image).first {
            $0.use.disk.cache == "none" || $0.use.disk.cache == "directsync"
        }
        let copy = image.sibling("-nocow" + (image.path.lastIndex(of: ".").map { String(image.path[$0...]) } ?? ""))
        var evidence = [Evidence(image.path, "btrfs, no NOCOW attribute")]
        if let direct, let driver = direct.use.disk.element.first("driver") {
            evidence.append(Evidence(driver, "cache=\(direct.use.disk.cache ?? "")"))
        }
        return .finding(
            Finding(
                .warning,
                direct.map {
                    Text(
                        "It lies on Btrfs without NOCOW, and \($0.guest.name) wants direct I/O (cache=\($0.use.disk.cache ?? "")), which Btrfs does not give a file with checksums",
                        "它位于未设 NOCOW 的 Btrfs 上,而 \($0.guest.name) 要求直接 I/O(cache=\($0.use.disk.cache ?? "")),Btrfs 对带校验和的文件并不提供"
                    )
                }
                    ?? Text(
                        "It lies on Btrfs without NOCOW: each write goes to a new place and the file falls into pieces",
                        "它位于未设 NOCOW 的 Btrfs 上:每次写入都落到新位置,文件会碎片化"),
                observed: direct == nil ? "copy on write" : "copy on write, cache=\(direct?.use.disk.cache ?? "")",
                expected: "NOCOW (chattr +C)",
                remedy: .byHand(
                    Text(
                        "With the guest off: make an empty file, give it the attribute, copy, and swap the names",
                        "在客户机关闭时:创建空文件、设置属性、复制,再交换文件名"),
                    commands: [
                        "touch \(shellWord(copy)) && chattr +C \(shellWord(copy))",
                        "cp --reflink=never --sparse=always \(shellWord(image.path)) \(shellWord(copy))",
                        "chown --reference=\(shellWord(image.path)) \(shellWord(copy)) && chmod --reference=\(shellWord(image.path)) \(shellWord(copy))",
                        "mv \(shellWord(copy)) \(shellWord(image.path))",
                    ], disrupts: .guestRestart),
                evidence: evidence))
    }

    // MARK: Folders

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var folders: [String: String] = [:]
        var isOnBtrfs = false
        for (path, image) in estate.images {
            guard let image = image.value, image.fileSystem.value == "btrfs", Self.isConcerned(image, estate) else {
                continue
            }
            isOnBtrfs = true
            guard image.isNoCOW.value == false else { continue }
            let folder = Self.folder(of: path)
            if path < folders[folder] ?? "~" { folders[folder] = path }
        }
        for (folder, path) in folders.sorted(by: { $0.key < $1.key }) {
            judgement.add(
                Finding(
                    .warning, part: folder,
                    Text(
                        "\(folder) is on Btrfs, and images in it are without NOCOW: new ones will be, too, unless the folder has the attribute",
                        "\(folder) 位于 Btrfs 上,其中的映像未设 NOCOW:除非目录带有该属性,新建的映像也会如此"),
                    observed: "copy on write", expected: "NOCOW (chattr +C)",
                    remedy: .byHand(
                        Text(
                            "The folder hands it to files made from now on; those that are there are copied one by one",
                            "目录只对之后创建的文件生效;已有文件需逐个复制"),
                        commands: ["chattr +C \(shellWord(folder))", "lsattr -d \(shellWord(folder))"]),
                    evidence: [Evidence(path, "btrfs, no NOCOW attribute")]))
        }
        if estate.hasImages {
            return judgement.findings.isEmpty && !isOnBtrfs
                ? .notApplicable(Text("no image that guests write lies on Btrfs", "没有客户机写入的映像位于 Btrfs 上")) : judgement
        }
        // Nobody looked at images: the mounts say whether there is anything to look at.
        let places = ImagePlaces(of: estate).places.filter { !$0.path.hasPrefix("/dev/") }
        guard !places.isEmpty else { return .notApplicable(Text("no guest has a disk in a file", "没有客户机使用文件磁盘")) }
        guard host.storage.mounts.value != nil else {
            return .unknown(host.storage.mounts.reason ?? Unknown(.missing, source: "/proc/self/mountinfo"))
        }
        for place in places {
            guard let mount = host.storage.mount(of: place.folder), mount.type == "btrfs",
                mount.option("nodatacow") == nil
            else { continue }
            judgement.add(
                Unknown(
                    .notExamined, source: "NOCOW attribute of \(place.folder)",
                    remedy: Text("lsattr -d \(place.folder)", "lsattr -d \(place.folder)")))
        }
        return judgement.unknowns.isEmpty
            ? .notApplicable(Text("no image that guests write lies on Btrfs", "没有客户机写入的映像位于 Btrfs 上")) : judgement
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    // MARK: Examples

    var examples: Examples {
        @Sendable func disk(_ cache: String = "") -> String {
            "<devices><disk type='file' device='disk'><driver name='qemu' type='raw'\(cache)/><source file='/images/a.raw'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func image(_ fileSystem: String, _ isNoCOW: Bool?) -> ImageFacts {
            var image = ImageFacts(path: "/images/a.raw", format: .raw)
            image.fileSystem = .known(fileSystem)
            image.isNoCOW = isNoCOW.map { .known($0) } ?? .unknown(Unknown(.denied, source: "/images/a.raw"))
            return image
        }
        @Sendable func unexamined(_ type: String) -> Estate {
            var host = HostFacts.example
            host.storage.mounts = .known([
                Mount(source: "/dev/sda2", path: "/", type: "ext4"),
                Mount(source: "/dev/sda3", path: "/images", type: type),
            ])
            return Estate(host: host, guests: [.example(disk())])
        }
        return Examples(
            fires: .image("Btrfs, copy on write", expect: .fires(.warning, observed: "copy on write"), guests: [disk()])
            { image("btrfs", false) },
            .image(
                "direct I/O that is not", expect: .fires(.warning, observed: "copy on write, cache=none"),
                guests: [disk(" cache='none' io='native'")]
            ) { image("btrfs", false) },
            quiet: .image("Btrfs, NOCOW", expect: .pass, guests: [disk(" cache='none'")]) { image("btrfs", true) },
            .image("XFS", expect: .notApplicable, guests: [disk()]) { image("xfs", nil) },
            .image(
                "an ISO is only read", expect: .notApplicable,
                guests: [
                    "<devices><disk type='file' device='cdrom'><source file='/images/a.raw'/><target dev='sda' bus='sata'/><readonly/></disk></devices>"
                ]
            ) { image("btrfs", false) },
            Example("images on ext4, not looked at", expect: .notApplicable, estate: unexamined("ext4")),
            others: [
                .image("the attribute may not be read", expect: .unknown, guests: [disk()]) { image("btrfs", nil) },
                Example("images on Btrfs, not looked at", expect: .unknown, estate: unexamined("btrfs")),
            ])
    }
}
