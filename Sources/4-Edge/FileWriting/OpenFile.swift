internal import CLinux
internal import Glibc

/// What the system does of an open file in several calls, done in one.
public enum OpenFile {
    /// Writes all bytes, however few the system takes at a time.
    ///
    /// - Returns: the system's number of what went wrong; `nil` once all are written.
    public static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: position), $0.count - position)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : ENOSPC }
            position += count
        }
        return nil
    }

    /// Extended attributes: access lists, security labels; names end with the zero that the system wants.
    ///
    /// Those that cannot be read are left out.
    public static func attributes(of descriptor: Int32) -> [(name: [CChar], value: [UInt8])] {
        let size = flistxattr(descriptor, nil, 0)
        guard size > 0 else { return [] }
        var names = [CChar](repeating: 0, count: size)
        let length = flistxattr(descriptor, &names, size)
        guard length > 0 else { return [] }
        return names[..<length].split(separator: 0).compactMap { name in
            let name = Array(name) + [0]
            let count = fgetxattr(descriptor, name, nil, 0)
            guard count >= 0 else { return nil }
            var value = [UInt8](repeating: 0, count: count)
            guard fgetxattr(descriptor, name, &value, count) == count else { return nil }
            return (name, value)
        }
    }
}

extension OpenFile {
    /// Takes a folder of one's own away with all that is in it; links are not followed.
    public static func removeTree(_ path: String) {
        guard let folder = opendir(path) else {
            unlink(path)
            return
        }
        defer {
            closedir(folder)
            rmdir(path)
        }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            var status = stat()
            let inner = "\(path)/\(name)"
            guard lstat(inner, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR { removeTree(inner) } else { unlink(inner) }
        }
    }
}
