import Changes
import DiskImage
import DomainXML
import Inventory
import Quantities

/// Formats are declared, and are true (guide §5.2).
struct ImageDeclaredFormat: GuestPractice, ImagePractice {
    var about: About {
        About(
            id: "image-declared-format", section: "5.2", scopes: [.guest, .image], severities: [.error, .info],
            fixes: [.image, .xml],
            title: Text("Declared formats", "声明映像格式"),
            why: Text(
                "Where no format is declared QEMU looks at the content, and the content is the guest's: a guest with a raw disk can write a header that names any file of the host as its backing file, and reads it after the next start. libvirt refuses to start many such chains.",
                "未声明格式时 QEMU 会查看内容,而内容由客户机掌控:使用 raw 磁盘的客户机可写入文件头,把主机任意文件指定为后备文件,并在下次启动后读取它。libvirt 会拒绝启动许多此类后备链。"),
            tradeOff: Text(
                "The format must be kept up by whoever converts an image; a wrong one keeps the guest from starting.",
                "转换映像的人必须同步更新声明的格式;声明错误会导致客户机无法启动。"),
            guideSays: Text(
                "Overlays are made with `qemu-img create -b BASE -f qcow2 OVERLAY`, and moved with `rebase -u -b`.",
                "使用 `qemu-img create -b BASE -f qcow2 OVERLAY` 创建覆盖映像,用 `rebase -u -b` 迁移。"),
            today: Text(
                "QEMU 6.1 and later refuse both without `-F`: write `-b BASE -F FORMAT` always.",
                "QEMU 6.1 及更高版本不带 `-F` 会拒绝这两个命令:请始终写 `-b BASE -F FORMAT`。"),
            sources: [
                "guide §5.2", "libvirt docs/kbase/backing_chains.rst",
                "QEMU docs/about/removed-features.rst (qemu-img backing file without format)",
            ])
    }

    /// Formats that are told apart by their content.
    ///
    /// Others (fixed vpc, iso, dir) look raw and are none the worse for it.
    private static let recognizable: Set<String> = ["raw", "qcow", "qcow2", "qed", "vmdk", "vdi", "vhdx"]

    // MARK: Guests

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var isConcerned = false
        for disk in domain.disks where disk.type == "file" || disk.type == "block" {
            guard let path = disk.path else { continue }
            isConcerned = true
            for store in disk.backingChain where store.format == nil { undeclared(store, disk, &judgement) }
            // A slice starts somewhere in the file: its first bytes say nothing of it.
            if disk.source?.first("slices") != nil { continue }
            switch estate.image(at: path) {
            case .known(let image)?: compare(image, disk, guest, &judgement)
            case .unknown(let reason)?:
                if disk.format == nil { unnamed(disk, path, guest, &judgement) }
                // A file that is not there yet contradicts nobody.
                if reason.cause != .missing { judgement.add(reason) }
            case nil:
                if disk.format == nil { unnamed(disk, path, guest, &judgement) }
            }
        }
        return isConcerned
            ? judgement : .notApplicable(Text("it has no disk on a file or device of the host", "没有位于主机文件或设备上的磁盘"))
    }

    private func undeclared(_ store: Disk.BackingStore, _ disk: Disk, _ judgement: inout Judgement) {
        guard store.type == "file" || store.type == "block" || store.type == "network" else { return }
        let name = store.path ?? store.type
        judgement.add(
            Finding(
                .error, part: disk.label,
                Text(
                    "\(disk.label) names a backing file without a format (\(name)); libvirt refuses the definition",
                    "\(disk.label) 的后备文件未声明格式(\(name));libvirt 会拒绝该定义"),
                observed: "no <format>", expected: "<format type=…/>",
                remedy: .byHand(
                    Text(
                        "Add <format type='qcow2'/> or <format type='raw'/> to the <backingStore>, as the file is; or leave the <backingStore> out, and libvirt reads the chain",
                        "按文件实际格式在 <backingStore> 中加入 <format type='qcow2'/> 或 <format type='raw'/>;或删去 <backingStore>,由 libvirt 自行读取"
                    ),
                    commands: ["qemu-img info -U --backing-chain \(shellWord(name))"], disrupts: .guestRestart),
                evidence: [Evidence(store.element, "no <format>")]))
    }

    /// No format is written, and the image was not looked at.
    private func unnamed(_ disk: Disk, _ path: String, _ guest: Guest, _ judgement: inout Judgement) {
        guard disk.type == "file", disk.device == "disk" || disk.device == "lun" else { return }
        let driver = disk.element.first("driver")
        let suffix = path.lastIndex(of: ".").map { path[path.index(after: $0)...].lowercased() } ?? ""
        guard Self.recognizable.contains(suffix), suffix != "raw" else {
            judgement.add(
                Finding(
                    .info, part: disk.label,
                    Text(
                        "\(disk.label) declares no format; libvirt takes \(path) as raw and never looks",
                        "\(disk.label) 未声明格式;libvirt 会将 \(path) 视为 raw,且不检查内容"),
                    observed: "no format", expected: "type='raw'",
                    remedy: .change(declare(disk, "raw", guest), disrupts: .guestRestart),
                    evidence: [Evidence(driver ?? disk.element, "no type")]))
            return
        }
        judgement.add(
            Finding(
                .error, part: disk.label,
                Text(
                    "\(disk.label) declares no format, and libvirt takes raw: the guest would see the \(suffix) file itself, not the disk inside",
                    "\(disk.label) 未声明格式,libvirt 按 raw 处理:客户机看到的将是 \(suffix) 文件本身,而非其中的磁盘"),
                observed: "no format", expected: "type='\(suffix)'",
                remedy: .change(declare(disk, suffix, guest), disrupts: .guestRestart),
                evidence: [Evidence(driver ?? disk.element, "no type"), Evidence(disk.source ?? disk.element, path)]))
    }

    private func declare(_ disk: Disk, _ format: String, _ guest: Guest) -> DomainChange {
        if let driver = disk.element.first("driver") {
            return DomainChange(guest.name, driver.xpath, .attribute("type", format), from: disk.format)
        }
        return DomainChange(guest.name, disk.element.xpath, .insert("<driver name='qemu' type='\(format)'/>"))
    }

    private func compare(_ image: ImageFacts, _ disk: Disk, _ guest: Guest, _ judgement: inout Judgement) {
        let declared = disk.format ?? "raw"
        let found = image.format.rawValue
        guard Self.recognizable.contains(declared), declared != found else { return }
        // A guest may well encrypt its whole raw disk; and LUKS names no other file.
        if image.format == .luks || !Self.recognizable.contains(found) { return }
        // A disk that is still to be filled is empty.
        let written = disk.element.first("driver") ?? disk.element
        let observed = disk.format == nil ? "\(found), no format declared" : "\(found), declared \(declared)"
        guard declared == "raw" else {
            judgement.add(
                Finding(
                    .error, part: disk.label,
                    Text(
                        "\(disk.label) is declared \(declared), and \(image.path) is \(found): the guest will not start",
                        "\(disk.label) 声明为 \(declared),而 \(image.path) 实为 \(found):客户机将无法启动"),
                    observed: observed, expected: "type='\(found)'",
                    remedy: .byHand(
                        Text(
                            "If this is the right file, set type='\(found)'; first look at what it names as its backing file",
                            "若文件无误,请改为 type='\(found)';请先检查它指定的后备文件"),
                        commands: ["qemu-img info -U \(shellWord(image.path))", "virsh edit \(shellWord(guest.name))"],
                        disrupts: .guestRestart),
                    evidence: [Evidence(written, declared), Evidence(image.path, image.words)]))
            return
        }
        let reach =
            image.backingFile.map {
                Text(", and names \($0) as its backing file", ",并指定 \($0) 为后备文件")
            } ?? Text("", "")
        judgement.add(
            Finding(
                .error, part: disk.label,
                Text(
                    "\(disk.label) is opened as raw, and its content is a \(found) image\(reach.english): either the definition is wrong, or the guest wrote this to read files of the host",
                    "\(disk.label) 以 raw 打开,但内容是 \(found) 映像\(reach.chinese):要么定义有误,要么客户机有意写入以读取主机文件"),
                observed: observed, expected: "the format it has",
                remedy: .byHand(
                    Text(
                        "If you made the image as \(found), declare type='\(found)'. If the guest's disk is raw, leave it so: never let a tool guess (`-f raw`), and ask who wrote the header",
                        "若该映像由您创建为 \(found),请声明 type='\(found)'。若客户机磁盘确为 raw,则保持不变:绝不要让工具猜测格式(使用 `-f raw`),并查明是谁写入了文件头"),
                    commands: [
                        "qemu-img info -U -f raw \(shellWord(image.path))", "virsh edit \(shellWord(guest.name))",
                    ], disrupts: .guestRestart),
                evidence: [Evidence(written, disk.format ?? "no type"), Evidence(image.path, image.words)]))
    }

    // MARK: Images

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        guard let name = image.backingFile, let backing = image.backing else {
            return .notApplicable(Text("it has no backing file", "没有后备文件"))
        }
        if image.backingFormat != nil { return .pass }
        // What is no format on a file is described as a whole, format included.
        if case .other("json", _) = backing { return .pass }
        let found = backing.path.flatMap { estate.image(at: $0)?.value?.format }
        let format = found?.rawValue ?? "FORMAT"
        let evidence = [Evidence(image.path, "backing file \(name), no backing format")]
        let what = Text(
            "The backing file \(name) has no declared format: QEMU guesses it at each start\(found.map { " (\($0.rawValue) today)" } ?? "")",
            "后备文件 \(name) 未声明格式:QEMU 每次启动时猜测\(found.map { "(目前为 \($0.rawValue))" } ?? "")")
        // The first qcow has no place for a format, and QED only for raw.
        let hasNoPlace = image.format == .qcow || (image.format == .qed && found != nil && found != .raw)
        let remedy: Remedy
        if hasNoPlace {
            remedy = .byHand(
                Text(
                    "\(image.format.rawValue) has no place for it: convert to qcow2",
                    "\(image.format.rawValue) 无法记录格式:请转换为 qcow2"),
                commands: [
                    "qemu-img convert -p -f \(image.format.rawValue) -O qcow2 -B \(shellWord(name)) -F \(format) \(shellWord(image.path)) \(shellWord(image.sibling(".qcow2")))"
                ], disrupts: .guestRestart)
        } else if let found {
            remedy = .change(
                ImageChange(
                    image.path,
                    "rebase -u -f \(image.format.rawValue) -F \(found.rawValue) -b \(shellWord(name)) \(shellWord(image.path))",
                    from: "no backing format", to: found.rawValue), disrupts: .guestRestart,
                note: Text(
                    "With the guest off. Make sure that the base really is \(found.rawValue): if a guest once had it as a raw disk, it is raw",
                    "在客户机关闭时进行。请确认后备文件确为 \(found.rawValue):若它曾作为客户机的 raw 磁盘,则应为 raw"))
        } else {
            remedy = .byHand(
                Text("With the guest off: find out the format of the base, and write it down", "在客户机关闭时:查明后备文件的格式并写入"),
                commands: [
                    "qemu-img info -U \(shellWord(backing.path ?? name))",
                    "qemu-img rebase -u -f \(image.format.rawValue) -F \(format) -b \(shellWord(name)) \(shellWord(image.path))",
                ], disrupts: .guestRestart)
        }
        return .finding(
            Finding(
                .error, what, observed: "no backing format",
                expected: found.map { "backing format \($0.rawValue)" } ?? "a backing format",
                remedy: remedy, evidence: evidence))
    }

    // MARK: Examples

    var examples: Examples {
        @Sendable func disk(_ driver: String, _ file: String = "a.img", more: String = "") -> String {
            "<devices><disk type='file' device='disk'>\(driver)<source file='/images/\(file)'/>\(more)<target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func image(
            _ path: String, _ format: ImageFacts.Format, _ backing: String? = nil, _ backingFormat: String? = nil
        ) -> ImageFacts {
            var image = ImageFacts(path: path, format: format)
            image.backingFile = backing
            image.backingFormat = backingFormat
            return image
        }
        let raw = disk("<driver name='qemu' type='raw'/>")
        let qcow2 = disk("<driver name='qemu' type='qcow2'/>")
        return Examples(
            fires: .image(
                "an overlay without a backing format", expect: .fires(.error, observed: "no backing format"),
                guests: [qcow2],
                others: [image("/images/base.raw", .raw)]
            ) { image("/images/a.img", .qcow2, "base.raw") },
            .image("the first qcow cannot declare one", expect: .fires(.error, observed: "no backing format")) {
                image("/images/a.qcow", .qcow, "base.raw")
            },
            .image(
                "a raw disk that looks like qcow2", expect: .fires(.error, observed: "qcow2, declared raw"),
                guests: [raw]
            ) {
                image("/images/a.img", .qcow2, "/etc/shadow")
            },
            .image(
                "no format declared, a qcow2 inside", expect: .fires(.error, observed: "qcow2, no format declared"),
                guests: [disk("")]
            ) {
                image("/images/a.img", .qcow2)
            },
            .image("declared qcow2, is raw", expect: .fires(.error, observed: "raw, declared qcow2"), guests: [qcow2]) {
                image("/images/a.img", .raw)
            },
            .guest(
                "backingStore without a format",
                disk(
                    "<driver name='qemu' type='qcow2'/>",
                    more: "<backingStore type='file'><source file='/b'/></backingStore>"),
                expect: .fires(.error, observed: "no <format>")),
            .guest(
                "a qcow2 file by its name, no format", disk("", "web.qcow2"),
                expect: .fires(.error, observed: "no format")),
            .guest(
                "no format: raw to libvirt", disk("<driver name='qemu'/>"), expect: .fires(.info, observed: "no format")
            ),
            quiet: .image("declared all the way", expect: .pass, guests: [qcow2], others: []) {
                image("/images/a.img", .qcow2, "base.raw", "raw")
            },
            .guest("raw", raw, expect: .pass),
            .guest(
                "a block device without a format is raw to everyone",
                "<devices><disk type='block' device='disk'><source dev='/dev/vg/web'/><target dev='vda' bus='virtio'/></disk></devices>",
                expect: .pass),
            .guest(
                "an ISO image",
                "<devices><disk type='file' device='cdrom'><source file='/iso/sles.iso'/><target dev='sda' bus='sata'/></disk></devices>",
                expect: .pass),
            .image("a guest that encrypts its whole raw disk", expect: .pass, guests: [raw]) {
                image("/images/a.img", .luks)
            },
            .guest(
                "a disk on the network",
                "<devices><disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='p/i'/><target dev='vda'/></disk></devices>",
                expect: .notApplicable),
            others: [
                Example(
                    "the image may not be read", expect: .unknown,
                    estate: Estate(
                        host: .example, guests: [.example(raw)],
                        images: ["/images/a.img": .unknown(Unknown(.denied, source: "/images/a.img"))], hasImages: true)
                )
            ])
    }
}
