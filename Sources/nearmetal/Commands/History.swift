import ArgumentParser
import Changes
import HostFacts
import Planning
import Quantities
import Reports
import Transactions

/// `nearmetal history`.
struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List what was changed.",
        discussion: """
            Examples:
              nearmetal history
              nearmetal history --format json | jq '.[0].id'
            """)

    @OptionGroup var place: PlaceOptions

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() throws {
        let records: [TransactionRecord]
        do { records = try Engine.history(Changing.folder(place)) } catch { throw failing(error) }
        switch format {
        case .json: try print(HistoryReport.json(records))
        case .text: try print(HistoryReport.text(records, display.style(), display.language))
        }
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

    @OptionGroup var place: PlaceOptions

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() throws {
        let record: TransactionRecord
        do { record = try Engine.transaction(transaction, in: Changing.folder(place)) } catch { throw failing(error) }
        switch format {
        case .json: try print(HistoryReport.json(record))
        case .text: try print(HistoryReport.text(record, display.style(), display.language))
        }
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

    @OptionGroup var place: PlaceOptions

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let folder = Changing.folder(place)
        let language = display.language
        var drift: [Drift] = []
        var nextBoot: [Resource: String] = [:]
        do {
            let records =
                try transaction.map { [try Engine.transaction($0, in: folder)] } ?? Engine.history(folder)
            let applied = records.filter { $0.state == .applied }
            let connection = applied.lazy.compactMap(\.connection).first
            let machine = try await Changing.machine(
                root: place.root, connection: connection,
                needsLibvirt: applied.contains { $0.steps.contains { $0.resource.kind == .domain } })
            drift = try await Engine(machine, folder, tool: Version.text).drift(applied)
            if drift.contains(where: { $0.resource.kind == .setting }) {
                let host = HostFacts.read(root: place.root)
                for entry in drift {
                    nextBoot[entry.resource] = NextBoot.problem(entry.resource, entry.expected, on: host)?[language]
                }
            }
        } catch {
            throw failing(error)
        }
        switch format {
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

    @OptionGroup var place: PlaceOptions

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Flag(help: "Leave what cannot be put back as it is, so that other things can be changed again.")
    var giveUp = false

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let folder = Changing.folder(place)
        let language = display.language
        do {
            let open = try Engine(Machine(root: place.root), folder, tool: Version.text).unfinished()
            guard !open.isEmpty else {
                switch format {
                case .json: try print(HistoryReport.json([]))
                case .text: try print(Array((Text("Nothing was cut short.", "没有被中断的事务。")[language] + "\n").utf8))
                }
                return
            }
            if format == .text { try print(HistoryReport.text(open, display.style(), language)) }
            guard
                try Consent.ask(
                    giveUp ? Text("Leave it as it is?", "是否保持现状?") : Text("Put it right?", "是否修复?"), language,
                    isGiven: yes)
            else {
                say(Text("nothing was changed", "未做任何更改")[language])
                throw ExitCode(1)
            }
            guard !giveUp else {
                let given = try await Engine(Machine(root: place.root), folder, tool: Version.text).giveUp()
                return try print(
                    format == .json ? HistoryReport.json(given) : HistoryReport.text(given, display.style(), language))
            }
            let machine = try await Changing.machine(
                root: place.root, connection: open.lazy.compactMap(\.connection).first,
                needsLibvirt: open.contains { $0.steps.contains { $0.resource.kind == .domain } })
            let ended = try await Engine(machine, folder, tool: Version.text).recover()
            switch format {
            case .json: try print(HistoryReport.json(ended))
            case .text: try print(HistoryReport.text(ended, display.style(), language))
            }
        } catch let status as ExitCode {
            throw status
        } catch {
            throw failing(error)
        }
    }
}
