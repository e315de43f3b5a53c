import CSQLite
import Testing

@testable import SQLite

/// What the product looks up by name is what SQLite's header declares.
///
/// The tests are linked with SQLite, the product is not. Passing a declared function beside the member of `Library` compiles only if both have one type; and
/// the linker's address of it is the one that was looked up only if the name was right.
@Suite struct FunctionsTests {
    @Test func typesAndNamesAreTheHeaders() throws {
        let library = try Library.shared.get()
        var checked = 0
        func same<Function>(
            _ member: KeyPath<Library, Function>, _ declared: Function, at place: SourceLocation = #_sourceLocation
        ) {
            let own = unsafeBitCast(library[keyPath: member], to: UInt.self)
            #expect(own == unsafeBitCast(declared, to: UInt.self), sourceLocation: place)
            checked += 1
        }
        same(\.open, sqlite3_open_v2)
        same(\.close, sqlite3_close_v2)
        same(\.message, sqlite3_errmsg)
        same(\.messageOfCode, sqlite3_errstr)
        same(\.extendedCode, sqlite3_extended_errcode)
        same(\.systemError, sqlite3_system_errno)
        same(\.busyTimeout, sqlite3_busy_timeout)
        same(\.isOutsideTransaction, sqlite3_get_autocommit)
        same(\.lastRow, sqlite3_last_insert_rowid)
        same(\.prepare, sqlite3_prepare_v2)
        same(\.step, sqlite3_step)
        same(\.finalize, sqlite3_finalize)
        same(\.parameterCount, sqlite3_bind_parameter_count)
        same(\.bindNull, sqlite3_bind_null)
        same(\.bindInteger, sqlite3_bind_int64)
        same(\.bindText, sqlite3_bind_text)
        same(\.bindBlob, sqlite3_bind_blob)
        same(\.bindZeroBlob, sqlite3_bind_zeroblob)
        same(\.columnCount, sqlite3_column_count)
        same(\.columnType, sqlite3_column_type)
        same(\.columnInteger, sqlite3_column_int64)
        same(\.columnText, sqlite3_column_text)
        same(\.columnBlob, sqlite3_column_blob)
        same(\.columnSize, sqlite3_column_bytes)
        #expect(checked == Mirror(reflecting: library).children.count, "one is not compared")
    }
}
