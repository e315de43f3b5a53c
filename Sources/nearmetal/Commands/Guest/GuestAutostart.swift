import ArgumentParser
import Changes
import Libvirt
import Quantities
import Reports
import Transactions

/// `nearmetal guest autostart`.
struct GuestAutostart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autostart", abstract: "Have guests start with the host, or not.",
        discussion: """
            Examples:
              nearmetal guest autostart web1 web2
              nearmetal guest autostart web1 --disable --yes
            """)

    @Argument(help: ArgumentHelp("Guests.", valueName: "guest"), completion: GuestNames.completion)
    var guests: [String]

    @Flag(help: "Have them not start with the host.")
    var disable = false

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Flag(help: "Show the change and make none.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Option(
        help: ArgumentHelp("Folder of journal and history. Default: /var/lib/nearmetal.", valueName: "dir"),
        completion: .directory)
    var stateDir: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let plan: Changes.Plan
        let machine: Machine
        do {
            let connection = Connection(uri: connect ?? "qemu:///system")
            try await connection.open()
            machine = Machine(root: "/", connection: connection)
            plan = try await steps(on: machine, uri: try await connection.uri())
        } catch {
            throw failing(error)
        }
        try await Changing.carryOut(
            plan, on: machine, StateFolder(named: stateDir, below: "/"), dryRun: dryRun, yes: yes, format, display)
    }

    private func steps(on machine: Machine, uri: String) async throws -> Changes.Plan {
        var plan = Changes.Plan(root: "/", connection: uri)
        let wanted = ResourceState(text: disable ? "off" : "on")
        let what =
            disable
            ? Text("asked for: not to start with the host", "要求:不随主机启动")
            : Text("asked for: to start with the host", "要求:随主机启动")
        for guest in guests where !plan.steps.contains(where: { $0.resource.name == guest }) {
            let resource = Resource(.autostart, guest)
            let before = try await machine.state(of: resource)
            guard before.bytes != nil else { throw Failure("there is no guest \"\(guest.prefix(80))\"") }
            guard before != wanted else { continue }
            plan.steps.append(
                Step(
                    resource, from: before, to: wanted,
                    reasons: [
                        Step.Reason(
                            practice: "guests-under-libvirt", subject: guest, what: what, tradeOff: Text("", ""))
                    ],
                    disrupts: .nothing))
        }
        return plan
    }
}
