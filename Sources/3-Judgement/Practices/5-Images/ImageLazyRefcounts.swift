import Changes
import DiskImage
import Inventory
import Quantities

/// Lazy reference counts where every write waits, and nowhere else (guide §5.1.2).
struct ImageLazyRefcounts: ImagePractice {
    var about: About {
        About(
            id: "image-lazy-refcounts", section: "5.1.2", scopes: [.image], severities: [.advice], fixes: [.image],
            title: Text("Lazy reference counts", "延迟更新引用计数"),
            why: Text(
                "With cache=writethrough each allocation waits for its reference counts on the disk; lazy ones are written later. With other cache modes they gain little.",
                "cache=writethrough 时,每次分配都要等待引用计数落盘;延迟更新则稍后再写。其他缓存模式收益很小。"),
            tradeOff: Text(
                "While the image is open its dirty bit is set; after a crash the counts are built anew at the next start, which takes minutes on large images.",
                "映像打开期间设有 dirty 位;崩溃后下次启动需重建引用计数,大映像要数分钟。"),
            guideSays: Text("The counts are rebuilt by `qemu-img check -r all`.", "由 `qemu-img check -r all` 重建引用计数。"),
            today: Text(
                "QEMU does it by itself when it next opens the image for writing; the command is the same by hand.",
                "QEMU 下次以写方式打开映像时会自动重建;该命令是手工方式。"),
            sources: [
                "guide §5.1.2", "QEMU docs/interop/qcow2.txt (compatible features)",
                "QEMU docs/tools/qemu-img.rst (lazy_refcounts)",
            ])
    }

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        guard image.format == .qcow2 else {
            return .notApplicable(Text("only qcow2 has reference counts", "只有 qcow2 有引用计数"))
        }
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        let writers = estate.writers(of: image)
        guard !writers.isEmpty else { return .notApplicable(Text("no guest writes to it", "没有客户机写入")) }
        guard let version = image.version else { return .unknown(image.unreadable("the version")) }
        let waiting = writers.filter { $0.use.disk.cache == "writethrough" || $0.use.disk.cache == "directsync" }
        if let first = waiting.first, !image.lazyRefcounts {
            let cache = first.use.disk.cache ?? ""
            return .finding(
                Finding(
                    .advice,
                    Text(
                        "\(first.guest.name) uses it with cache=\(cache), and its reference counts are written one by one",
                        "\(first.guest.name) 以 cache=\(cache) 使用它,引用计数逐个写入"),
                    observed: "lazy_refcounts=off, cache=\(cache)", expected: "lazy_refcounts=on, or cache=none",
                    remedy: .change(
                        ImageChange(
                            image.path,
                            "amend -f qcow2 -o \(version < 3 ? "compat=1.1," : "")lazy_refcounts=on \(shellWord(image.path))",
                            from: "off", to: "on"), disrupts: .guestRestart,
                        note: Text(
                            "With the guest off. cache=none with a file system that keeps its promises gains more",
                            "在客户机关闭时进行。在可靠的文件系统上使用 cache=none 收益更大")),
                    evidence: [
                        Evidence(image.path, "lazy_refcounts=off"),
                        Evidence(first.use.disk.element.first("driver") ?? first.use.disk.element, "cache=\(cache)"),
                    ]))
        }
        if image.lazyRefcounts, waiting.isEmpty {
            let cache = writers[0].use.disk.cache ?? "default (writeback)"
            return .finding(
                Finding(
                    .advice,
                    Text(
                        "Lazy reference counts gain nothing with cache=\(cache), and cost a rebuild after a crash\(image.isDirty ? " (the dirty bit is set: the image is open, or the counts are due)" : "")",
                        "cache=\(cache) 时延迟更新引用计数并无收益,崩溃后却需重建\(image.isDirty ? "(dirty 位已设置:映像正被打开,或计数待重建)" : "")"),
                    observed: "lazy_refcounts=on, cache=\(cache)", expected: "lazy_refcounts=off",
                    remedy: .change(
                        ImageChange(
                            image.path, "amend -f qcow2 -o lazy_refcounts=off \(shellWord(image.path))", from: "on",
                            to: "off"),
                        disrupts: .guestRestart, note: Text("With the guest off", "在客户机关闭时进行")),
                    evidence: [Evidence(image.path, "lazy_refcounts=on")]))
        }
        return .pass
    }

    var examples: Examples {
        @Sendable func disk(_ cache: String) -> String {
            "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'\(cache)/><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func image(_ isLazy: Bool, version: Int? = 3) -> ImageFacts {
            var image = ImageFacts(path: "/images/a.qcow2", format: .qcow2)
            image.version = version
            image.lazyRefcounts = isLazy
            return image
        }
        return Examples(
            fires: .image(
                "writethrough, written one by one",
                expect: .fires(.advice, observed: "lazy_refcounts=off, cache=writethrough"),
                guests: [disk(" cache='writethrough'")]
            ) { image(false) },
            .image("version 2 needs a newer one first", expect: .fires(.advice), guests: [disk(" cache='directsync'")])
            { image(false, version: 2) },
            .image(
                "on with no need", expect: .fires(.advice, observed: "lazy_refcounts=on, cache=none"),
                guests: [disk(" cache='none'")]
            ) {
                image(true)
            },
            quiet: .image("off with cache=none", expect: .pass, guests: [disk(" cache='none'")]) { image(false) },
            .image("on with writethrough", expect: .pass, guests: [disk(" cache='writethrough'")]) { image(true) },
            .image("nobody writes to it", expect: .notApplicable) { image(true) },
            .image("raw", expect: .notApplicable) { ImageFacts(path: "/images/a.raw", format: .raw) },
            others: [
                .image("a header that cannot be read", expect: .unknown, guests: [disk("")]) {
                    image(false, version: nil)
                }
            ])
    }
}
