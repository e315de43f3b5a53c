import ArgumentParser
import Glibc
import Practices
import Quantities
import Reports

/// `nearmetal explain`.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain a practice: the guide's section, the reason, the trade-off, what holds today.",
        discussion: """
            Examples:
              nearmetal explain swappiness
              nearmetal explain --lang zh ksm-fits
            """)

    @Argument(
        help: "The practice's id; `nearmetal practices` lists them.", completion: .list(Practices.all.map(\.about.id)))
    var id: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        guard let (practice, about) = Practices.named(id) else {
            throw PracticeNames.unknown(id)
        }
        try print(
            Array(PracticeText.explanation(practice, about, language: output.language, style: output.style()).utf8))
    }
}
