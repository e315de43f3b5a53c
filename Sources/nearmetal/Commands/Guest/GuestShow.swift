import Advisor
import ArgumentParser
import Inventory
import Quantities
import Reports
import Survey

/// `nearmetal guest show`.
struct GuestShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Draw a guest: what it has, where it runs, its disks, what there is to say of it.",
        discussion: """
            Examples:
              nearmetal guest show db1
              nearmetal guest show db1 --format json
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @OptionGroup var source: GuestSource

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let progress = Progress(language: display.language)
        let drawing: GuestDrawing
        do {
            let answer = try await source.gather(progress)
            guard let index = answer.estate.guests.firstIndex(where: { $0.name == guest }) else {
                throw Failure("there is no guest \"\(guest.prefix(80))\"")
            }
            let audit = await Advice(settings: answer.estate.settings).audit([index], of: answer.estate)
            drawing = GuestDrawing(answer.estate.guests[index], in: answer.estate, audit: audit)
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        switch format {
        case .text: try print(drawing.text(display.style(), display.language))
        case .json: try print(drawing.json(display.language))
        }
    }
}
