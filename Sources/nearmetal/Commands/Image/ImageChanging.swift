import ArgumentParser
import DiskImage

/// Options of the commands that change an image in place.
struct ImageChanging: ParsableArguments {
    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("t", allowingJoined: true)],
        help: ArgumentHelp("How what is written gets to the disk. Default: writeback.", valueName: "cache"))
    var cache: FileStorage.Caching = .writeback

    @Flag(name: [.customShort("p")], help: "Show progress.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    /// Progress of so many bytes, where it is to be shown.
    func progress(of total: UInt64) -> ImageProgress { ImageProgress(isShown: progress && !quiet, total: total) }
}
