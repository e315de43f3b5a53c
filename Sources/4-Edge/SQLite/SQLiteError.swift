/// Why a database could not do what it was asked.
public struct SQLiteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The classes of failure a caller may want to tell apart.
    public enum Kind: Sendable, Hashable {
        /// SQLite's library is not installed, or too old.
        case notInstalled
        /// Another connection holds the lock that is needed.
        case busy
        /// The file system is full.
        case full
        /// The file, its folder or its file system may not be written to.
        case readOnly
        /// The file is damaged, or no database.
        case corrupt
        /// Anything else SQLite says.
        case other
    }
    /// The class of this failure.
    public var kind: Kind
    /// What was being done: `open`, or the beginning of the statement.
    public var doing: String
    /// SQLite's own words; no full stop.
    public var message: String
    /// The database's file.
    public var path: String
    /// SQLite's extended result code; 0 where SQLite was not asked.
    public var code: Int32
    /// A sentence on what to do; `nil` if nothing helps.
    public var remedy: String?

    init(
        _ kind: Kind, _ doing: String, _ message: String, path: String, code: Int32 = 0, remedy: String? = nil
    ) {
        self.kind = kind
        self.doing = doing
        self.message = message
        self.path = path
        self.code = code
        self.remedy = remedy
    }

    /// The failure in one line: *where: doing: what. Remedy*
    public var description: String { "\(path): \(doing): \(message)" + (remedy.map { ". \($0)" } ?? "") }
}
