import DiskImage
import DomainXML
import Inventory
import Quantities

/// An image, or one it is backed by, is not there, or is not what it is declared to be.
struct ImageMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let estate = host.estate
        for disk in guest.disks where disk.type == "volume" {
            answer.unknown(
                Unknown(
                    .notExamined, source: "volume \(disk.source?["pool"] ?? "?")/\(disk.source?["volume"] ?? "?")",
                    remedy: Text(
                        "Its pool must start with the host: virsh pool-autostart", "其存储池须随主机启动:virsh pool-autostart")))
        }
        guard !guest.images.isEmpty else { return }
        guard estate.hasImages || !estate.images.isEmpty else {
            answer.unknown(Unknown(.notExamined, source: "disk images"))
            return
        }
        // libvirt looks for the whole chain before it starts QEMU.
        var format: String?
        for need in guest.images {
            if need.depth == 0 { format = need.disk.format ?? "raw" }
            let isOptional = need.disk.element.first("source")?["startupPolicy"] == "optional"
            switch estate.imageFacts(at: need.path) {
            case nil: answer.unknown(Unknown(.notExamined, source: need.path))
            case .unknown(let reason)?:
                guard reason.cause == .missing else {
                    answer.unknown(reason)
                    continue
                }
                if isOptional, need.depth == 0 { continue }
                answer.add(missing(need, guest))
            case .known(let image)?:
                examine(image, declared: format, need, guest, estate, &answer)
                format = image.backingFormat
            }
        }
    }

    private func missing(_ need: ImageNeed, _ guest: Candidate) -> StartObstacle {
        StartObstacle(
            .image, part: need.disk.label,
            need.depth == 0
                ? Text("\(need.path) is not there", "\(need.path) 不存在")
                : Text(
                    "\(need.path), which \(need.disk.path ?? "its image") is backed by, is not there",
                    "\(need.disk.path ?? "映像")的后备文件 \(need.path) 不存在"),
            evidence: [
                guest.evidence(need.disk.element, need.disk.path ?? ""), ForesightEvidence(need.path, "no such file"),
            ],
            remedy: need.depth == 0
                ? Text("Bring it back, or take the disk out.", "恢复该映像,或移除该磁盘。")
                : Text("Bring it back, or write its new place into the image.", "恢复该文件,或将新位置写入映像。"),
            commands: need.depth == 0
                ? [guest.editCommand]
                : ["qemu-img rebase -u -F FORMAT -b NEW-PLACE \((need.disk.path ?? "IMAGE").shellWord)"])
    }

    private func examine(
        _ image: ImageFacts, declared: String?, _ need: ImageNeed, _ guest: Candidate, _ estate: Estate,
        _ answer: inout StartAnswer
    ) {
        let content = image.format.rawValue
        guard let declared else { return refusals(image, need, guest, &answer) }
        // Anything can be read as raw; a format whose mark is not there cannot.
        if declared == "raw" || !Self.marked.contains(declared) { return }
        guard content == declared else {
            answer.add(
                StartObstacle(
                    .image, part: need.disk.label,
                    Text(
                        "\(need.path) is declared as \(declared), and its content is \(content)",
                        "\(need.path) 声明为 \(declared),而内容为 \(content)"),
                    evidence: [guest.evidence(need.disk.element, declared), ForesightEvidence(need.path, content)],
                    remedy: Text("Declare the format it has, if it is the right file.", "若文件无误,请声明其真实格式。"),
                    commands: ["qemu-img info \(need.path.shellWord)", guest.editCommand]))
            return
        }
        refusals(image, need, guest, &answer)
        data(image, need, guest, estate, &answer)
        // A loop is a chain without an end.
        if let below = image.backing?.path,
            guest.images.contains(where: {
                $0.disk.target == need.disk.target && $0.depth <= need.depth && $0.path == below
            })
        {
            answer.add(
                StartObstacle(
                    .image, part: need.disk.label,
                    Text("its chain of backing files leads back to \(below)", "其后备文件链又回到 \(below)"),
                    evidence: [ForesightEvidence(need.path, "backing file \(below)")],
                    remedy: Text("Write the right backing file into it.", "写入正确的后备文件。"),
                    commands: ["qemu-img rebase -u -F FORMAT -b BASE \(need.path.shellWord)"]))
        }
    }

    private static let marked: Set<String> = ["qcow", "qcow2", "qed", "vmdk", "vdi", "vhdx", "luks", "parallels"]

    /// What QEMU refuses in an image of the right format.
    private func refusals(_ image: ImageFacts, _ need: ImageNeed, _ guest: Candidate, _ answer: inout StartAnswer) {
        if image.isCorrupt, need.isWriter {
            answer.add(
                StartObstacle(
                    .image, part: need.disk.label,
                    Text(
                        "\(need.path) is marked corrupt: QEMU does not open it for writing",
                        "\(need.path) 被标记为损坏:QEMU 拒绝以写方式打开"),
                    evidence: [ForesightEvidence(need.path, "incompatible feature: corrupt")],
                    remedy: Text("Copy it, then repair it.", "先备份,再修复。"),
                    commands: [
                        "cp --reflink=auto \(need.path.shellWord) \((need.path + ".copy").shellWord)",
                        "qemu-img check -r all \(need.path.shellWord)",
                    ]))
        } else if let words = image.malformed {
            answer.add(
                StartObstacle(
                    .image, part: need.disk.label,
                    Text("\(need.path) cannot be read: \(words)", "无法读取 \(need.path):\(words)"),
                    evidence: [ForesightEvidence(need.path, words)],
                    remedy: Text("Bring back a good copy.", "恢复完好的副本。"),
                    commands: ["qemu-img info \(need.path.shellWord)"]))
        }
    }
    /// Other files that hold its data.
    private func data(
        _ image: ImageFacts, _ need: ImageNeed, _ guest: Candidate, _ estate: Estate, _ answer: inout StartAnswer
    ) {
        for case .file(let path) in image.dataReferences {
            guard case .unknown(let reason)? = estate.imageFacts(at: path) else { continue }
            guard reason.cause == .missing else {
                answer.unknown(reason)
                continue
            }
            answer.add(
                StartObstacle(
                    .image, part: need.disk.label,
                    Text(
                        "\(path), which holds the data of \(need.path), is not there", "保存 \(need.path) 数据的 \(path) 不存在"
                    ),
                    evidence: [ForesightEvidence(need.path, "data file \(path)")],
                    remedy: Text("Bring it back.", "恢复该文件。")))
        }
    }
}
