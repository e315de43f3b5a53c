import Changes
import DiskImage
import DomainXML
import Inventory
import Quantities

/// Clusters fit the image's size and use (guide §5.1.2).
struct ImageClusterSize: ImagePractice {
    var about: About {
        About(
            id: "image-cluster-size", section: "5.1.2", scopes: [.image], severities: [.advice], fixes: [.image],
            title: Text("qcow2's cluster size", "qcow2 的簇大小"),
            why: Text(
                "Small clusters make large tables; large clusters make an overlay copy a whole cluster from its base for the first small write into it.",
                "簇太小会使表变大;簇太大时,覆盖映像首次小块写入都要从后备文件复制整个簇。"),
            tradeOff: Text(
                "Large clusters take more space for little data; the size is fixed when the image is made, so that changing it is a copy.",
                "大簇存放少量数据时占用更多空间;簇大小在创建时固定,更改需要复制映像。"),
            guideSays: Text("The size is between 512 KB and 2 MB.", "簇大小介于 512 KB 到 2 MB 之间。"),
            today: Text(
                "512 bytes to 2 MiB, 64 KiB by default. Overlays: extended_l2 (QEMU ≥ 5.2) copies 1/32 of a cluster.",
                "512 字节到 2 MiB,默认 64 KiB。覆盖映像可用 extended_l2(QEMU ≥ 5.2),每次只复制簇的 1/32。"),
            sources: ["guide §5.1.2", "QEMU docs/qcow2-cache.txt", "QEMU docs/interop/qcow2.txt (extended L2 entries)"])
    }

    /// Tables larger than this are many: 1 TiB at 64 KiB, 64 GiB at 4 KiB.
    private static let largeTables = ByteCount(mebibytes: 128)
    /// Largest cluster an overlay copies without complaint: the default.
    private static let largeCopy = ByteCount(kibibytes: 64)

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        guard image.format == .qcow2 else {
            return .notApplicable(Text("only qcow2 has clusters to choose", "只有 qcow2 可选择簇大小"))
        }
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        guard let size = image.virtualSize.value, let cluster = image.clusterSize, cluster > .zero else {
            return .unknown(image.unreadable("the size"))
        }
        let tables = ImageL2Cache.tables(size, cluster: cluster, isExtended: image.extendedL2)
        if tables > Self.largeTables, cluster < ByteCount(mebibytes: 1) {
            return .finding(many(image, tables, cluster))
        }
        if image.backingFile != nil, cluster > Self.largeCopy, !image.extendedL2 {
            if let mean = Self.meanWrite(image, estate), mean >= cluster { return .pass }
            return .finding(large(image, cluster))
        }
        return .pass
    }

    private func many(_ image: ImageFacts, _ tables: ByteCount, _ cluster: ByteCount) -> Finding {
        let copy = image.sibling("-1m.qcow2")
        return Finding(
            .advice,
            Text(
                "\(image.virtualSize.value?.description ?? "?") in clusters of \(cluster) need \(tables) of tables; with 1 MiB clusters at most a sixteenth of it",
                "\(image.virtualSize.value?.description ?? "?") 使用 \(cluster) 的簇需要 \(tables) 的表;改用 1 MiB 的簇至多为十六分之一"),
            observed: "cluster size \(cluster)", expected: "1 MiB",
            remedy: .change(
                ImageChange(
                    image.path,
                    "convert -p -f qcow2 -O qcow2 -o cluster_size=1M\(image.backingArguments) \(shellWord(image.path)) \(shellWord(copy))",
                    from: cluster.description, to: "1 MiB"), disrupts: .guestRestart,
                note: Text("With the guest off; then name the copy in the definition", "在客户机关闭时进行;随后在定义中写入新文件名")),
            evidence: [Evidence(image.path, "\(image.words), cluster size \(cluster)")])
    }

    private func large(_ image: ImageFacts, _ cluster: ByteCount) -> Finding {
        let copy = image.sibling("-128k.qcow2")
        return Finding(
            .advice,
            Text(
                "An overlay with clusters of \(cluster): the first small write into each copies \(cluster) from \(image.backingFile ?? "its base")",
                "覆盖映像的簇为 \(cluster):每个簇的首次小块写入都会从 \(image.backingFile ?? "后备文件") 复制 \(cluster)"),
            observed: "cluster size \(cluster)", expected: "64 KiB, or 128 KiB with extended_l2",
            remedy: .change(
                ImageChange(
                    image.path,
                    "convert -p -f qcow2 -O qcow2 -o cluster_size=128k,extended_l2=on\(image.backingArguments) \(shellWord(image.path)) \(shellWord(copy))",
                    from: cluster.description, to: "128 KiB, extended_l2"), disrupts: .guestRestart,
                note: Text(
                    "With the guest off; then name the copy in the definition. extended_l2 needs QEMU ≥ 5.2",
                    "在客户机关闭时进行;随后在定义中写入新文件名。extended_l2 需要 QEMU ≥ 5.2")),
            evidence: [Evidence(image.path, "cluster size \(cluster), backing file \(image.backingFile ?? "")")])
    }

    /// The mean size of what its guest writes, where it was observed.
    private static func meanWrite(_ image: ImageFacts, _ estate: Estate) -> ByteCount? {
        for entry in estate.writers(of: image) {
            let target = entry.use.disk.target
            guard let disk = entry.guest.statistics.value?.disks.first(where: { $0.target == target }),
                let writes = disk.writes,
                let bytes = disk.bytesWritten, writes >= 1000
            else { continue }
            return ByteCount(bytes: bytes / writes)
        }
        return nil
    }

    var examples: Examples {
        @Sendable func image(_ size: UInt64, _ cluster: UInt64, base: Bool = false, isExtended: Bool = false)
            -> ImageFacts
        {
            var image = ImageFacts(
                path: "/images/a.qcow2", format: .qcow2, virtualSize: .known(ByteCount(gibibytes: size)))
            image.clusterSize = ByteCount(kibibytes: cluster)
            image.extendedL2 = isExtended
            if base {
                image.backingFile = "base.qcow2"
                image.backingFormat = "qcow2"
            }
            return image
        }
        @Sendable func streaming() -> Estate {
            let guest = Guest.example(
                "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
            ) { guest in
                var statistics = GuestStatistics()
                var disk = GuestStatistics.DiskStatistics(target: "vda", path: "/images/a.qcow2")
                disk.writes = 10_000
                disk.bytesWritten = 10_000 * 4 << 20
                statistics.disks = [disk]
                guest.statistics = .known(statistics)
            }
            return .example(guests: [guest], images: [image(40, 2048, base: true)])
        }
        return Examples(
            fires: .image("2 TiB at 64 KiB", expect: .fires(.advice, observed: "cluster size 64 KiB")) {
                image(2048, 64)
            },
            .image("100 GiB at 4 KiB", expect: .fires(.advice, observed: "cluster size 4 KiB")) { image(100, 4) },
            .image("an overlay with 2 MiB", expect: .fires(.advice, observed: "cluster size 2 MiB")) {
                image(40, 2048, base: true)
            },
            quiet: .image("1 TiB at 64 KiB", expect: .pass) { image(1024, 64) },
            .image("an overlay with the default", expect: .pass) { image(40, 64, base: true) },
            .image("an overlay with subclusters", expect: .pass) { image(40, 128, base: true, isExtended: true) },
            .image("large clusters, nothing below", expect: .pass) { image(4096, 2048) },
            Example("an overlay whose guest writes 4 MiB at a time", expect: .pass, estate: streaming()),
            .image("vdi", expect: .notApplicable) { ImageFacts(path: "/images/a.vdi", format: .vdi) },
            others: [
                .image("a header that cannot be read", expect: .unknown) {
                    ImageFacts(path: "/images/a.qcow2", format: .qcow2)
                }
            ])
    }
}
