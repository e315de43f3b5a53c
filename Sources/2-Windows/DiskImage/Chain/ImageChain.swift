public import Quantities

/// An image and what it is backed by, downwards.
public struct ImageChain: Sendable {
    /// Decides which files may be opened because an image refers to them.
    ///
    /// An image's word is a stranger's word: a guest may have written it.
    public struct Gate: Sendable {
        /// Whether a path may be opened that an image refers to.
        public let allows: @Sendable (_ path: String, _ referrer: String) -> Bool
        /// Whether disks may be opened that servers export.
        public var allowsServers = false
        /// A gate.
        public init(_ allows: @escaping @Sendable (_ path: String, _ referrer: String) -> Bool) { self.allows = allows }
        /// Opens nothing but the image itself.
        public static let closed = Gate { _, _ in false }
        /// Opens whatever is a file or block device, or a disk of a server.
        public static let open = {
            var gate = Gate { _, _ in true }
            gate.allowsServers = true
            return gate
        }()
        /// Opens what lies below some folders.
        public static func folders(_ folders: [String]) -> Gate {
            let prefixes = folders.map { $0.hasSuffix("/") ? $0 : $0 + "/" }
            return Gate { path, _ in
                prefixes.contains { path.hasPrefix($0) } && !path.split(separator: "/").contains("..")
            }
        }
    }

    /// Why the chain ends where it does.
    public enum End: Sendable, Hashable {
        /// The last image has nothing below it.
        case base
        /// What is below is no file of this host: `nbd`, `https`, `json` …; with the name as written.
        case notLocal(String)
        /// The gate did not let it open.
        case refused(String)
        /// The image is already in the chain.
        case loop(String)
        /// Too many images; it was not followed further.
        case tooDeep(Int)
        /// It could not be read; the last link says why.
        case unreadable(String)
    }

    /// One image of a chain.
    public struct Link: Sendable {
        /// Its path.
        public var path: String
        /// What it says of itself.
        public var image: Fact<ImageFacts>
        /// The format it is opened with: the one declared above it; `nil` where QEMU is left to guess.
        public var declaredFormat: String?
    }

    /// The images, the top one first.
    public var links: [Link]
    /// Why it ends.
    public var end: End

    /// Most images followed.
    ///
    /// QEMU itself gives up at a depth the stack decides; libvirt at 200.
    public static let deepest = 64

    /// Reads an image and what it is backed by, as QEMU would open them, and nothing QEMU would not.
    ///
    /// A format that is declared decides: an image declared raw is the end of its chain whatever its content looks like, since the content is the
    /// guest's. So is one whose content is not what is declared.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - declaredFormat: what the definition says (`qcow2`, `raw`); `nil` where it is to be told by the content, as QEMU does for backing files
    ///     without a format.
    ///   - root: `/`, or a captured tree.
    ///   - gate: which files may be opened because an image names them.
    ///   - deepest: most images that are followed.
    ///   - read: how an image is read; a caller that has read some already may give them from memory.
    ///
    /// - Returns: the images from the top down, and why the chain ends.
    public static func read(
        path: String, declaredFormat: String?, root: String = "/", gate: Gate, deepest: Int = ImageChain.deepest,
        read: (String) -> Fact<ImageFacts>
    ) -> ImageChain {
        var chain = ImageChain(links: [], end: .base)
        var seen = Set<String>()
        var next = Link(path: path, image: read(path), declaredFormat: declaredFormat)
        while true {
            guard case .known(let image) = next.image else {
                chain.links.append(next)
                chain.end = .unreadable(next.path)
                return chain
            }
            guard seen.insert(image.identity ?? next.path).inserted else {
                chain.end = .loop(next.path)
                return chain
            }
            chain.links.append(next)
            guard next.declaredFormat == nil || next.declaredFormat == image.format.rawValue,
                let backing = image.backing
            else {
                return chain
            }
            guard case .file(let below) = backing else {
                chain.end = .notLocal(image.backingFile ?? "")
                return chain
            }
            guard chain.links.count < deepest else {
                chain.end = .tooDeep(deepest)
                return chain
            }
            guard gate.allows(below, next.path) else {
                chain.end = .refused(below)
                return chain
            }
            next = Link(path: below, image: read(below), declaredFormat: image.backingFormat)
        }
    }

    /// Reads an image and what it is backed by from the machine or a captured tree.
    public static func read(
        path: String, declaredFormat: String?, root: String = "/", gate: Gate, deepest: Int = ImageChain.deepest
    ) -> ImageChain {
        read(path: path, declaredFormat: declaredFormat, root: root, gate: gate, deepest: deepest) {
            ImageFacts.read(path: $0, root: root)
        }
    }
}
