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
}
