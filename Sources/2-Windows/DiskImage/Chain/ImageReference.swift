/// What an image refers to: a file of the host, or something else QEMU can open.
public enum ImageReference: Sendable, Hashable {
    /// A file or block device of the host, by absolute path; not resolved through links.
    case file(String)
    /// Anything else: `nbd`, `https`, `json` …, with the name as written.
    case other(scheme: String, name: String)

    /// The path, where it is a file.
    public var path: String? {
        if case .file(let path) = self { path } else { nil }
    }

    /// What a name in an image means, as QEMU reads it: relative to the image's folder, a word before a colon is a protocol.
    ///
    /// - Parameters:
    ///   - name: as the image has it.
    ///   - image: the image's own path, absolute.
    ///
    /// A description in JSON of a format on a file is that file.
    ///
    /// - Source: QEMU block.c `path_has_protocol`, `path_combine`.
    public init(_ name: String, in image: String) {
        if let described = try? BlockNode(describedBy: name), let path = described.plainFile, path.hasPrefix("/") {
            self = .file(Self.tidied(path))
            return
        }
        var name = name[...]
        if let colon = name.firstIndex(of: ":"), !name[..<colon].contains("/"), colon > name.startIndex {
            let scheme = String(name[..<colon])
            guard ["file", "host_device", "host_cdrom"].contains(scheme) else {
                self = .other(scheme: scheme, name: String(name))
                return
            }
            name = name[name.index(after: colon)...]
        }
        if name.hasPrefix("/") {
            self = .file(Self.tidied(String(name)))
        } else {
            let folder = image.lastIndex(of: "/").map { String(image[...$0]) } ?? "/"
            self = .file(Self.tidied(folder + String(name)))
        }
    }

    /// A name without the word that says that it is a file.
    static func withoutScheme(_ name: String) -> String {
        for word in ["file:", "host_device:", "host_cdrom:"] where name.hasPrefix(word) {
            return String(name.dropFirst(word.count))
        }
        return name
    }

    /// The path that a name on a command line stands for: `file:` says that what follows is one, whatever it looks like.
    public static func local(_ name: String) -> String {
        let path = withoutScheme(name)
        guard path != name, !path.hasPrefix("/"), let colon = path.firstIndex(of: ":"), !path[..<colon].contains("/")
        else { return path }
        return "./" + path
    }

    /// The path by which to open a file that an image names, where a gate lets it be opened.
    ///
    /// - Parameters:
    ///   - name: as the image has it.
    ///   - part: what it is of the image, for what is said where it is refused.
    ///   - image: the image's path; as it was named, so is what belongs to it.
    ///   - gate: which files may be opened because an image names them.
    ///
    /// - Returns: the path, from the root or from the working folder.
    ///
    /// - Throws: an ``ImageError`` where it is no file, or may not be opened.
    static func path(
        _ name: String, called part: String, of image: String, _ gate: ImageChain.Gate
    ) throws(ImageError) -> String {
        guard case .file(let place) = ImageReference(name, in: Image.absolute(image)) else {
            throw ImageError(.unsupported, "its \(part) \"\(name)\" is no file of this host", path: image)
        }
        guard gate.allows(place, image) else {
            throw ImageError(.denied, "its \(part) \(place) may not be opened", path: image)
        }
        if let described = try? BlockNode(describedBy: name), let path = described.plainFile { return path }
        let path = withoutScheme(name)
        return path.hasPrefix("/") ? path : folder(of: image) + path
    }

    /// What comes before a file's name in its path, with the slash.
    static func folder(of path: String) -> String { path.lastIndex(of: "/").map { String(path[...$0]) } ?? "" }

    /// A name in an image as the program would open it: relative to the folder in which the image was named.
    ///
    /// - Parameters:
    ///   - name: as the image has it.
    ///   - image: the image's path.
    ///
    /// - Returns: the name, with the image's folder in front of it where it is relative.
    ///
    /// - Source: QEMU block.c `bdrv_make_absolute_filename`.
    public static func combined(_ name: String, with image: String) -> String {
        let hasScheme = name.firstIndex(of: ":").map { !name[..<$0].contains("/") && $0 > name.startIndex } ?? false
        guard !name.hasPrefix("/"), !hasScheme else { return name }
        return folder(of: image) + name
    }

    /// A path without `//` and `/./`.
    ///
    /// `..` stays: over a symbolic link it does not lead back.
    public static func tidied(_ path: String) -> String {
        // Byte by byte: this is asked for every disk of every guest.
        var isTidy = true
        var before: (UInt8, UInt8) = (0, 0)
        for byte in path.utf8 {
            if byte == 0x2F, before.1 == 0x2F || before == (0x2F, 0x2E) { isTidy = false }
            before = (before.1, byte)
        }
        guard path.utf8.count > 1, !isTidy || before == (0x2F, 0x2E) else { return path }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}

extension ImageFacts {
    /// The format that a description in JSON gives what is backed by it, where no other is declared.
    mutating func takeFormatOfBackingDescription() {
        guard backingFormat == nil, let name = backingFile else { return }
        backingFormat = try? BlockNode(describedBy: name)?.declaredFormat?.rawValue
    }

    /// What it is backed by; `nil` where it stands alone.
    public var backing: ImageReference? { backingFile.map { ImageReference($0, in: path) } }
    /// Other files that hold its data: an external data file, a vmdk's extents.
    public var dataReferences: [ImageReference] {
        ((dataFile.map { [$0] } ?? []) + extents).filter { !$0.isEmpty }.map { ImageReference($0, in: path) }
    }
}
