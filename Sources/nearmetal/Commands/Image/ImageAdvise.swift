import ArgumentParser
import DiskImage
import Practices
import Reports

/// `nearmetal image advise`.
struct ImageAdvise: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise", abstract: "Tell what the guide recommends for an image: format, clusters, cache, space.",
        discussion: """
            Its header alone is read.

            Examples:
              nearmetal image advise disk.qcow2
              nearmetal image advise --lang zh --output=json disk.qcow2
            """)

    @Option(help: ArgumentHelp("human or json.", valueName: "form"))
    var output: ImageOutput = .human

    @OptionGroup var display: OutputOptions

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            let fact = ImageFacts.read(path: absolutePath(file))
            guard let image = fact.value else {
                let reason = fact.reason.map { $0.why[display.language] } ?? ""
                throw ImageError(.failed, "Could not open '\(file)': \(reason)")
            }
            guard image.malformed == nil else {
                throw ImageError(.malformed, "Could not open '\(file)': \(image.malformed ?? "")")
            }
            let advice = ImageAdvice(image)
            switch output {
            case .json: try print(ImageAdviceReport.json(advice, of: image, language: display.language))
            case .human:
                try print(
                    Array(
                        ImageAdviceReport.text(
                            advice, of: image, language: display.language, style: display.style()
                        ).utf8))
            }
        } catch { throw ImageStatus.failing(error) }
    }
}
