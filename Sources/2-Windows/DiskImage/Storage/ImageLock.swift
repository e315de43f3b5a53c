import CLinux
import Glibc

extension FileStorage {
    /// What QEMU's processes tell one another by locks on bytes of a file that nobody reads: 100 + n is locked by who does n, 200 + n by who lets nobody
    /// else do it.
    ///
    /// - Source: QEMU block/file-posix.c `raw_apply_lock_bytes`; include/block/block-common.h for the permissions.
    private enum Permission: Int64, CaseIterable {
        case consistentRead = 0
        case write, writeUnchanged, resize
        var name: String {
            switch self {
            case .consistentRead: "consistent read"
            case .write: "write"
            case .writeUnchanged: "write unchanged"
            case .resize: "resize"
            }
        }
    }

    /// `F_OFD_SETLK` and `F_OFD_GETLK`, which headers give only with `_GNU_SOURCE`.
    private static let setLock: CInt = 37
    private static let getLock: CInt = 36

    /// Locks the file as QEMU does, for as long as it is open; a process that writes to it, or does not want it written to, keeps it out.
    ///
    /// File systems without locks let everybody in, as with QEMU.
    ///
    /// - Throws: an ``ImageError`` of the kind `locked`.
    func lock() throws(ImageError) {
        let mine: Set<Permission> = isWritable ? [.consistentRead, .write, .resize] : [.consistentRead]
        let unshared: Set<Permission> = [.write, .resize]
        for permission in Permission.allCases {
            if mine.contains(permission) { try take(100 + permission.rawValue, permission, isShared: false) }
            if unshared.contains(permission) { try take(200 + permission.rawValue, permission, isShared: true) }
        }
        for permission in Permission.allCases {
            if mine.contains(permission) { try check(200 + permission.rawValue, permission, isShared: false) }
            if unshared.contains(permission) { try check(100 + permission.rawValue, permission, isShared: true) }
        }
    }

    /// Takes the locks away.
    func unlock() {
        var lock = range(0, F_UNLCK)
        lock.l_len = 0
        _ = fcntl(descriptor, Self.setLock, &lock)
    }

    private func range(_ byte: Int64, _ type: CInt) -> flock {
        var lock = flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(byte)
        lock.l_len = 1
        return lock
    }

    private func take(_ byte: Int64, _ permission: Permission, isShared: Bool) throws(ImageError) {
        var lock = range(byte, F_RDLCK)
        guard fcntl(descriptor, Self.setLock, &lock) != 0 else { return }
        if errno == EAGAIN || errno == EACCES { throw refusal(permission, isShared) }
    }

    private func check(_ byte: Int64, _ permission: Permission, isShared: Bool) throws(ImageError) {
        var lock = range(byte, F_WRLCK)
        guard fcntl(descriptor, Self.getLock, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return }
        throw refusal(permission, isShared)
    }

    private func refusal(_ permission: Permission, _ isShared: Bool) -> ImageError {
        ImageError(
            .locked, "Failed to get \(isShared ? "shared " : "")\"\(permission.name)\" lock", path: name,
            remedy: "Is another process using the image [\(name)]?")
    }
}
