import ArgumentParser
import Libvirt
import Quantities
import Transactions

/// Whether and how running guests are restarted for definitions that changed.
struct RestartOptions: ParsableArguments {
    @Flag(help: "Then restart the running guests whose definitions changed, one at a time, shut down in order.")
    var restartGuests = false

    @Option(
        help: ArgumentHelp(
            "How long a guest may take to shut down; it goes on running if it does not.", valueName: "seconds"))
    var restartTimeout = 120

    @Flag(help: "Cut the power of a guest that does not shut down in time.")
    var destroy = false

    func validate() throws {
        guard restartTimeout > 0 else {
            throw ValidationError("--restart-timeout: a number of seconds from 1 is needed")
        }
        guard restartGuests || !destroy else { throw ValidationError("--destroy goes with --restart-guests") }
    }

    /// Restarts guests where that was asked for, and tells of each.
    ///
    /// - Throws: status 3 where a guest could not be restarted.
    func restart(
        _ record: TransactionRecord, in state: StateFolder, putsBack: Bool, _ language: Language
    ) async throws {
        guard restartGuests, record.steps.contains(where: { $0.resource.kind == .domain }) else { return }
        let connection = Connection(uri: record.connection)
        let progress = Progress(language: language)
        var outcomes: [(guest: String, outcome: GuestRestart.Outcome)] = []
        do {
            try await connection.open()
            let engine = Engine(Machine(root: record.root, connection: connection), state, tool: Version.text)
            let way = GuestRestart(connection, limit: restartTimeout, cutsPower: destroy)
            outcomes = try await engine.restartGuests(of: record, way, putsBack: putsBack) { guest, seconds in
                progress.say(
                    Text("\(guest): shutting down, \(seconds) s", "\(guest):正在关闭,\(seconds) 秒"))
            }
            progress.finish()
        } catch {
            progress.finish()
            throw failing(error)
        }
        for (guest, outcome) in outcomes { say("\(guest): \(Self.words(outcome)[language])") }
        guard outcomes.allSatisfy({ $0.outcome == .restarted }) else { throw ExitCode(3) }
    }

    private static func words(_ outcome: GuestRestart.Outcome) -> Text {
        switch outcome {
        case .restarted: Text("restarted", "已重启")
        case .stillRunning(let why):
            Text("goes on running as it was: \(why)", "仍按原样运行:\(why)")
        case .putBack(let why, let transaction):
            Text(
                "did not start with its new definition, runs with its old one (transaction \(transaction)): \(why)",
                "无法以新定义启动,已恢复旧定义并运行(事务 \(transaction)):\(why)")
        case .down(let why): Text("is down: \(why)", "已停机:\(why)")
        case .notTried: Text("was not restarted, since the one before it did not start", "未重启,因为前一个客户机未能启动")
        }
    }
}
