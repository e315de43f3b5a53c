import Changes
import Glibc
import JSONText
import SQLite
import Quantities

/// What was done and what is being done, in SQLite, synchronous: what it says has happened outlives a power loss.
final class Journal {
    private let database: Database

    /// Opens the journal of a state folder, and makes it where there is none.
    init(_ path: String) throws(TransactionError) {
        let isNewer: Bool
        do throws(SQLiteError) {
            database = try Database(path: path)
            try database.execute(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;" + Self.schema)
            let version = try database.rows("PRAGMA user_version").first?.first?.integer ?? 0
            isNewer = version > Self.version
            // A table of the first version has no sources.
            if version == 1 { try database.execute("ALTER TABLE steps ADD COLUMN source TEXT") }
            if version < Self.version { try database.execute("PRAGMA user_version=\(Self.version)") }
        } catch {
            throw Self.failure(error)
        }
        guard !isNewer else {
            throw TransactionError(
                .failed, "the journal is a newer nearmetal's", place: path, remedy: "Use that one")
        }
    }

    private static let version: Int64 = 2
    private static let schema = """
        CREATE TABLE IF NOT EXISTS transactions(
          id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, root TEXT NOT NULL, connection TEXT,
          started INTEGER NOT NULL, ended INTEGER, boot TEXT, tool TEXT NOT NULL, remark TEXT);
        CREATE TABLE IF NOT EXISTS steps(
          tx INTEGER NOT NULL REFERENCES transactions(id), ordinal INTEGER NOT NULL, state TEXT NOT NULL,
          kind TEXT NOT NULL, name TEXT NOT NULL, before BLOB NOT NULL, wanted BLOB, after BLOB, aim BLOB, command TEXT NOT NULL,
          disruption TEXT NOT NULL, reasons TEXT NOT NULL, source TEXT, PRIMARY KEY(tx, ordinal));
        CREATE INDEX IF NOT EXISTS steps_of_resource ON steps(kind, name);
        """

    static func failure(_ error: SQLiteError) -> TransactionError {
        TransactionError(.failed, "journal: \(error)")
    }

    private func doing<Value>(_ body: () throws(SQLiteError) -> Value) throws(TransactionError) -> Value {
        do throws(SQLiteError) { return try body() } catch { throw Self.failure(error) }
    }

    // MARK: Writing

    /// Begins a transaction with its steps, none of them begun.
    func begin(_ record: TransactionRecord) throws(TransactionError) -> Int64 {
        try doing { () throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                let id = try database.run(
                    "INSERT INTO transactions(state, root, connection, started, boot, tool) VALUES(?,?,?,?,?,?)",
                    [
                        .text(record.state.rawValue), .text(record.root), .text(orNull: record.connection),
                        .integer(record.started), .text(orNull: record.boot), .text(record.tool),
                    ])
                for step in record.steps {
                    try database.run(
                        """
                        INSERT INTO steps(tx, ordinal, state, kind, name, before, wanted, command, disruption, reasons, source)
                        VALUES(?,?,?,?,?,?,?,?,?,?,?)
                        """,
                        [
                            .integer(id), .integer(Int64(step.ordinal)), .text(step.state.rawValue),
                            .text(step.resource.kind.rawValue), .text(step.resource.name), Self.blob(step.before),
                            Self.blob(step.wanted), .text(Self.list(step.command)),
                            .text(step.disruption.rawValue), .text(Self.reasons(step.reasons)),
                            .text(orNull: step.source),
                        ])
                }
                return id
            }
        }
    }

    /// Notes how far a step is.
    func note(_ step: StepRecord, of id: Int64) throws(TransactionError) {
        try doing { () throws(SQLiteError) in try write(step, of: id) }
    }

    private func write(_ step: StepRecord, of id: Int64) throws(SQLiteError) {
        try database.run(
            "UPDATE steps SET state=?, before=?, after=?, aim=? WHERE tx=? AND ordinal=?",
            [
                .text(step.state.rawValue), Self.blob(step.before), Self.blob(step.after),
                Self.blob(step.aim), .integer(id), .integer(Int64(step.ordinal)),
            ])
    }

    /// Notes several steps, of several transactions, at once.
    func note(_ steps: [(id: Int64, step: StepRecord)]) throws(TransactionError) {
        try doing { () throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                for entry in steps { try write(entry.step, of: entry.id) }
            }
        }
    }

    /// Notes a transaction's state.
    func note(_ state: TransactionRecord.State, of id: Int64, remark: String? = nil) throws(TransactionError) {
        _ = try doing { () throws(SQLiteError) in
            try database.run(
                "UPDATE transactions SET state=?, ended=?, remark=coalesce(?, remark) WHERE id=?",
                [
                    .text(state.rawValue), state.isFinished ? .integer(Int64(time(nil))) : .null,
                    .text(orNull: remark), .integer(id),
                ])
        }
    }

    // MARK: Reading

    /// All transactions, the newest first.
    func transactions() throws(TransactionError) -> [TransactionRecord] { try transactions("1") }

    /// Transactions that are not finished, the newest first.
    func unfinished() throws(TransactionError) -> [TransactionRecord] {
        try transactions("state IN ('applying','rolling-back')")
    }

    private func transactions(_ condition: String, _ values: [SQLValue] = []) throws(TransactionError)
        -> [TransactionRecord]
    {
        try doing { () throws(SQLiteError) in
            var records: [TransactionRecord] = []
            for row in try database.rows(
                "SELECT id, state, root, connection, started, ended, boot, tool, remark FROM transactions WHERE \(condition) ORDER BY id DESC",
                values)
            {
                guard row.count == 9, let id = row[0].integer,
                    let state = row[1].text.flatMap(TransactionRecord.State.init), let root = row[2].text,
                    let started = row[4].integer
                else { continue }
                records.append(
                    TransactionRecord(
                        id: id, state: state, root: root, connection: row[3].text, started: started,
                        ended: row[5].integer, boot: row[6].text, tool: row[7].text ?? "", remark: row[8].text,
                        steps: try steps(of: id)))
            }
            return records
        }
    }

    /// One transaction.
    func transaction(_ id: Int64) throws(TransactionError) -> TransactionRecord? {
        try transactions("id=?", [.integer(id)]).first
    }

    /// Steps in force of later transactions on the same resource and root, in the order they were taken.
    func later(than step: StepRecord, of record: TransactionRecord) throws(TransactionError) -> [(
        id: Int64, step: StepRecord
    )] {
        try doing { () throws(SQLiteError) in
            var found: [(id: Int64, step: StepRecord)] = []
            for row in try database.rows(
                """
                SELECT s.tx FROM steps s JOIN transactions t ON t.id=s.tx
                WHERE s.kind=? AND s.name=? AND t.root=? AND s.state='done' AND s.tx>? AND t.state='applied'
                GROUP BY s.tx ORDER BY s.tx
                """,
                [
                    .text(step.resource.kind.rawValue), .text(step.resource.name), .text(record.root),
                    .integer(record.id),
                ])
            {
                guard let id = row.first?.integer else { continue }
                for later in try steps(of: id) where later.resource == step.resource && later.state == .done {
                    found.append((id, later))
                }
            }
            return found
        }
    }

    private func steps(of id: Int64) throws(SQLiteError) -> [StepRecord] {
        try database.rows(
            "SELECT ordinal, state, kind, name, before, wanted, after, aim, command, disruption, reasons, source FROM steps WHERE tx=? ORDER BY ordinal",
            [.integer(id)]
        ).compactMap { row in
            guard row.count == 12, let ordinal = row[0].integer, let state = row[1].text.flatMap(StepRecord.State.init),
                let kind = row[2].text.flatMap(Resource.Kind.init), let name = row[3].text,
                let before = Self.state(row[4])
            else { return nil }
            return StepRecord(
                ordinal: Int(ordinal), state: state, resource: Resource(kind, name), before: before,
                wanted: Self.state(row[5]), after: Self.state(row[6]), aim: Self.state(row[7]),
                command: Self.list(row[8].text), disruption: row[9].text.flatMap(Disruption.init) ?? .nothing,
                reasons: Self.reasons(row[10].text), source: row[11].text)
        }
    }

    // MARK: Values

    private static func blob(_ state: ResourceState?) -> SQLValue {
        guard let state else { return .null }
        var json = JSONWriter(indent: 0)
        PlanJSON.write(state, &json)
        return .blob(json.written)
    }

    private static func state(_ value: SQLValue) -> ResourceState? {
        value.blob.flatMap { PlanJSON.state(try? JSONValue(String(decoding: $0, as: UTF8.self))) }
    }

    private static func list(_ words: [String]) -> String {
        var json = JSONWriter(indent: 0)
        json.array(words) { $0.string($1) }
        return String(decoding: json.written, as: UTF8.self)
    }

    private static func list(_ text: String?) -> [String] {
        (text.flatMap { try? JSONValue($0) }?.array ?? []).compactMap(\.text)
    }

    private static func reasons(_ reasons: [Step.Reason]) -> String {
        var json = JSONWriter(indent: 0)
        json.array(reasons) { json, reason in
            json.array([
                reason.practice, reason.subject, reason.what.english, reason.what.chinese, reason.tradeOff.english,
                reason.tradeOff.chinese,
            ]) { $0.string($1) }
        }
        return String(decoding: json.written, as: UTF8.self)
    }

    private static func reasons(_ text: String?) -> [Step.Reason] {
        (text.flatMap { try? JSONValue($0) }?.array ?? []).compactMap { entry in
            let words = (entry.array ?? []).compactMap(\.text)
            guard words.count == 6 else { return nil }
            return Step.Reason(
                practice: words[0], subject: words[1], what: Text(words[2], words[3]),
                tradeOff: Text(words[4], words[5]))
        }
    }
}
