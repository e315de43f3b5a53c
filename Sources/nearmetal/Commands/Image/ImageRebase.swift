import ArgumentParser
import DiskImage

/// `nearmetal image rebase`.
struct ImageRebase: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebase", abstract: "Have an image backed by another one.",
        discussion: """
            What the image shows stays: where the old backing file and the new one differ, it takes up what it shows now. -u changes the name alone,
            for a backing file that was moved.

            Examples:
              nearmetal image rebase -p -b new-base.qcow2 -F qcow2 overlay.qcow2
              nearmetal image rebase -u -b /images/base.qcow2 -F qcow2 overlay.qcow2
              nearmetal image rebase -b '' overlay.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("b", allowingJoined: true)],
        help: ArgumentHelp("The new backing file; empty for none.", valueName: "file"), completion: .file())
    var backing: String

    @Option(
        name: [.customShort("F", allowingJoined: true)], help: ArgumentHelp("The format of that.", valueName: "fmt"))
    var backingFormat: String?

    @Option(
        name: [.customShort("t", allowingJoined: true)],
        help: ArgumentHelp("How the image is written.", valueName: "cache"))
    var cache: FileStorage.Caching = .writeback

    @Flag(name: [.customShort("u")], help: "Change the name alone, and open neither.")
    var unsafe = false

    @Flag(name: [.customShort("p")], help: "Show progress.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            let image = try opening.open(file, format, isWritable: true, opensBacking: !unsafe, caching: cache)
            let name = backing.isEmpty ? nil : BackingName(backing, format: backingFormat)
            if name != nil, backingFormat == nil {
                throw ImageError(
                    .invalid, "Could not change the backing file to '\(backing)': backing format must be specified")
            }
            if !unsafe {
                var new: Image?
                if let name {
                    do throws(ImageError) { new = try opening.open(name, of: file) } catch {
                        throw ImageError(
                            error.kind, "Could not open new backing file '\(backing)': \(error.described)")
                    }
                }
                let shown = ImageProgress(isShown: progress && !quiet, total: image.size)
                try image.takeUp(whatDiffersFrom: new, shown.show)
                try image.flush()
                shown.finish()
            }
            try image.setBacking(name)
            try image.close()
        } catch {
            throw ImageStatus.failing(error)
        }
    }
}
