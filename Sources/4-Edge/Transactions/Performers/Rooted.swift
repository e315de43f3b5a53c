internal import CLinux
internal import Changes
internal import Glibc

/// Opens files below a root that no symbolic link leaves.
struct Rooted: Sendable {
    /// The root; `/` for this machine.
    let root: String

    /// A descriptor that closes itself.
    struct Descriptor: ~Copyable {
        let number: Int32
        deinit { close(number) }
    }

    /// A file's folder, and its name in it.
    struct Place: ~Copyable {
        let folder: Descriptor
        let name: String
    }

    /// Opens a path below the root, with links resolved within it.
    func open(_ path: String, _ flags: Int32) throws(Failure) -> Descriptor {
        let folder = Glibc.open(root, nearmetal_O_PATH | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Failure(errno) }
        defer { close(folder) }
        // A relative path keeps an absolute one from leaving: openat2 takes `/` as the root it was given.
        let number = nearmetal_open_in_root(folder, path, UInt64(flags | O_CLOEXEC), 0)
        guard number >= 0 else { throw Failure(errno) }
        return Descriptor(number: number)
    }

    /// The folder and the name of the file that a path leads to: links in place of the file itself are followed.
    func place(of path: String) throws(Failure) -> Place {
        var path = path
        for _ in 0..<16 {
            let slash = path.utf8.lastIndex(of: 0x2F) ?? path.startIndex
            let name = String(path[path.utf8.index(after: slash)...])
            let above = slash == path.startIndex ? "/" : String(path[..<slash])
            let folder = try open(above, nearmetal_O_PATH | O_DIRECTORY)
            var buffer = [CChar](repeating: 0, count: 4097)
            let length = readlinkat(folder.number, name, &buffer, 4096)
            guard length > 0 else { return Place(folder: folder, name: name) }
            let target = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            path = target.hasPrefix("/") ? target : "\(path[..<slash])/\(target)"
        }
        throw Failure(ELOOP)
    }

    /// Whether a path is a link to /dev/null, which is how an administrator keeps a file of that name from having any effect.
    func isHidden(_ path: String) -> Bool {
        guard let slash = path.utf8.lastIndex(of: 0x2F),
            let folder = try? open(
                slash == path.startIndex ? "/" : String(path[..<slash]), nearmetal_O_PATH | O_DIRECTORY)
        else { return false }
        var buffer = [CChar](repeating: 0, count: 16)
        let length = readlinkat(folder.number, String(path[path.utf8.index(after: slash)...]), &buffer, 16)
        guard length > 0 else { return false }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self) == "/dev/null"
    }

    /// Names of what a folder holds, in order.
    func names(in path: String) throws(Failure) -> [String] {
        let folder = try open(path, O_RDONLY | O_DIRECTORY)
        guard let stream = fdopendir(dup(folder.number)) else { throw Failure(errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// An error of the system, by its number.
    struct Failure: Error {
        let number: Int32
        init(_ number: Int32) { self.number = number }
        var isMissing: Bool { number == ENOENT || number == ENOTDIR }
        func at(_ path: String) -> TransactionError {
            TransactionError(.failed, String(cString: strerror(number)), place: path, remedy: Self.remedy(number))
        }
        static func remedy(_ number: Int32) -> String? {
            switch number {
            case EACCES, EPERM:
                "Run it as root, and see whether the file is immutable (lsattr) or a security module forbids it"
            case EROFS: "The file system is mounted read-only"
            case ENOSPC, EDQUOT: "Make room there"
            case ENOSYS: "Linux 5.6 or later is needed"
            default: nil
            }
        }
    }
}
