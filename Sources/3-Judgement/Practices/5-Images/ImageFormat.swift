import Changes
import DiskImage
import Inventory
import Quantities

/// Running disks are raw or qcow2 (guide §5.1).
struct ImageFormat: ImagePractice {
    var about: About {
        About(
            id: "image-format", section: "5.1", scopes: [.image], severities: [.warning], fixes: [.image],
            title: Text("Formats for running disks", "运行中磁盘的映像格式"),
            why: Text(
                "QEMU keeps other formats to exchange images: it writes them slowly, one request at a time, and has neither snapshots nor discards for most. qed and the first qcow are no longer worked on.",
                "QEMU 保留其他格式仅用于交换映像:写入慢、逐个请求处理,多数不支持快照和 discard。qed 与最早的 qcow 已不再维护。"),
            tradeOff: Text(
                "Converting takes the guest off and the space of a second copy for its time; the other product can no longer open the disk.",
                "转换期间需要关闭客户机并占用第二份副本的空间;其他产品将无法再打开该磁盘。"),
            sources: ["guide §5.1", "QEMU docs/system/images.rst"])
    }

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        let format = image.format.rawValue
        let isObsolete: Bool
        switch image.format {
        case .raw, .qcow2, .luks: return .pass
        case .qcow, .qed: isObsolete = true
        case .vmdk, .vdi, .vhdx, .vpc, .parallels, .dmg, .bochs, .cloop: isObsolete = false
        }
        let users = estate.users(of: image)
        let overlays = estate.relations.images.overlays(of: image.path)
        let runs = users.contains { $0.use.isWriter } || !overlays.isEmpty
        if !isObsolete, !runs {
            return .notApplicable(
                Text("no guest writes to it: data may be read from \(format)", "没有客户机写入:可从 \(format) 读取数据"))
        }
        let copy = image.sibling(".qcow2")
        let convert = ImageChange(
            image.path,
            "convert -p -f \(format) -O qcow2\(image.backingArguments) \(shellWord(image.path)) \(shellWord(copy))",
            from: format, to: "qcow2")
        let guests = users.map(\.guest)
        let what =
            isObsolete
            ? Text(
                "\(format) is obsolete; qcow2 has all of it, and is looked after", "\(format) 已过时;qcow2 具备其全部功能且仍在维护")
            : Text(
                "A running disk is kept as \(format), a format for exchange\(guests.isEmpty ? "" : " (\(names(guests)))")",
                "运行中的磁盘使用 \(format) 这种交换格式\(guests.isEmpty ? "" : "(\(names(guests)))")")
        return .finding(
            Finding(
                .warning, what, observed: format, expected: "raw / qcow2",
                remedy: .change(
                    convert, disrupts: .guestRestart,
                    note: Text(
                        "With the guest off; then name the copy and its format in the definition, and in images that have this one as their backing file",
                        "在客户机关闭时进行;随后在定义中以及以此为后备文件的映像中写入新文件名和格式")),
                evidence: [Evidence(image.path, image.words)]))
    }

    var examples: Examples {
        let disk =
            "<devices><disk type='file' device='disk'><driver name='qemu' type='FORMAT'/><source file='/images/a.FORMAT'/><target dev='vda' bus='virtio'/></disk></devices>"
        @Sendable func guest(_ format: String) -> String { disk.split(separator: "FORMAT").joined(separator: format) }
        return Examples(
            fires: .image("qed is deprecated", expect: .fires(.warning, observed: "qed"), guests: [guest("qed")]) {
                ImageFacts(path: "/images/a.qed", format: .qed)
            },
            .image("the first qcow, though nobody uses it", expect: .fires(.warning, observed: "qcow")) {
                ImageFacts(path: "/images/a.qcow", format: .qcow)
            },
            .image("a guest runs from a vmdk", expect: .fires(.warning, observed: "vmdk"), guests: [guest("vmdk")]) {
                ImageFacts(path: "/images/a.vmdk", format: .vmdk)
            },
            .image(
                "an overlay has a vdi below it", expect: .fires(.warning, observed: "vdi"), guests: [guest("qcow2")],
                others: [
                    {
                        var overlay = ImageFacts(path: "/images/a.qcow2", format: .qcow2)
                        overlay.backingFile = "base.vdi"
                        overlay.backingFormat = "vdi"
                        return overlay
                    }()
                ]
            ) {
                ImageFacts(path: "/images/base.vdi", format: .vdi)
            },
            quiet: .image("qcow2", expect: .pass, guests: [guest("qcow2")]) {
                ImageFacts(path: "/images/a.qcow2", format: .qcow2)
            },
            .image("raw", expect: .pass, guests: [guest("raw")]) { ImageFacts(path: "/images/a.raw", format: .raw) },
            .image("a vhdx nobody runs from", expect: .notApplicable) {
                ImageFacts(path: "/images/a.vhdx", format: .vhdx)
            },
            .image("a guest wrote a qed header into its raw disk", expect: .notApplicable, guests: [guest("raw")]) {
                ImageFacts(path: "/images/a.raw", format: .qed)
            })
    }
}
