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
            """)

    @Argument(help: ArgumentHelp("The transaction's number; `nearmetal history` lists them.", valueName: "number"))
    var transaction: Int64

    @OptionGroup var place: PlaceOptions

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let language = display.language
        let folder = Changing.folder(place)
        let record: TransactionRecord
        do { record = try Engine.transaction(transaction, in: folder) } catch { throw failing(error) }
        if format == .text { try print(HistoryReport.text(record, display.style(), language)) }
        guard
            try Consent.ask(
                Text("Put back what transaction \(record.id) changed?", "还原事务 \(record.id) 所做的更改?"), language,
                isGiven: yes)
        else {
            say(Text("nothing was changed", "未做任何更改")[language])
            throw ExitCode(1)
        }
        let done: TransactionRecord
        do {
            let machine = try await Changing.machine(
                root: place.root, connection: record.connection,
                needsLibvirt: record.steps.contains { $0.resource.kind == .domain })
            done = try await Engine(machine, folder, tool: Version.text).rollBack(transaction)
        } catch {
            throw failing(error)
        }
        switch format {
        case .json: try print(HistoryReport.json(done))
        case .text:
            let text = Text("Transaction \(done.id) is rolled back.", "事务 \(done.id) 已回滚。")
            try print(Array((text[language] + "\n").utf8))
        }
    }
}
