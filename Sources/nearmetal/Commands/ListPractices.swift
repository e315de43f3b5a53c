import ArgumentParser
import Glibc
import Practices
import Reports

/// `nearmetal practices`.
struct ListPractices: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "practices", abstract: "List the practices, in the guide's order.",
        discussion: """
            Examples:
              nearmetal practices
              nearmetal practices --format json | jq -r '.[] | select(.scope == "guest") | .id'
            """)

    /// How the list is written.
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(help: ArgumentHelp("text or json.", valueName: "format"))
    var format: Format = .text

    @OptionGroup var output: OutputOptions

    func run() throws {
        let abouts = Practices.all.map(\.about)
        switch format {
        case .json: try print(PracticeText.json(abouts, language: output.language))
        case .text:
            try print(Array(PracticeText.table(abouts, language: output.language, style: output.style()).utf8))
        }
    }
}
