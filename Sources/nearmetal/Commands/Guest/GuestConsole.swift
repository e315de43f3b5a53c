import ArgumentParser
import DomainXML
import Glibc
import Libvirt
import Quantities

/// `nearmetal guest console`.
///
/// What can be wrong is found out here; then `virsh console` takes the process over. It is libvirt's own, puts the terminal back however it ends, and goes on
/// where a guest restarts; the same again over the stream functions would be one more thing to keep a terminal in order.
struct GuestConsole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Connect the terminal to a running guest's console.",
        discussion: """
            virsh does it (Debian: libvirt-clients, SUSE: libvirt-client). Ctrl and ] leaves the console; the guest goes on.

            Examples:
              nearmetal guest console web1
              nearmetal guest console web1 --devname serial1

            Exit status: 0 it was left, 1 virsh could not connect or the guest does not run, 2 it could not run.
            """)

    @Argument(help: ArgumentHelp("A guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(help: ArgumentHelp("Alias of the console or serial port. Default: the first.", valueName: "alias"))
    var devname: String?

    @Flag(help: "Take the console from whoever has it.")
    var force = false

    @OptionGroup var display: OutputOptions

    func run() async throws {
        do {
            // Before anything else: a script must not wait for somebody to type.
            guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
                throw Failure("a console needs a terminal, on standard input and output")
            }
            let uri = connect ?? "qemu:///system"
            let connection = Connection(uri: uri)
            try await connection.open()
            guard try await connection.knows(guest) else {
                throw Failure("there is no guest \"\(guest.prefix(80))\"")
            }
            guard let text = try await connection.liveDefinition(of: guest) else {
                let name = guest.prefix(80)
                say("nearmetal: \(Text("\(name) does not run", "\(name) 未在运行")[display.language])")
                throw ExitCode(1)
            }
            let domain = try XMLDocument(Array(text.utf8), path: guest).root
            // virsh takes a name that is a number for the number of another guest.
            guard let uuid = domain.first("uuid")?.text, !uuid.isEmpty else {
                throw Failure("libvirt tells no UUID of \(guest.prefix(80))")
            }
            let devices = domain.first("devices")
            let ports = (devices?.all("serial") ?? []) + (devices?.all("console") ?? [])
            let aliases = ports.compactMap { $0.first("alias")?["name"] }
            guard !ports.isEmpty else { throw Failure("\(guest.prefix(80)) has no console and no serial port") }
            if let devname, !aliases.contains(devname) {
                var known: [String] = []
                for alias in aliases where !known.contains(alias) { known.append(alias) }
                throw Failure(
                    "\(guest.prefix(80)) has no console \"\(devname.prefix(80))\"; there are \(known.joined(separator: ", "))"
                )
            }
            var words = ["virsh", "--connect", uri, "console", "--domain", uuid]
            if let devname { words += ["--devname", devname] }
            if force { words.append("--force") }
            throw Failure("virsh: \(Self.become(words))")
        } catch {
            throw failing(error)
        }
    }

    /// Puts a program in this one's place; why not, where that fails.
    private static func become(_ words: [String]) -> String {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        // The signals that this program or its libraries held back are not to stay so.
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        execvp(words[0], &arguments)
        return String(cString: strerror(errno))
    }
}
