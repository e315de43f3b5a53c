import ArgumentParser
import Glibc
import HostFacts
import Reports

/// `nearmetal facts`.
struct Facts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "facts",
        abstract: "Show what a host says of itself. What cannot be read is unknown, with the reason.",
        discussion: """
            Examples:
              nearmetal facts
              nearmetal facts --format json | jq .numa.nodes
              nearmetal facts --root captured/
            """)

    /// How facts are written.
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(
        name: [.customLong("root"), .long],
        help: ArgumentHelp("Read below this folder, a captured tree; nothing outside it is read.", valueName: "dir"),
        completion: .directory)
    var hostRoot = "/"

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: Format = .text

    @OptionGroup var output: OutputOptions

    func run() throws {
        var status = stat()
        guard stat(hostRoot, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw failing(
                Failure(
                    "\(hostRoot): there is no such folder. Name the root of a captured tree, or leave --root out"))
        }
        let facts = HostFacts.read(root: hostRoot)
        switch format {
        case .json: try print(FactsJSON.write(facts))
        case .text: try print(FactsText.write(facts, language: output.language, style: output.style()))
        }
    }
}
