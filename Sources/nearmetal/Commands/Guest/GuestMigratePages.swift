import ArgumentParser
import HostFacts
import Planning
import Quantities
import Reports
import Survey
import Transactions

/// `nearmetal guest migrate-pages`.
struct GuestMigratePages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate-pages", abstract: "Move a running guest's memory to the nodes it is bound to.",
        discussion: """
            The nodes are those of its <numatune>, else those its process may use, else those its vCPUs are pinned to. No setting is changed: what the
            guest takes later comes from where its policy says. Moving takes memory bandwidth, and the guest waits for a page while it is moved.

            Examples:
              nearmetal guest migrate-pages db1
              nearmetal guest migrate-pages db1 --to 1

            Exit status: 0 it lies there, 1 some of it does not, 2 it could not be done.
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(help: ArgumentHelp("Nodes of the host, as 1 or 0-1, rather than those it is bound to.", valueName: "nodes"))
    var to: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func validate() throws { _ = try nodes() }

    private func nodes() throws -> NodeSet? {
        guard let to else { return nil }
        guard let nodes = NodeSet(libvirt: to[...]), !nodes.isEmpty else {
            throw ValidationError("--to \"\(to.prefix(64))\" is no list of nodes: write 1 or 0-1")
        }
        return nodes
    }

    func run() async throws {
        let progress = Progress(language: display.language)
        let migration: PageMigration
        var after: [Int: ByteCount]
        var left = 0
        do {
            let answer = try await GuestSource.gather(from: connect, progress)
            guard let found = answer.estate.guests.first(where: { $0.name == guest }) else {
                throw Failure("there is no guest \"\(guest.prefix(80))\"")
            }
            let wanted = try nodes()
            do throws(Refusal) { migration = try PageMigration(of: found, on: answer.estate.host, to: wanted) } catch {
                throw Failure("\(error)")
            }
            after = migration.before
            if !migration.from.isEmpty {
                (after, left) = try await move(migration, progress)
            }
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        switch format {
        case .text:
            try print(PagesReport.text(guest, migration, after: after, left: left, display.style(), display.language))
        case .json: try print(PagesReport.json(guest, migration, after: after, left: left))
        }
        guard left == 0 else { throw ExitCode(1) }
    }

    private func move(_ migration: PageMigration, _ progress: Progress) async throws -> ([Int: ByteCount], Int) {
        let total = migration.remote
        let watch = Task {
            while !Task.isCancelled {
                if let now = HostFacts.memoryByNode(ofProcess: migration.pid) {
                    let rest = PageMigration.remote(now, migration.to)
                    progress.say(Text("\(guest): \(rest) of \(total) left to move", "\(guest):剩余 \(rest)(共 \(total))"))
                }
                try? await Task.sleep(for: .seconds(1))
            }
        }
        defer { watch.cancel() }
        let left = try await PageMover(pid: migration.pid, word: migration.uuid).move(
            from: Array(migration.from), to: Array(migration.to))
        guard let after = HostFacts.memoryByNode(ofProcess: migration.pid) else {
            throw Failure("guest \(guest) has ended meanwhile")
        }
        return (after, left)
    }
}
