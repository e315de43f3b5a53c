import Glibc
public import Inventory
import Quantities

extension Settings {
    /// Where a configuration is looked for when none is named: the working folder, then the system's.
    public static let searchPath = ["nearmetal.yaml", "/etc/nearmetal/nearmetal.yaml"]
    /// The largest configuration read, in bytes.
    static let sizeLimit = 1 << 20

    /// Reads the configuration: the file named, else the first of ``searchPath`` that exists, else the defaults.
    ///
    /// - Parameter path: the file to read; `nil` searches.
    /// - Returns: the settings, with the defaults for what the file leaves out.
    /// - Throws: a ``ConfigurationError`` for a file that cannot be read or says something unknown.
    public static func read(_ path: String?) throws(ConfigurationError) -> Settings {
        if let path { return try parse(load(path), path: path) }
        for candidate in searchPath where access(candidate, F_OK) == 0 {
            return try parse(load(candidate), path: candidate)
        }
        return Settings()
    }

    private static func load(_ path: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw ConfigurationError(
                String(cString: strerror(errno)), path: path, remedy: "Name a readable file with --config")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ConfigurationError("this is not a regular file", path: path, remedy: "Name a YAML file with --config")
        }
        guard status.st_size <= sizeLimit else {
            throw ConfigurationError("the file has \(status.st_size) bytes; at most \(sizeLimit) are read", path: path)
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled)
            }
            if count < 0 { throw ConfigurationError(String(cString: strerror(errno)), path: path) }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes[..<filled])
    }

    /// Reads a configuration's text.
    ///
    /// - Throws: a ``ConfigurationError`` with line and column; an unknown key names the nearest known one.
    public static func parse(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> Settings {
        guard bytes.count <= sizeLimit else { throw ConfigurationError("more than \(sizeLimit) bytes", path: path) }
        let root = try YAMLNode.read(bytes, path: path)
        var settings = Settings()
        settings.source = path
        // An empty document, or one that says `null`, leaves the defaults.
        guard let root, root.scalar.map({ !["", "~", "null"].contains($0) }) ?? true else { return settings }
        try SettingsParser(path: path).read(root, into: &settings)
        return settings
    }
}
