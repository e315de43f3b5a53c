import Changes
import DiskImage
import Inventory
import Quantities

/// Images that grow have their metadata beforehand where a database works on them (guide §5.1.2).
struct ImagePreallocation: ImagePractice {
    var about: About {
        About(
            id: "image-preallocation", section: "5.1.2", scopes: [.image], severities: [.advice], fixes: [.image],
            title: Text("Preallocated metadata", "预分配元数据"),
            why: Text(
                "Each first write into a growing image writes tables and reference counts too, and waits for them. With preallocated metadata every cluster has its place from the start.",
                "向可增长映像首次写入时还要写入表和引用计数并等待完成。预分配元数据后,每个簇一开始就有固定位置。"),
            tradeOff: Text(
                "The file is larger from the start (metadata: a few MiB, and the full length as holes); making it is a copy.",
                "文件一开始就更大(元数据为几 MiB,其余以空洞占据全长);需要复制映像。"),
            sources: ["guide §5.1.2", "QEMU docs/tools/qemu-img.rst (preallocation)"])
    }

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        guard image.format == .qcow2 else {
            return .notApplicable(Text("only qcow2 has metadata to preallocate", "只有 qcow2 可预分配元数据"))
        }
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        if image.backingFile != nil {
            return .notApplicable(Text("an overlay holds differences only, and grows by design", "覆盖映像只保存差异,本就会增长"))
        }
        let busy = estate.writers(of: image).map(\.guest).filter { $0.workload == .database || $0.workload == .storage }
        guard let guest = busy.first else {
            return .notApplicable(
                Text("no guest with a database or storage workload writes to it", "没有 database 或 storage 负载的客户机写入"))
        }
        guard let isPreallocated = image.isPreallocated else {
            return .unknown(image.unreadable("whether it is preallocated"))
        }
        if isPreallocated { return .pass }
        let copy = image.sibling("-prealloc.qcow2")
        return .finding(
            Finding(
                .advice,
                Text(
                    "The image of \(names(busy)) (\(guest.workload.rawValue)) grows as it is written",
                    "\(names(busy))(\(guest.workload.rawValue))的映像随写入而增长"),
                observed: "preallocation off", expected: "preallocation metadata",
                remedy: .change(
                    ImageChange(
                        image.path,
                        "convert -p -f qcow2 -O qcow2 -o preallocation=metadata \(shellWord(image.path)) \(shellWord(copy))",
                        from: "off", to: "metadata"), disrupts: .guestRestart,
                    note: Text(
                        "With the guest off; then name the copy in the definition. falloc instead of metadata keeps the space too",
                        "在客户机关闭时进行;随后在定义中写入新文件名。用 falloc 代替 metadata 可同时保留空间")),
                evidence: [
                    Evidence(
                        image.path,
                        "file \(image.fileSize.value?.description ?? "?") of \(image.virtualSize.value?.description ?? "?")"
                    )
                ]))
    }

    var examples: Examples {
        let disk =
            "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        @Sendable func metadata(_ workload: String) -> String {
            "<metadata><w:workload xmlns:w='https://nearmetal.example/xmlns/1'>\(workload)</w:workload></metadata>\(disk)"
        }
        @Sendable func image(_ isPreallocated: Bool?, base: Bool = false) -> ImageFacts {
            var image = ImageFacts(
                path: "/images/a.qcow2", format: .qcow2, virtualSize: .known(ByteCount(gibibytes: 100)))
            image.isPreallocated = isPreallocated
            if base { image.backingFile = "base.qcow2" }
            return image
        }
        return Examples(
            fires: .image(
                "a database on a growing image", expect: .fires(.advice, observed: "preallocation off"),
                guests: [metadata("database")]
            ) {
                image(false)
            },
            .image("a file server", expect: .fires(.advice), guests: [metadata("storage")]) { image(false) },
            quiet: .image("preallocated", expect: .pass, guests: [metadata("database")]) { image(true) },
            .image("a web server", expect: .notApplicable, guests: [metadata("web")]) { image(false) },
            .image("an overlay", expect: .notApplicable, guests: [metadata("database")]) { image(false, base: true) },
            .image("nobody uses it", expect: .notApplicable) { image(false) },
            others: [
                .image("the header does not tell", expect: .unknown, guests: [metadata("database")]) { image(nil) }
            ])
    }
}
