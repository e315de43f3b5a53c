import Glibc
import Quantities

/// Paths of a captured tree: symbolic links lead inside the tree only, whatever they say.
enum RootedPath {
    /// Most symbolic links followed, as the kernel has it.
    private static let mostLinks = 40

    /// The real path of `path` below `root`, with links followed inside; `nil` where links go in circles.
    static func resolve(_ path: String, root: String) -> String? {
        let base = root.hasSuffix("/") ? String(root.dropLast()) : root
        guard !base.isEmpty else { return path }
        var waiting = components(path)
        var done: [Substring] = []
        var links = 0
        while let next = waiting.popLast() {
            if next == "." { continue }
            if next == ".." {
                if !done.isEmpty { done.removeLast() }
                continue
            }
            let place = base + "/" + (done + [next]).joined(separator: "/")
            guard let target = link(place) else {
                done.append(next)
                continue
            }
            links += 1
            guard links <= mostLinks else { return nil }
            if target.hasPrefix("/") { done = [] }
            waiting += components(target)
        }
        return base + "/" + done.joined(separator: "/")
    }

    /// The parts of a path, last first.
    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/").reversed()
    }

    /// Where a symbolic link leads; `nil` where there is none.
    private static func link(_ path: String) -> String? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return nil }
        let limit = 4096
        var length = -1
        let bytes = [CChar](unsafeUninitializedCapacity: limit) { buffer, filled in
            // SAFETY: readlink writes at most `limit` bytes, the buffer's capacity.
            length = buffer.baseAddress.map { readlink(path, $0, limit) } ?? -1
            filled = max(0, length)
        }
        guard length > 0 else { return nil }
        return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
