import ArgumentParser
import Changes
import FileWriting
import Inventory
import Libvirt
import Planning
import Quantities
import Reports
import Survey
import Transactions

/// Options of every command that changes one guest.
struct OperationOptions: ParsableArguments {
    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Flag(help: "Change the running guest. Default: that and its next start.")
    var live = false

    @Flag(help: "Change what holds at its next start.")
    var config = false

    @Flag(help: "Show the change and make none.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Option(
        help: ArgumentHelp(
            "Folder of journal and history. Default: /var/lib/nearmetal.", valueName: "dir"),
        completion: .directory)
    var stateDir: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    /// Whether guests run on this machine, so that what is here is there.
    var isOfThisHost: Bool { connect.map { !$0.contains("://") || $0.contains(":///") } ?? true }

    /// Plans an operation on a guest, shows it, asks, and carries it out.
    ///
    /// - Parameters:
    ///   - operation: what is asked for.
    ///   - name: the guest's name.
    ///   - images: tells what images have to be made for it.
    ///
    /// - Throws: the exit status, once why was said.
    func carryOut(
        _ operation: any GuestOperation, on name: String, making images: (Guest) -> [ImageToMake] = { _ in [] }
    ) async throws {
        let language = display.language
        let progress = Progress(language: language)
        let plan: Changes.Plan
        let machine: Machine
        var guest: Guest
        do {
            let answer = try await GuestSource.gather(from: connect, progress)
            guard let found = answer.estate.guests.first(where: { $0.name == name }) else {
                for failure in answer.failures { say("nearmetal: \(failure)") }
                let known = answer.estate.guests.map(\.name).sorted()
                throw Failure(
                    "there is no guest \"\(name.prefix(80))\"; "
                        + (known.isEmpty
                            ? "libvirt knows none" : "there are \(known.prefix(20).joined(separator: ", "))"))
            }
            guest = found
            guard case .libvirt(let uri) = guest.origin else { throw Failure("\(name) is not of libvirt") }
            let connection = Connection(uri: uri)
            try await connection.open()
            machine = Machine(root: "/", connection: connection)
            if operation.asksInside, guest.isActive {
                progress.say(Text("\(name): asking its agent", "\(name):正在查询其 agent"))
                guest.inside = try await GuestInside.read(name, uri: uri)
            }
            do throws(Refusal) {
                plan = try await OperationPlanner(states: machine, connection: uri)
                    .plan(operation, of: guest, in: answer.estate, Scope(live: live, config: config))
            } catch { throw Failure("\(error)") }
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        let images = images(guest)
        guard images.isEmpty || isOfThisHost else {
            throw failing(Failure("images are made on this host alone, and \(name) is of another. Make it there first"))
        }
        try await Changing.carryOut(
            plan, on: machine, StateFolder(named: stateDir, below: "/"), making: images, dryRun: dryRun, yes: yes,
            format,
            display)
    }
}
