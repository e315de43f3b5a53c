import ArgumentParser
import Changes
import JSONText
import Reports

/// `nearmetal plan`.
struct MakePlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what would be changed, and change nothing.",
        discussion: """
            Every change is shown as people read changes: a diff of each file and definition, old and new value of each setting, what
            it disturbs, and the practice that asks for it.

            Examples:
              nearmetal plan
              nearmetal plan --only 'swappiness,huge-pages-*' --verbose
              nearmetal plan --output plan.json && nearmetal apply plan.json
              nearmetal plan --xml guests/
              nearmetal plan --root /mnt
              nearmetal plan --detailed-exit-code

            Exit status: 0, or 2 if it could not run; with --detailed-exit-code 0 nothing to change, 1 it could not run, 2 changes.
            """)

    @OptionGroup var estate: EstateOptions
    @OptionGroup var place: PlaceOptions

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write the plan to a file, for apply; it appears whole or not at all.", valueName: "file"))
    var output: String?

    @Flag(help: "Exit with 2 if there are changes, 0 if there are none, 1 on failure.")
    var detailedExitCode = false

    @Flag(name: [.short, .long], help: "Tell what each change costs, and commands for what is left to you.")
    var verbose = false

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let progress = Progress(language: display.language)
        let plan: Changes.Plan
        do { plan = try await Changing.plan(estate, place, progress) } catch {
            progress.finish()
            let status = failing(error)
            throw detailedExitCode && status == Status.failed ? ExitCode(1) : status
        }
        progress.finish()
        if let output {
            do { try WholeFile.write([Self.json(plan, display)], to: output) } catch { throw failing(error) }
        }
        switch format {
        case .json: if output == nil { try print(Self.json(plan, display)) }
        case .text: try print(PlanText.bytes(plan, display.style(verbose: verbose), display.language))
        }
        if detailedExitCode, !plan.steps.isEmpty { throw ExitCode(2) }
    }

    static func json(_ plan: Changes.Plan, _ display: OutputOptions) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        PlanJSON.write(
            plan, display.language, diff: { StepText.diff($0.resource, from: $0.before, to: $0.after) }, &json)
        return json.finished()
    }
}
