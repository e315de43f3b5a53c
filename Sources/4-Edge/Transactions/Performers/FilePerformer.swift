internal import CLinux
internal import Changes
internal import FileWriting
internal import Glibc

/// Configuration files: replaced whole by rename, with mode, owner and extended attributes; file and folder are synced.
struct FilePerformer: Performer {
    private let tree: Rooted
    /// Most bytes of a file that is read: configuration is not larger, and it goes into the journal.
    static let sizeLimit = 16 << 20

    private let limit: Int

    init(root: String, sizeLimit: Int = FilePerformer.sizeLimit) {
        tree = Rooted(root: root)
        limit = sizeLimit
    }

    func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool {
        guard one.bytes == other.bytes else { return false }
        guard let first = one.attributes, let second = other.attributes else { return true }
        return first == second
    }

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        if tree.isHidden(name) {
            throw TransactionError(
                .failed, "somebody has hidden it: it is a link to /dev/null", place: name,
                remedy: "Remove the link if the file may be changed")
        }
        do throws(Rooted.Failure) {
            let place = try tree.place(of: name)
            let number = openat(
                place.folder.number, place.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
            guard number >= 0 else { throw Rooted.Failure(errno) }
            let descriptor = Rooted.Descriptor(number: number)
            var status = stat()
            guard fstat(descriptor.number, &status) == 0 else { throw Rooted.Failure(errno) }
            guard status.st_mode & S_IFMT == S_IFREG else { throw Rooted.Failure(EINVAL) }
            guard status.st_size <= limit else { throw Rooted.Failure(EFBIG) }
            let bytes = try bytes(descriptor.number, Int(status.st_size))
            return ResourceState(bytes, attributes: FileAttributes(status, of: descriptor.number))
        } catch {
            guard error.isMissing else { throw error.at(name) }
            return ResourceState(nil, missingFolders: missingFolders(name))
        }
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        do throws(Rooted.Failure) {
            if let bytes = state.bytes {
                try put(bytes, state.attributes, name)
            } else {
                try remove(name, state.missingFolders)
            }
        } catch {
            throw error.at(name)
        }
    }

    func cleanUp(_ name: String) async {
        guard let place = try? tree.place(of: name) else { return }
        unlinkat(place.folder.number, Self.temporary(place.name), 0)
    }

    /// The name of the file that becomes the new one: always the same, so that recovery finds what a crash left.
    private static func temporary(_ file: String) -> String { ".\(file.prefix(200)).nearmetal" }

    private func put(_ bytes: [UInt8], _ attributes: FileAttributes?, _ path: String) throws(Rooted.Failure) {
        for folder in missingFolders(path) {
            let place = try tree.place(of: folder)
            guard mkdirat(place.folder.number, place.name, 0o755) == 0 || errno == EEXIST else {
                throw Rooted.Failure(errno)
            }
            try Self.sync(place.folder.number)
        }
        let place = try tree.place(of: path)
        let temporary = Self.temporary(place.name)
        unlinkat(place.folder.number, temporary, 0)
        let number = openat(place.folder.number, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw Rooted.Failure(errno) }
        do throws(Rooted.Failure) {
            let descriptor = Rooted.Descriptor(number: number)
            if let failure = OpenFile.write(bytes, to: descriptor.number) { throw Rooted.Failure(failure) }
            try Self.give(
                attributes ?? present(place.folder.number, place.name) ?? .configuration, to: descriptor.number)
            guard fsync(descriptor.number) == 0 else { throw Rooted.Failure(errno) }
            guard renameat(place.folder.number, temporary, place.folder.number, place.name) == 0 else {
                throw Rooted.Failure(errno)
            }
        } catch {
            unlinkat(place.folder.number, temporary, 0)
            throw error
        }
        try Self.sync(place.folder.number)
    }

    private func remove(_ path: String, _ folders: [String]) throws(Rooted.Failure) {
        do throws(Rooted.Failure) {
            let place = try tree.place(of: path)
            unlinkat(place.folder.number, Self.temporary(place.name), 0)
            guard unlinkat(place.folder.number, place.name, 0) == 0 || errno == ENOENT else {
                throw Rooted.Failure(errno)
            }
            try Self.sync(place.folder.number)
        } catch {
            guard error.isMissing else { throw error }
        }
        for path in folders.reversed() {
            guard let place = try? tree.place(of: path) else { continue }
            // Another's file may be in it by now: then the folder stays.
            guard unlinkat(place.folder.number, place.name, AT_REMOVEDIR) == 0 else { continue }
            try Self.sync(place.folder.number)
        }
    }

    private func missingFolders(_ path: String) -> [String] {
        var missing: [String] = []
        var folder = path
        while let slash = folder.utf8.lastIndex(of: 0x2F), slash != folder.startIndex {
            folder = String(folder[..<slash])
            do throws(Rooted.Failure) { _ = try tree.open(folder, nearmetal_O_PATH | O_DIRECTORY) } catch {
                guard error.isMissing else { break }
                missing.insert(folder, at: 0)
                continue
            }
            break
        }
        return missing
    }

    private func present(_ folder: Int32, _ file: String) -> FileAttributes? {
        let number = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard number >= 0 else { return nil }
        let descriptor = Rooted.Descriptor(number: number)
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { return nil }
        return FileAttributes(status, of: descriptor.number)
    }

    private static func give(_ attributes: FileAttributes, to descriptor: Int32) throws(Rooted.Failure) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Rooted.Failure(errno) }
        if status.st_uid != attributes.owner || status.st_gid != attributes.group {
            guard fchown(descriptor, attributes.owner, attributes.group) == 0 else { throw Rooted.Failure(errno) }
        }
        for (name, value) in attributes.extended {
            if fsetxattr(descriptor, name, value, value.count, 0) == 0 { continue }
            // Labels that only the kernel or another file system sets are not ours to refuse a change for.
            guard errno == ENOTSUP || errno == EPERM && !name.hasPrefix("user.") else { throw Rooted.Failure(errno) }
        }
        guard fchmod(descriptor, attributes.mode) == 0 else { throw Rooted.Failure(errno) }
    }

    private func bytes(_ descriptor: Int32, _ size: Int) throws(Rooted.Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Rooted.Failure(errno) }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw Rooted.Failure(EFBIG) }
        }
    }

    /// Makes names in a folder last; some file systems cannot (EINVAL).
    private static func sync(_ folder: Int32) throws(Rooted.Failure) {
        // An O_PATH descriptor cannot be synced.
        let number = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw Rooted.Failure(errno) }
        defer { close(number) }
        guard fsync(number) == 0 || errno == EINVAL else { throw Rooted.Failure(errno) }
    }
}

extension FileAttributes {
    fileprivate init(_ status: stat, of descriptor: Int32) {
        self.init(mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid)
        for (name, value) in OpenFile.attributes(of: descriptor) {
            extended[String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)] = value
        }
    }
}
