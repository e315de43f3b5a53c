import Changes
import DiskImage
import HostFacts
import Inventory
import Quantities

/// Thin images cannot outgrow their file system (guide §5.1.1, §5.1.2).
struct ImageSpace: HostPractice {
    var about: About {
        About(
            id: "image-space", section: "5.1.1", scopes: [.host], severities: [.warning], fixes: [.hand],
            title: Text("Room for thin images", "精简映像的增长空间"),
            why: Text(
                "Thin images take space as guests write. When the file system is full all guests on it stop at once, and no guest could see it coming.",
                "精简映像随客户机写入而占用空间。文件系统写满时其上所有客户机会同时停顿,而客户机自身无从预知。"),
            tradeOff: Text(
                "Space that is kept for all to be full is mostly empty; a watch on free space with room to react is the cheaper half of it.",
                "为全部写满预留的空间大多闲置;更省的办法是监控剩余空间并留出反应余地。"),
            guideSays: Text("Raw images take all their space.", "raw 映像会占用所有已分配空间。"),
            today: Text(
                "A sparse raw file takes only what was written, and grows as qcow2 does.",
                "稀疏 raw 文件只占用已写入的空间,与 qcow2 一样会增长。"),
            sources: ["guide §5.1.1, §5.1.2"])
    }

    private struct FileSystem {
        var growth = ByteCount.zero
        var free: Fact<ByteCount>
        var images: [(path: String, growth: ByteCount)] = []
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        guard estate.hasImages else {
            let isConcerned = estate.relations.imageUsers.keys.contains { $0.hasPrefix("/") && !$0.hasPrefix("/dev/") }
            return isConcerned
                ? .unknown(Unknown(.notExamined, source: "images of guests"))
                : .notApplicable(Text("no guest has a disk in a file", "没有客户机使用文件磁盘"))
        }
        var judgement = Judgement()
        var systems: [String: FileSystem] = [:]
        var counted = Set<String>()
        for (path, image) in estate.images.sorted(by: { $0.key < $1.key }) {
            guard let image = image.value, !image.isBlockDevice, let id = image.fileSystemID, grows(image, estate)
            else { continue }
            guard counted.insert(image.identity ?? path).inserted else { continue }
            guard let size = size(of: image, estate) else {
                judgement.add(image.unreadable("the size"))
                continue
            }
            guard let allocated = image.allocated.value else {
                judgement.add(image.allocated.reason)
                continue
            }
            let growth = size - allocated
            guard growth > .zero else { continue }
            systems[id, default: FileSystem(free: image.fileSystemFree)].growth += growth
            systems[id]?.images.append((path, growth))
        }
        for (_, system) in systems.sorted(by: { $0.key < $1.key }) {
            switch system.free {
            case .unknown(let reason): judgement.add(reason)
            case .known(let free):
                guard system.growth > free, let first = system.images.first else { continue }
                judgement.add(finding(system, free, first.path))
            }
        }
        if systems.isEmpty, judgement.unknowns.isEmpty {
            return .notApplicable(Text("no image can grow", "没有可增长的映像"))
        }
        return judgement
    }

    /// Whether guests write to it; what is only read stays as it is.
    private func grows(_ image: ImageFacts, _ estate: Estate) -> Bool {
        let relations = estate.relations.images
        let users = relations.users(of: image.path)
        if !users.writers.isEmpty { return image.dataFile == nil }
        // A data file grows with the image that names it.
        return users.all.isEmpty && relations.overlays(of: image.path).isEmpty && image.dataFile == nil
    }

    /// How large it can be: the disk's size, whatever the guest wrote into it.
    private func size(of image: ImageFacts, _ estate: Estate) -> ByteCount? {
        estate.relations.images.isOpenedAsItIs(image) ? image.virtualSize.value : image.fileSize.value
    }

    private func finding(_ system: FileSystem, _ free: ByteCount, _ first: String) -> Finding {
        let folder = first.lastIndex(of: "/").flatMap { $0 > first.startIndex ? String(first[..<$0]) : nil } ?? "/"
        let largest = system.images.sorted { $0.growth != $1.growth ? $0.growth > $1.growth : $0.path < $1.path }
        return Finding(
            .warning, part: folder,
            Text(
                "\(system.images.count) thin images on the file system of \(folder) can grow by \(system.growth); \(free) are free",
                "\(folder) 所在文件系统上 \(system.images.count) 个精简映像还可增长 \(system.growth),剩余空间为 \(free)"),
            observed: "\(free) free", expected: "≥ \(system.growth)",
            remedy: .byHand(
                Text(
                    "Add space, move images, give back what guests no longer use (discard='unmap' and fstrim), or watch the free space",
                    "增加空间、移走映像、回收客户机不再使用的空间(discard='unmap' 与 fstrim),或监控剩余空间"),
                commands: ["df -h \(shellWord(folder))", "virsh domfstrim GUEST"]),
            evidence: largest.prefix(3).map { Evidence($0.path, "can grow by \($0.growth)") } + [
                Evidence("statfs \(folder)", "\(free) free")
            ])
    }

    var examples: Examples {
        @Sendable func disk(_ name: String) -> String {
            "<name>\(name)</name><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/\(name).qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        }
        @Sendable func image(_ name: String, size: UInt64?, allocated: UInt64, free: UInt64?, on id: String = "dev:1")
            -> ImageFacts
        {
            var image = ImageFacts(path: "/images/\(name).qcow2", format: .qcow2)
            if let size { image.virtualSize = .known(ByteCount(gibibytes: size)) }
            image.allocated = .known(ByteCount(gibibytes: allocated))
            image.fileSystemID = id
            image.fileSystemFree =
                free.map { .known(ByteCount(gibibytes: $0)) } ?? .unknown(Unknown(.denied, source: "statfs"))
            return image
        }
        @Sendable func estate(_ images: [ImageFacts], hasImages: Bool = true) -> Estate {
            Estate(
                host: .example, guests: ["a", "b"].map { .example(disk($0)) },
                images: Dictionary(images.map { ($0.path, Fact.known($0)) }, uniquingKeysWith: { first, _ in first }),
                hasImages: hasImages)
        }
        return Examples(
            fires: Example(
                "two images of 100 GiB, 50 GiB free", expect: .fires(.warning, observed: "50 GiB free"),
                estate: estate([
                    image("a", size: 100, allocated: 20, free: 50), image("b", size: 100, allocated: 30, free: 50),
                ])),
            Example(
                "one byte too much is too much", expect: .fires(.warning, observed: "149 GiB free"),
                estate: estate([
                    image("a", size: 100, allocated: 20, free: 149), image("b", size: 100, allocated: 30, free: 149),
                ])),
            quiet: Example(
                "just enough", expect: .pass,
                estate: estate([
                    image("a", size: 100, allocated: 20, free: 150), image("b", size: 100, allocated: 30, free: 150),
                ])),
            Example(
                "each on a file system of its own", expect: .pass,
                estate: estate([
                    image("a", size: 100, allocated: 20, free: 90),
                    image("b", size: 100, allocated: 30, free: 90, on: "dev:2"),
                ])),
            Example(
                "fully allocated", expect: .notApplicable,
                estate: estate([image("a", size: 100, allocated: 100, free: 1)])),
            others: [
                Example("images were not looked at", expect: .unknown, estate: estate([], hasImages: false)),
                Example(
                    "free space is not known", expect: .unknown,
                    estate: estate([image("a", size: 100, allocated: 20, free: nil)])),
                Example(
                    "a size is not known", expect: .unknown,
                    estate: estate([image("a", size: nil, allocated: 20, free: 500)])),
            ])
    }
}
