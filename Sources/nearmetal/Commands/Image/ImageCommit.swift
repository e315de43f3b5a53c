import ArgumentParser
import DiskImage

/// `nearmetal image commit`.
struct ImageCommit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit", abstract: "Write what an image holds into the one it is backed by.",
        discussion: """
            The image is emptied then, unless told not to. Other images that are backed by the same one show what was written, and so are of no use any
            more.

            Examples:
              nearmetal image commit -p overlay.qcow2
              nearmetal image commit -d overlay.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("t", allowingJoined: true)],
        help: ArgumentHelp("How the images are written.", valueName: "cache"))
    var cache: FileStorage.Caching = .writeback

    @Flag(name: [.customShort("d")], help: "Do not empty the image.")
    var keep = false

    @Flag(name: [.customShort("p")], help: "Show progress.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            let top = try opening.open(file, format, isWritable: !keep, opensBacking: false, caching: cache)
            guard let backing = top.backing else { throw ImageError(.invalid, "Image does not have a backing file") }
            guard case .file(let path) = ImageReference(backing.name, in: absolutePath(file)) else {
                throw ImageError(
                    .unsupported, "its backing file \"\(backing.name)\" is no file of this host", path: file)
            }
            guard opening.gate.allows(path, file) else {
                throw ImageError(.denied, "its backing file \(path) may not be opened", path: file)
            }
            guard let name = backing.format else {
                throw ImageError(
                    .invalid, "it does not say which format its backing file has", path: file,
                    remedy: "Say it: rebase -u -b \(backing.name) -F FORMAT")
            }
            let base = try opening.open(try ImageTarget(path, name), isWritable: true, caching: cache)
            if base.size < top.size { try base.resize(to: top.size) }
            var options = ImageConversion.Options()
            options.keepsBacking = true
            options.targetIsZero = false
            let shown = ImageProgress(isShown: progress && !quiet, total: top.size)
            try ImageConversion(top, to: base, options).run(shown.show)
            try base.close()
            if !keep {
                try top.makeEmpty()
                try top.close()
            }
            shown.finish()
            if !quiet { try print(line: "Image committed.") }
        } catch {
            throw ImageStatus.failing(error)
        }
    }
}
