internal import Glibc
internal import Quantities

/// What only a system call tells, of the machine this runs on.
enum Platform {
    static var pageSize: ByteCount? {
        let size = sysconf(Int32(_SC_PAGESIZE))
        return size > 0 ? ByteCount(bytes: UInt64(size)) : nil
    }

    /// `uname -m`.
    static var machine: String? {
        var name = utsname()
        guard uname(&name) == 0 else { return nil }
        return withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
