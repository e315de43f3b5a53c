import ArgumentParser
import DomainXML
import Libvirt
import Reports
import Survey

/// `nearmetal guest cpu compare`.
struct CPUCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Say on which hosts a guest with a CPU can run.",
        discussion: """
            The first file holds the CPU: a definition, or a <cpu> element. The others hold hosts, as for baseline. What is in a model libvirt says,
            inside this process where no connection is named.

            Examples:
              nearmetal guest cpu compare web1.xml all-hosts.xml
              nearmetal guest cpu baseline a.xml b.xml | nearmetal guest cpu compare - a.xml b.xml

            Exit status: 0 it can run on all, 1 not on one, 2 it could not run.
            """)

    @Argument(
        help: ArgumentHelp("A definition or <cpu> element; - is standard input.", valueName: "cpu"), completion: .file()
    )
    var cpu: String

    @Argument(help: ArgumentHelp("Files with hosts.", valueName: "hosts"), completion: .file())
    var hosts: [String]

    @Flag(help: "Take a host that has more than is asked for as an error, too.")
    var error = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("libvirt connection. Default: libvirt's driver in this process.", valueName: "uri"))
    var connect: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        var answers: [(host: String, answer: CPUComparison.Answer)] = []
        do {
            let wanted = try CPUArithmetic.read([cpu])
            guard let first = wanted.first, wanted.count == 1 else {
                throw Failure("\(cpu) holds \(wanted.count) CPUs: one is compared")
            }
            let hosts = try CPUArithmetic.read(hosts)
            let libvirt = try await CPUArithmetic(connect)
            defer { libvirt.end() }
            for host in hosts {
                answers.append((host.place, try await libvirt.compare(first.entry, with: host.entry)))
            }
        } catch { throw failing(error) }
        switch format {
        case .text: try print(CPUReport.text(answers, display.style(), display.language))
        case .json: try print(CPUReport.json(answers))
        }
        guard answers.allSatisfy({ $0.answer.verdict == .identical || $0.answer.verdict == .superset && !error }) else {
            throw ExitCode(1)
        }
    }
}
