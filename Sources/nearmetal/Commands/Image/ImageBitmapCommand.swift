import ArgumentParser
import DiskImage

/// `nearmetal image bitmap`.
struct ImageBitmapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bitmap", abstract: "Make, change and take out an image's persistent bitmaps.",
        discussion: """
            What is asked for is done in this order: --add, --clear, --enable, --disable, --merge, --remove.

            Examples:
              nearmetal image bitmap --add disk.qcow2 backup-1
              nearmetal image bitmap --merge backup-1 -b overlay.qcow2 -F qcow2 disk.qcow2 backup-1
              nearmetal image bitmap --remove disk.qcow2 backup-1
            """)

    @Flag(help: "Make it.")
    var add = false

    @Flag(help: "Take it out.")
    var remove = false

    @Flag(help: "Forget what it has noted.")
    var clear = false

    @Flag(help: "Have it take note of writes.")
    var enable = false

    @Flag(help: "Have it take no note of writes.")
    var disable = false

    @Option(help: ArgumentHelp("Take over what another bitmap has noted; may be given again.", valueName: "source"))
    var merge: [String] = []

    @Option(
        name: [.customShort("b", allowingJoined: true), .long],
        help: ArgumentHelp("The image in which that bitmap is. Default: this one.", valueName: "file"),
        completion: .file())
    var sourceFile: String?

    @Option(
        name: [.customShort("F", allowingJoined: true), .long],
        help: ArgumentHelp("The format of that. Default: by its content.", valueName: "fmt"))
    var sourceFormat: String?

    @Option(
        name: [.customShort("g", allowingJoined: true), .long],
        help: ArgumentHelp("Bytes a bit stands for, with --add. Default: a cluster, 64 KiB at most.", valueName: "size")
    )
    var granularity: String?

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("The image's format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    @Argument(help: ArgumentHelp("The bitmap.", valueName: "bitmap"))
    var bitmap: String

    func run() throws {
        do { try change() } catch { throw ImageStatus.failing(error) }
    }

    private func change() throws(ImageError) {
        guard add || remove || clear || enable || disable || !merge.isEmpty else {
            throw ImageError(
                .invalid, "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge")
        }
        guard granularity == nil || add else { throw ImageError(.invalid, "granularity only supported with --add") }
        guard sourceFile == nil || !merge.isEmpty else {
            throw ImageError(.invalid, "Merge bitmap source file only supported with --merge")
        }
        guard sourceFormat == nil || sourceFile != nil else {
            throw ImageError(.invalid, "-F only supported with -b")
        }
        let image = try opening.open(file, format, isWritable: true, opensBacking: false)
        if add {
            let size =
                try granularity.map { text throws(ImageError) in try ImageSize.parsed(text) }
                ?? min(max(image.clusterSize ?? 65_536, 4096), 65_536)
            try perform("add", .add(granularity: size), image)
            if disable { try perform("disable", .disable, image) }
        }
        if clear { try perform("clear", .clear, image) }
        if enable { try perform("enable", .enable, image) }
        if disable, !add { try perform("disable", .disable, image) }
        let source = try sourceFile.map { file throws(ImageError) in
            try opening.open(try ImageTarget(file, sourceFormat).knowing(opening.object), opensBacking: false)
        }
        for name in merge {
            let other: ImageBitmap
            do throws(ImageError) { other = try (source ?? image).bitmap(name) } catch {
                throw ImageError(error.kind, "Operation merge on bitmap \(bitmap) failed: \(error.what)")
            }
            try perform("merge", .merge(other), image)
        }
        if remove { try perform("remove", .remove, image) }
        try image.close()
    }

    private func perform(_ word: String, _ operation: ImageBitmap.Operation, _ image: Image) throws(ImageError) {
        do throws(ImageError) { try image.change(bitmap: bitmap, operation) } catch {
            throw ImageError(
                error.kind, "Operation \(word) on bitmap \(bitmap) failed: \(error.what)", remedy: error.remedy)
        }
    }
}
