public import Quantities

/// Kernel settings: what is in force, and what the files will set at boot.
public struct SysctlFacts: Sendable, Equatable {
    /// Values in force by dotted key (`vm.swappiness`), white space squeezed; those the practices read and that exist.
    public var running: [String: Fact<String>] = [:]
    /// What sysctl.d and sysctl.conf will set at boot, by dotted key; the winner only, with the files it beat.
    public var configured: Fact<[String: ConfiguredSysctl]> = .unexamined("/etc/sysctl.d")

    /// Nothing known yet.
    public init() {}

    /// The value in force as text.
    public func text(_ key: String) -> Fact<String> {
        running[key]
            ?? .unknown(Unknown(.notExamined, source: "/proc/sys/" + key.split(separator: ".").joined(separator: "/")))
    }
    /// The value in force as a number.
    public func number(_ key: String) -> Fact<Int> {
        text(key).flatMap { value in
            Int(value).map(Fact.known)
                ?? .unknown(
                    Unknown(.malformed(value), source: "/proc/sys/" + key.split(separator: ".").joined(separator: "/")))
        }
    }
}

/// One key as the files of sysctl.d leave it.
public struct ConfiguredSysctl: Sendable, Hashable {
    /// The value that wins.
    public var value: String
    /// The file that says so, as on the host (`/etc/sysctl.d/90-x.conf`).
    public var file: String
    /// Its line, from 1.
    public var line: Int
    /// Files that set it too and are overruled, with their values, in the order read.
    public var overruled: [String]
    /// A configured key.
    public init(value: String, file: String, line: Int = 1, overruled: [String] = []) {
        self.value = value
        self.file = file
        self.line = line
        self.overruled = overruled
    }
    /// Whether it is read before another of its kind: fragments by file name, whatever their folder, then by line.
    ///
    /// - Source: sysctl.d(5), tmpfiles.d(5).
    public func isRead(before other: ConfiguredSysctl) -> Bool {
        func name(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
        let (own, its) = (name(file), name(other.file))
        return own == its ? line < other.line : own.utf8.lexicographicallyPrecedes(its.utf8)
    }
}
