import Glibc
import Quantities

/// An image file or block device, open for reading.
///
/// Reads are by position, bounded, and never wait for anybody.
final class ImageFile {
    /// What the system says of the open file.
    let status: stat
    let descriptor: CInt
    /// The file's length, or the block device's size.
    let size: UInt64

    /// Largest piece that is read at once.
    static let largestRead = 4 << 20

    /// Opens a path for reading.
    ///
    /// Only regular files and block devices are opened: a FIFO would wait for a writer, and opening some character devices does something.
    ///
    /// - Throws: the reason as a fact's, with `name` as its source.
    init(_ path: String, named name: String) throws(Unknown) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.reason(errno, name) }
        try Self.check(status, name)
        // Reading an image leaves no trace in it; only its owner may ask for that, others fall back.
        var descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | Self.noAccessTime)
        if descriptor < 0, errno == EPERM { descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) }
        guard descriptor >= 0 else { throw Self.reason(errno, name) }
        guard fstat(descriptor, &status) == 0 else {
            let reason = Self.reason(errno, name)
            close(descriptor)
            throw reason
        }
        // Another file may have taken the name in between.
        do { try Self.check(status, name) } catch {
            close(descriptor)
            throw error
        }
        let isBlockDevice = status.st_mode & S_IFMT == S_IFBLK
        let end = isBlockDevice ? Int64(lseek(descriptor, 0, SEEK_END)) : Int64(status.st_size)
        size = end > 0 ? UInt64(end) : 0
        self.status = status
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Linux' `O_NOATIME`, which headers give only with `_GNU_SOURCE`.
    private static let noAccessTime: CInt = 0o1000000

    var isBlockDevice: Bool { status.st_mode & S_IFMT == S_IFBLK }

    private static func check(_ status: stat, _ name: String) throws(Unknown) {
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG, S_IFBLK: return
        case S_IFDIR: kind = "a directory"
        case S_IFIFO: kind = "a FIFO"
        case S_IFSOCK: kind = "a socket"
        case S_IFCHR: kind = "a character device"
        default: kind = "no file"
        }
        throw Unknown(.malformed("it is \(kind), neither a file nor a block device"), source: name)
    }

    static func reason(_ number: CInt, _ name: String) -> Unknown {
        switch number {
        case ENOENT, ENOTDIR: Unknown(.missing, source: name)
        case EACCES, EPERM: Unknown(.denied, source: name)
        default: Unknown(.failed(String(cString: strerror(number))), source: name)
        }
    }

    /// Bytes at a position; shorter at the end of the file.
    func available(at offset: UInt64, count: Int) throws(Malformed) -> HeaderBytes {
        precondition(count >= 0 && count <= Self.largestRead, "callers bound what they read")
        guard offset < size, count > 0 else { return HeaderBytes([]) }
        let wanted = Int(min(UInt64(count), size - offset))
        guard let start = off_t(exactly: offset) else { return HeaderBytes([]) }
        var failure: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            // SAFETY: at most `wanted` bytes, the buffer's capacity, are written from its base.
            while filled < wanted, let base = buffer.baseAddress {
                let count = pread(descriptor, base + filled, wanted - filled, start + off_t(filled))
                if count < 0, errno == EINTR { continue }
                if count < 0 { failure = errno }
                guard count > 0 else { break }
                filled += count
            }
        }
        guard failure == 0 else {
            throw Malformed("byte \(offset) cannot be read: \(String(cString: strerror(failure)))")
        }
        return HeaderBytes(bytes)
    }

    /// Bytes at a position; past the end of the file there are zeros, as QEMU has it.
    func bytes(at offset: UInt64, count: Int) throws(Malformed) -> HeaderBytes {
        let piece = try available(at: offset, count: count)
        guard piece.count < count else { return piece }
        return HeaderBytes(piece.bytes + [UInt8](repeating: 0, count: count - piece.count))
    }
}
