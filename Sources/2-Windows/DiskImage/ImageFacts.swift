public import Quantities

/// What a disk image says of itself, and what its file system says of the file.
///
/// Nothing of it is trusted.
public struct ImageFacts: Sendable, Hashable {
    /// Formats told apart by their headers.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        case raw, qcow, qcow2, qed, vmdk, vdi, vhdx, vpc, luks, parallels, dmg, bochs, cloop
        /// Whether it can name other files of the host, which are then read in its place: the danger of taking a guest's word for a format.
        public var canReferToFiles: Bool { [.qcow, .qcow2, .qed, .vmdk, .vhdx].contains(self) }
    }
    /// How an image is encrypted.
    public enum Encryption: String, Sendable, Hashable { case aes, luks }

    /// Path as the guest's definition or a backing file names it, absolute.
    public var path: String
    /// Format by content (`raw` where no magic number is known: anything can be raw).
    public var format: Format
    /// The size the guest sees.
    public var virtualSize: Fact<ByteCount>
    /// The file's length; a block device's size.
    public var fileSize: Fact<ByteCount>
    /// What the file takes on its file system.
    public var allocated: Fact<ByteCount>
    /// Block device rather than a file.
    public var isBlockDevice: Bool
    /// When it was last written, in seconds since 1970.
    public var modified: Fact<Int64>
    /// What makes the file one and the same under several names: device and inode, or the number of the block device; `nil` where it was not asked.
    public var identity: String?
    /// The unit in which the format gives out space (cluster, grain, block); `nil` where it has none.
    public var clusterSize: ByteCount?
    /// qcow2 version (2 or 3).
    public var version: Int?
    /// Backing file as written in the header.
    public var backingFile: String?
    /// Backing format as written in the header; `nil` where it is not declared.
    public var backingFormat: String?
    /// External data file as written.
    public var dataFile: String?
    /// Whether the external data file is a raw image by itself.
    public var isDataFileRaw = false
    /// Files of its data that a vmdk's descriptor names, as written.
    public var extents: [String] = []
    /// Internal snapshots (qcow2), as the header counts them.
    public var snapshots: Int = 0
    /// Encryption.
    public var encryption: Encryption?
    /// Whether a QEMU has it open for writing now, as its locks tell; `nil` where it was not asked.
    ///
    /// QEMU without locks (an option, some NFS) is not seen.
    public var isOpenForWriting: Bool?
    /// qcow2 incompatible bit 0, qed's need-check: not closed properly.
    public var isDirty = false
    /// qcow2 incompatible bit 1: refuse to write.
    public var isCorrupt = false
    /// Lazy reference counts (qcow2 compatible bit 0).
    public var lazyRefcounts = false
    /// Subclusters (qcow2 incompatible bit 4).
    public var extendedL2 = false
    /// `zlib` or `zstd`.
    public var compression: String?
    /// Whether every cluster has its place already, as far as the header and the file tell; `nil` where they do not.
    public var isPreallocated: Bool?
    /// What a check of the metadata found; unknown where none was run.
    public var check: Fact<CheckResult> = .unknown(
        Unknown(
            .notExamined, source: "image metadata",
            remedy: Text("nearmetal check --check-images", "nearmetal check --check-images")))
    /// `chattr +C` (FS_NOCOW_FL); `missing` where the file system has no such flag.
    public var isNoCOW: Fact<Bool> = .unknown(Unknown(.notExamined, source: "file attributes"))
    /// Type of the file system it lies on (`btrfs`, `xfs`, `ext4`, `nfs`).
    public var fileSystem: Fact<String> = .unknown(Unknown(.notExamined, source: "statfs"))
    /// Space left on that file system.
    public var fileSystemFree: Fact<ByteCount> = .unknown(Unknown(.notExamined, source: "statfs"))
    /// Identity of that file system, to add up what lies on one.
    public var fileSystemID: String?
    /// Why the header could not be understood, for an image whose magic number is known; `nil` if it could.
    public var malformed: String?

    /// What a check of an image's metadata counts.
    public struct CheckResult: Sendable, Hashable {
        /// Errors that endanger data.
        public var corruptions: Int
        /// Clusters nobody refers to.
        public var leaks: Int
        /// A result.
        public init(corruptions: Int, leaks: Int) {
            self.corruptions = corruptions
            self.leaks = leaks
        }
    }

    /// An image.
    public init(
        path: String, format: Format,
        virtualSize: Fact<ByteCount> = .unknown(Unknown(.notExamined, source: "image header")),
        fileSize: Fact<ByteCount> = .unknown(Unknown(.notExamined, source: "stat")),
        allocated: Fact<ByteCount> = .unknown(Unknown(.notExamined, source: "stat")), isBlockDevice: Bool = false,
        modified: Fact<Int64> = .unknown(Unknown(.notExamined, source: "stat"))
    ) {
        self.path = path
        self.format = format
        self.virtualSize = virtualSize
        self.fileSize = fileSize
        self.allocated = allocated
        self.isBlockDevice = isBlockDevice
        self.modified = modified
    }
}
