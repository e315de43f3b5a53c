public import Quantities

/// Images of many disks, each read once: what disks name, what these are backed by, and the files their data lie in.
public struct ImageSet: Sendable {
    /// A disk's image and the format declared for it; `nil` where none is declared and QEMU would go by the content.
    public struct Root: Sendable, Hashable {
        /// Absolute path.
        public var path: String
        /// The format declared.
        public var format: String?
        /// A disk's image.
        public init(path: String, format: String?) {
            self.path = path
            self.format = format
        }
    }

    /// Images by path as it is written in definitions and in images above.
    public private(set) var images: [String: Fact<ImageFacts>] = [:]

    /// Reads images and what they refer to; opens what the gate allows, and nothing QEMU would not open.
    ///
    /// - Parameters:
    ///   - roots: what disks name; relative paths are left out.
    ///   - root: `/`, or a captured tree.
    ///   - gate: which files may be opened because an image names them.
    ///   - checks: whether to walk the metadata of qcow2 images as well, which reads much.
    ///
    /// - Returns: all images by path, unknown where they could not be read.
    public static func read(_ roots: [Root], root: String = "/", gate: ImageChain.Gate, checks: Bool = false)
        -> ImageSet
    {
        var set = ImageSet()
        var seen = Set<Root>()
        for disk in roots where disk.path.hasPrefix("/") && seen.insert(disk).inserted {
            let chain = ImageChain.read(path: disk.path, declaredFormat: disk.format, root: root, gate: gate) { path in
                set.image(path, root, checks)
            }
            for link in chain.links {
                guard let image = link.image.value,
                    link.declaredFormat ?? image.format.rawValue == image.format.rawValue
                else { continue }
                for case .file(let path) in image.dataReferences where gate.allows(path, link.path) {
                    _ = set.image(path, root, false)
                }
            }
        }
        return set
    }

    private mutating func image(_ path: String, _ root: String, _ checks: Bool) -> Fact<ImageFacts> {
        if let known = images[path] { return known }
        var image = ImageFacts.read(path: path, root: root)
        if checks, case .known(var facts) = image, facts.format == .qcow2, facts.malformed == nil {
            facts.check = ImageFacts.check(path: path, root: root)
            image = .known(facts)
        }
        images[path] = image
        return image
    }
}
