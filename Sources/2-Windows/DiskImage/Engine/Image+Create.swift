extension Image {
    /// How much of a new image's space is taken at once.
    public enum Preallocation: String, Sendable, Hashable, CaseIterable {
        /// None.
        case off
        /// Each cluster gets its place, and no space.
        case metadata
        /// The space is given by the file system.
        case falloc
        /// The space is written with zeros.
        case full
    }

    /// What a new image is to be.
    public struct Creation: Sendable {
        /// Its format.
        public var format: ImageFacts.Format
        /// Bytes the guest sees.
        public var size: UInt64
        /// What it is backed by.
        public var backing: BackingName?
        /// How much of its space is taken at once.
        public var preallocation: Preallocation = .off
        /// What is asked for of a qcow2 image.
        public var qcow2 = Qcow2Options()
        /// How a LUKS header is made, for `luks` and encrypted qcow2 images.
        public var luks = LuksOptions()
        /// The passphrase that encrypts it.
        public var secret: [UInt8]?
        /// What is asked for of a QED image.
        public var qed = QedOptions()
        /// What is asked for of a VMware image.
        public var vmdk = VmdkOptions()
        /// How what is written gets to the disk.
        public var caching: FileStorage.Caching = .writeback
        /// Which files may be opened and made because the image names them.
        public var gate: ImageChain.Gate = .closed
        /// A new image.
        ///
        /// - Parameters:
        ///   - format: its format.
        ///   - size: bytes the guest sees; rounded up to sectors of 512.
        public init(_ format: ImageFacts.Format, size: UInt64) {
            self.format = format
            self.size = size.saturated(adding: 511) / 512 * 512
        }
    }

    /// Makes an image, in place of the file there is, and leaves it open for writing; what it is backed by is not opened.
    ///
    /// - Parameters:
    ///   - path: where it is to be; a disk of a server (`nbd://host/export`) keeps its size.
    ///   - creation: what it is to be.
    ///
    /// - Returns: the image.
    ///
    /// - Throws: an ``ImageError``, also where another process uses the file there is.
    public static func create(_ path: String, _ creation: Creation) throws(ImageError) -> Image {
        if let export = try NBDExport(named: path) {
            let disk = try NBDStorage(export, isWritable: true, caching: creation.caching)
            return try create(on: disk, path, creation)
        }
        let file = try FileStorage(creating: path, caching: creation.caching)
        try file.lock()
        do throws(ImageError) { try file.empty() } catch { throw error.at(path) }
        return try create(on: file, path, creation)
    }

    private static func create(
        on file: any BlockStorage, _ path: String, _ creation: Creation
    ) throws(ImageError) -> Image {
        do throws(ImageError) {
            let driver: any ImageDriver
            switch creation.format {
            case .raw:
                guard creation.backing == nil else { throw ImageError(.unsupported, "a raw image has no backing file") }
                driver = try createRaw(file, creation)
            case .qcow2: driver = try createQcow2(file, path, creation)
            case .luks:
                guard creation.preallocation == .off else { throw ImageError(.unsupported, "luks is not preallocated") }
                guard let secret = creation.secret else {
                    throw ImageError(.invalid, "Parameter 'key-secret' is required for cipher")
                }
                driver = try LuksDriver.create(file, size: creation.size, creation.luks, secret: secret)
            case .qed:
                guard creation.preallocation == .off else { throw ImageError(.unsupported, "qed is not preallocated") }
                try QedCreation.write(to: file, size: creation.size, creation.qed, backing: creation.backing)
                driver = try QedDriver(file, path)
            case .vmdk:
                guard creation.preallocation == .off else { throw ImageError(.unsupported, "vmdk is not preallocated") }
                var parent: UInt32?
                if let backing = creation.backing {
                    guard backing.format ?? "vmdk" == "vmdk" else {
                        throw ImageError(.invalid, "backing_file must be a vmdk image")
                    }
                    let below = try openBacking(
                        BackingName(backing.name, format: "vmdk"), of: path,
                        Options(format: .vmdk, gate: creation.gate), seen: files(of: file).map(\.identity))
                    parent = (below.driver as? VmdkDriver)?.descriptor.id
                }
                try VmdkCreation.write(to: file, path, creation, parentID: parent)
                var options = Options(format: .vmdk, gate: creation.gate)
                options.isWritable = true
                options.caching = creation.caching
                driver = try VmdkDriver(file, path, options)
            default:
                throw ImageError(.unsupported, "images of the format \(creation.format.rawValue) cannot be made yet")
            }
            return Image(driver, path: path, below: nil, isWritable: true)
        } catch { throw error.at(path) }
    }

    /// Refuses a target that is one of the files and disks this image and those below it lie in: to be emptied before they are read.
    ///
    /// - Parameter name: the target: a path, or an NBD server's disk by one of its names.
    ///
    /// - Throws: an ``ImageError``.
    public func refuse(asTarget name: String) throws(ImageError) {
        let file = FileStorage.identity(of: name)
        let export = file == nil ? try NBDExport(named: name) : nil
        guard file != nil || export != nil else { return }
        var layer: Image? = self
        while let image = layer {
            for place in image.driver.storages.flatMap(Self.places) {
                let isTarget =
                    switch place {
                    case let place as FileStorage: place.identity == file
                    case let place as NBDStorage: place.name == export?.uri
                    default: false
                    }
                guard !isTarget else {
                    throw ImageError(
                        .invalid, "it is \(place.name), which is read", path: name, remedy: "Write into another file")
                }
            }
            layer = image.below
        }
    }

    private static func createRaw(_ file: any BlockStorage, _ creation: Creation) throws(ImageError) -> any ImageDriver
    {
        guard creation.preallocation != .metadata else {
            throw ImageError(.unsupported, "a raw image has no metadata to preallocate", remedy: "Use falloc or full")
        }
        try file.resize(to: creation.size)
        try (file as? FileStorage)?.takeFirstBlock(of: creation.size)
        try file.take(0..<creation.size, creation.preallocation)
        return try RawDriver(file)
    }

    private static func createQcow2(
        _ file: any BlockStorage, _ path: String, _ creation: Creation
    ) throws(ImageError) -> any ImageDriver {
        var data: FileStorage?
        if let name = creation.qcow2.dataFile, case .file(let place) = ImageReference(name, in: absolute(path)) {
            guard creation.gate.allows(place, path) else {
                throw ImageError(.denied, "its data file \(place) may not be made", path: path)
            }
            let made = try FileStorage(creating: place, caching: creation.caching)
            try made.lock()
            guard made.identity != (file as? FileStorage)?.identity else {
                throw ImageError(.invalid, "it cannot be its own data file")
            }
            try made.empty()
            try made.resize(to: creation.size)
            data = made
        }
        var luks: [UInt8]?
        if creation.qcow2.isEncrypted {
            guard let secret = creation.secret else {
                throw ImageError(.invalid, "Parameter 'encrypt.key-secret' is required for cipher")
            }
            var made = try LuksVolume.make(creation.luks, secret: secret)
            wipe(&made.key)
            luks = made.bytes
        }
        try Qcow2Creation.write(
            to: file, size: creation.size, creation.qcow2, backing: creation.backing, luks: luks)
        var facts = ImageFacts(path: path, format: .qcow2)
        let header: Qcow2Header
        let source = try StorageHeader(file)
        do throws(Malformed) { header = try Qcow2Header.parse(source, into: &facts) } catch { throw ImageError(error) }
        let driver = try Qcow2Driver(file, data: data, header, facts, secret: creation.secret)
        // What is at a place in a raw data file is what shows: each cluster has its place.
        let isRawFile = data != nil && creation.qcow2.isDataFileRaw
        guard creation.preallocation != .off || isRawFile else { return driver }
        guard creation.backing == nil || creation.qcow2.extendedL2 else {
            throw ImageError(
                .unsupported,
                "Backing file and preallocation can only be used at the same time if extended_l2 is on")
        }
        try driver.preallocate()
        // What was never written is no zeros where it is decrypted; version 2 has no mark for them.
        if driver.encryption != nil, creation.qcow2.version >= 3 {
            try driver.writeZeroes(at: 0, count: creation.size, unmap: false, below: .nothing)
            try driver.flush()
        }
        let storage = data ?? file
        try storage.take(0..<(data == nil ? try file.length() : creation.size), creation.preallocation)
        return driver
    }
}
