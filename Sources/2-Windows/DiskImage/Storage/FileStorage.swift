import CLinux
import Glibc
import Synchronization

/// A regular file or a block device.
public final class FileStorage: BlockStorage {
    /// The path it was opened by.
    public let name: String
    /// Whether it was opened for writing.
    public let isWritable: Bool
    /// Whether it is a block device.
    public let isBlockDevice: Bool
    /// Device and inode: what makes it one and the same under several names.
    public let identity: String
    /// How what is written gets to the disk.
    let caching: Caching
    let descriptor: CInt
    private let access: FileAccess
    /// What the file system turned out not to be able to do.
    private let cannot = Mutex<Set<Deed>>([])

    private enum Deed { case zero, punch }
    /// The extent that was asked for last: a file that is only read keeps it.
    private let known = Mutex<(range: Range<UInt64>, isData: Bool)?>(nil)

    /// How what is written gets to the disk, as `cache=` has it.
    public enum Caching: String, Sendable, Hashable, CaseIterable {
        /// Through the page cache, flushed where the format asks for it.
        case writeback
        /// Past the page cache.
        case none
        /// Through the page cache, each write flushed.
        case writethrough
        /// Past the page cache, each write flushed.
        case directsync
        /// Through the page cache, never flushed.
        case unsafe
    }

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - path: where it is.
    ///   - isWritable: whether to write.
    ///   - caching: how what is written gets to the disk.
    ///
    /// - Throws: an ``ImageError`` where it is missing, may not be opened, or is neither a file nor a block device.
    public convenience init(_ path: String, isWritable: Bool, caching: Caching = .writeback) throws(ImageError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.failure(errno, path) }
        try Self.check(status, path)
        let flags = (isWritable ? O_RDWR : O_RDONLY) | caching.flags
        let descriptor = open(path, flags)
        guard descriptor >= 0 else { throw Self.refusal(errno, path, caching) }
        try self.init(owning: descriptor, path, isWritable: isWritable, caching: caching)
    }

    /// Makes a file, or empties the one there is; a block device keeps its length.
    ///
    /// - Parameters:
    ///   - path: where it is to be.
    ///   - caching: how what is written gets to the disk.
    ///
    /// - Throws: an ``ImageError`` where it cannot be made, or is something else already.
    public convenience init(creating path: String, caching: Caching = .writeback) throws(ImageError) {
        var status = stat()
        let isThere = stat(path, &status) == 0
        if isThere { try Self.check(status, path) }
        // Emptied by the one who locks it: another may use what is there.
        let descriptor = open(path, O_RDWR | O_CREAT | caching.flags, 0o644)
        guard descriptor >= 0 else {
            let error = Self.refusal(errno, path, caching)
            // Some file systems make it before they refuse it.
            if !isThere, stat(path, &status) == 0, status.st_size == 0 { unlink(path) }
            throw error
        }
        try self.init(owning: descriptor, path, isWritable: true, caching: caching)
    }

    private init(owning descriptor: CInt, _ path: String, isWritable: Bool, caching: Caching) throws(ImageError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = Self.failure(errno, path)
            close(descriptor)
            throw error
        }
        // Another file may have taken the name in between.
        do { try Self.check(status, path) } catch {
            close(descriptor)
            throw error
        }
        isBlockDevice = status.st_mode & S_IFMT == S_IFBLK
        identity = Self.identity(status)
        name = path
        self.descriptor = descriptor
        self.isWritable = isWritable
        self.caching = caching
        access = FileAccess(descriptor, isDirect: caching.isDirect, isBlockDevice: isBlockDevice)
    }

    deinit {
        // A child that is being started has the descriptor until it runs its program, and with it the locks.
        unlock()
        close(descriptor)
    }

    private static func identity(_ status: stat) -> String {
        status.st_mode & S_IFMT == S_IFBLK ? "block:\(status.st_rdev)" : "file:\(status.st_dev):\(status.st_ino)"
    }

    /// The identity of what is at a path; `nil` where nothing is.
    static func identity(of path: String) -> String? {
        var status = stat()
        return stat(path, &status) == 0 ? identity(status) : nil
    }

    private static func check(_ status: stat, _ path: String) throws(ImageError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG, S_IFBLK: return
        case S_IFDIR: throw ImageError(.invalid, "it is a directory", path: path)
        default: throw ImageError(.invalid, "it is neither a file nor a block device", path: path)
        }
    }

    private static func refusal(_ number: CInt, _ path: String, _ caching: Caching) -> ImageError {
        guard number == EINVAL, caching.isDirect else { return failure(number, path) }
        return ImageError(
            .unsupported, "filesystem does not support O_DIRECT", path: path,
            remedy: "Use another cache mode than \(caching.rawValue)")
    }

    static func failure(_ number: CInt, _ path: String) -> ImageError {
        let kind: ImageError.Kind =
            switch number {
            case ENOENT, ENOTDIR: .missing
            case EACCES, EPERM, EROFS: .denied
            case ENOSPC, EDQUOT, EFBIG: .full
            default: .failed
            }
        return ImageError(kind, String(cString: strerror(number)), path: path)
    }

    private func failure(_ number: CInt = errno) -> ImageError { Self.failure(number, name) }

    private func position(_ offset: UInt64, _ count: Int = 0) throws(ImageError) -> off_t {
        guard let start = off_t(exactly: offset), start <= off_t.max - off_t(count) else {
            throw ImageError(.malformed, "byte \(offset) is out of range", path: name)
        }
        return start
    }

    /// Bytes the file takes on its file system; `nil` for devices, and where it cannot be told.
    var allocated: UInt64? {
        var status = stat()
        guard !isBlockDevice, fstat(descriptor, &status) == 0 else { return nil }
        return UInt64(max(0, status.st_blocks)) * 512
    }

    /// The file's length, or the device's size.
    public func length() throws(ImageError) -> UInt64 {
        if isBlockDevice {
            let end = lseek(descriptor, 0, SEEK_END)
            guard end >= 0 else { throw failure() }
            return UInt64(end)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        return UInt64(max(0, status.st_size))
    }

    /// Fills a buffer; behind the end there are zeros.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard !buffer.isEmpty else { return }
        let number = access.read(into: buffer, at: try position(offset, buffer.count))
        guard number == 0 else { throw failure(number) }
    }

    /// Writes bytes; the file grows where they end behind its end.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard !bytes.isEmpty else { return }
        let number = access.write(bytes, at: try position(offset, bytes.count))
        guard number == 0 else { throw failure(number) }
        if caching == .writethrough || caching == .directsync { try flush() }
    }

    /// Makes a range read as zeros, with the file system's help where it can.
    public func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        guard count > 0 else { return }
        let start = try position(offset)
        guard let length = off_t(exactly: count), start <= off_t.max - length else {
            throw ImageError(.invalid, "\(count) bytes from \(offset) are out of range", path: name)
        }
        let end = try self.length()
        if !isBlockDevice, offset >= end {
            // What is behind the end becomes a hole.
            try resize(to: offset + count)
            if unmap { return }
        }
        if unmap, try attempt(.punch, 0x02 | 0x01, start, length) {
            if !isBlockDevice, offset + count > end { try resize(to: offset + count) }
            return
        }
        if try attempt(.zero, 0x10, start, length) { return }
        if try attempt(.punch, 0x02 | 0x01, start, length) {
            if !isBlockDevice, offset + count > end { try resize(to: offset + count) }
            return
        }
        let zeros = [UInt8](repeating: 0, count: Int(min(count, 1 << 20)))
        var place = offset
        while place < offset + count {
            let piece = Int(min(UInt64(zeros.count), offset + count - place))
            try write(Array(zeros[..<piece]), at: place)
            place += UInt64(piece)
        }
    }

    /// Asks the file system for a deed; whether it could.
    private func attempt(_ deed: Deed, _ mode: CInt, _ start: off_t, _ length: off_t) throws(ImageError) -> Bool {
        guard cannot.withLock({ !$0.contains(deed) }) else { return false }
        while nearmetal_fallocate(descriptor, mode, start, length) != 0 {
            switch errno {
            case EINTR: continue
            case EOPNOTSUPP, ENOSYS, ENODEV, EINVAL:
                _ = cannot.withLock { $0.insert(deed) }
                return false
            default: throw failure()
            }
        }
        return true
    }

    /// Punches a hole, where the file system can.
    public func discard(at offset: UInt64, count: UInt64) throws(ImageError) {
        let end = try length()
        guard offset < end, count > 0 else { return }
        _ = try attempt(.punch, 0x02 | 0x01, try position(offset), off_t(min(count, end - offset)))
    }

    /// Waits until what was written is on the disk; nothing with `unsafe`.
    public func flush() throws(ImageError) {
        guard caching != .unsafe, isWritable else { return }
        while fdatasync(descriptor) != 0 { if errno != EINTR { throw failure() } }
    }

    /// Cuts the file off, or makes it longer with a hole.
    public func resize(to length: UInt64) throws(ImageError) {
        if isBlockDevice {
            let end = try self.length()
            guard length <= end else {
                throw ImageError(.full, "the device has \(end) bytes; \(length) are needed", path: name)
            }
            return
        }
        let end = try position(length)
        let number = access.resize(to: end)
        guard number == 0 else { throw failure(number) }
    }

    /// Takes away what a file holds; a device keeps it.
    func empty() throws(ImageError) {
        // ext4 writes out on closing whatever was cut off at its start once, be it empty.
        if !isBlockDevice, try length() > 0 { try resize(to: 0) }
    }

    /// Gives a range its space on disk.
    ///
    /// - Throws: an ``ImageError``, where there is no room or the file system cannot.
    func allocate(at offset: UInt64, count: UInt64) throws(ImageError) {
        guard count > 0 else { return }
        let number = posix_fallocate(descriptor, try position(offset), try position(count))
        guard number == 0 else { throw failure(number) }
    }

    /// Whether there are data at a byte, as `SEEK_DATA` and `SEEK_HOLE` tell.
    public func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        guard !isWritable else { return try findExtent(at: offset) }
        if let known = known.withLock({ $0 }), known.range.contains(offset) {
            return StorageExtent(isData: known.isData, length: known.range.upperBound - offset)
        }
        let extent = try findExtent(at: offset)
        known.withLock { $0 = (offset..<offset + extent.length, extent.isData) }
        return extent
    }

    private func findExtent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        let start = try position(offset)
        guard !isBlockDevice else {
            let end = try length()
            return StorageExtent(isData: offset < end, length: offset < end ? end - offset : 0)
        }
        let data = lseek(descriptor, start, nearmetal_SEEK_DATA)
        if data > start { return StorageExtent(isData: false, length: UInt64(data - start)) }
        if data == start {
            let hole = lseek(descriptor, start, nearmetal_SEEK_HOLE)
            // What is read in whole blocks has no zeros to tell within one: QEMU block/file-posix.c `raw_co_block_status`.
            let end = access.rounded(hole)
            if hole > start { return StorageExtent(isData: true, length: UInt64(end - start)) }
        }
        // Behind the last data; or the file system cannot tell.
        let isHole = data < 0 && errno == ENXIO
        let end = try length()
        return StorageExtent(isData: !isHole && offset < end, length: offset < end ? end - offset : 0)
    }
}
