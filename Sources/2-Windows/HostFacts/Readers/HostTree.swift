internal import Glibc
internal import Quantities
internal import Synchronization

/// The files of a host, below a root that nothing leaves: symbolic links are resolved within it, absolute ones from it.
public struct HostTree: Sendable {
    private enum Storage: Sendable {
        /// The live machine or a captured tree; without a slash at the end, so empty for `/`.
        case folder(String)
        /// Files by path, and what each folder holds.
        case memory([String: [UInt8]], folders: [String: Set<String>])
    }
    private let storage: Storage
    /// The root as named.
    public let root: String
    private let folders = FolderCache()

    /// The tree below a folder.
    public init(root: String) {
        self.root = root
        var folder = root
        while folder.hasSuffix("/") { folder.removeLast() }
        storage = .folder(folder)
    }

    /// A tree in memory: contents by path without a leading slash.
    public init(files: [String: [UInt8]], name: String) {
        root = name
        var folders: [String: Set<String>] = [:]
        for file in files.keys {
            var path = Substring(file)
            while !path.isEmpty {
                let slash = path.lastIndex(of: "/")
                let parent = slash.map { path[..<$0] } ?? ""
                let isNew = folders[String(parent), default: []].insert(
                    String(path[(slash.map(path.index(after:)) ?? path.startIndex)...])
                ).inserted
                if !isNew { break }
                path = parent
            }
        }
        storage = .memory(files, folders: folders)
    }

    /// Most bytes read of one file.
    static let sizeLimit = 4 << 20
    /// Most bytes read of `numa_maps`, where a large guest has tens of thousands of mappings.
    static let mapsLimit = 64 << 20
    /// Most entries read of one folder.
    static let entryLimit = 100_000

    /// Whether this is the running machine.
    public var isLive: Bool { if case .folder("") = storage { true } else { false } }

    /// A file's bytes.
    func bytes(_ path: String, limit: Int = sizeLimit) -> Fact<[UInt8]> {
        switch storage {
        case .memory(let files, _):
            return files[String(path.drop { $0 == "/" })].map(Fact.known) ?? .unknown(Unknown(.missing, source: path))
        case .folder(let folder):
            switch resolved(path) {
            case .failure(let reason): return .unknown(reason)
            case .success(let real): return Self.read(real, source: path, isCaptured: !folder.isEmpty, limit: limit)
            }
        }
    }

    /// A file as a parser understands it; malformed where the parser does not.
    func parsed<Value>(_ path: String, limit: Int = sizeLimit, _ parse: ([UInt8]) -> Value?) -> Fact<Value> {
        bytes(path, limit: limit).flatMap { bytes in
            parse(bytes).map(Fact.known) ?? .unknown(Unknown(.malformed(bytes.excerpt), source: path))
        }
    }

    /// A file as text without white space at its ends; bytes that are not UTF-8 are replaced.
    func text(_ path: String) -> Fact<String> { bytes(path).map(\.trimmed.string) }

    /// A file that holds one number.
    func number<Number: FixedWidthInteger & Sendable>(_ path: String, as type: Number.Type = Number.self) -> Fact<
        Number
    > {
        parsed(path) { bytes in
            let digits = bytes.trimmed
            if digits.first == 0x2D { return digits.integer.flatMap { Number(exactly: $0) } }
            return digits.decimal.flatMap { Number(exactly: $0) }
        }
    }

    /// A file that holds 0 or 1 (or Y or N).
    func flag(_ path: String) -> Fact<Bool> {
        parsed(path) { bytes in
            switch bytes.trimmed.string {
            case "1", "Y", "y": true
            case "0", "N", "n": false
            default: nil
            }
        }
    }

    /// A file that holds a list of CPUs or nodes.
    ///
    /// An empty `offline` is an empty line; some kernels write `(null)`.
    func list<Kind>(_ path: String, of kind: Kind.Type = Kind.self) -> Fact<IDSet<Kind>> {
        parsed(path) { bytes in
            let text = bytes.trimmed.string
            return text == "(null)" ? IDSet() : IDSet(list: text)
        }
    }

    /// A file of words whose chosen one stands in brackets; malformed where none does.
    func choice(_ path: String) -> Fact<String> { parsed(path, HostFacts.parseChoice) }

    /// Names in a folder, sorted; unknown where it does not exist or may not be read.
    func names(_ path: String) -> Fact<[String]> {
        switch storage {
        case .memory(_, let folders):
            return folders[String(path.drop { $0 == "/" })].map { .known($0.sorted()) }
                ?? .unknown(Unknown(.missing, source: path))
        case .folder:
            switch resolved(path) {
            case .failure(let reason): return .unknown(reason)
            case .success(let real):
                guard let directory = opendir(real) else { return .unknown(Self.reason(errno, path)) }
                defer { closedir(directory) }
                var names: [String] = []
                while let entry = readdir(directory), names.count < Self.entryLimit {
                    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                    }
                    if name != ".", name != ".." { names.append(name) }
                }
                return .known(names.sorted())
            }
        }
    }

    /// Names in a folder that are a word and a number (`cpu12`, `node3`), by number.
    func numbered(_ path: String, prefix: String) -> Fact<[Int]> {
        names(path).map { names in
            names.compactMap { name in
                guard name.hasPrefix(prefix), name.count > prefix.count else { return nil }
                guard let number = Array(name.utf8.dropFirst(prefix.utf8.count)).decimal, number <= UInt64(CPUSet.limit)
                else { return nil }
                return Int(number)
            }.sorted()
        }
    }

    /// Whether a path exists, links resolved; a folder on the way that may not be entered hides that, and says so.
    func presence(_ path: String) -> Fact<Bool> {
        switch storage {
        case .memory(let files, let folders):
            let plain = String(path.drop { $0 == "/" })
            return .known(files[plain] != nil || folders[plain] != nil)
        case .folder:
            switch resolved(path) {
            case .failure(let reason): return .unknown(reason)
            case .success(let real):
                if access(real, F_OK) == 0 { return .known(true) }
                let reason = Self.reason(errno, path)
                return reason.cause == .missing ? .known(false) : .unknown(reason)
            }
        }
    }

    /// Whether a path exists and can be got at.
    func exists(_ path: String) -> Bool { presence(path).value == true }

    /// The path a link leads to in the end, as the host sees it; the path itself where it is no link or leads nowhere.
    func real(_ path: String) -> String {
        guard case .folder(let folder) = storage else { return path }
        guard let below = walk(path.split(separator: "/"), from: [], folder) else { return path }
        return "/" + below.joined(separator: "/")
    }

    /// Where a symbolic link leads, as written; `nil` if it is none.
    func link(_ path: String) -> String? {
        guard case .folder(let folder) = storage else { return nil }
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        guard case .success(let parent) = resolved(String(path[..<slash])) else { return nil }
        return Self.target(parent.isEmpty ? folder + path : parent + path[slash...])
    }

    private static func target(_ real: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(real, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The real path of one below the root, with every link on the way followed inside the root.
    private func resolved(_ path: String) -> Result<String, Unknown> {
        guard case .folder(let folder) = storage else { return .failure(Unknown(.missing, source: path)) }
        // The live machine has no boundary to keep.
        if folder.isEmpty { return .success(path) }
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let parentPath = String(path[..<slash])
        let parent: [Substring]
        if let cached = folders.value(parentPath) {
            parent = cached
        } else {
            guard let walked = walk(parentPath.split(separator: "/"), from: [], folder) else {
                return .failure(Self.loop(path))
            }
            parent = walked
            folders.store(walked, for: parentPath)
        }
        guard let below = walk(path[slash...].split(separator: "/"), from: parent, folder) else {
            return .failure(Self.loop(path))
        }
        return .success(folder + "/" + below.joined(separator: "/"))
    }

    private static func loop(_ path: String) -> Unknown { Unknown(.malformed("too many symbolic links"), source: path) }

    /// Follows names from a folder below the root; `nil` where links lead in circles.
    private func walk(_ path: [Substring], from start: [Substring], _ folder: String) -> [Substring]? {
        var parts: [Substring] = path.reversed()
        var below = start
        var links = 0
        while let part = parts.popLast() {
            if part == "." { continue }
            if part == ".." {
                _ = below.popLast()
                continue
            }
            if let target = Self.target(folder + "/" + (below + [part]).joined(separator: "/")) {
                links += 1
                guard links <= 40 else { return nil }
                if target.hasPrefix("/") { below = [] }
                parts += target.split(separator: "/").reversed()
            } else {
                below.append(part)
            }
        }
        return below
    }

    private static func reason(_ code: Int32, _ source: String) -> Unknown {
        switch code {
        case ENOENT, ENOTDIR, ESRCH, ENODEV, ENXIO: Unknown(.missing, source: source)
        case EACCES, EPERM: Unknown(.denied, source: source)
        default: Unknown(.failed(String(cString: strerror(code))), source: source)
        }
    }

    private static func read(_ real: String, source: String, isCaptured: Bool, limit: Int) -> Fact<[UInt8]> {
        var status = stat()
        let irregular = Fact<[UInt8]>.unknown(Unknown(.malformed("this is not a regular file"), source: source))
        if isCaptured {
            // Opening a device that somebody put into a tree could already do something.
            guard lstat(real, &status) == 0 else { return .unknown(reason(errno, source)) }
            guard status.st_mode & S_IFMT == S_IFREG else { return irregular }
        }
        // O_NONBLOCK: a FIFO must not hold the program. O_NOFOLLOW: links of a captured tree have been followed, inside it.
        let descriptor = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (isCaptured ? O_NOFOLLOW : 0))
        guard descriptor >= 0 else { return .unknown(reason(errno, source)) }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else { return .unknown(reason(errno, source)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return irregular }
        var bytes: [UInt8] = []
        var chunk = 4096
        while bytes.count <= limit {
            var code: Int32 = 0
            let more = [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
                let got = Glibc.read(descriptor, buffer.baseAddress, chunk)
                code = got < 0 ? errno : 0
                count = max(0, got)
            }
            if code == EINTR { continue }
            guard code == 0 else { return .unknown(reason(code, source)) }
            if more.isEmpty { return .known(bytes) }
            if bytes.isEmpty { bytes = more } else { bytes += more }
            chunk = min(chunk * 4, 1 << 20)
        }
        return .unknown(Unknown(.malformed("more than \(limit) bytes"), source: source))
    }
}

/// Folders of a captured tree with their links followed, so that each is walked once.
private final class FolderCache: Sendable {
    private let folders = Mutex<[String: [Substring]]>([:])
    func value(_ path: String) -> [Substring]? { folders.withLock { $0[path] } }
    func store(_ folder: [Substring], for path: String) { folders.withLock { $0[path] = folder } }
}
