import Glibc

extension Image {
    /// How an image is opened.
    public struct Options: Sendable {
        /// Its format; `nil` where it is to be told by its content, which a guest may have written: that has to be wanted.
        public var format: ImageFacts.Format?
        /// Whether to write.
        public var isWritable = false
        /// Whether to open what it is backed by.
        public var opensBacking = true
        /// Which files may be opened because an image names them.
        public var gate: ImageChain.Gate
        /// How what is written gets to the disk.
        public var caching: FileStorage.Caching = .writeback
        /// Whether to open it though another process writes to it, for reading.
        public var forcesShare = false
        /// The passphrase of an image that is encrypted; without, its header alone is read.
        public var secret: [UInt8]?
        /// Where the secrets are that block options name; without, headers alone are read of what they are for.
        public var secrets: (@Sendable (_ id: String) throws(ImageError) -> [UInt8])?
        /// What servers are spoken to with, by the names block options have for it.
        public var credentials: (@Sendable (_ id: String) throws(ImageError) -> TLSCredentials)?
        /// Bytes of a qcow2 image's L2 tables to keep; 16 MiB map 128 GiB with clusters of 64 KiB.
        public var cacheSize = 16 << 20

        /// Options.
        ///
        /// - Parameters:
        ///   - format: its format; `nil` tells it by its content.
        ///   - gate: which files may be opened because an image names them.
        public init(format: ImageFacts.Format?, gate: ImageChain.Gate) {
            self.format = format
            self.gate = gate
        }
    }

    /// Opens an image and what it is backed by, as far as the gate lets it.
    ///
    /// - Parameters:
    ///   - path: where it is, or QEMU's block options in JSON: `json:{"driver": "qcow2", …}`.
    ///   - options: how.
    ///
    /// - Returns: the image, whose backing images are open for reading.
    ///
    /// - Throws: an ``ImageError`` that names the file it is about.
    public static func open(_ path: String, _ options: Options) throws(ImageError) -> Image {
        try open(BlockNode(named: path, options.format), options)
    }

    /// Opens what block options ask for; files that they name are the caller's choice, what an image names goes through the gate.
    ///
    /// - Parameters:
    ///   - node: what it is made of.
    ///   - options: how; a format is the node's.
    ///
    /// - Returns: the image, whose backing images are open for reading.
    ///
    /// - Throws: an ``ImageError`` that names the file it is about.
    public static func open(_ node: BlockNode, _ options: Options) throws(ImageError) -> Image {
        try ImageOpener(options: options).image(node)
    }

    /// Opens what an image is backed by, for reading.
    static func openBacking(
        _ backing: BackingName, of path: String, _ options: Options, seen: [String]
    ) throws(ImageError) -> Image {
        var options = options
        options.isWritable = false
        return try ImageOpener(options: options, seen: seen).image(backing, of: path)
    }

    /// What reads a file, and writes it where it is open for that.
    static func driver(
        for file: any BlockStorage, _ path: String, _ options: Options, data: (any BlockStorage)? = nil
    ) throws(ImageError) -> any ImageDriver {
        let source = try StorageHeader(file)
        let start = try file.bytes(at: 0, count: Int(min(source.size, UInt64(Probe.length))))
        let format = options.format ?? Probe.format(HeaderBytes(start), name: path)
        switch format {
        case .raw: return try RawDriver(file)
        case .qcow2: return try qcow2(file, source, path, options, data)
        case .qcow: return try QcowDriver(file, path)
        case .parallels: return try ParallelsDriver(file, path)
        case .luks: return try LuksDriver(file, secret: options.secret)
        case .vdi: return try VdiDriver(file, path)
        case .vpc: return try VpcDriver(file, path)
        case .vhdx: return try VhdxDriver(file, path)
        case .qed: return try QedDriver(file, path)
        case .vmdk: return try VmdkDriver(file, path, options)
        case .dmg: return try DmgDriver(file)
        case .bochs: return try BochsDriver(file)
        case .cloop: return try CloopDriver(file)
        }
    }

    private static func qcow2(
        _ file: any BlockStorage, _ source: StorageHeader, _ path: String, _ options: Options,
        _ data: (any BlockStorage)?
    ) throws(ImageError) -> any ImageDriver {
        var facts = ImageFacts(path: path, format: .qcow2)
        var header: Qcow2Header
        do throws(Malformed) {
            guard try source.bytes(at: 0, count: 4).has([0x51, 0x46, 0x49, 0xFB]) else {
                throw Malformed("Image is not in qcow2 format")
            }
            header = try Qcow2Header.parse(source, into: &facts)
        } catch { throw ImageError(error) }
        typealias Feature = Qcow2Header.Feature
        if options.isWritable, header.incompatible & (Feature.dirty | Feature.corrupt) == Feature.dirty {
            // It was not closed, and has its reference counts written when it is: they are counted anew, as QEMU does.
            guard try Qcow2Repair(file).run(.all).corruptions == 0 else {
                throw ImageError(.malformed, "it was not closed, and cannot be repaired by itself")
            }
            do throws(Malformed) { header = try Qcow2Header.parse(source, into: &facts) } catch {
                throw ImageError(error)
            }
        }
        var data = data
        if data == nil, header.hasDataFile, let name = facts.dataFile {
            let place = try ImageReference.path(name, called: "data file", of: path, options.gate)
            let opened = try FileStorage(place, isWritable: options.isWritable, caching: options.caching)
            if !options.forcesShare { try opened.lock() }
            data = opened
        }
        return try Qcow2Driver(
            file, data: data, header, facts, cacheSize: options.cacheSize, secret: options.secret)
    }

    /// A path from the root: what an image names is relative to its folder.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}

extension ImageFacts.Format {
    /// A format by the name QEMU's driver has; protocols stand for what lies in them.
    public init?(qemuName name: String) {
        switch name {
        case "file", "host_device", "host_cdrom": self = .raw
        default: self.init(rawValue: name)
        }
    }
}

extension Image {
    /// Opens an image in a storage of the caller's, without locks, and without what it may name unless the gate lets it.
    ///
    /// - Parameters:
    ///   - storage: where it lies.
    ///   - format: its format; `nil` tells it by its content.
    ///   - below: what it is backed by.
    ///   - options: how else it is opened.
    ///
    /// - Returns: the image.
    ///
    /// - Throws: an ``ImageError``.
    public static func open(
        on storage: any BlockStorage, _ format: ImageFacts.Format?, below: Image? = nil, _ options: Options? = nil
    ) throws(ImageError) -> Image {
        var options = options ?? Options(format: format, gate: .closed)
        options.format = format
        options.isWritable = storage.isWritable
        let driver: any ImageDriver
        do throws(ImageError) { driver = try self.driver(for: storage, storage.name, options) } catch {
            throw error.at(storage.name)
        }
        return Image(driver, path: storage.name, below: below, isWritable: storage.isWritable)
    }
}
