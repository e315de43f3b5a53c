import Changes
import Foundation
import SQLite
import Testing

@testable import Transactions

/// Journals of earlier versions are read and written on.
@Suite struct JournalTests {
    private static let first = """
        CREATE TABLE transactions(
          id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, root TEXT NOT NULL, connection TEXT,
          started INTEGER NOT NULL, ended INTEGER, boot TEXT, tool TEXT NOT NULL, remark TEXT);
        CREATE TABLE steps(
          tx INTEGER NOT NULL REFERENCES transactions(id), ordinal INTEGER NOT NULL, state TEXT NOT NULL,
          kind TEXT NOT NULL, name TEXT NOT NULL, before BLOB NOT NULL, wanted BLOB, after BLOB, aim BLOB, command TEXT NOT NULL,
          disruption TEXT NOT NULL, reasons TEXT NOT NULL, PRIMARY KEY(tx, ordinal));
        INSERT INTO transactions(state, root, started, tool) VALUES('applied', '/', 1, '0.1.0');
        INSERT INTO steps VALUES(1, 0, 'done', 'setting', '/proc/sys/vm/swappiness', x'7b2274657874223a223630227d', x'7b2274657874223a223335227d',
          x'7b2274657874223a223335227d', NULL, '[]', 'nothing', '[]');
        PRAGMA user_version=1;
        """

    @Test func theFirstVersionIsCarriedOver() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).sqlite").path
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
        try Database(path: path).execute(Self.first)
        var record = try #require(try Journal(path).transaction(1))
        #expect(record.steps.first?.before.text == "60" && record.steps.first?.source == nil)

        record.steps[0].source = "/etc/sysctl.conf line 3"
        record.id = try Journal(path).begin(record)
        #expect(record.id == 2)
        #expect(try Journal(path).transaction(2)?.steps.first?.source == "/etc/sysctl.conf line 3")
        #expect(try Journal(path).transactions().map(\.id) == [2, 1])
    }
}
