import ArgumentParser
import Quantities
import Reports
import Transactions

/// `nearmetal rollback`.
struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Put back what a transaction changed.",
        discussion: """
            Any transaction may be undone, not only the last: what later ones set stays, and their own way back then leads to what was
            there before this one. What somebody else has changed since is not overwritten.

            Examples:
              nearmetal rollback 3
              nearmetal rollback 3 --yes
              nearmetal rollback 3 --restart-guests

            Exit status: 0 rolled back, 1 not agreed to, 2 it could not run, 3 rolled back, but a guest was not restarted.
            """)

    @Argument(help: ArgumentHelp("The transaction's number; `nearmetal history` lists them.", valueName: "number"))
    var transaction: Int64

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @OptionGroup var restarting: RestartOptions
    @OptionGroup var options: HistoryOptions

    func run() async throws {
        let language = options.display.language
        let folder = options.place.state
        let record: TransactionRecord
        do { record = try Engine.transaction(transaction, in: folder) } catch { throw failing(error) }
        if options.format == .text { try options.show(record) }
        try Consent.require(
            Text("Put back what transaction \(record.id) changed?", "还原事务 \(record.id) 所做的更改?"), language,
            isGiven: yes)
        let done: TransactionRecord
        do {
            let machine = try await Changing.machine(root: options.place.root, of: [record])
            done = try await Engine(machine, folder, tool: Version.text).rollBack(transaction)
        } catch {
            throw failing(error)
        }
        switch options.format {
        case .json: try options.show(done)
        case .text: try print(line: Text("Transaction \(done.id) is rolled back.", "事务 \(done.id) 已回滚。")[language])
        }
        try await restarting.restart(done, in: folder, putsBack: false, language)
    }
}
