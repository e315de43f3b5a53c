public import Changes
import CLinux
import FileWriting
import Glibc
import JSONText
import Quantities

/// A copy of definitions, configuration and, on request, disks: readable files for people, and a manifest that a restore reads.
public struct Backup: Sendable {
    /// A disk image to copy.
    public struct Disk: Sendable, Hashable {
        /// Its path on the machine.
        public var path: String
        /// The guest that owns it.
        public var guest: String
        /// A disk.
        public init(path: String, guest: String) {
            self.path = path
            self.guest = guest
        }
    }

    /// One thing in a backup.
    public struct Entry: Sendable, Hashable {
        /// What it is.
        public var resource: Resource
        /// What it was like.
        public var state: ResourceState
    }

    /// The folder.
    public let folder: String
    /// The root the files are of.
    public let root: String
    /// The libvirt connection of the definitions.
    public let connection: String?
    /// Definitions and files.
    public let entries: [Entry]
    /// Disks, with the names their copies have in the folder.
    public let disks: [(disk: Disk, file: String)]

    private static let version: Int64 = 1

    /// Configuration files that a virtualization host is made of; folders end with a slash.
    private static let places = [
        "/etc/sysctl.conf", "/etc/sysctl.d/", "/etc/tmpfiles.d/", "/etc/modprobe.d/", "/etc/default/grub",
        "/etc/kernel/cmdline",
        "/etc/fstab", "/etc/libvirt/", "/etc/xen/xl.conf", "/etc/multipath.conf", "/etc/multipath/conf.d/",
        "/etc/nfs.conf",
        "/etc/nfs.conf.d/", "/etc/sysconfig/nfs", "/etc/ksmtuned.conf", "/etc/security/limits.d/",
        "/boot/loader/entries/",
        "/boot/grub2/grubenv", "/boot/grub/grubenv", "/boot/grub2/grub.cfg", "/boot/grub/grub.cfg",
        "/boot/grub/menu.lst",
    ]

    // MARK: Make

    /// Makes a backup.
    ///
    /// - Parameters:
    ///   - path: the folder it goes into, which must not exist.
    ///   - machine: what is backed up.
    ///   - connection: the libvirt connection of the guests; `nil` where there is none.
    ///   - guests: names of guests whose definitions libvirt keeps.
    ///   - files: definitions that are files, by their path below the root.
    ///   - disks: images of guests that do not run.
    ///   - progress: told of each thing.
    ///
    /// - Returns: the backup.
    ///
    /// - Throws: where there is no room for all of it, before anything is written; where a thing cannot be read.
    public static func make(
        _ path: String, of machine: Machine, connection: String?, guests: [String], files: [String], disks: [Disk],
        progress: @Sendable (String) -> Void = { _ in }
    ) async throws(TransactionError) -> Backup {
        var entries: [Entry] = []
        for guest in guests {
            progress(guest)
            let resource = Resource(.domain, guest)
            entries.append(Entry(resource: resource, state: try await machine.state(of: resource)))
        }
        entries += try await configuration(machine)
        for file in files { entries += try await entry(file, machine) }
        let text = entries.reduce(0) { $0 + ($1.state.bytes?.count ?? 0) * 3 + 4096 }
        var sizes = 0
        for disk in disks { sizes += try allocated(below(machine.root, disk.path)) }
        try FolderMaking.make(parent(path))
        try refuse(without: text + sizes, at: parent(path))
        guard mkdir(path, 0o700) == 0 else { throw Rooted.Failure(errno).at(path) }
        var copies: [(disk: Disk, file: String)] = []
        for (index, disk) in disks.enumerated() {
            progress(disk.path)
            let name = disk.path.split(separator: "/").last.map(String.init) ?? "disk"
            let file = "disks/\(index)-\(name)"
            try FolderMaking.make("\(path)/disks")
            try copy(below(machine.root, disk.path), to: "\(path)/\(file)")
            copies.append((disk, file))
        }
        for entry in entries {
            guard let bytes = entry.state.bytes else { continue }
            let file =
                entry.resource.kind == .domain
                ? "/definitions/\(entry.resource.name.filter { $0 != "/" }).xml" : "/files" + entry.resource.name
            try FolderMaking.make(parent(path + file))
            try write(bytes, path + file)
        }
        let backup = Backup(folder: path, root: machine.root, connection: connection, entries: entries, disks: copies)
        // Last: a folder with a manifest is whole.
        try write(backup.manifest(), path + "/manifest.json")
        return backup
    }

    private static func configuration(_ machine: Machine) async throws(TransactionError) -> [Entry] {
        var entries: [Entry] = []
        for place in places {
            guard place.hasSuffix("/") else {
                entries += try await entry(place, machine)
                continue
            }
            for name in await machine.names(in: String(place.dropLast())).value ?? [] where name.contains(".") {
                // Folders and sockets beside the files are none of them.
                entries += (try? await entry(place + name, machine)) ?? []
            }
        }
        return entries
    }

    /// A file as it is; nothing where there is none.
    private static func entry(_ file: String, _ machine: Machine) async throws(TransactionError) -> [Entry] {
        let resource = Resource(.file, file)
        let state = try await machine.state(of: resource)
        return state.bytes == nil ? [] : [Entry(resource: resource, state: state)]
    }

    private func manifest() -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", Self.version)
            json.member("created", Int64(time(nil)))
            json.member("root", root)
            json.member("connection", connection)
            json.member("entries", array: entries) { json, entry in
                json.object { json in
                    json.member("kind", entry.resource.kind.rawValue)
                    json.member("target", entry.resource.name)
                    json.key("state")
                    PlanJSON.write(entry.state, &json)
                }
            }
            json.member("disks", array: disks) { json, entry in
                json.object { json in
                    json.member("path", entry.disk.path)
                    json.member("guest", entry.disk.guest)
                    json.member("file", entry.file)
                }
            }
        }
        return json.finished()
    }

    // MARK: Read and restore

    private init(
        folder: String, root: String, connection: String?, entries: [Entry], disks: [(disk: Disk, file: String)]
    ) {
        self.folder = folder
        self.root = root
        self.connection = connection
        self.entries = entries
        self.disks = disks
    }

    /// Reads a backup.
    ///
    /// - Throws: where the folder holds none, or not a whole one.
    public init(reading folder: String) async throws(TransactionError) {
        let path = folder + "/manifest.json"
        guard let bytes = try await FilePerformer(root: "/", sizeLimit: 1 << 30).read(path).bytes else {
            throw TransactionError(.unknown, "there is no backup in it, or not a whole one", place: folder)
        }
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(String(decoding: bytes, as: UTF8.self)) } catch {
            throw TransactionError(.failed, "\(error)", place: path)
        }
        guard json["schemaVersion"]?.integer == Self.version, let root = json["root"]?.text else {
            throw TransactionError(.failed, "this is no manifest of this version", place: path)
        }
        var entries: [Entry] = []
        for entry in json["entries"]?.array ?? [] {
            guard let kind = entry["kind"]?.text.flatMap(Resource.Kind.init), let target = entry["target"]?.text,
                let state = PlanJSON.state(entry["state"]), kind == .file && target.hasPrefix("/") || kind == .domain
            else { throw TransactionError(.failed, "an entry cannot be understood", place: path) }
            entries.append(Entry(resource: Resource(kind, target), state: state))
        }
        var disks: [(disk: Disk, file: String)] = []
        for entry in json["disks"]?.array ?? [] {
            guard let path = entry["path"]?.text, let guest = entry["guest"]?.text, let file = entry["file"]?.text,
                file.hasPrefix("disks/"), !file.contains("..")
            else { throw TransactionError(.failed, "a disk cannot be understood", place: path) }
            disks.append((Disk(path: path, guest: guest), file))
        }
        self.init(
            folder: folder, root: root, connection: json["connection"]?.text, entries: entries, disks: disks)
    }

    /// A plan that puts back what has changed since: to be applied like any other, so that it can be undone.
    ///
    /// Definitions come with their passwords, for which the engine compares and merges.
    public func plan(_ machine: Machine, guests: [String]) async throws(TransactionError) -> Plan {
        let patterns = guests.map(Wildcard.init)
        var plan = Plan(root: root, connection: connection)
        for entry in entries {
            guard patterns.isEmpty || entry.resource.kind == .domain,
                Wildcard.choose(patterns, entry.resource.name)
            else { continue }
            let now = try await machine.state(of: entry.resource)
            guard !machine.isSame(now, entry.state, for: entry.resource) else { continue }
            plan.steps.append(
                Step(
                    entry.resource, from: try await machine.plain(now, of: entry.resource), to: entry.state,
                    reasons: [], disrupts: entry.resource.kind == .domain ? .guestRestart : .nothing))
        }
        return plan
    }

    /// Puts a disk's copy back in place of the disk: whole or not at all.
    public func restore(_ disk: Disk) throws(TransactionError) {
        guard let file = disks.first(where: { $0.disk == disk })?.file else {
            throw TransactionError(.unknown, "the backup has no such disk", place: disk.path)
        }
        let target = Self.below(root, disk.path)
        let source = "\(folder)/\(file)"
        try Self.refuse(without: try Self.allocated(source), at: Self.parent(target))
        let temporary = target + ".nearmetal"
        unlink(temporary)
        do throws(TransactionError) {
            try Self.copy(source, to: temporary)
            guard rename(temporary, target) == 0 else { throw Rooted.Failure(errno).at(target) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    // MARK: Files

    private static func below(_ root: String, _ path: String) -> String { root == "/" ? path : root + path }

    private static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2F), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    private static func allocated(_ path: String) throws(TransactionError) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Rooted.Failure(errno).at(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TransactionError(
                .failed, "this is no file: block devices are backed up where they come from", place: path)
        }
        return Int(status.st_blocks) * 512
    }

    private static func refuse(without bytes: Int, at folder: String) throws(TransactionError) {
        var space = statvfs()
        guard statvfs(folder, &space) == 0 else { throw Rooted.Failure(errno).at(folder) }
        let free = UInt64(space.f_bavail) * UInt64(space.f_frsize)
        guard UInt64(bytes) + (16 << 20) <= free else {
            throw TransactionError(
                .failed,
                "there is no room: \(ByteCount(bytes: UInt64(bytes))) are needed, \(ByteCount(bytes: free)) are free",
                place: folder, remedy: "Name another folder (--to)")
        }
    }

    private static func write(_ bytes: [UInt8], _ path: String) throws(TransactionError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Rooted.Failure(errno).at(path) }
        defer { close(descriptor) }
        if let failure = OpenFile.write(bytes, to: descriptor) { throw Rooted.Failure(failure).at(path) }
        guard fsync(descriptor) == 0 else { throw Rooted.Failure(errno).at(path) }
    }

    /// Copies a file with its holes, mode and owner; the kernel shares the data where the file system can.
    private static func copy(_ source: String, to target: String) throws(TransactionError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw Rooted.Failure(errno).at(source) }
        defer { close(input) }
        var status = stat()
        guard fstat(input, &status) == 0 else { throw Rooted.Failure(errno).at(source) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw Rooted.Failure(errno).at(target) }
        defer { close(output) }
        guard ftruncate(output, status.st_size) == 0 else { throw Rooted.Failure(errno).at(target) }
        var place: off_t = 0
        while place < status.st_size {
            var start: Int = lseek(input, place, nearmetal_SEEK_DATA)
            if start < 0 {
                guard errno == ENXIO else { throw Rooted.Failure(errno).at(source) }
                break
            }
            let end = lseek(input, start, nearmetal_SEEK_HOLE)
            guard end >= start else { throw Rooted.Failure(errno).at(source) }
            var out = start
            while start < end {
                let count = nearmetal_copy_range(input, &start, output, &out, min(Int(end - start), 1 << 28))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw Rooted.Failure(count < 0 ? errno : EIO).at(target) }
            }
            place = end
        }
        guard fchown(output, status.st_uid, status.st_gid) == 0 || errno == EPERM,
            fchmod(output, status.st_mode & 0o7777) == 0, fsync(output) == 0
        else { throw Rooted.Failure(errno).at(target) }
    }
}

/// Makes folders with those above them.
enum FolderMaking {
    static func make(_ path: String, mode: mode_t = 0o700) throws(TransactionError) {
        var missing: [String] = []
        var folder = path
        while access(folder, F_OK) != 0 {
            missing.append(folder)
            guard let slash = folder.utf8.lastIndex(of: 0x2F), slash != folder.startIndex else { break }
            folder = String(folder[..<slash])
        }
        for folder in missing.reversed() {
            guard mkdir(folder, folder == path ? mode : 0o755) == 0 || errno == EEXIST else {
                throw Rooted.Failure(errno).at(folder)
            }
        }
    }
}
