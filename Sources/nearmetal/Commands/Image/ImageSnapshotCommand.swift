import ArgumentParser
import DiskImage
import Reports

/// `nearmetal image snapshot`.
struct ImageSnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "List, make, apply and delete snapshots inside an image.",
        discussion: """
            Examples:
              nearmetal image snapshot -l disk.qcow2
              nearmetal image snapshot -c before-upgrade disk.qcow2
              nearmetal image snapshot -a before-upgrade disk.qcow2
              nearmetal image snapshot -d before-upgrade disk.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Flag(name: [.customShort("l")], help: "List them; the default.")
    var list = false

    @Option(name: [.customShort("c", allowingJoined: true)], help: ArgumentHelp("Make one.", valueName: "name"))
    var create: String?

    @Option(
        name: [.customShort("a", allowingJoined: true)],
        help: ArgumentHelp("Have the image show what it showed then.", valueName: "name"))
    var apply: String?

    @Option(name: [.customShort("d", allowingJoined: true)], help: ArgumentHelp("Delete one.", valueName: "name"))
    var delete: String?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func validate() throws {
        guard [create, apply, delete].compactMap({ $0 }).count + (list ? 1 : 0) <= 1 else {
            throw ValidationError("Cannot mix '-l', '-a', '-c', '-d'")
        }
    }

    func run() throws {
        do {
            let isChange = create != nil || apply != nil || delete != nil
            let image = try opening.open(file, format, isWritable: isChange, opensBacking: false)
            if let create {
                try changing("create", create) { name throws(ImageError) in try image.createSnapshot(name) }
            }
            if let apply { try changing("apply", apply) { name throws(ImageError) in try image.applySnapshot(name) } }
            if let delete {
                try changing("delete", delete) { name throws(ImageError) in try image.deleteSnapshot(name) }
            }
            guard !isChange else { return try image.close() }
            let snapshots = try image.snapshots()
            if !snapshots.isEmpty {
                try print(line: (["Snapshot list:"] + ImageInfoReport.snapshots(snapshots)).joined(separator: "\n"))
            }
        } catch {
            throw ImageStatus.failing(error)
        }
    }

    private func changing(
        _ verb: String, _ name: String, _ body: (String) throws(ImageError) -> Void
    ) throws(ImageError) {
        do throws(ImageError) { try body(name) } catch {
            let what = "Could not \(verb) snapshot '\(name.prefix(80))': \(error.what)"
            throw ImageError(error.kind, what, path: ImageStatus.isQemuImg ? "" : error.path, remedy: error.remedy)
        }
    }
}
