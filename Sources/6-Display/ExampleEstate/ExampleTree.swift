/// The example host's files, as a tree in memory.
enum ExampleTree {
    /// Contents by path without a leading slash.
    static func files() -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        var path: String?
        var content = ""
        for line in archive.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("=== ") {
                if let path { files[path] = Array(content.utf8) }
                path = String(line.dropFirst(4))
                content = ""
            } else {
                content += line + "\n"
            }
        }
        if let path { files[path] = Array(content.utf8) }
        return files
    }
}
