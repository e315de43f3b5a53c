import ArgumentParser
import DomainXML
import Libvirt
import Reports

/// `nearmetal guest cpu baseline`.
struct CPUBaseline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline", abstract: "Print the CPU that all of some hosts can give a guest.",
        discussion: """
            Files hold what `virsh capabilities` or `virsh domcapabilities` prints, for one host or one after the other for many, or <cpu> elements. libvirt
            does the arithmetic, inside this process where no connection is named: no daemon is needed. The result goes into a definition as it is.

            Examples:
              nearmetal guest cpu baseline host1.xml host2.xml
              nearmetal guest cpu baseline all-hosts.xml --migratable --features

            Exit status: 0 there is one, 1 there is none, 2 it could not run.
            """)

    @Argument(help: ArgumentHelp("Files with CPUs; - is standard input.", valueName: "file"), completion: .file())
    var files: [String]

    @Flag(help: "Name every feature of the model.")
    var features = false

    @Flag(help: "Leave out what keeps a guest from migrating.")
    var migratable = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("libvirt connection. Default: libvirt's driver in this process.", valueName: "uri"))
    var connect: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let cpu: String
        do {
            let cpus = try CPUArithmetic.read(files)
            let libvirt = try await CPUArithmetic(connect)
            defer { libvirt.end() }
            do {
                cpu = try await libvirt.baseline(
                    cpus.map(\.entry), expandsFeatures: features, isMigratable: migratable)
            } catch let error as LibvirtError where error.kind == .failed || error.kind == .unsupported {
                say("nearmetal: these \(cpus.count) CPUs have no common one: \(error.message)")
                throw ExitCode(1)
            }
        } catch { throw failing(error) }
        switch format {
        case .text: try print(line: cpu.hasSuffix("\n") ? String(cpu.dropLast()) : cpu)
        case .json:
            let json: [UInt8]
            do { json = CPUReport.json(baseline: try XMLDocument(Array(cpu.utf8), path: "baseline")) } catch {
                throw failing(error)
            }
            try print(json)
        }
    }
}
