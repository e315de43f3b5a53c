import Foundation
import SQLite
import Testing
import ToolRunning

@Suite struct DatabaseTests {
    /// A folder of its own for each test, gone afterwards.
    private func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    @Test func valuesComeBackAsTheyWere() throws {
        try inFolder { folder in
            let database = try Database(path: folder + "/a.db")
            try database.execute(
                """
                CREATE TABLE a (id INTEGER PRIMARY KEY, value); -- a comment
                CREATE TABLE b (x);
                """)
            let values: [SQLValue] = [
                .null, .integer(.min), .integer(.max), .text(""), .text("ü\0'; DROP TABLE a; --"), .blob([]),
                .blob([0, 255, 10]),
            ]
            for (index, value) in values.enumerated() {
                #expect(try database.run("INSERT INTO a (value) VALUES (?)", [value]) == Int64(index + 1))
            }
            #expect(try database.rows("SELECT value FROM a ORDER BY id").map { $0[0] } == values)
            #expect(try database.rows("SELECT 0.5, ?", [.text("x")]) == [[.text("0.5"), .text("x")]])
            #expect(values.map(\.integer) == [nil, .min, .max, nil, nil, nil, nil])
            #expect(values[3].text == "" && values[3].blob == nil && values[6].blob == [0, 255, 10])
            #expect(SQLValue.text(orNull: nil) == .null && SQLValue.blob(orNull: [1]) == .blob([1]))
        }
    }

    @Test func statementsThatMakeNoSenseAreRefused() throws {
        try inFolder { folder in
            let database = try Database(path: folder + "/a.db")
            func message(_ sql: String, _ values: [SQLValue] = []) -> String? {
                #expect(throws: SQLiteError.self) { try database.run(sql, values) }?.description
            }
            #expect(message("SELEC 1") == "\(folder)/a.db: SELEC 1: near \"SELEC\": syntax error")
            #expect(
                message("SELECT 1; SELECT 2") == "\(folder)/a.db: SELECT 1; SELECT 2: there is more than one statement")
            #expect(message(" -- nothing")?.hasSuffix("there is no statement") == true)
            #expect(
                message("SELECT ?", [])?.hasSuffix("the statement has 1 parameters, and 0 values were given") == true)
            #expect(throws: SQLiteError.self) { try Database(path: "") }
            #expect(throws: SQLiteError.self) { try Database(path: "a\0b") }
            #expect(throws: SQLiteError.self) { try database.execute("SELECT 1; SELEC") }
            try database.execute("  ;; -- nothing\n")
        }
    }

    @Test func transactionsAreAllOrNothing() throws {
        try inFolder { folder in
            let database = try Database(path: folder + "/a.db")
            try database.execute("CREATE TABLE a (x UNIQUE)")
            let count = try database.transaction { () throws(SQLiteError) -> Int in
                try database.run("INSERT INTO a VALUES (?)", [.integer(1)])
                return try database.rows("SELECT * FROM a").count
            }
            #expect(count == 1)
            let error = #expect(throws: SQLiteError.self) {
                try database.transaction { () throws(SQLiteError) in
                    try database.run("INSERT INTO a VALUES (?)", [.integer(2)])
                    try database.run("INSERT INTO a VALUES (?)", [.integer(1)])
                }
            }
            #expect(error?.kind == .other)
            #expect(error?.message == "UNIQUE constraint failed: a.x")
            #expect(try database.rows("SELECT x FROM a") == [[.integer(1)]])
            // The connection is free again.
            try database.transaction { () throws(SQLiteError) in try database.execute("DELETE FROM a") }
        }
    }

    @Test func theSecondWriterIsTold() throws {
        try inFolder { folder in
            let first = try Database(path: folder + "/a.db")
            let second = try Database(path: folder + "/a.db")
            try first.execute("CREATE TABLE a (x)")
            try first.transaction { () throws(SQLiteError) in
                let error = #expect(throws: SQLiteError.self) {
                    try second.transaction { () throws(SQLiteError) in }
                }
                #expect(error?.kind == .busy)
                #expect(error?.description == "\(folder)/a.db: BEGIN IMMEDIATE: database is locked")
                second.busyTimeout = .milliseconds(150)
                let start = ContinuousClock.now
                #expect(throws: SQLiteError.self) { try second.transaction { () throws(SQLiteError) in } }
                #expect(ContinuousClock.now - start >= .milliseconds(100))
                // Readers are not held up before the commit.
                let rows = try second.rows("SELECT * FROM a")
                #expect(rows.isEmpty)
            }
            try second.transaction { () throws(SQLiteError) in try second.execute("INSERT INTO a VALUES (1)") }
            #expect(try first.rows("SELECT * FROM a").count == 1)
        }
    }

    @Test func damagedFilesAreToldApart() throws {
        try inFolder { folder in
            try Data("This is not a database at all, only some text of a length.\n".utf8)
                .write(to: URL(filePath: folder + "/text.db"))
            let text = #expect(throws: SQLiteError.self) {
                try Database(path: folder + "/text.db").rows("SELECT * FROM sqlite_master")
            }
            #expect(text?.kind == .corrupt)
            #expect(text?.message == "file is not a database")

            try { try Database(path: folder + "/a.db").execute("CREATE TABLE a (x); INSERT INTO a VALUES (1)") }()
            var bytes = try Data(contentsOf: URL(filePath: folder + "/a.db"))
            for index in 100..<bytes.count { bytes[index] = 0x5A }
            try bytes.write(to: URL(filePath: folder + "/a.db"))
            let damaged = #expect(throws: SQLiteError.self) {
                try Database(path: folder + "/a.db").rows("SELECT * FROM a")
            }
            #expect(damaged?.kind == .corrupt)
        }
    }

    @Test func readingOnlyWritesNothing() throws {
        try inFolder { folder in
            let absent = #expect(throws: SQLiteError.self) {
                try Database(path: folder + "/absent.db", isReadOnly: true)
            }
            #expect(absent?.kind == .other)
            #expect(
                absent?.description
                    == "\(folder)/absent.db: open: unable to open database file (No such file or directory)")
            try { try Database(path: folder + "/a.db").execute("CREATE TABLE a (x)") }()
            let database = try Database(path: folder + "/a.db", isReadOnly: true)
            #expect(try database.rows("SELECT * FROM a").isEmpty)
            let error = #expect(throws: SQLiteError.self) { try database.run("INSERT INTO a VALUES (1)", []) }
            #expect(error?.kind == .readOnly)
            #expect(error?.message == "attempt to write a readonly database")
        }
    }

    @Test(.enabled(if: FileSystem.isPossible, "only root may mount")) func fullDisksAndReadOnlyOnesAreToldApart()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let mounted = try await RunningProgram("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).end()
        guard mounted.status == 0 else { return }  // In a container without the right to.
        let filled = Result<Void, any Error> {
            let database = try Database(path: folder + "/a.db")
            try database.execute("CREATE TABLE a (x)")
            try database.run("INSERT INTO a VALUES (?)", [.blob(Array(repeating: 1, count: 5_000))])
            let error = #expect(throws: SQLiteError.self) {
                try database.transaction { () throws(SQLiteError) in
                    for _ in 0..<20 {
                        try database.run("INSERT INTO a VALUES (?)", [.blob(Array(repeating: 1, count: 5_000))])
                    }
                }
            }
            #expect(error?.kind == .full)
            #expect(error?.remedy == "Make room on its file system")
            #expect(try database.rows("SELECT count(*) FROM a") == [[.integer(1)]], "nothing of it is there")
        }
        let remounted = try await RunningProgram("mount", ["-o", "remount,ro", folder]).end()
        let refused = Result<Void, any Error> {
            guard remounted.status == 0 else { return }
            let error = #expect(throws: SQLiteError.self) {
                try Database(path: folder + "/a.db").run("INSERT INTO a VALUES (1)", [])
            }
            #expect(error?.kind == .readOnly)
            let absent = #expect(throws: SQLiteError.self) { try Database(path: folder + "/b.db") }
            #expect(absent?.kind == .readOnly)
        }
        _ = try await RunningProgram("umount", [folder]).end()
        try filled.get()
        try refused.get()
    }
}

enum FileSystem {
    /// Whether one can be mounted here.
    static let isPossible = getuid() == 0
}
