import Changes
import DiskImage
import Inventory
import Quantities

/// Images are whole (guide §5.1.2).
struct ImageHealth: ImagePractice {
    var about: About {
        About(
            id: "image-health", section: "5.1.2", scopes: [.image], severities: [.error, .warning],
            fixes: [.image, .hand],
            title: Text("Health of images", "映像完好性"),
            why: Text(
                "QEMU marks an image corrupt when its metadata contradict themselves, and writes to it no more; the guest gets errors. Leaked clusters take space for nothing. A check of the metadata is made only on demand (--check-images).",
                "元数据自相矛盾时 QEMU 会将映像标记为损坏并不再写入,客户机会收到错误。泄漏的簇白白占用空间。仅在要求时(--check-images)检查元数据。"),
            tradeOff: Text(
                "A check reads all tables, with the guest off; a repair may give up clusters that two owners claim.",
                "检查需读取所有表,且客户机必须关闭;修复可能放弃被两方同时占用的簇。"),
            sources: [
                "guide §5.1.2", "QEMU docs/tools/qemu-img.rst (check)",
                "QEMU docs/interop/qcow2.txt (incompatible features)",
            ])
    }

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        if image.format == .raw { return .notApplicable(Text("raw images have no metadata", "raw 映像没有元数据")) }
        var judgement = Judgement()
        let format = image.format.rawValue
        if let malformed = image.malformed {
            judgement.add(
                Finding(
                    .error,
                    Text("Its \(format) header contradicts itself: \(malformed)", "其 \(format) 文件头自相矛盾:\(malformed)"),
                    observed: "malformed header", expected: "a \(format) header",
                    remedy: .byHand(
                        Text("Bring it back from a backup; QEMU does not open it", "从备份恢复;QEMU 不会打开它"),
                        commands: ["qemu-img info -U -f \(format) \(shellWord(image.path))"], disrupts: .guestRestart),
                    evidence: [Evidence(image.path, malformed)]))
            return judgement
        }
        if image.isCorrupt {
            judgement.add(
                Finding(
                    .error, Text("Its corrupt bit is set: QEMU refuses to write to it", "corrupt 位已设置:QEMU 拒绝写入"),
                    observed: "corrupt", expected: "clean", remedy: repair(image, "all"),
                    evidence: [Evidence(image.path, "incompatible feature bit 1")]))
        }
        dirty(image, estate, &judgement)
        switch image.check {
        case .known(let result):
            if result.corruptions > 0 {
                judgement.add(
                    Finding(
                        .error,
                        Text(
                            "\(result.corruptions) contradictions in its metadata, \(result.leaks) leaked clusters",
                            "元数据有 \(result.corruptions) 处矛盾,泄漏 \(result.leaks) 个簇"),
                        observed: "\(result.corruptions) corruptions", expected: "0", remedy: repair(image, "all"),
                        evidence: [Evidence(image.path, "\(result.corruptions) corruptions, \(result.leaks) leaks")]))
            } else if result.leaks > 0 {
                judgement.add(
                    Finding(
                        .warning,
                        Text(
                            "\(result.leaks) clusters belong to nobody\(image.clusterSize.map { " (\($0 * UInt64(result.leaks)))" } ?? "")",
                            "\(result.leaks) 个簇无人使用\(image.clusterSize.map { "(\($0 * UInt64(result.leaks)))" } ?? "")"),
                        observed: "\(result.leaks) leaks", expected: "0", remedy: repair(image, "leaks"),
                        evidence: [Evidence(image.path, "\(result.leaks) leaks")]))
            }
        case .unknown(let reason):
            // The header is clean; walking all metadata is only done when asked for.
            if reason.cause != .notExamined { judgement.add(reason) }
        }
        return judgement
    }

    private func dirty(_ image: ImageFacts, _ estate: Estate, _ judgement: inout Judgement) {
        guard image.isDirty else { return }
        let users = estate.users(of: image)
        // While it is open the bit is set, as it should be.
        if image.isOpenForWriting == true || users.contains(where: { $0.guest.isActive }) { return }
        if image.isOpenForWriting == nil, let asleep = users.first(where: { $0.guest.state.value == nil }) {
            judgement.add(asleep.guest.state.reason)
            return
        }
        let format = image.format.rawValue
        let what =
            image.format == .vhdx
            ? Text("Its log holds writes that are not in their places yet", "其日志中有尚未写入的内容")
            : Text(
                "It was not closed properly: its reference counts are to be built anew\(image.lazyRefcounts ? " (lazy reference counts)" : "")",
                "未正常关闭:需重建引用计数\(image.lazyRefcounts ? "(延迟更新引用计数)" : "")")
        judgement.add(
            Finding(
                .warning, what, observed: "dirty", expected: "clean",
                remedy: .change(
                    ImageChange(
                        image.path, "check -r all -f \(format) \(shellWord(image.path))", from: "dirty", to: "clean"),
                    disrupts: .nothing,
                    note: Text(
                        "While no guest has it open; the next start does it too, and takes longer for it",
                        "在没有客户机打开它时进行;下次启动也会自动完成,但启动会变慢")),
                evidence: [Evidence(image.path, "dirty bit")]))
    }

    private func repair(_ image: ImageFacts, _ what: String) -> Remedy {
        let copy = image.path + ".before-repair"
        return .change(
            ImageChange(
                image.path, "check -r \(what) -f \(image.format.rawValue) \(shellWord(image.path))", from: "damaged",
                to: "repaired"),
            disrupts: .guestRestart,
            note: Text(
                "With the guest off, and a copy first: cp --sparse=always --reflink=auto \(shellWord(image.path)) \(shellWord(copy)); then check the guest's file systems",
                "在客户机关闭时进行,并先复制:cp --sparse=always --reflink=auto \(shellWord(image.path)) \(shellWord(copy));之后检查客户机文件系统"
            ))
    }

    var examples: Examples {
        let disk =
            "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        @Sendable func image(_ change: (inout ImageFacts) -> Void) -> ImageFacts {
            var image = ImageFacts(path: "/images/a.qcow2", format: .qcow2)
            image.clusterSize = ByteCount(kibibytes: 64)
            change(&image)
            return image
        }
        return Examples(
            fires: .image("the corrupt bit", expect: .fires(.error, observed: "corrupt"), guests: [disk]) {
                image { $0.isCorrupt = true }
            },
            .image("a header that contradicts itself", expect: .fires(.error, observed: "malformed header")) {
                image { $0.malformed = "cluster size 2^63 is outside 2^9 ... 2^21" }
            },
            .image("the check found corruptions", expect: .fires(.error, observed: "2 corruptions")) {
                image { $0.check = .known(.init(corruptions: 2, leaks: 5)) }
            },
            .image("the check found leaks", expect: .fires(.warning, observed: "5 leaks")) {
                image { $0.check = .known(.init(corruptions: 0, leaks: 5)) }
            },
            .image(
                "dirty, and its guest is off", expect: .fires(.warning, observed: "dirty"), guests: [disk],
                active: false
            ) {
                image { $0.isDirty = true }
            },
            quiet: .image("clean", expect: .pass, guests: [disk]) { image { _ in } },
            .image("checked and clean", expect: .pass) { image { $0.check = .known(.init(corruptions: 0, leaks: 0)) } },
            .image("dirty because it is open", expect: .pass, guests: [disk]) { image { $0.isDirty = true } },
            .image("raw", expect: .notApplicable) { ImageFacts(path: "/images/a.raw", format: .raw) },
            others: [
                .image("the check was refused", expect: .unknown) {
                    image { $0.check = .unknown(Unknown(.failed("too many tables"), source: "/images/a.qcow2")) }
                }
            ])
    }
}
