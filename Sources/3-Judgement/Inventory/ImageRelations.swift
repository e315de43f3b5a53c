public import DiskImage
public import DomainXML
import Quantities

/// Which guests use which images, and which image is backed by which.
///
/// Computed once, in time linear in disks and images.
///
/// One file under several names (links, `//`) is one image where images were examined; else names are all there is to go by.
public struct ImageRelations: Sendable {
    /// A disk of a guest that uses an image.
    public struct Use: Sendable {
        /// Index of the guest in ``Estate/guests``.
        public var guest: Int
        /// The disk.
        public var disk: Disk
        /// 0 for the image the disk names, more for those its `<backingStore>` names below.
        public var depth: Int
        /// The format it is opened with; raw where a disk declares none, as libvirt has it.
        public var format: String?
        /// Whether the guest's writes go into the image.
        public var isWriter: Bool { depth == 0 && disk.isWritable }
    }

    /// Who uses one image.
    public struct Users: Sendable {
        /// All uses, in order of guests.
        public var all: [Use] = []
        /// Those that write.
        public var writers: [Use] = []
        /// How many do not say `<shareable/>`.
        public var unshared = 0
    }

    private let identities: [String: String]
    private let users: [String: Users]
    private let overlays: [String: [String]]
    private let formats: [String: Set<String>]

    /// What makes images one and the same: their identity where they were examined, else the path.
    public func key(of path: String) -> String {
        let path = ImageReference.tidied(path)
        return identities[path] ?? path
    }

    /// Guests that use an image by name.
    public func users(of path: String) -> Users { users[key(of: path)] ?? Users() }

    /// Paths of images that name this one as their backing file, and are opened as what they are.
    public func overlays(of path: String) -> [String] { overlays[key(of: path)] ?? [] }

    /// Formats an image is opened with, by guests and by images above it.
    ///
    /// Empty where nobody says: QEMU then goes by the content.
    public func formats(of path: String) -> Set<String> { formats[key(of: path)] ?? [] }

    /// Whether anybody opens an image as what its content says it is.
    ///
    /// The header of a raw disk is the guest's own doing.
    public func isOpenedAsItIs(_ image: ImageFacts) -> Bool {
        let formats = formats(of: image.path)
        return formats.isEmpty || formats.contains(image.format.rawValue)
    }

    init(guests: [Guest], images: [String: Fact<ImageFacts>]) {
        var identities: [String: String] = [:]
        for (path, image) in images {
            guard case .known(let image) = image, let identity = image.identity else { continue }
            identities[ImageReference.tidied(path)] = identity
        }
        func key(_ path: String) -> String {
            let path = ImageReference.tidied(path)
            return identities[path] ?? path
        }
        var users: [String: Users] = [:]
        var formats: [String: Set<String>] = [:]
        var waiting: [(path: String, format: String?)] = []
        func add(_ use: Use, _ path: String) {
            let key = key(path)
            users[key, default: Users()].all.append(use)
            if use.isWriter { users[key, default: Users()].writers.append(use) }
            if !use.disk.isShareable { users[key, default: Users()].unshared += 1 }
            if !images.isEmpty { waiting.append((path, use.format)) }
        }
        for (index, guest) in guests.enumerated() {
            guard let domain = guest.definition else { continue }
            for disk in domain.disks {
                if disk.type == "file" || disk.type == "block", let path = disk.path {
                    add(Use(guest: index, disk: disk, depth: 0, format: disk.format ?? "raw"), path)
                }
                for (level, store) in disk.backingChain.enumerated() where store.type == "file" || store.type == "block"
                {
                    guard let path = store.path else { continue }
                    add(Use(guest: index, disk: disk, depth: level + 1, format: store.format), path)
                }
            }
        }
        // Downwards from what guests name: only what QEMU would follow counts as a chain. Then images nobody names, as what they are.
        var overlays: [String: [String]] = [:]
        var seen = Set<String>()
        func descend() {
            while let (path, format) = waiting.popLast() {
                let own = key(path)
                guard case .known(let image)? = images[path] ?? images[ImageReference.tidied(path)] else { continue }
                let opened = format ?? image.format.rawValue
                formats[own, default: []].insert(opened)
                guard opened == image.format.rawValue, seen.insert(own).inserted, let below = image.backing?.path else {
                    continue
                }
                overlays[key(below), default: []].append(image.path)
                waiting.append((below, image.backingFormat))
            }
        }
        descend()
        for path in images.keys.sorted() where formats[key(path)] == nil {
            waiting.append((path, nil))
            descend()
        }
        self.identities = identities
        self.users = users
        self.overlays = overlays.mapValues { $0.sorted() }
        self.formats = formats
    }
}
