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
        name: [.customShort("b", allowingJoined: true)],
        help: ArgumentHelp("The new backing file; empty for none.", valueName: "file"), completion: .file())
    var backing: String

    @Option(
        name: [.customShort("F", allowingJoined: true)], help: ArgumentHelp("The format of that.", valueName: "fmt"))
    var backingFormat: String?

    @Flag(name: [.customShort("u")], help: "Change the name alone, and open neither.")
    var unsafe = false

    @OptionGroup var changing: ImageChanging

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            let image = try opening.open(
                file, changing.format, isWritable: true, opensBacking: !unsafe, caching: changing.cache)
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
                let shown = changing.progress(of: image.size)
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
