internal import CSQLite
internal import Glibc

/// A connection to one database file.
///
/// It belongs to one thread at a time, for a transaction spans calls: keep it in an actor, or in one function. Each call
/// blocks, and may sync the disk.
public final class Database {
    /// The file.
    public let path: String
    /// How long a statement waits for another connection's lock before it fails as `busy`; by default not at all.
    public var busyTimeout: Duration = .zero {
        didSet {
            let (seconds, attoseconds) = busyTimeout.components
            let milliseconds = min(max(0, seconds), 1_000_000) * 1_000 + attoseconds / 1_000_000_000_000_000
            _ = library.busyTimeout(handle, Int32(clamping: milliseconds))
        }
    }

    private let library: Library
    private let handle: OpaquePointer

    /// Opens a database, and makes its file where there is none and it is not for reading only.
    ///
    /// SQLite looks at the file with the first statement: a damaged one is noticed only there.
    ///
    /// - Parameters:
    ///   - path: the file; its folder must exist.
    ///   - isReadOnly: whether it is only read.
    ///
    /// - Throws: also where SQLite is not installed.
    public init(path: String, isReadOnly: Bool = false) throws(SQLiteError) {
        switch Library.shared {
        case .success(let found): library = found
        case .failure(let absence):
            throw SQLiteError(.notInstalled, "open", absence.what, path: path, remedy: absence.remedy)
        }
        guard !path.utf8.contains(0) else { throw SQLiteError(.other, "open", "the path has a NUL", path: path) }
        // An empty name would be a database in memory that nobody finds again.
        guard !path.isEmpty else { throw SQLiteError(.other, "open", "the path is empty", path: path) }
        self.path = path
        var opened: OpaquePointer?
        let flags = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = library.open(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            var error = Self.failure(library, opened, code, "open", path)
            _ = library.close(opened)
            // Where it may not make the file, SQLite tries to open it for reading, and says that there is none.
            let folder = path.utf8.lastIndex(of: 0x2F).map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            if !isReadOnly, error.kind == .other, access(folder, W_OK) != 0, [EROFS, EACCES].contains(errno) {
                error.kind = .readOnly
                error.message = String(cString: strerror(errno))
            }
            throw error
        }
        handle = opened
    }

    deinit { _ = library.close(handle) }

    /// Executes the statements of a script, without parameters and results.
    ///
    /// What has been done before one that fails stays done, unless a transaction is around it.
    public func execute(_ sql: String) throws(SQLiteError) {
        var rest = Array(sql.utf8CString)
        while true {
            let (statement, used) = try prepare(rest, sql)
            guard let statement else { return }
            defer { _ = library.finalize(statement) }
            while try step(statement, sql) {}
            rest.removeFirst(used)
        }
    }

    /// Executes one statement.
    ///
    /// - Parameters:
    ///   - sql: the statement, with a `?` for each value.
    ///   - values: bound to the parameters, never written into the statement.
    ///
    /// - Returns: the number of the row last inserted on this connection.
    ///
    /// - Throws: where it fails; then it has changed nothing.
    @discardableResult
    public func run(_ sql: String, _ values: [SQLValue]) throws(SQLiteError) -> Int64 {
        try query(sql, values) { _ in }
        return library.lastRow(handle)
    }

    /// The rows that a statement yields, each with the columns in its order.
    ///
    /// - Parameters:
    ///   - sql: the statement, with a `?` for each value.
    ///   - values: bound to the parameters, never written into the statement.
    ///
    /// - Returns: all rows; numbers that are not whole come as text.
    ///
    /// - Throws: where it fails, also after some rows.
    public func rows(_ sql: String, _ values: [SQLValue] = []) throws(SQLiteError) -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        try query(sql, values) { statement in
            rows.append((0..<library.columnCount(statement)).map { value(statement, $0) })
        }
        return rows
    }

    /// Does all of it or nothing: begins a transaction that may write, and commits it, or rolls it back on an error.
    ///
    /// - Parameter body: what is to be done; no transaction within it.
    ///
    /// - Returns: what the body does.
    ///
    /// - Throws: the body's error, or that of beginning or committing; in each case nothing has been changed.
    public func transaction<Result>(_ body: () throws(SQLiteError) -> Result) throws(SQLiteError) -> Result {
        try execute("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // After some failures, a full disk's among them, SQLite has rolled back already.
            if library.isOutsideTransaction(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    // MARK: - Statements

    private func query(_ sql: String, _ values: [SQLValue], _ body: (OpaquePointer) -> Void) throws(SQLiteError) {
        let bytes = Array(sql.utf8CString)
        let (prepared, used) = try prepare(bytes, sql)
        guard let statement = prepared else {
            throw SQLiteError(.other, Self.beginning(sql), "there is no statement", path: path)
        }
        defer { _ = library.finalize(statement) }
        guard bytes[used...].dropLast().allSatisfy({ [0x20, 0x0A, 0x09, 0x0D, 0x3B].contains($0) }) else {
            throw SQLiteError(.other, Self.beginning(sql), "there is more than one statement", path: path)
        }
        let wanted = Int(library.parameterCount(statement))
        guard wanted == values.count else {
            let message = "the statement has \(wanted) parameters, and \(values.count) values were given"
            throw SQLiteError(.other, Self.beginning(sql), message, path: path)
        }
        for (index, value) in values.enumerated() {
            let code = bind(statement, Int32(truncatingIfNeeded: index + 1), value)
            guard code == SQLITE_OK else { throw failure(code, sql) }
        }
        while try step(statement, sql) { body(statement) }
    }

    /// The first statement of a text, `nil` where nothing but comments is left, and how many bytes it takes.
    private func prepare(_ bytes: [CChar], _ sql: String) throws(SQLiteError) -> (OpaquePointer?, Int) {
        var statement: OpaquePointer?
        var used = 0
        let code = bytes.withUnsafeBufferPointer { buffer in
            var tail: UnsafePointer<CChar>?
            let code = library.prepare(handle, buffer.baseAddress, Int32(clamping: buffer.count), &statement, &tail)
            if let tail, let base = buffer.baseAddress { used = tail - base }
            return code
        }
        guard code == SQLITE_OK else { throw failure(code, sql) }
        return (statement, used)
    }

    /// Whether there is a row.
    private func step(_ statement: OpaquePointer, _ sql: String) throws(SQLiteError) -> Bool {
        switch library.step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code, sql)
        }
    }

    private func bind(_ statement: OpaquePointer, _ index: Int32, _ value: SQLValue) -> Int32 {
        // SAFETY: SQLITE_TRANSIENT, which the header writes as a cast of -1: SQLite copies the bytes before it returns.
        let isCopied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return library.bindNull(statement, index)
        case .integer(let number): return library.bindInteger(statement, index, number)
        case .text(let text):
            let bytes = text.utf8CString
            return bytes.withUnsafeBufferPointer {
                library.bindText(statement, index, $0.baseAddress, Int32(clamping: $0.count - 1), isCopied)
            }
        case .blob(let bytes):
            // Without bytes there may be no address either, and that would be NULL.
            if bytes.isEmpty { return library.bindZeroBlob(statement, index, 0) }
            return bytes.withUnsafeBytes {
                library.bindBlob(statement, index, $0.baseAddress, Int32(clamping: $0.count), isCopied)
            }
        }
    }

    private func value(_ statement: OpaquePointer, _ column: Int32) -> SQLValue {
        switch library.columnType(statement, column) {
        case SQLITE_NULL: return .null
        case SQLITE_INTEGER: return .integer(library.columnInteger(statement, column))
        case SQLITE_BLOB:
            // The address first, then the size: SQLite may convert the value for it.
            let start = library.columnBlob(statement, column)
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(library.columnSize(statement, column)))
            return .blob(start == nil ? [] : Array(bytes))
        default:
            guard let start = library.columnText(statement, column) else { return .null }
            let bytes = UnsafeBufferPointer(start: start, count: Int(library.columnSize(statement, column)))
            return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    // MARK: - Errors

    private func failure(_ code: Int32, _ sql: String) -> SQLiteError {
        Self.failure(library, handle, code, Self.beginning(sql), path)
    }

    /// The beginning of a statement, in one line.
    private static func beginning(_ sql: String) -> String {
        let words = sql.prefix(200).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.count <= 60 ? words : words.prefix(60) + "…"
    }

    private static func failure(
        _ library: Library, _ handle: OpaquePointer?, _ code: Int32, _ doing: String, _ path: String
    ) -> SQLiteError {
        let words = handle == nil ? library.messageOfCode(code) : library.message(handle)
        let message = words.map { String(cString: $0) } ?? "code \(code)"
        let extended = handle == nil ? code : library.extendedCode(handle)
        let system = handle == nil ? 0 : library.systemError(handle)
        func error(_ kind: SQLiteError.Kind, remedy: String? = nil) -> SQLiteError {
            // For an I/O error SQLite's words are only that; the kernel's say more. Where it was none, they are old.
            let isSystems = [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xFF) && system != 0
            let cause = isSystems ? " (\(String(cString: strerror(system))))" : ""
            return SQLiteError(kind, doing, message + cause, path: path, code: extended, remedy: remedy)
        }
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: return error(.busy)
        case SQLITE_FULL: return error(.full, remedy: "Make room on its file system")
        case SQLITE_READONLY, SQLITE_PERM: return error(.readOnly)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return error(.corrupt)
        case SQLITE_IOERR, SQLITE_CANTOPEN:
            switch system {
            case ENOSPC, EDQUOT: return error(.full, remedy: "Make room on its file system")
            case EROFS, EACCES, EPERM: return error(.readOnly)
            default: return error(.other)
            }
        default: return error(.other)
        }
    }
}
