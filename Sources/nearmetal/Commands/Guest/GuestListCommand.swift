import ArgumentParser
import Configuration
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
        let answer: EstateSurvey.Answer
        do {
            var request = EstateSurvey.Request()
            // A list of nothing because libvirt is away would look like a host without guests.
            request.connect = xml.isEmpty ? connect ?? "qemu:///system" : nil
            request.xml = xml
            answer = try await EstateSurvey(request, settings: try Settings.read(nil)) { progress.say($0) }.gather()
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
