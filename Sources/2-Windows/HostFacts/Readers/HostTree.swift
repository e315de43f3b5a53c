internal import Glibc
internal import Quantities
internal import Synchronization

/// The files of a host, below a root that nothing leaves: symbolic links are resolved within it, absolute ones from it.
public struct HostTree: Sendable {
    private enum Storage: Sendable {
        /// The live machine or a captured tree; without a slash at the end, so empty for `/`.
        case folder(String)
        case memory([String: [UInt8]])
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
        storage = .memory(files)
    }

    /// Most bytes read of one file. `numa_maps` of a large guest is the longest.
    static let sizeLimit = 16 << 20
    /// Most entries read of one folder.
    static let entryLimit = 100_000

    /// Whether this is the running machine.
    public var isLive: Bool { if case .folder("") = storage { true } else { false } }

    /// A file's bytes.
    func bytes(_ path: String) -> Fact<[UInt8]> {
        switch storage {
        case .memory(let files):
            return files[String(path.drop { $0 == "/" })].map(Fact.known) ?? .unknown(Unknown(.missing, source: path))
        case .folder:
            switch resolved(path) {
            case .failure(let reason): return .unknown(reason)
            case .success(let real): return Self.read(real, source: path)
            }
        }
    }

    /// A file as text without white space at its ends; bytes that are not UTF-8 are replaced.
    func text(_ path: String) -> Fact<String> { bytes(path).map { String(decoding: $0, as: UTF8.self).trimmingWhitespace } }

    /// A file's lines.
    func lines(_ path: String) -> Fact<[Substring]> {
        bytes(path).map { String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true) }
    }

    /// A file that holds one number.
    func number<Number: FixedWidthInteger & Sendable>(_ path: String, as type: Number.Type = Number.self) -> Fact<Number> {
        text(path).flatMap { text in
            Number(text).map(Fact.known) ?? .unknown(Unknown(.malformed(String(text.prefix(40))), source: path))
        }
    }

    /// A file that holds 0 or 1 (or Y or N).
    func flag(_ path: String) -> Fact<Bool> {
        text(path).flatMap { text in
            switch text {
            case "1", "Y", "y": .known(true)
            case "0", "N", "n": .known(false)
            default: .unknown(Unknown(.malformed(String(text.prefix(40))), source: path))
            }
        }
    }

    /// A file that holds a list of CPUs or nodes.
    func list<Kind>(_ path: String, of kind: Kind.Type = Kind.self) -> Fact<IDSet<Kind>> {
        text(path).flatMap { text in
            // An empty `offline` prints as an empty line; some kernels write `(null)`.
            if text == "(null)" { return .known(IDSet()) }
            return IDSet(list: text).map(Fact.known) ?? .unknown(Unknown(.malformed(String(text.prefix(40))), source: path))
        }
    }

    /// A file whose chosen word stands in brackets; the text itself where none does.
    func choice(_ path: String) -> Fact<String> {
        text(path).map { text in
            guard let open = text.firstIndex(of: "["), let close = text[open...].firstIndex(of: "]") else { return text }
            return String(text[text.index(after: open)..<close])
        }
    }

    /// Names in a folder, sorted; empty where it does not exist is told apart by ``exists(_:)``.
    func names(_ path: String) -> Fact<[String]> {
        switch storage {
        case .memory(let files):
            let prefix = String(path.drop { $0 == "/" }) + "/"
            var names = Set<String>()
            for file in files.keys where file.hasPrefix(prefix) {
                names.insert(String(file.dropFirst(prefix.count).prefix { $0 != "/" }))
            }
            return names.isEmpty ? .unknown(Unknown(.missing, source: path)) : .known(names.sorted())
        case .folder:
            switch resolved(path) {
            case .failure(let reason): return .unknown(reason)
            case .success(let real):
                guard let directory = opendir(real) else { return .unknown(Self.reason(errno, path)) }
                defer { closedir(directory) }
                var names: [String] = []
                while let entry = readdir(directory), names.count < Self.entryLimit {
                    let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
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
                let digits = name.dropFirst(prefix.count)
                guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits), number <= CPUSet.limit else { return nil }
                return number
            }.sorted()
        }
    }

    /// Whether a path exists, links resolved.
    func exists(_ path: String) -> Bool {
        switch storage {
        case .memory(let files):
            let plain = String(path.drop { $0 == "/" })
            return files[plain] != nil || files.keys.contains { $0.hasPrefix(plain + "/") }
        case .folder:
            guard case .success(let real) = resolved(path) else { return false }
            return access(real, F_OK) == 0
        }
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
            guard let walked = walk(parentPath.split(separator: "/"), from: [], folder) else { return .failure(Self.loop(path)) }
            parent = walked
            folders.store(walked, for: parentPath)
        }
        guard let below = walk(path[slash...].split(separator: "/"), from: parent, folder) else { return .failure(Self.loop(path)) }
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

    private static func read(_ real: String, source: String) -> Fact<[UInt8]> {
        // O_NONBLOCK: a FIFO in a captured tree must not hold the program.
        let descriptor = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return .unknown(reason(errno, source)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .unknown(reason(errno, source)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .unknown(Unknown(.malformed("this is not a regular file"), source: source))
        }
        var bytes: [UInt8] = []
        var chunk = 4096
        while bytes.count <= sizeLimit {
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
        return .unknown(Unknown(.malformed("more than \(sizeLimit) bytes"), source: source))
    }
}

/// Folders of a captured tree with their links followed, so that each is walked once.
private final class FolderCache: Sendable {
    private let folders = Mutex<[String: [Substring]]>([:])
    func value(_ path: String) -> [Substring]? { folders.withLock { $0[path] } }
    func store(_ folder: [Substring], for path: String) { folders.withLock { $0[path] = folder } }
}

extension StringProtocol {
    /// Without white space and NUL at its ends.
    var trimmingWhitespace: String {
        var slice = self[startIndex..<endIndex]
        while let first = slice.unicodeScalars.first, first.value <= 0x20 { slice = slice.dropFirst() }
        while let last = slice.unicodeScalars.last, last.value <= 0x20 { slice = slice.dropLast() }
        return String(slice)
    }

    /// Its words, split at spaces and tabs.
    var words: [SubSequence] { split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" }) }

    /// What stands before and after the first of a character; `nil` if there is none.
    func cut(at character: Character) -> (before: SubSequence, after: SubSequence)? {
        firstIndex(of: character).map { (self[startIndex..<$0], self[index(after: $0)...]) }
    }
}
