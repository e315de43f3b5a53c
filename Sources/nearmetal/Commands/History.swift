import ArgumentParser
import Changes
import HostFacts
import Planning
import Quantities
import Reports
import Transactions

/// Options of the commands on what was changed.
struct HistoryOptions: ParsableArguments {
    @OptionGroup var place: PlaceOptions

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    /// Prints transactions.
    func show(_ records: [TransactionRecord]) throws(ExitCode) {
        switch format {
        case .json: try print(HistoryReport.json(records))
        case .text: try print(HistoryReport.text(records, display.style(), display.language))
        }
    }

    /// Prints one transaction whole.
    func show(_ record: TransactionRecord) throws(ExitCode) {
        switch format {
        case .json: try print(HistoryReport.json(record))
        case .text: try print(HistoryReport.text(record, display.style(), display.language))
        }
    }
}

/// `nearmetal history`.
struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List what was changed.",
        discussion: """
            Examples:
              nearmetal history
              nearmetal history --format json | jq '.[0].id'
            """)

    @OptionGroup var options: HistoryOptions

    func run() throws {
        let records: [TransactionRecord]
        do { records = try Engine.history(options.place.state) } catch { throw failing(error) }
        try options.show(records)
    }
}

/// `nearmetal show`.
struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a transaction, and how to undo it by hand.",
        discussion: """
            The commands at its end put everything back without Nearmetal; they can be pasted into a shell.

            Examples:
              nearmetal show 3
            """)

    @Argument(help: ArgumentHelp("The transaction's number.", valueName: "number"))
    var transaction: Int64

    @OptionGroup var options: HistoryOptions

    func run() throws {
        let record: TransactionRecord
        do { record = try Engine.transaction(transaction, in: options.place.state) } catch { throw failing(error) }
        try options.show(record)
    }
}

/// `nearmetal verify`.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Is what was changed still in force, and will it be after a reboot?",
        discussion: """
            Examples:
              nearmetal verify
              nearmetal verify 3 --format json

            Exit status: 0 all in force, now and after a reboot, 1 something is not, 2 it could not run or something is unknown.
            """)

    @Argument(help: ArgumentHelp("A transaction's number. Default: all that are applied.", valueName: "number"))
    var transaction: Int64?

    @OptionGroup var options: HistoryOptions

    func run() async throws {
        let folder = options.place.state
        let display = options.display
        let language = display.language
        var drift: [Drift] = []
        var nextBoot: [Resource: String] = [:]
        do {
            let records =
                try transaction.map { [try Engine.transaction($0, in: folder)] } ?? Engine.history(folder)
            let applied = records.filter { $0.state == .applied }
            let root = options.place.root
            let machine = try await Changing.machine(root: root, of: applied)
            drift = try await Engine(machine, folder, tool: Version.text).drift(applied)
            if drift.contains(where: { $0.resource.kind == .setting }) {
                let host = HostFacts.read(root: root)
                for entry in drift {
                    nextBoot[entry.resource] = NextBoot.problem(entry.resource, entry.expected, on: host)?[language]
                }
            }
        } catch {
            throw failing(error)
        }
        switch options.format {
        case .json: try print(HistoryReport.json(drift, nextBoot))
        case .text: try print(HistoryReport.text(drift, nextBoot, display.style(), language))
        }
        if drift.contains(where: { $0.isInForce == nil }) { throw Status.failed }
        if drift.contains(where: { $0.isInForce == false }) || !nextBoot.isEmpty { throw ExitCode(1) }
    }
}

/// `nearmetal recover`.
struct Recover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Put right what a crash or a power loss left.",
        discussion: """
            What was being applied is undone; what was being rolled back is rolled back.

            Examples:
              nearmetal recover
              nearmetal recover --yes
              nearmetal recover --give-up
            """)

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Flag(help: "Leave what cannot be put back as it is, so that other things can be changed again.")
    var giveUp = false

    @OptionGroup var options: HistoryOptions

    func run() async throws {
        let (root, folder) = (options.place.root, options.place.state)
        let language = options.display.language
        do {
            let open = try Engine(Machine(root: root), folder, tool: Version.text).unfinished()
            guard !open.isEmpty else {
                guard options.format == .text else { return try options.show([]) }
                return try print(line: Text("Nothing was cut short.", "没有被中断的事务。")[language])
            }
            if options.format == .text { try options.show(open) }
            try Consent.require(
                giveUp ? Text("Leave it as it is?", "是否保持现状?") : Text("Put it right?", "是否修复?"), language,
                isGiven: yes)
            let machine = giveUp ? Machine(root: root) : try await Changing.machine(root: root, of: open)
            let engine = Engine(machine, folder, tool: Version.text)
            try options.show(giveUp ? try await engine.giveUp() : try await engine.recover())
        } catch {
            throw failing(error)
        }
    }
}
