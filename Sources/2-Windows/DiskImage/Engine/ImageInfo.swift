/// What an image tells of itself, in the words of `qemu-img info`.
public struct ImageInfo: Sendable {
    /// Name as it was given.
    public var filename: String
    /// Format.
    public var format: ImageFacts.Format
    /// Bytes the guest sees.
    public var virtualSize: UInt64
    /// Bytes its file takes on its file system; `nil` where that cannot be told.
    public var actualSize: UInt64?
    /// The unit in which it gives out space.
    public var clusterSize: UInt64?
    /// Whether it is encrypted.
    public var isEncrypted = false
    /// Whether it was not closed; `nil` where nothing tells.
    public var isDirty: Bool? = false
    /// What it is backed by.
    public var backing: BackingName?
    /// Where that is, as this image was named.
    public var backingPath: String?
    /// Internal snapshots.
    public var snapshots: [ImageSnapshot] = []
    /// What only its format has, by the names QEMU's monitor has for it.
    public var details: [(name: String, value: ImageDetail)] = []
}

/// A value of what only one format has.
public indirect enum ImageDetail: Sendable {
    /// A truth.
    case bool(Bool)
    /// A number.
    case number(UInt64)
    /// A text.
    case text(String)
    /// Values in order.
    case list([ImageDetail])
    /// Values by name, in order.
    case object([(name: String, value: ImageDetail)])
}

/// An internal snapshot.
public struct ImageSnapshot: Sendable, Hashable {
    /// Its number, as text.
    public var id: String
    /// Its name.
    public var name: String
    /// Bytes of the virtual machine's state; 0 where it holds disks alone.
    public var stateSize: UInt64
    /// When it was made, in seconds since 1970.
    public var seconds: UInt64
    /// And nanoseconds.
    public var nanoseconds: UInt64
    /// How long the machine had run, in nanoseconds.
    public var clock: UInt64
    /// Instructions it had executed; `nil` where they were not counted.
    public var instructions: UInt64?
    /// Bytes the guest saw then.
    public var diskSize: UInt64
    /// Where its L1 table lies.
    public var l1Offset: UInt64
    /// Entries of its L1 table.
    public var l1Size: UInt64
    /// What later versions of the format keep with it: it stays.
    var unknown: [UInt8] = []
}

extension Image {
    /// What the image tells of itself.
    ///
    /// - Throws: an ``ImageError`` where it cannot be read.
    public func info() throws(ImageError) -> ImageInfo {
        var info = ImageInfo(filename: fileName, format: format, virtualSize: size)
        info.clusterSize = clusterSize
        info.backing = backing
        info.backingPath = backing.map { ImageReference.combined($0.name, with: path) }
        info.actualSize = driver.fileStorage is NullStorage ? 0 : Self.files(of: driver.fileStorage).first?.allocated
        // A disk that is no image by itself is as its file is, and a server does not tell.
        let isDisk = format == .raw || format == .luks
        if isDisk, driver.fileStorage is NBDStorage { info.isDirty = nil }
        do throws(ImageError) { try driver.describe(&info) } catch { throw error.at(path) }
        return info
    }
}
