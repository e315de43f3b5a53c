import Glibc
public import Quantities

/// The images below a folder, by what they lie on.
public struct ImageForest: Sendable {
    /// An image and what lies on it.
    public struct Node: Sendable {
        /// Its path.
        public var path: String
        /// What it says of itself.
        public var image: Fact<ImageFacts>
        /// What is wrong with the way it names what it lies on.
        public var fault: Fault?
        /// What lies on it, by path.
        public var overlays: [Node] = []
    }

    /// Why an image's chain is broken, or not to be trusted.
    public enum Fault: Sendable, Hashable {
        /// What it lies on is not there.
        case missing(String)
        /// What it lies on may not be opened.
        case refused(String)
        /// What it lies on is no file of this host.
        case notLocal(String)
        /// The chain comes back to it.
        case loop(String)
        /// It does not say which format what it lies on has: a guest could choose.
        case undeclared(String)
        /// It says another format than what it lies on has.
        case wrongFormat(String)
        /// Its header cannot be understood.
        case malformed(String)
    }

    /// Images that lie on nothing, or on something that is not known here; by path.
    public var roots: [Node]
    /// Files that were looked at.
    public var files: Int

    /// Most files that are looked at, and folders that are gone into.
    private static let mostFiles = 100_000
    private static let deepest = 32

    /// Reads the images below a folder, headers only; links are not followed.
    ///
    /// - Parameters:
    ///   - folder: where to look.
    ///   - gate: which files outside of the folder may be opened because an image names them.
    ///
    /// - Returns: the trees; raw files only where something lies on them, or their name says what they are.
    ///
    /// - Throws: an ``ImageError`` where the folder cannot be read, or has too much in it.
    public static func read(_ folder: String, gate: ImageChain.Gate) throws(ImageError) -> ImageForest {
        let top = resolved(ImageReference.tidied(Image.absolute(folder)))
        var images: [String: Fact<ImageFacts>] = [:]
        let files = try Self.files(below: top)
        for path in files { images[path] = ImageFacts.read(path: path) }
        // What lies outside, as far as the gate lets.
        var waiting = files
        while let path = waiting.popLast() {
            guard case .file(let name)? = images[path]?.value?.backing else { continue }
            let below = resolved(name)
            guard images[below] == nil, gate.allows(below, path), images.count < mostFiles else { continue }
            let facts = ImageFacts.read(path: below)
            guard !facts.isMissing else { continue }
            images[below] = facts
            waiting.append(below)
        }
        return ImageForest(images, files: files.count, gate)
    }

    /// A path without links and `..`; as it is where nothing is there.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// The trees that some images make.
    init(_ images: [String: Fact<ImageFacts>], files: Int, _ gate: ImageChain.Gate) {
        self.files = files
        var overlays: [String: [String]] = [:]
        var faults: [String: Fault] = [:]
        var isOverlay: Set<String> = []
        // One file may have several names; the one that is named counts.
        for (path, fact) in images {
            guard let image = fact.value else { continue }
            if let malformed = image.malformed { faults[path] = .malformed(malformed) }
            guard let backing = image.backing else { continue }
            guard case .file(let name) = backing else {
                faults[path] = .notLocal(image.backingFile ?? "")
                continue
            }
            let below = Self.resolved(name)
            guard let base = images[below] else {
                faults[path] = gate.allows(below, path) ? .missing(below) : .refused(below)
                continue
            }
            overlays[below, default: []].append(path)
            isOverlay.insert(path)
            if let declared = image.backingFormat {
                if let format = base.value?.format, format.rawValue != declared, declared != "raw" {
                    faults[path] = .wrongFormat(declared)
                }
            } else if base.value?.format != .raw || base.value?.malformed != nil {
                faults[path] = faults[path] ?? .undeclared(below)
            }
        }
        var seen: Set<String> = []
        func node(_ path: String, _ depth: Int) -> Node {
            seen.insert(path)
            var tree = Node(
                path: path, image: images[path] ?? .unknown(Unknown(.missing, source: path)), fault: faults[path])
            guard depth < ImageChain.deepest else { return tree }
            for overlay in (overlays[path] ?? []).sorted() where !seen.contains(overlay) {
                tree.overlays.append(node(overlay, depth + 1))
            }
            return tree
        }
        var roots: [Node] = []
        for path in images.keys.sorted() where !isOverlay.contains(path) {
            let isNamed = overlays[path] != nil
            let isRaw = images[path]?.value.map { $0.format == .raw } ?? true
            if isRaw, !isNamed, !Self.looksLikeADisk(path) { continue }
            roots.append(node(path, 0))
        }
        // What is left lies on itself in the end.
        for path in images.keys.sorted() where isOverlay.contains(path) && !seen.contains(path) {
            faults[path] = .loop(path)
            roots.append(node(path, 0))
        }
        self.roots = roots
    }

    private static func looksLikeADisk(_ path: String) -> Bool {
        [".raw", ".img", ".iso"].contains { path.hasSuffix($0) }
    }

    /// Regular files below a folder, by path.
    private static func files(below top: String) throws(ImageError) -> [String] {
        var found: [String] = []
        var waiting = [(path: top, depth: 0)]
        while let folder = waiting.popLast() {
            guard let directory = opendir(folder.path) else {
                if folder.depth == 0 { throw FileStorage.failure(errno, folder.path) }
                continue
            }
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != ".." else { continue }
                let path = folder.path.hasSuffix("/") ? folder.path + name : folder.path + "/" + name
                var status = stat()
                guard lstat(path, &status) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: if folder.depth < deepest { waiting.append((path, folder.depth + 1)) }
                case S_IFREG: found.append(path)
                default: break
                }
                guard found.count <= mostFiles else {
                    throw ImageError(.unsupported, "there are more than \(mostFiles) files", path: top)
                }
            }
        }
        return found.sorted()
    }
}
