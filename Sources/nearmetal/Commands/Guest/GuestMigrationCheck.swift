import ArgumentParser
import DomainXML
import Foresight
import Inventory
import Libvirt
import Quantities
import Reports
import Survey

/// `nearmetal guest migration-check`.
struct GuestMigrationCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migration-check", abstract: "Say whether a guest can migrate to another host, and why not.",
        discussion: """
            The other host is a libvirt connection, or a file with what `virsh capabilities` prints there. What cannot be known from here is said to be
            unknown, never taken for a yes.

            Examples:
              nearmetal guest migration-check web1 --to qemu+ssh://host2/system
              nearmetal guest migration-check web1 --to host2-capabilities.xml

            Exit status: 0 nothing is against it, 1 something is, 2 it could not run.
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(
        help: ArgumentHelp("A connection, or a file.", valueName: "uri|file"), completion: .file(extensions: ["xml"]))
    var to: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let progress = Progress(language: display.language)
        let verdicts: [MigrationCheck.Verdict]
        do {
            let answer = try await GuestSource.gather(from: connect, progress)
            guard let found = answer.estate.guests.first(where: { $0.name == guest }), let domain = found.definition
            else {
                throw Failure("there is no guest \"\(guest.prefix(80))\"")
            }
            let text: String
            if to.contains("://") {
                let other = Connection(uri: to)
                try await other.open()
                text = try await other.capabilities()
            } else {
                text = String(decoding: try DefinitionFile.read(to), as: UTF8.self)
            }
            let target = MigrationCheck.Target(
                capabilities: try HypervisorCapabilities(capabilities: text, path: to),
                topology: try HostTopology(capabilities: text, path: to),
                cpu: domain.type == "qemu" ? nil : try? await Self.compare(domain, text, to))
            verdicts = MigrationCheck(domain, images: answer.estate.images).verdicts(to: target)
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        switch format {
        case .text: try print(MigrationReport.text(verdicts, display.style(), display.language))
        case .json: try print(MigrationReport.json(verdicts, display.language))
        }
        guard verdicts.allSatisfy({ $0.isMet != false }) else { throw ExitCode(1) }
    }

    /// libvirt's word on the two CPUs.
    private static func compare(_ domain: DomainDefinition, _ capabilities: String, _ path: String) async throws
        -> CPUComparison.Answer?
    {
        guard let host = try HostCPUs(Array(capabilities.utf8), path: path).entries.first,
            let cpu = domain.cpu.map({ NewElement($0.element).description }),
            let entry = try HostCPUs(Array(cpu.utf8), path: path).entries.first
        else { return nil }
        let libvirt = try await CPUArithmetic(nil)
        defer { libvirt.end() }
        return try await libvirt.compare(entry, with: host)
    }
}
