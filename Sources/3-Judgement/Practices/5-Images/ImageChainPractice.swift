import Changes
import DiskImage
import DomainXML
import Inventory
import Quantities

/// Chains of backing files are whole, short and left alone (guide §5.2).
struct ImageChainPractice: ImagePractice {
    var about: About {
        About(
            id: "image-chain", section: "5.2", scopes: [.image], severities: [.error, .warning],
            fixes: [.image, .hand],
            title: Text("Chains of backing files", "后备文件链"),
            why: Text(
                "An overlay holds only what differs from its base. If the base is gone the guest does not start; if the base changes, the guest's file system falls apart without a word.",
                "覆盖映像只保存与后备文件的差异。后备文件丢失则客户机无法启动;后备文件被修改则客户机文件系统会悄然损坏。"),
            tradeOff: Text(
                "Shortening a chain copies data and gives up the states in between.", "缩短链需要复制数据,并放弃中间状态。"),
            guideSays: Text(
                "After a move: `ln -sf OLD NEW`, then `rebase -u -b OLD OVERLAY`.",
                "移动后:`ln -sf OLD NEW`,再 `rebase -u -b OLD OVERLAY`。"),
            today: Text(
                "The arrow is the wrong way round, and no link is needed: `qemu-img rebase -u -F FORMAT -b NEW OVERLAY` writes the new name.",
                "箭头方向相反,也无需链接:`qemu-img rebase -u -F FORMAT -b NEW OVERLAY` 直接写入新名称。"),
            sources: [
                "guide §5.2", "QEMU docs/tools/qemu-img.rst (rebase, commit)", "libvirt docs/kbase/backing_chains.rst",
            ])
    }

    /// Names of formats an image may declare for its backing file.
    ///
    /// `file` and `host_device` are protocols that old tools wrote for raw.
    private static let formats: Set<String> = [
        "raw", "qcow", "qcow2", "qed", "vmdk", "vdi", "vhdx", "vpc", "luks", "parallels", "dmg", "bochs", "cloop",
        "file", "host_device",
    ]
    /// Formats that an image's content shows beyond doubt.
    private static let recognizable: Set<String> = ["qcow", "qcow2", "qed", "vmdk", "vdi", "vhdx"]

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        let overlays = estate.relations.images.overlays(of: image.path)
        var judgement = Judgement()
        if !overlays.isEmpty { writers(image, overlays, estate, &judgement) }
        for case .file(let path) in image.dataReferences { dataFile(path, image, estate, &judgement) }
        if let name = image.backingFile, let backing = image.backing {
            below(name, backing, image, estate, &judgement)
        } else if overlays.isEmpty, image.dataReferences.isEmpty {
            return .notApplicable(Text("it neither has a backing file nor is one", "既没有后备文件,也不是后备文件"))
        }
        return judgement
    }

    // MARK: As a base

    private func writers(_ image: ImageFacts, _ overlays: [String], _ estate: Estate, _ judgement: inout Judgement) {
        let writers = estate.writers(of: image)
        guard let first = writers.first else { return }
        judgement.add(
            Finding(
                .error,
                Text(
                    "\(names(writers.map(\.guest))) may write to it, and \(overlays.count) images have it as their backing file: what is written breaks them",
                    "\(names(writers.map(\.guest))) 可写入它,而有 \(overlays.count) 个映像以其为后备文件:写入会破坏这些映像"),
                observed: "\(overlays.count) overlays, written by \(first.guest.name)", expected: "read-only",
                remedy: .byHand(
                    Text(
                        "Give the guest an overlay of its own, or add <readonly/>; make sure nobody has written to it since the overlays were made",
                        "为该客户机创建自己的覆盖映像,或加入 <readonly/>;并确认创建覆盖映像后无人写入"),
                    commands: [
                        "qemu-img create -f qcow2 -F \(image.format.rawValue) -b \(shellWord(image.path)) \(shellWord(image.sibling("-\(first.guest.name).qcow2")))",
                        "virsh edit \(shellWord(first.guest.name))",
                    ], disrupts: .guestRestart),
                evidence: [Evidence(first.use.disk.element, "\(first.guest.name): writable")]
                    + overlays.prefix(3).map { Evidence($0, "backing file \(image.path)") }))
    }

    private func dataFile(_ path: String, _ image: ImageFacts, _ estate: Estate, _ judgement: inout Judgement) {
        guard case .unknown(let reason)? = estate.image(at: path) else { return }
        guard reason.cause == .missing else { return judgement.add(reason) }
        judgement.add(
            Finding(
                .error, part: path, Text("Its data are in \(path), which does not exist", "其数据位于 \(path),该文件不存在"),
                observed: "missing", expected: "the file",
                remedy: .byHand(Text("Bring the file back from a backup", "从备份恢复该文件"), disrupts: .guestRestart),
                evidence: [Evidence(image.path, path)]))
    }

    // MARK: As an overlay

    private func below(
        _ name: String, _ backing: ImageReference, _ image: ImageFacts, _ estate: Estate, _ judgement: inout Judgement
    ) {
        guard let path = backing.path else {
            judgement.add(
                Unknown(
                    .notExamined, source: "backing file \(name)",
                    remedy: Text(
                        "It is not a file of this host: qemu-img info -U --backing-chain",
                        "它不是本机文件:qemu-img info -U --backing-chain")))
            return
        }
        if let format = image.backingFormat, !Self.formats.contains(format) {
            judgement.add(wrongFormat(format, nil, name, image, estate))
        }
        switch estate.image(at: path) {
        case nil: judgement.add(Unknown(.notExamined, source: path))
        case .unknown(let reason)?: unreadable(reason, name, path, image, &judgement)
        case .known(let base)?:
            if let format = image.backingFormat, Self.formats.contains(format), contradicts(format, base) {
                judgement.add(wrongFormat(format, base, name, image, estate))
            }
            writtenAfter(base, name, image, &judgement)
            chain(image, estate, &judgement)
        }
    }

    private func unreadable(
        _ reason: Unknown, _ name: String, _ path: String, _ image: ImageFacts, _ judgement: inout Judgement
    ) {
        let observed: String
        let what: Text
        switch reason.cause {
        case .missing:
            observed = "missing"
            what = Text(
                "Its backing file \(path) does not exist: the guest will not start", "其后备文件 \(path) 不存在:客户机将无法启动")
        case .malformed(let words):
            observed = "no image"
            what = Text("Its backing file \(path) cannot be one: \(words)", "其后备文件 \(path) 不可用:\(words)")
        case .denied, .notExamined, .failed:
            judgement.add(reason)
            return
        }
        judgement.add(
            Finding(
                .error, part: path, what, observed: observed, expected: "the backing file",
                remedy: .byHand(
                    Text(
                        "Bring it back, or name its new place with the guest off; -u checks nothing, so be sure it is the same content",
                        "恢复该文件,或在客户机关闭时写入新位置;-u 不做任何检查,请确保内容相同"),
                    commands: [
                        "qemu-img rebase -u -f \(image.format.rawValue) -F \(image.backingFormat ?? "FORMAT") -b NEW-PLACE \(shellWord(image.path))"
                    ], disrupts: .guestRestart),
                evidence: [Evidence(image.path, "backing file \(name)"), Evidence(path, observed)]))
    }

    private func contradicts(_ declared: String, _ base: ImageFacts) -> Bool {
        let found = base.format.rawValue
        guard declared != found else { return false }
        if ["raw", "file", "host_device"].contains(declared) { return Self.recognizable.contains(found) }
        return Self.recognizable.contains(declared)
    }

    private func wrongFormat(
        _ declared: String, _ base: ImageFacts?, _ name: String, _ image: ImageFacts, _ estate: Estate
    ) -> Finding {
        let found = base ?? image.backing?.path.flatMap { estate.image(at: $0)?.value }
        let isRaw = ["raw", "file", "host_device"].contains(declared)
        let what: Text
        if let base {
            what =
                isRaw
                ? Text(
                    "The backing file \(name) is declared \(declared) and is \(base.format.rawValue): the guest sees its tables, not its data",
                    "后备文件 \(name) 声明为 \(declared),实为 \(base.format.rawValue):客户机看到的是其表而非数据")
                : Text(
                    "The backing file \(name) is declared \(declared) and is \(base.format.rawValue): the guest will not start",
                    "后备文件 \(name) 声明为 \(declared),实为 \(base.format.rawValue):客户机将无法启动")
        } else {
            what = Text(
                "The backing file \(name) is declared \(declared), a format QEMU does not know",
                "后备文件 \(name) 声明为 \(declared),QEMU 不认识该格式")
        }
        let format = found?.format.rawValue ?? "FORMAT"
        let operation =
            "rebase -u -f \(image.format.rawValue) -F \(format) -b \(shellWord(name)) \(shellWord(image.path))"
        let note = Text(
            "With the guest off. If the guest has run with the wrong format, its overlay is of no use with the right one: look at its data first",
            "在客户机关闭时进行。若客户机曾以错误格式运行,则其覆盖映像与正确格式不相容:请先检查数据")
        return Finding(
            .error, part: image.backing?.path, what,
            observed: "\(declared)\(found.map { ", is \($0.format.rawValue)" } ?? "")",
            expected: found?.format.rawValue ?? "a format",
            remedy: found == nil
                ? .byHand(
                    note,
                    commands: ["qemu-img info -U \(shellWord(image.backing?.path ?? name))", "qemu-img \(operation)"],
                    disrupts: .guestRestart)
                : .change(
                    ImageChange(image.path, operation, from: declared, to: format), disrupts: .guestRestart, note: note),
            evidence: [Evidence(image.path, "backing format \(declared)")]
                + (found.map { [Evidence($0.path, $0.words)] } ?? []))
    }

    private func writtenAfter(_ base: ImageFacts, _ name: String, _ image: ImageFacts, _ judgement: inout Judgement) {
        // A device node's time says nothing of what is on it.
        guard !base.isBlockDevice, !image.isBlockDevice, let below = base.modified.value,
            let own = image.modified.value,
            below > own
        else { return }
        judgement.add(
            Finding(
                .warning, part: base.path,
                Text(
                    "The backing file \(name) was written \(Self.span(below - own)) after the overlay was last written: what the guest sees may be mixed",
                    "后备文件 \(name) 在覆盖映像最后一次写入之后 \(Self.span(below - own)) 又被写入:客户机看到的内容可能混杂"),
                observed: "base newer by \(Self.span(below - own))", expected: "base never written again",
                remedy: .byHand(
                    Text(
                        "If it was only copied or touched, set its time back (`touch -r`); else take the overlay from a backup, or check the guest's file systems",
                        "若只是复制或触碰过,可改回时间(`touch -r`);否则从备份恢复覆盖映像,或检查客户机文件系统"),
                    commands: ["chmod a-w \(shellWord(base.path))"], disrupts: .guestRestart),
                evidence: [Evidence(base.path, "modified \(below)"), Evidence(image.path, "modified \(own)")]))
    }

    private static func span(_ seconds: Int64) -> String {
        seconds >= 172_800
            ? "\(seconds / 86_400) days"
            : seconds >= 7200 ? "\(seconds / 3600) h" : seconds >= 120 ? "\(seconds / 60) min" : "\(seconds) s"
    }

    /// Walks down: loops and depth.
    private func chain(_ image: ImageFacts, _ estate: Estate, _ judgement: inout Judgement) {
        let relations = estate.relations.images
        var seen: Set<String> = [relations.key(of: image.path)]
        var current = image
        var depth = 1
        while let path = current.backing?.path, depth <= ImageChain.deepest {
            guard seen.insert(relations.key(of: path)).inserted else {
                judgement.add(
                    Finding(
                        .error, part: path,
                        Text("Its chain goes in a circle: \(path) comes again", "后备链成环:\(path) 再次出现"),
                        observed: "loop", expected: "a chain with an end",
                        remedy: .byHand(
                            Text(
                                "Name the right backing file of the image where the circle closes", "在成环处的映像中写入正确的后备文件"),
                            commands: [
                                "qemu-img rebase -u -f \(current.format.rawValue) -F FORMAT -b RIGHT-BASE \(shellWord(current.path))"
                            ], disrupts: .guestRestart),
                        evidence: [Evidence(current.path, "backing file \(current.backingFile ?? "")")]))
                return
            }
            guard let base = estate.image(at: path)?.value else { break }
            depth += 1
            if let declared = current.backingFormat, declared != base.format.rawValue { break }
            current = base
        }
        // Told once, at the top.
        guard depth > estate.settings.chainDepth, relations.overlays(of: image.path).isEmpty else { return }
        let user = estate.users(of: image).first { $0.use.depth == 0 }
        let commands: [String] =
            user.map { entry in
                entry.guest.isActive
                    ? [
                        "virsh blockpull \(shellWord(entry.guest.name)) \(shellWord(entry.use.disk.label)) --wait --verbose"
                    ]
                    : ["qemu-img rebase -p -f \(image.format.rawValue) -F FORMAT -b BASE \(shellWord(image.path))"]
            } ?? ["qemu-img rebase -p -f \(image.format.rawValue) -F FORMAT -b BASE \(shellWord(image.path))"]
        judgement.add(
            Finding(
                .warning,
                Text(
                    "Its chain has \(depth) images; at most \(estate.settings.chainDepth) are advised: each read may go through all of them",
                    "后备链有 \(depth) 个映像,建议不超过 \(estate.settings.chainDepth) 个:每次读取都可能逐层查找"),
                observed: "\(depth) images", expected: "≤ \(estate.settings.chainDepth)",
                remedy: .byHand(
                    Text(
                        "Pull the lower images into the top one, or commit the top ones down (`virsh blockcommit`); leave bases alone that others use",
                        "将下层合并到顶层(blockpull),或向下提交(`virsh blockcommit`);不要动其他映像共用的后备文件"),
                    commands: commands, disrupts: user?.guest.isActive == true ? .live : .guestRestart),
                evidence: [Evidence(image.path, "chain of \(depth)")]))
    }

    // MARK: Examples

    var examples: Examples {
        @Sendable func disk(_ file: String, _ more: String = "") -> String {
            "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/\(file)'/><target dev='vda' bus='virtio'/>\(more)</disk></devices>"
        }
        @Sendable func image(
            _ name: String, _ backing: String? = nil, _ backingFormat: String? = "qcow2",
            format: ImageFacts.Format = .qcow2, modified: Int64? = nil
        ) -> ImageFacts {
            var image = ImageFacts(path: "/images/\(name)", format: format)
            image.backingFile = backing
            image.backingFormat = backing == nil ? nil : backingFormat
            if let modified { image.modified = .known(modified) }
            return image
        }
        @Sendable func estate(_ guests: [String], _ images: [ImageFacts], missing: [String: Unknown.Cause] = [:])
            -> Estate
        {
            var all: [String: Fact<ImageFacts>] = [:]
            for image in images { all[image.path] = .known(image) }
            for (path, cause) in missing { all[path] = .unknown(Unknown(cause, source: path)) }
            return Estate(host: .example, guests: guests.map { .example($0) }, images: all, hasImages: true)
        }
        @Sendable func deep(_ count: Int) -> [ImageFacts] {
            (1..<count).map { image("\($0)", $0 + 1 < count ? "\($0 + 1)" : nil) }
        }
        return Examples(
            fires: .image(
                "a base a guest writes to", expect: .fires(.error, observed: "1 overlays, written by guest"),
                guests: [disk("base")],
                others: [image("top", "base")]
            ) { image("base") },
            .image(
                "base declared raw is qcow2", expect: .fires(.error, observed: "raw, is qcow2"), others: [image("base")]
            ) {
                image("top", "base", "raw")
            },
            .image(
                "base declared qcow2 is raw", expect: .fires(.error, observed: "qcow2, is raw"),
                others: [image("base", format: .raw)]
            ) { image("top", "base") },
            .image(
                "a format that does not exist", expect: .fires(.error, observed: "qcowX, is qcow2"),
                others: [image("base")]
            ) {
                image("top", "base", "qcowX")
            },
            .image("a circle", expect: .fires(.error, observed: "loop"), others: [image("b", "a")]) { image("a", "b") },
            .image("nine images", expect: .fires(.warning, observed: "9 images"), others: deep(9)) { image("0", "1") },
            .image(
                "the base was written a day after", expect: .fires(.warning, observed: "base newer by 24 h"),
                others: [image("base", modified: 1_086_400)]
            ) { image("top", "base", modified: 1_000_000) },
            quiet: .image(
                "an overlay and its base", expect: .pass, guests: [disk("top")], others: [image("base", modified: 5)]
            ) {
                image("top", "base", modified: 6)
            },
            .image("eight images", expect: .pass, others: deep(8)) { image("0", "1") },
            .image(
                "a base a guest only reads", expect: .pass, guests: [disk("base", "<readonly/>")],
                others: [image("top", "base")]
            ) { image("base") },
            .image("no chain", expect: .notApplicable) { image("top") },
            .image(
                "a guest wrote the header into its raw disk", expect: .notApplicable,
                guests: [
                    "<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/images/top'/><target dev='vda'/></disk></devices>"
                ]
            ) { image("top", "/etc/shadow", "raw") },
            others: [
                .image("the base is on the network", expect: .unknown) { image("top", "nbd://storage/base") },
                .image("the base was not looked at", expect: .unknown) { image("top", "/elsewhere/base") },
                Example(
                    "the base may not be read", expect: .unknown,
                    estate: estate([], [image("top", "base")], missing: ["/images/base": .denied])),
            ])
    }
}
