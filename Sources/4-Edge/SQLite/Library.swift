internal import CSQLite
internal import Glibc

/// SQLite's functions, looked up in the library once it is wanted.
///
/// SAFETY: each symbol is cast to the type its declaration has in SQLite's header, written by hand here. `SQLiteHeaderTests` does not compile where one
/// differs from the header.
struct Library: Sendable {
    let open:
        @convention(c) (
            UnsafePointer<CChar>?, UnsafeMutablePointer<OpaquePointer?>?, Int32, UnsafePointer<CChar>?
        ) -> Int32
    let close: @convention(c) (OpaquePointer?) -> Int32
    let message: @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    let messageOfCode: @convention(c) (Int32) -> UnsafePointer<CChar>?
    let extendedCode: @convention(c) (OpaquePointer?) -> Int32
    let systemError: @convention(c) (OpaquePointer?) -> Int32
    let busyTimeout: @convention(c) (OpaquePointer?, Int32) -> Int32
    let isOutsideTransaction: @convention(c) (OpaquePointer?) -> Int32
    let lastRow: @convention(c) (OpaquePointer?) -> Int64
    let prepare:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<OpaquePointer?>?,
            UnsafeMutablePointer<UnsafePointer<CChar>?>?
        ) -> Int32
    let step: @convention(c) (OpaquePointer?) -> Int32
    let finalize: @convention(c) (OpaquePointer?) -> Int32
    let parameterCount: @convention(c) (OpaquePointer?) -> Int32
    let bindNull: @convention(c) (OpaquePointer?, Int32) -> Int32
    let bindInteger: @convention(c) (OpaquePointer?, Int32, Int64) -> Int32
    let bindText:
        @convention(c) (OpaquePointer?, Int32, UnsafePointer<CChar>?, Int32, sqlite3_destructor_type?) -> Int32
    let bindBlob: @convention(c) (OpaquePointer?, Int32, UnsafeRawPointer?, Int32, sqlite3_destructor_type?) -> Int32
    let bindZeroBlob: @convention(c) (OpaquePointer?, Int32, Int32) -> Int32
    let columnCount: @convention(c) (OpaquePointer?) -> Int32
    let columnType: @convention(c) (OpaquePointer?, Int32) -> Int32
    let columnInteger: @convention(c) (OpaquePointer?, Int32) -> Int64
    let columnText: @convention(c) (OpaquePointer?, Int32) -> UnsafePointer<UInt8>?
    let columnBlob: @convention(c) (OpaquePointer?, Int32) -> UnsafeRawPointer?
    let columnSize: @convention(c) (OpaquePointer?, Int32) -> Int32

    /// What is missing where the library cannot be used.
    struct Absence: Error {
        var what: String
        var remedy: String
    }

    /// The library, opened once for the process; a failure is kept too.
    static let shared: Result<Library, Absence> = {
        guard let handle = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL) else {
            return .failure(
                Absence(
                    what: "SQLite is not installed (libsqlite3.so.0)",
                    remedy: "Install it (Debian, SUSE: libsqlite3-0, Fedora: sqlite-libs)"))
        }
        do throws(Absence) { return .success(try Library(handle)) } catch { return .failure(error) }
    }()

    private init(_ handle: UnsafeMutableRawPointer) throws(Absence) {
        func find<Function>(_ name: String, _ type: Function.Type = Function.self) throws(Absence) -> Function {
            guard let symbol = dlsym(handle, name) else {
                throw Absence(what: "this SQLite has no \(name)", remedy: "SQLite 3.12 or later is needed")
            }
            return unsafeBitCast(symbol, to: Function.self)
        }
        open = try find("sqlite3_open_v2")
        close = try find("sqlite3_close_v2")
        message = try find("sqlite3_errmsg")
        messageOfCode = try find("sqlite3_errstr")
        extendedCode = try find("sqlite3_extended_errcode")
        systemError = try find("sqlite3_system_errno")
        busyTimeout = try find("sqlite3_busy_timeout")
        isOutsideTransaction = try find("sqlite3_get_autocommit")
        lastRow = try find("sqlite3_last_insert_rowid")
        prepare = try find("sqlite3_prepare_v2")
        step = try find("sqlite3_step")
        finalize = try find("sqlite3_finalize")
        parameterCount = try find("sqlite3_bind_parameter_count")
        bindNull = try find("sqlite3_bind_null")
        bindInteger = try find("sqlite3_bind_int64")
        bindText = try find("sqlite3_bind_text")
        bindBlob = try find("sqlite3_bind_blob")
        bindZeroBlob = try find("sqlite3_bind_zeroblob")
        columnCount = try find("sqlite3_column_count")
        columnType = try find("sqlite3_column_type")
        columnInteger = try find("sqlite3_column_int64")
        columnText = try find("sqlite3_column_text")
        columnBlob = try find("sqlite3_column_blob")
        columnSize = try find("sqlite3_column_bytes")
    }
}
