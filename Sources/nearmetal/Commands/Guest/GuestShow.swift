import Advisor
import ArgumentParser
import Configuration
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

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Definitions instead of libvirt: files or folders.", valueName: "path"),
        completion: .file(extensions: ["xml"]))
    var xml: [String] = []

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func validate() throws {
        if !xml.isEmpty, connect != nil {
            throw ValidationError("--xml and --connect exclude each other: guests come from files or from libvirt")
        }
    }

    func run() async throws {
        let progress = Progress(language: display.language)
        let drawing: GuestDrawing
        do {
            var request = EstateSurvey.Request()
            request.connect = xml.isEmpty ? connect ?? "qemu:///system" : nil
            request.xml = xml
            let settings = try Settings.read(nil)
            let answer = try await EstateSurvey(request, settings: settings) { progress.say($0) }.gather()
            guard let index = answer.estate.guests.firstIndex(where: { $0.name == guest }) else {
                throw Failure("there is no guest \"\(guest.prefix(80))\"")
            }
            let audit = await Advice(settings: settings).audit([index], of: answer.estate)
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
