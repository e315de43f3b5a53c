internal import CLinux
internal import Glibc

/// A disk image that did not exist: empty, sparse, and whole on disk once it is made.
public struct NewImage: Sendable, Hashable {
    /// Formats it can have.
    public enum Format: String, Sendable, Hashable, CaseIterable { case raw, qcow2 }

    /// Where it is.
    public let path: String
    private let device: UInt64
    private let inode: UInt64

    /// The largest size: what QEMU's tables of one cluster each can tell of.
    public static let largest: UInt64 = 16 << 40

    /// Makes an image readable by its owner alone; libvirt gives it to QEMU.
    ///
    /// - Parameters:
    ///   - path: absolute; nothing may be there.
    ///   - format: its format; qcow2 is version 3 with clusters of 64 KiB, as qemu-img makes it.
    ///   - size: bytes the guest sees, a multiple of 512.
    ///
    /// - Throws: where something is there already, or it cannot be written; nothing is left behind then.
    /// - Source: QEMU docs/interop/qcow2.txt.
    public init(_ path: String, _ format: Format, size: UInt64) throws(FileWritingError) {
        guard size > 0, size <= Self.largest, size % 512 == 0 else {
            throw FileWritingError(
                "a size of \(size) bytes cannot be made", path: path, remedy: "Give 512 bytes to 16 TiB")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FileWritingError(String(cString: strerror(errno)), path: path, remedy: nil) }
        defer { close(descriptor) }
        func failed() -> FileWritingError {
            let why = String(cString: strerror(errno))
            unlink(path)
            return FileWritingError(why, path: path, remedy: nil)
        }
        let (head, length) = format == .raw ? ([], size) : Self.qcow2(size)
        guard OpenFile.write(head, to: descriptor) == nil, ftruncate(descriptor, Int(length)) == 0,
            fsync(descriptor) == 0
        else { throw failed() }
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

    /// Header, refcount table, one refcount block and an empty L1 table, a cluster after the other.
    private static func qcow2(_ size: UInt64) -> (head: [UInt8], length: UInt64) {
        let cluster = 1 << 16
        let bytesOfL2 = UInt64(cluster) * UInt64(cluster / 8)
        let entries = Int((size + bytesOfL2 - 1) / bytesOfL2)
        let tableClusters = max(1, (entries * 8 + cluster - 1) / cluster)
        let clusters = 3 + tableClusters
        var bytes = [UInt8](repeating: 0, count: 3 * cluster)
        func put(_ value: UInt64, _ width: Int, at place: Int) {
            for index in 0..<width {
                bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
            }
        }
        put(0x5146_49FB, 4, at: 0)
        put(3, 4, at: 4)
        put(16, 4, at: 20)
        put(size, 8, at: 24)
        put(UInt64(entries), 4, at: 36)
        put(UInt64(3 * cluster), 8, at: 40)
        put(UInt64(cluster), 8, at: 48)
        put(1, 4, at: 56)
        put(4, 4, at: 96)
        put(104, 4, at: 100)
        put(UInt64(2 * cluster), 8, at: cluster)
        for index in 0..<clusters { put(1, 2, at: 2 * cluster + 2 * index) }
        return (bytes, UInt64(clusters * cluster))
    }
}
