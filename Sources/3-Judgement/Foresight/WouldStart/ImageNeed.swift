import DiskImage
import DomainXML
import Inventory
import Quantities

/// An image that a guest opens when it starts: one a disk names, or one below it.
struct ImageNeed {
    /// The path as named.
    var path: String
    /// What makes images one and the same.
    var key: String
    /// The disk it is opened for.
    var disk: Disk
    /// 0 for the disk's own image, more for those below.
    var depth: Int
    /// Whether the guest writes to it.
    var isWriter: Bool { depth == 0 && disk.isWritable }
    /// Whether the guest knows that others use it.
    var isShareable: Bool { disk.isShareable }

    static func needs(of disks: [Disk], in estate: Estate) -> [ImageNeed] {
        var needs: [ImageNeed] = []
        for disk in disks where disk.type == "file" || disk.type == "block" {
            guard let path = disk.path, !path.isEmpty else { continue }
            for (depth, path) in chain(of: disk, path, estate).enumerated() {
                needs.append(
                    ImageNeed(path: path, key: estate.relations.images.key(of: path), disk: disk, depth: depth))
            }
        }
        return needs
    }

    /// The image and those below: as the headers say, else as the definition does.
    private static func chain(of disk: Disk, _ path: String, _ estate: Estate) -> [String] {
        var chain = [path]
        guard let top = estate.imageFacts(at: path)?.value else { return chain + disk.backingChain.compactMap(\.path) }
        // A raw disk's content is the guest's own doing: what it says of other files counts for nothing.
        var image = top
        var format = disk.format ?? "raw"
        while image.format.rawValue == format, chain.count < 200, let below = image.backing?.path,
            !chain.contains(below)
        {
            chain.append(below)
            guard let next = estate.imageFacts(at: below)?.value else { break }
            format = image.backingFormat ?? next.format.rawValue
            image = next
        }
        return chain
    }
}

extension Estate {
    /// What is known of an image; `nil` where nobody looked at it.
    func imageFacts(at path: String) -> Fact<ImageFacts>? { images[path] ?? images[ImageReference.tidied(path)] }
}

/// Who has an image open.
struct ImageHold {
    /// The first guest that writes and does not share.
    private(set) var exclusiveWriter: String?
    /// The first that writes and shares.
    private(set) var sharingWriter: String?
    /// The first that reads and does not share.
    private(set) var reader: String?
    /// The first that reads and shares.
    private(set) var sharingReader: String?

    mutating func add(_ need: ImageNeed, _ guest: String) {
        switch (need.isWriter, need.isShareable) {
        case (true, false): exclusiveWriter = exclusiveWriter ?? guest
        case (true, true): sharingWriter = sharingWriter ?? guest
        case (false, false): reader = reader ?? guest
        case (false, true): sharingReader = sharingReader ?? guest
        }
    }

    /// Who keeps a guest from opening it; `nil` where nobody does.
    ///
    /// - Source: QEMU docs/system/qemu-block-drivers.rst.inc "Disk image file locking"; block/file-posix.c `raw_handle_perm_lock`.
    func conflict(with need: ImageNeed) -> String? {
        switch (need.isWriter, need.isShareable) {
        case (true, false): exclusiveWriter ?? sharingWriter ?? reader ?? sharingReader
        case (true, true): exclusiveWriter ?? reader
        case (false, false): exclusiveWriter ?? sharingWriter
        case (false, true): exclusiveWriter
        }
    }
}
