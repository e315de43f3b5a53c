import JSONText

/// What an image is made of: a format on a file of this host, on a part of one, or on what another format shows.
///
/// QEMU calls it a node of the block graph. What a name or an option asks for is a node before anything is opened, so that a gate can look at all of it.
///
/// - Source: docs/system/qemu-block-drivers, "blockdev"; qapi/block-core.json `BlockdevOptions`.
public indirect enum BlockNode: Sendable, Hashable {
    /// A file or block device of this host.
    case file(File)
    /// A disk that a server exports.
    case nbd(NBDExport)
    /// Nothing but zeros: QEMU's `null-co`.
    case null(Null)
    /// A format on another node.
    case format(Format)

    /// A file or block device of this host.
    public struct File: Sendable, Hashable {
        /// Where it is; relative to the folder the program was started in.
        public var path: String
        /// How it is read and written; `nil` where that is not said.
        public var caching: FileStorage.Caching?
        /// Whether it is locked; `nil` where that is not said.
        public var isLocked: Bool?
        /// The name of QEMU's driver.
        var driver = "file"
        /// A file.
        public init(_ path: String) { self.path = path }
    }

    /// Zeros.
    public struct Null: Sendable, Hashable {
        /// Bytes; what QEMU has where none are said.
        public var size: UInt64 = 1 << 30
        /// Options that stay in its name.
        var said: [String: JSONValue] = [:]
    }

    /// A format on another node.
    public struct Format: Sendable, Hashable {
        /// The format; `nil` where it is to be told by the content.
        public var format: ImageFacts.Format?
        /// What it lies on.
        public var file: BlockNode
        /// What it is backed by.
        public var backing = Backing.asItSays
        /// Where the data of a qcow2 image lie that has them elsewhere; `nil` where the image says it.
        public var dataFile: BlockNode?
        /// The name of the secret it is opened with.
        public var secretID: String?
        /// Bytes of a qcow2 image's L2 tables to keep; `nil` where that is not said.
        public var cacheSize: Int?
        /// Whether it is for reading only.
        public var isReadOnly = false
        /// The part of a file that is the disk.
        var window: RawDriver.Window?
        /// Options that stay in its name.
        var said: [String: JSONValue] = [:]
        /// A format on another node.
        public init(_ format: ImageFacts.Format?, on file: BlockNode) {
            self.format = format
            self.file = file
        }
    }

    /// What an image is backed by.
    public enum Backing: Sendable, Hashable {
        /// What its header names.
        case asItSays
        /// Nothing, whatever its header names.
        case none
        /// Another node.
        case node(BlockNode)
    }

    /// What a name stands for that a person or an image has for an image.
    ///
    /// - Parameters:
    ///   - name: a path, `json:{…}`, `nbd://…` or `null-co://`.
    ///   - format: its format; `nil` where the name says it, or the content tells it.
    ///
    /// - Throws: an ``ImageError`` where it is no name of an image that can be opened here.
    public init(named name: String, _ format: ImageFacts.Format? = nil) throws(ImageError) {
        self = try BlockNode(describedBy: name, format) ?? .format(Format(format, on: .file(File(name))))
    }

    /// All files that it names, data files and what it is said to be backed by included.
    public var files: [String] {
        switch self {
        case .file(let file): return [file.path]
        case .null, .nbd: return []
        case .format(let format):
            var files = format.file.files + (format.dataFile?.files ?? [])
            if case .node(let below) = format.backing { files += below.files }
            return files
        }
    }

    /// The servers whose disks it names, as ``files``.
    public var exports: [NBDExport] {
        switch self {
        case .file, .null: return []
        case .nbd(let export): return [export]
        case .format(let format):
            var exports = format.file.exports + (format.dataFile?.exports ?? [])
            if case .node(let below) = format.backing { exports += below.exports }
            return exports
        }
    }

    /// The names of all secrets it is opened with.
    public var secretIDs: [String] {
        guard case .format(let format) = self else { return [] }
        var names = format.file.secretIDs + (format.dataFile?.secretIDs ?? [])
        if case .node(let below) = format.backing { names += below.secretIDs }
        return names + (format.secretID.map { [$0] } ?? [])
    }

    /// The file it lies on, to whose folder names in the image are relative; `nil` where it lies on none.
    public var path: String? {
        switch self {
        case .file(let file): file.path
        case .null, .nbd: nil
        case .format(let format): format.file.path
        }
    }

    /// The format on it; `nil` where its content is to tell it.
    public var declaredFormat: ImageFacts.Format? {
        if case .format(let format) = self { format.format } else { .raw }
    }
}

extension BlockNode {
    /// What a name describes; `nil` where it says where an image is instead.
    ///
    /// - Throws: an ``ImageError`` where nothing that can be opened here is described.
    init?(describedBy name: String, _ format: ImageFacts.Format? = nil) throws(ImageError) {
        if name.hasPrefix("json:") {
            var options = try BlockOptions(json: name)
            // What is said beside the name counts, as in QEMU.
            if let format { options.set("driver", format.rawValue) }
            try self.init(options)
        } else if name == "null-co://" || name == "null-aio://" {
            self = .format(Format(format ?? .raw, on: .null(Null())))
        } else if let export = try NBDExport(named: name) {
            self = .format(Format(format, on: .nbd(export)))
        } else {
            return nil
        }
    }

    /// The same without what only a person may choose: locks, caches and flushes are not the image's to switch off, nor memory to ask for.
    var withoutChoices: BlockNode {
        switch self {
        case .file(var file):
            (file.caching, file.isLocked) = (nil, nil)
            return .file(file)
        case .null: return self
        case .nbd(var export):
            export.caching = nil
            return .nbd(export)
        case .format(var format):
            format.cacheSize = nil
            format.file = format.file.withoutChoices
            format.dataFile = format.dataFile?.withoutChoices
            if case .node(let below) = format.backing { format.backing = .node(below.withoutChoices) }
            return .format(format)
        }
    }

    /// The file that all of is the image, with nothing else said of it.
    var plainFile: String? {
        guard case .format(let format) = self, case .file(let file) = format.file, format.window == nil,
            format.dataFile == nil, case .asItSays = format.backing
        else { return nil }
        return file.path
    }
}
