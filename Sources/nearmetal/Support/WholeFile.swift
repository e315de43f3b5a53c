import Glibc

/// Files that appear whole or not at all, as node_exporter's textfile collector wants them.
enum WholeFile {
    /// Writes beside the file, then takes its name.
    static func write(_ pieces: [[UInt8]], to path: String) throws(Failure) {
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure("\(temporary): \(String(cString: strerror(errno)))") }
        let isWritten = pieces.allSatisfy { nearmetal.write($0, to: descriptor) } && fsync(descriptor) == 0
        let problem = errno
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let reason = isWritten ? errno : problem
            unlink(temporary)
            throw Failure("\(path): \(String(cString: strerror(reason)))")
        }
    }

    /// A path from the root on, with links followed.
    static func path(_ path: String) throws(Failure) -> String {
        guard let resolved = realpath(path, nil) else {
            throw Failure("\(path): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Most bytes that are read: plans for thousands of guests are smaller.
    private static let sizeLimit = 256 << 20

    /// All bytes of a regular file.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure("\(path): this is not a regular file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("\(path): \(String(cString: strerror(errno)))") }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= sizeLimit else { throw Failure("\(path): this is larger than any plan") }
        }
    }
}
