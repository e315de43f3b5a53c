internal import CLinux
internal import Glibc

/// The folder of journal and lock: root's alone, since definitions in it hold passwords.
public struct StateFolder: Sendable {
    /// Where it is unless told otherwise.
    public static let standard = "/var/lib/nearmetal"
    /// Its path.
    public let path: String
    var journal: String { path + "/journal.sqlite" }

    /// A folder, which need not exist.
    public init(_ path: String = StateFolder.standard) { self.path = path }

    /// Whether anything was ever done.
    public var hasJournal: Bool { access(journal, F_OK) == 0 }

    /// The right to change things, held until it goes away.
    struct Lock: ~Copyable {
        private let descriptor: Int32

        /// Takes it.
        ///
        /// - Throws: `busy` with the number of the process that has it.
        init(_ folder: StateFolder) throws(TransactionError) {
            try FolderMaking.make(folder.path)
            let path = folder.path + "/lock"
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Rooted.Failure(errno).at(path) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                var buffer = [UInt8](repeating: 0, count: 32)
                let count = max(0, read(descriptor, &buffer, buffer.count))
                close(descriptor)
                let holder = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").first ?? "?"
                throw TransactionError(
                    .busy, "another nearmetal is at work (process \(holder))", place: folder.path,
                    remedy: "Wait until it has ended")
            }
            let words = Array("\(getpid())\n".utf8)
            _ = ftruncate(descriptor, 0)
            _ = pwrite(descriptor, words, words.count, 0)
            self.descriptor = descriptor
        }

        deinit {
            // A process that is being started may hold a copy of the descriptor for a moment: closing it alone would not let go.
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
    }
}
