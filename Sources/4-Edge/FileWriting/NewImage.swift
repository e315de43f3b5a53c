internal import CLinux
internal import DiskImage
internal import Glibc

/// A disk image that did not exist: empty, sparse, and whole on disk once it is made.
public struct NewImage: Sendable, Hashable {
    /// Formats it can have.
    public enum Format: String, Sendable, Hashable, CaseIterable { case raw, qcow2 }

    /// Where it is.
    public let path: String
    private let device: UInt64
    private let inode: UInt64

    /// The largest size: ext4's files are no larger, nor are disks of guests.
    public static let largest: UInt64 = 16 << 40

    /// Makes an image readable by its owner alone; libvirt gives it to QEMU.
    ///
    /// - Parameters:
    ///   - path: absolute; nothing may be there.
    ///   - format: its format; qcow2 is version 3 with clusters of 64 KiB, as qemu-img makes it.
    ///   - size: bytes the guest sees, a multiple of 512.
    ///
    /// - Throws: where something is there already, or it cannot be written; nothing is left behind then.
    public init(_ path: String, _ format: Format, size: UInt64) throws(FileWritingError) {
        guard size > 0, size <= Self.largest, size % 512 == 0 else {
            throw FileWritingError(
                "a size of \(size) bytes cannot be made", path: path, remedy: "Give 512 bytes to 16 TiB")
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FileWritingError(String(cString: strerror(errno)), path: path, remedy: nil) }
        defer { close(descriptor) }
        func failed(_ why: String? = nil) -> FileWritingError {
            let why = why ?? String(cString: strerror(errno))
            unlink(path)
            return FileWritingError(why, path: path, remedy: nil)
        }
        do throws(ImageError) {
            // What was made here, whoever moves its name meanwhile.
            let image = try Image.create(
                "/proc/self/fd/\(descriptor)", Image.Creation(format == .raw ? .raw : .qcow2, size: size))
            try image.close()
        } catch { throw failed(error.what) }
        guard fsync(descriptor) == 0 else { throw failed() }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failed() }
        let folder = open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
        self.path = path
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// Takes the image away again, where it still is the one that was made; for what was to use it and failed.
    public func takeAway() {
        var status = stat()
        guard lstat(path, &status) == 0, UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode else { return }
        unlink(path)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
