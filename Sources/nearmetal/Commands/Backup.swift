import ArgumentParser
import Changes
import DomainXML
import Glibc
import Inventory
import Quantities
import Reports
import Transactions

/// `nearmetal backup`.
struct MakeBackup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy definitions, configuration and, on request, disks.",
        discussion: """
            A backup is a folder of readable files with a manifest; `nearmetal restore` puts it back. What a plan changes is backed up
            without this.

            Examples:
              nearmetal backup
              nearmetal backup --to /srv/backup --disks --guest web1
              nearmetal backup --root /mnt
            """)

    @OptionGroup var estate: EstateOptions
    @OptionGroup var place: PlaceOptions

    @Option(
        help: ArgumentHelp(
            "Folder in which the backup's folder is made. Default: backups in the state folder.", valueName: "dir"),
        completion: .directory)
    var to: String?

    @Flag(help: "Disk images too, of guests that do not run; room is looked for first.")
    var disks = false

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let progress = Progress(language: display.language)
        do {
            let answer = try await estate.gather(place, progress)
            let patterns = estate.guest.map(Wildcard.init)
            let guests = answer.estate.guests.filter { Wildcard.choose(patterns, $0.name) }
            var names: [String] = []
            var files: [String] = []
            var uri: String?
            for guest in guests where guest.persistent != nil {
                switch guest.origin {
                case .libvirt(let connection):
                    names.append(guest.name)
                    uri = connection
                case .file(let path):
                    let below = place.root == "/" ? path : String(path.dropFirst(place.root.count))
                    if !below.hasPrefix("/etc/libvirt/") || below.hasPrefix("/etc/libvirt/qemu/") {
                        files.append(below)
                    }
                case .example: break
                }
            }
            let machine = try await Changing.machine(
                root: place.root, connection: uri, for: names.map { Resource(.domain, $0) })
            // A colon would need quotes in a shell.
            let stamp = CivilDay.timestamp(secondsSince1970: Int64(time(nil))).filter { $0 != ":" }
            let folder = (to ?? place.state.path + "/backups") + "/" + stamp
            let backup = try await Backup.make(
                folder, of: machine, connection: uri, guests: names, files: files,
                disks: disks ? try Self.images(of: guests) : []
            ) { progress.say(Text(verbatim: $0)) }
            progress.finish()
            let text = Text(
                "\(backup.entries.count) definitions and files, \(backup.disks.count) disks in \(folder)\nnearmetal restore \(folder.shellWord)",
                "\(folder) 中有 \(backup.entries.count) 个定义和文件、\(backup.disks.count) 个磁盘\nnearmetal restore \(folder.shellWord)"
            )
            try print(line: text[display.language])
        } catch {
            progress.finish()
            throw failing(error)
        }
    }

    /// Images that guests write to; a guest that runs would change them under the copy.
    private static func images(of guests: [Guest]) throws -> [Backup.Disk] {
        var seen = Set<String>()
        var disks: [Backup.Disk] = []
        for guest in guests {
            for disk in guest.persistent?.disks ?? [] {
                guard disk.element["type"] == "file", disk.element["device"] != "cdrom",
                    disk.element.first("readonly") == nil, let path = disk.path
                else { continue }
                guard !guest.isActive else {
                    throw Failure(
                        "\(path): \(guest.name) runs and writes to it; nothing was copied. Shut it down, or leave --disks out"
                    )
                }
                if seen.insert(path).inserted { disks.append(Backup.Disk(path: path, guest: guest.name)) }
            }
        }
        return disks
    }
}

/// `nearmetal restore`.
struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup back.",
        discussion: """
            Shows what differs and asks. Definitions and files are put back as one transaction, which can be rolled back; disks only
            with --disks, and only of guests that do not run.

            Examples:
              nearmetal restore /var/lib/nearmetal/backups/2026-11-23T101500Z --dry-run
              nearmetal restore /srv/backup/2026-11-23T101500Z --guest web1 --disks
            """)

    @Argument(help: ArgumentHelp("The backup's folder.", valueName: "folder"), completion: .directory)
    var backup: String

    @Option(help: ArgumentHelp("Only guests of this name; wildcards are allowed.", valueName: "name"))
    var guest: [String] = []

    @Flag(help: "Disk images too.")
    var disks = false

    @Flag(help: "Show what differs and change nothing.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Option(help: ArgumentHelp("Folder of journal and history. Default: below the backup's root.", valueName: "dir"))
    var stateDir: String?

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let language = display.language
        do {
            let backup = try await Backup(reading: try WholeFile.path(self.backup))
            let machine = try await Changing.machine(
                root: backup.root, connection: backup.connection, for: backup.entries.map(\.resource))
            let plan = try await backup.plan(machine, guests: guest)
            try print(PlanText.bytes(plan, display.style(), language))
            let patterns = guest.map(Wildcard.init)
            let images = disks ? backup.disks.map(\.disk).filter { Wildcard.choose(patterns, $0.guest) } : []
            for disk in images { try print(line: "disk " + Columns.plain(disk.path)) }
            guard !dryRun, !(plan.steps.isEmpty && images.isEmpty) else { return }
            try Consent.require(Text("Put it back?", "是否还原?"), language, isGiven: yes)
            for disk in images where try await machine.runs(disk.guest) {
                throw Failure("\(disk.path): \(disk.guest) runs; nothing was changed. Shut it down first")
            }
            if !plan.steps.isEmpty {
                let folder = StateFolder(named: stateDir, below: backup.root)
                let record = try await Engine(machine, folder, tool: Version.text).apply(plan)
                try Changing.tellApplied(record, language)
            }
            for disk in images { try backup.restore(disk) }
        } catch {
            throw failing(error)
        }
    }
}
