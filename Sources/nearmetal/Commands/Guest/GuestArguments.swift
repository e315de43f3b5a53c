import ArgumentParser
import DomainXML
import Libvirt
import Quantities
import Reports
import Survey

/// `nearmetal guest argv`.
struct GuestArguments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "argv", abstract: "Print a guest's QEMU command line.",
        discussion: """
            It is that of the next start, and starts by hand: it does not wait for libvirt's monitor, and its sockets are in the folder it is started in. \
            --as-libvirt prints what libvirt itself runs. What libvirt makes before it starts QEMU, such as keys and open network interfaces, is not in it: \
            notes on standard error say what that is. A file needs no daemon: libvirt's driver then works inside this process. Do not start a guest by \
            hand while libvirt runs it: two QEMUs on one disk destroy it.

            Examples:
              nearmetal guest argv web1
              nearmetal guest argv web1.xml --pretty
              nearmetal guest argv web1 --format json | jq -r '.argv[]'

            Exit status: 0 it is printed, 2 it could not run.
            """)

    @Argument(
        help: ArgumentHelp(
            "A guest's name, or a file with a definition: with a slash or .xml.", valueName: "guest|file"),
        completion: GuestNames.completion)
    var guest: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "libvirt connection. Default: as virsh has it; for a file, libvirt's driver in this process.",
            valueName: "uri"))
    var connect: String?

    @Flag(help: "One option a line, with backslashes.")
    var pretty = false

    @Flag(help: "As libvirt runs it.")
    var asLibvirt = false

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        do {
            let (name, line) = try await line()
            let native = try NativeCommand(line)
            let command = asLibvirt ? native : native.byHand(name)
            switch format {
            case .text:
                try print(command.text(isPretty: pretty))
                for note in command.notes { say("nearmetal: \(note[display.language])") }
            case .json: try print(command.json(display.language))
            }
        } catch {
            throw failing(error)
        }
    }

    private func line() async throws -> (name: String, line: String) {
        guard guest.contains("/") || guest.hasSuffix(".xml") || guest == "-" else {
            let connection = Connection(uri: connect ?? "qemu:///system")
            try await connection.open()
            guard try await connection.knows(guest) else {
                throw Failure("there is no guest \"\(guest.prefix(80))\"")
            }
            let definition = try await connection.definition(of: guest, withSecrets: false)
            return (guest, try await connection.commandLine(of: definition))
        }
        let bytes = try DefinitionFile.read(guest)
        let document = try XMLDocument(bytes, path: guest)
        guard document.root.name == "domain" else {
            throw Failure(
                "\(guest.prefix(200)): this is no definition of a guest, but <\(document.root.name.prefix(40))>")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let name = document.root.first("name")?.text ?? "guest"
        if let connect {
            let connection = Connection(uri: connect)
            try await connection.open()
            return (name, try await connection.commandLine(of: text))
        }
        let driver = try await PrivateDriver()
        defer { driver.end() }
        return (name, try await driver.connection.commandLine(of: text))
    }
}
