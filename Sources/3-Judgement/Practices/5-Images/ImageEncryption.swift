import Changes
import DiskImage
import Inventory
import Quantities

/// Encrypted images use LUKS (guide §5.1, §5.1.2).
struct ImageEncryption: ImagePractice {
    var about: About {
        About(
            id: "image-encryption", section: "5.1.2", scopes: [.image], severities: [.error, .warning], fixes: [.hand],
            title: Text("Encrypted images", "加密映像"),
            why: Text(
                "qcow2's first encryption has a key that is the password itself and starts each sector from its number: equal content shows. QEMU's emulators no longer open it at all; only qemu-img does, to get the data out.",
                "qcow2 早期的加密直接以密码为密钥,且以扇区号为初始向量,相同内容会暴露。QEMU 模拟器已完全不再打开它;仅 qemu-img 可打开以导出数据。"),
            tradeOff: Text(
                "LUKS makes clear text unreadable without its key, for you as well: keep it in a safe place. Encryption costs CPU time on each access.",
                "没有密钥 LUKS 内容谁也无法读取,包括您自己:请妥善保管。每次访问都会消耗 CPU。"),
            guideSays: Text(
                "AES is optional and deprecated; -c and -e cannot be used together.", "AES 加密可选且已弃用;-c 与 -e 不能同时使用。"),
            today: Text(
                "encrypt.format=luks takes its place, -e is gone. Every command refuses to compress what it encrypts: cipher text does not shrink.",
                "由 encrypt.format=luks 取代,-e 已移除。任何命令都拒绝同时压缩和加密:密文无法压缩。"),
            sources: [
                "guide §5.1, §5.1.2", "QEMU docs/about/removed-features.rst; block/qcow2.c",
                "libvirt docs/formatstorageencryption.rst",
            ])
    }

    func judge(_ image: ImageFacts, in estate: Estate) -> Judgement {
        if let reason = estate.headerIsTheGuests(image) { return .notApplicable(reason) }
        guard let encryption = image.encryption else { return .notApplicable(Text("it is not encrypted", "未加密")) }
        guard encryption == .aes else { return .pass }
        let guests = estate.users(of: image).map(\.guest)
        let format = image.format.rawValue
        let copy = image.sibling("-luks.qcow2")
        let source = "driver=\(format),encrypt.key-secret=old,file.driver=file,file.filename=\(image.path)"
        return .finding(
            Finding(
                guests.isEmpty ? .warning : .error,
                guests.isEmpty
                    ? Text("It is encrypted with \(format)'s legacy AES", "它使用 \(format) 的旧式 AES 加密")
                    : Text(
                        "It is encrypted with \(format)'s legacy AES, which QEMU no longer opens for a guest: \(names(guests)) will not start",
                        "它使用 \(format) 的旧式 AES 加密,QEMU 不再为客户机打开:\(names(guests)) 将无法启动"),
                observed: "aes", expected: "luks",
                remedy: .byHand(
                    Text(
                        "With the guest off: copy it into LUKS with the old and a new secret in files only root may read, then name copy and secret in the definition",
                        "在客户机关闭时:用仅 root 可读的新旧密钥文件复制为 LUKS,随后在定义中写入新文件与密钥"),
                    commands: [
                        "qemu-img convert -p --object secret,id=old,file=OLD-SECRET --object secret,id=new,file=NEW-SECRET --image-opts \(shellWord(source)) -O qcow2 -o encrypt.format=luks,encrypt.key-secret=new \(shellWord(copy))"
                    ], disrupts: .guestRestart),
                evidence: [Evidence(image.path, "\(format), encryption method 1 (AES)")]))
    }

    var examples: Examples {
        let disk =
            "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        @Sendable func image(_ encryption: ImageFacts.Encryption?, _ format: ImageFacts.Format = .qcow2) -> ImageFacts {
            var image = ImageFacts(path: "/images/a.\(format.rawValue)", format: format)
            image.encryption = encryption
            return image
        }
        return Examples(
            fires: .image("legacy AES under a guest", expect: .fires(.error, observed: "aes"), guests: [disk]) {
                image(.aes)
            },
            .image("legacy AES nobody uses", expect: .fires(.warning, observed: "aes")) { image(.aes) },
            .image("the first qcow's", expect: .fires(.warning, observed: "aes")) { image(.aes, .qcow) },
            quiet: .image("LUKS inside qcow2", expect: .pass, guests: [disk]) { image(.luks) },
            .image("LUKS as it is", expect: .pass) { image(.luks, .luks) },
            .image("not encrypted", expect: .notApplicable, guests: [disk]) { image(nil) })
    }
}
