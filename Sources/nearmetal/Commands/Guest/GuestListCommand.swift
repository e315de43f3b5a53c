import ArgumentParser
import Inventory
import Quantities
import Reports
import Survey

/// `nearmetal guest list`.
struct GuestListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List guests: what they have while they run, and at their next start.",
        discussion: """
            Examples:
              nearmetal guest list
              nearmetal guest list --format json | jq -r '.guests[] | select(.running).name'
            """)

    @OptionGroup var source: GuestSource

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let progress = Progress(language: display.language)
        let answer: EstateSurvey.Answer
        do {
            answer = try await source.gather(progress)
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        for failure in answer.failures { say("nearmetal: \(failure)") }
        switch format {
        case .text: try print(GuestList.text(answer.estate.guests, display.style(), display.language))
        case .json: try print(GuestList.json(answer.estate.guests))
        }
        if !answer.failures.isEmpty { throw Status.failed }
    }
}
