internal import CLinux
internal import Glibc

/// Puts new bytes in place of a file's old ones: whole or not at all, and the old ones are kept beside it.
///
/// Symbolic links are followed, so that the link stays one. The new file has the old one's mode, owner and extended
/// attributes (access lists, security labels) as far as the caller may set them. Each step blocks and syncs.
public struct FileReplacement: Sendable, Hashable {
    /// The file itself, with links followed.
    public let path: String
    /// Where its old bytes are now: the name with `~` after it, as `cp --backup` and editors have it; an earlier one
    /// there is written over.
    public let backup: String

    /// Replaces a file.
    ///
    /// - Parameters:
    ///   - path: the file, or a link to it.
    ///   - old: the bytes it has been found to have. If it has others by now, somebody else has changed it, and it is
    ///     left alone.
    ///   - new: the bytes it is to have.
    ///
    /// - Throws: where a step fails; then the file has its old bytes still.
    public init(_ path: String, from old: [UInt8], to new: [UInt8]) throws(FileWritingError) {
        guard let resolved = realpath(path, nil) else { throw FileWritingError(Self.reason(), path: path) }
        defer { free(resolved) }
        self.path = String(cString: resolved)
        backup = self.path + "~"
        let descriptor = open(self.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileWritingError(Self.reason(), path: self.path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileWritingError(Self.reason(), path: self.path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileWritingError("this is not a regular file", path: self.path)
        }
        guard Self.has(old, descriptor, size: Int(status.st_size)) else {
            throw FileWritingError("the file has changed since it was read", path: self.path, remedy: "Read it again")
        }
        try Self.write(old, to: backup, like: descriptor, status)
        try Self.write(new, to: self.path, like: descriptor, status)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    /// Whether a file has these bytes and no others.
    private static func has(_ bytes: [UInt8], _ descriptor: Int32, size: Int) -> Bool {
        guard size == bytes.count else { return false }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var position = 0
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 && position == bytes.count }
            guard position + count <= bytes.count, buffer[..<count] == bytes[position..<(position + count)] else {
                return false
            }
            position += count
        }
    }

    /// Writes a file beside the place, then gives it the name; the name and the bytes last through a crash once this
    /// has returned.
    private static func write(_ bytes: [UInt8], to path: String, like model: Int32, _ status: stat)
        throws(FileWritingError)
    {
        let slash = path.utf8.lastIndex(of: 0x2F) ?? path.startIndex
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        var template = Array("\(path[..<slash])/.\(path[path.index(after: slash)...]).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw FileWritingError("no file can be made beside it: \(reason())", path: path) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let temporary = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        var failure = fill(descriptor, bytes, like: model, status)
        if close(descriptor) != 0, failure == nil { failure = reason() }
        if failure == nil, rename(temporary, path) != 0 { failure = reason() }
        if let failure {
            unlink(temporary)
            throw FileWritingError(failure, path: path)
        }
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        // Some file systems cannot sync a folder (EINVAL); the name has been changed all the same.
        fsync(directory)
        close(directory)
    }

    private static func fill(_ descriptor: Int32, _ bytes: [UInt8], like model: Int32, _ status: stat) -> String? {
        if let failure = OpenFile.write(bytes, to: descriptor) { return String(cString: strerror(failure)) }
        var own = stat()
        guard fstat(descriptor, &own) == 0 else { return reason() }
        if own.st_uid != status.st_uid || own.st_gid != status.st_gid,
            fchown(descriptor, status.st_uid, status.st_gid) != 0
        {
            return "its owner cannot be kept: \(reason())"
        }
        // Access lists and security labels; those that may not be set, or exist nowhere else, are left.
        for (name, value) in OpenFile.attributes(of: model) { _ = fsetxattr(descriptor, name, value, value.count, 0) }
        guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { return reason() }
        return fsync(descriptor) == 0 ? nil : reason()
    }
}

/// Why a file could not be replaced.
public struct FileWritingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong; no full stop.
    public var what: String
    /// The file.
    public var path: String
    /// A sentence on what to do; `nil` if nothing helps.
    public var remedy: String?

    init(_ what: String, path: String, remedy: String? = nil) {
        self.what = what
        self.path = path
        self.remedy = remedy
    }

    /// The failure in one line: *where: what. Remedy*
    public var description: String { "\(path): \(what)" + (remedy.map { ". \($0)" } ?? "") }
}
