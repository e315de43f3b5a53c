import ArgumentParser
import DomainXML
import Libvirt
import Quantities
import Reports

/// `nearmetal guest display`.
struct GuestDisplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "display", abstract: "Print where a running guest's display is, as viewers take it.",
        discussion: """
            Passwords are not printed.

            Examples:
              remote-viewer "$(nearmetal guest display web1)"
              nearmetal guest display web1 --all --type vnc

            Exit status: 0 it is printed, 1 it has none or does not run, 2 it could not run.
            """)

    @Argument(help: ArgumentHelp("A guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(help: ArgumentHelp("Only displays of the type vnc, spice or rdp.", valueName: "type"))
    var type: Kind?

    @Flag(help: "All displays, one a line. Default: the first.")
    var all = false

    @Option(name: [.short, .long], help: ArgumentHelp("text or json; json has all.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    /// Types of displays that have an address.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case vnc, spice, rdp
    }

    func run() async throws {
        let displays: [GuestDisplay]
        let name = guest.prefix(80)
        do {
            let connection = Connection(uri: connect ?? "qemu:///system")
            try await connection.open()
            guard try await connection.knows(guest) else { throw Failure("there is no guest \"\(name)\"") }
            guard let text = try await connection.liveDefinition(of: guest) else {
                say("nearmetal: \(Text("\(name) does not run", "\(name) 未在运行")[display.language])")
                throw ExitCode(1)
            }
            let document = try XMLDocument(Array(text.utf8), path: guest)
            displays = GuestDisplay.of(document.root, host: Self.host(try await connection.uri()))
                .filter { type == nil || $0.type == type?.rawValue }
        } catch {
            throw failing(error)
        }
        if format == .json { try print(GuestDisplay.json(displays, of: guest)) }
        guard !displays.isEmpty else {
            say("nearmetal: \(Text("\(name) has no display to connect to", "\(name) 没有可连接的显示")[display.language])")
            throw ExitCode(1)
        }
        if format == .text { for shown in all ? displays : [displays[0]] { try print(line: Columns.plain(shown.uri)) } }
    }

    /// The host of a connection's URI; `nil` where that is this one.
    static func host(_ uri: String) -> String? {
        guard let slashes = uri.firstRange(of: "://") else { return nil }
        var host = uri[slashes.upperBound...].prefix { $0 != "/" && $0 != "?" }
        if let at = host.lastIndex(of: "@") { host = host[host.index(after: at)...] }
        if host.hasPrefix("[") { return host.firstIndex(of: "]").map { String(host[..<$0].dropFirst()) } }
        host = host.prefix { $0 != ":" }
        return host.isEmpty ? nil : String(host)
    }
}
