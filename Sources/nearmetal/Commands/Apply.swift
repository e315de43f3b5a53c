import ArgumentParser
import Changes
import Quantities
import Reports
import Transactions

/// `nearmetal apply`.
struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Carry a plan out: all of it, or nothing.",
        discussion: """
            Shows the plan and asks. Then each step is backed up, journaled, taken and read back; if one fails, those before it are
            undone. A plan that no longer fits what is there is refused. Nothing is restarted, unless --restart-guests
            says so; a guest that does not start with its new definition then gets its old one back.

            Examples:
              nearmetal apply --only swappiness
              nearmetal apply plan.json
              nearmetal apply --guest web1 --dry-run
              nearmetal apply plan.json --yes --format json
              nearmetal apply --guest 'web*' --restart-guests

            Exit status: 0 applied or nothing to do, 1 not agreed to, 2 it could not run and nothing was changed or all was undone,
            3 applied, but a guest was not restarted.
            """)

    @Argument(help: ArgumentHelp("A plan that `plan --output` wrote. Default: plan now.", valueName: "plan.json"))
    var plan: String?

    @OptionGroup var estate: EstateOptions
    @OptionGroup var place: PlaceOptions

    @Flag(help: "Show the plan and change nothing.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @Flag(name: [.short, .long], help: "Tell what each change costs, and commands for what is left to you.")
    var verbose = false

    @OptionGroup var restarting: RestartOptions
    @OptionGroup var display: OutputOptions

    func validate() throws {
        guard plan != nil else { return }
        if estate.connect != nil || !estate.xml.isEmpty || estate.only != nil || estate.except != nil
            || !estate.guest.isEmpty || place.root != "/"
        {
            throw ValidationError(
                "plan.json says what is changed and where: leave --only, --guest, --root and their like out")
        }
    }

    func run() async throws {
        let language = display.language
        let progress = Progress(language: language)
        let plan: Changes.Plan
        do {
            if let path = self.plan {
                plan = try PlanJSON.read(String(decoding: try WholeFile.read(path), as: UTF8.self))
            } else {
                plan = try await Changing.plan(estate, place, progress)
            }
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        if format == .text || dryRun {
            switch format {
            case .text: try print(PlanText.bytes(plan, display.style(verbose: verbose), language))
            case .json: try print(MakePlan.json(plan, display))
            }
        }
        guard !dryRun, !plan.steps.isEmpty else {
            if !dryRun, format == .json { try print(line: "null") }
            return
        }
        try Consent.require(
            Text(
                "Carry out \(plan.steps.count) step\(plan.steps.count == 1 ? "" : "s")?",
                "执行这 \(plan.steps.count) 个步骤?"), language, isGiven: yes)
        let record: TransactionRecord
        do {
            let machine = try await Changing.machine(
                root: plan.root, connection: plan.connection, for: plan.steps.map(\.resource))
            let folder = StateFolder(named: place.stateDir, below: plan.root)
            let engine = Engine(machine, folder, tool: Version.text)
            let steps = plan.steps.count
            let acting = Progress(language: language)
            defer { acting.finish() }
            record = try await engine.apply(plan) { index, step in
                acting.say(Text(verbatim: "\(index + 1)/\(steps) \(step.resource.name)"))
            }
        } catch {
            throw failing(error)
        }
        switch format {
        case .json: try print(HistoryReport.json(record))
        case .text: try Changing.tellApplied(record, language)
        }
        try await restarting.restart(
            record, in: StateFolder(named: place.stateDir, below: plan.root), putsBack: true, language)
    }
}
