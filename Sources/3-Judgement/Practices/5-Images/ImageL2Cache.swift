import Changes
import DiskImage
import DomainXML
import Inventory
import Quantities

/// qcow2's L2 tables fit the cache (guide §5.1.2).
struct ImageL2Cache: ImagePractice {
    var about: About {
        About(
            id: "image-l2-cache", section: "5.1.2", scopes: [.image], severities: [.warning], fixes: [.xml],
            title: Text("qcow2's L2 cache", "qcow2 的 L2 缓存"),
            why: Text(
                "To find a cluster qcow2 reads its L2 table. While all tables fit the cache, random access is as fast as with raw; where they do not, each access may cost a second one.",
                "qcow2 需读取 L2 表才能定位簇。所有表都能放入缓存时,随机访问与 raw 一样快;放不下时,每次访问可能需要额外一次读取。"),
            tradeOff: Text(
                "The cache is the host's memory, up to its size for each disk, on top of the guest's.",
                "缓存占用主机内存,每块磁盘最多占用所设大小,且不计入客户机内存。"),
            guideSays: Text(
                "The cache is 1 MiB and serves 8 GiB; it is raised with -drive l2-cache-size.",
                "缓存为 1 MB,适用于最大 8 GB;使用 -drive l2-cache-size 调大。"),
            today: Text(
                "QEMU 3.1 and later take up to 32 MiB by themselves, enough for 256 GiB at 64 KiB clusters; libvirt ≥ 7.0 sets it with <metadata_cache>.",
                "QEMU 3.1 及更高版本自动使用最多 32 MiB,在 64 KiB 簇下足够 256 GiB;libvirt ≥ 7.0 通过 <metadata_cache> 设置。"),
            sources: [
                "guide §5.1.2", "QEMU docs/qcow2-cache.txt; block/qcow2.c read_cache_sizes",
                "libvirt docs/formatdomain.rst (metadata_cache)",
            ])
    }

    /// What QEMU takes by itself, since 3.1.
    static let today = ByteCount(mebibytes: 32)
    /// What it took before; eight clusters where that is more.
    static let before = ByteCount(mebibytes: 1)
    /// Clusters of the cache that reference counts keep.
    private static let refcountClusters: UInt64 = 4

    /// Bytes of all L2 tables of a disk: 8 for each cluster, 16 with subclusters, in whole clusters.
    static func tables(_ size: ByteCount, cluster: ByteCount, isExtended: Bool) -> ByteCount {
        let entries = ByteCount(bytes: size.count(of: cluster)) * (isExtended ? 16 : 8)
        return cluster * entries.count(of: cluster)
    }

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        guard image.format == .qcow2 else { return .notApplicable(Text("only qcow2 has L2 tables", "只有 qcow2 有 L2 表")) }
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        guard let size = image.virtualSize.value, let cluster = image.clusterSize, cluster > .zero else {
            return .unknown(image.unreadable("the size"))
        }
        let needed = Self.tables(size, cluster: cluster, isExtended: image.extendedL2)
        let old = max(Self.before, cluster * 8)
        let version = estate.capabilities.value.flatMap {
            $0.driver == nil || $0.driver == "QEMU" ? $0.hypervisorVersion : nil
        }
        let byDefault = version.map { $0 >= SoftwareVersion(3, 1) ? Self.today : old }

        var judgement = Judgement()
        let uses = estate.users(of: image).filter { $0.use.depth == 0 }
        let lacking = uses.filter { entry in
            entry.use.disk.metadataCache.map { Self.share($0, needed, cluster) < needed } ?? false
        }
        let plain = uses.filter { $0.use.disk.metadataCache == nil }
        // An image nobody names by itself is a base below others, and has QEMU's own cache.
        let usesDefault = !plain.isEmpty || uses.isEmpty
        if usesDefault {
            if let byDefault {
                if needed > byDefault { judgement.add(finding(image, needed, byDefault, cluster, plain, estate)) }
            } else if needed > Self.today {
                judgement.add(finding(image, needed, Self.today, cluster, plain, estate))
            } else if needed > old {
                judgement.add(
                    estate.capabilities.reason
                        ?? Unknown(.missing, source: "QEMU's version", remedy: Guest.connect))
            }
        }
        for entry in lacking {
            let cache = Self.share(entry.use.disk.metadataCache ?? .zero, needed, cluster)
            judgement.add(finding(image, needed, cache, cluster, [entry], estate))
        }
        return judgement
    }

    /// What of a metadata cache is left for L2 tables: all they need if there is enough, else what reference counts leave.
    private static func share(_ cache: ByteCount, _ needed: ByteCount, _ cluster: ByteCount) -> ByteCount {
        let kept = cluster * refcountClusters
        return cache >= needed + kept ? needed : cache - kept
    }

    private func finding(
        _ image: ImageFacts, _ needed: ByteCount, _ cache: ByteCount, _ cluster: ByteCount,
        _ users: [(guest: Guest, use: ImageRelations.Use)], _ estate: Estate
    ) -> Finding {
        let wanted = needed + cluster * Self.refcountClusters
        let changes: [DomainChange] = users.compactMap { entry in
            guard let driver = entry.use.disk.element.first("driver") else { return nil }
            if let written = driver.first("metadata_cache", "max_size") {
                return DomainChange(entry.guest.name, written.xpath, .text("\(wanted.rawValue)"), from: written.text)
            }
            return DomainChange(
                entry.guest.name, driver.xpath,
                .insert("<metadata_cache><max_size unit='bytes'>\(wanted.rawValue)</max_size></metadata_cache>"))
        }
        let covered = ByteCount(bytes: cache.rawValue / (image.extendedL2 ? 16 : 8)) * cluster.rawValue
        let remedy: Remedy =
            changes.isEmpty
            ? .byHand(
                Text(
                    "It lies below other images, and has QEMU's own cache: larger clusters make the tables smaller",
                    "它位于其他映像之下,使用 QEMU 默认缓存:增大簇可缩小表"),
                commands: [
                    "qemu-img convert -p -f qcow2 -O qcow2 -o cluster_size=1M\(image.backingArguments) \(shellWord(image.path)) \(shellWord(image.sibling("-1m.qcow2")))"
                ], disrupts: .guestRestart)
            : .changes(
                changes, disrupts: .guestRestart,
                note: Text(
                    "libvirt ≥ 7.0. Only random access over the whole disk needs it all; larger clusters need less",
                    "需要 libvirt ≥ 7.0。只有对整盘的随机访问才需要全部缓存;更大的簇所需更少"))
        return Finding(
            .warning,
            Text(
                "The L2 tables of \(image.virtualSize.value?.description ?? "?") at \(cluster) clusters have \(needed); the cache has \(cache), enough for \(covered)",
                "\(image.virtualSize.value?.description ?? "?") 磁盘(簇 \(cluster))的 L2 表共 \(needed);缓存为 \(cache),仅够 \(covered)"
            ),
            observed: cache.description, expected: "≥ \(needed)", remedy: remedy,
            evidence: [Evidence(image.path, "\(image.words), cluster size \(cluster)")]
                + users.prefix(3).map {
                    Evidence(
                        $0.use.disk.element, $0.use.disk.metadataCache.map { "max_size \($0)" } ?? "no <metadata_cache>"
                    )
                })
    }

    var examples: Examples {
        @Sendable func disk(_ more: String = "") -> String {
            "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'>\(more)</driver><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func image(_ size: ByteCount, cluster: UInt64 = 64, isExtended: Bool = false) -> ImageFacts {
            var image = ImageFacts(path: "/images/a.qcow2", format: .qcow2, virtualSize: .known(size))
            image.clusterSize = ByteCount(kibibytes: cluster)
            image.extendedL2 = isExtended
            return image
        }
        @Sendable func host(_ version: SoftwareVersion?, _ size: ByteCount) -> Estate {
            var capabilities = HypervisorCapabilities.example
            capabilities.hypervisorVersion = version
            return .example(guests: [.example(disk())], images: [image(size)], capabilities: .known(capabilities))
        }
        let limit = ByteCount(gibibytes: 256)
        return Examples(
            fires: .image(
                "1 TiB at 64 KiB: 128 MiB of tables", expect: .fires(.warning, observed: "32 MiB"), guests: [disk()]
            ) {
                image(ByteCount(gibibytes: 1024))
            },
            .image("one cluster more than 256 GiB", expect: .fires(.warning, observed: "32 MiB"), guests: [disk()]) {
                image(limit + ByteCount(kibibytes: 64))
            },
            .image("subclusters take twice as much", expect: .fires(.warning, observed: "32 MiB"), guests: [disk()]) {
                image(limit, isExtended: true)
            },
            Example(
                "an old QEMU has 1 MiB, for 8 GiB", expect: .fires(.warning, observed: "1 MiB"),
                estate: host(SoftwareVersion(2, 11), ByteCount(gibibytes: 64))),
            .image(
                "a cache that was set too small", expect: .fires(.warning, observed: "768 KiB"),
                guests: [disk("<metadata_cache><max_size unit='MiB'>1</max_size></metadata_cache>")]
            ) { image(ByteCount(gibibytes: 64)) },
            .image("a base below others, used by none by name", expect: .fires(.warning, observed: "32 MiB")) {
                image(limit * 2)
            },
            quiet: .image("256 GiB fit", expect: .pass, guests: [disk()]) { image(limit) },
            .image(
                "a cache of the right size", expect: .pass,
                guests: [disk("<metadata_cache><max_size unit='bytes'>134479872</max_size></metadata_cache>")]
            ) { image(ByteCount(gibibytes: 1024)) },
            .image("large clusters", expect: .pass, guests: [disk()]) {
                image(ByteCount(gibibytes: 4096), cluster: 2048)
            },
            Example(
                "8 GiB fit an old QEMU", expect: .pass, estate: host(SoftwareVersion(2, 11), ByteCount(gibibytes: 8))),
            .image("raw", expect: .notApplicable) { ImageFacts(path: "/images/a.raw", format: .raw) },
            others: [
                Example(
                    "64 GiB, and nobody knows the QEMU", expect: .unknown, estate: host(nil, ByteCount(gibibytes: 64))),
                .image("a header that cannot be read", expect: .unknown) {
                    ImageFacts(path: "/images/a.qcow2", format: .qcow2)
                },
            ])
    }
}
