import ArgumentParser
import DiskImage

/// `nearmetal image create`.
struct ImageCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a disk image.",
        discussion: """
            Options of qcow2: cluster_size, compat, compression_type, data_file, data_file_raw, extended_l2, lazy_refcounts, preallocation (off,
            metadata, falloc, full), refcount_bits. Those of every format are told by -f FORMAT -o help.

            Examples:
              nearmetal image create -f qcow2 disk.qcow2 20G
              nearmetal image create -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2
              nearmetal image create -f qcow2 -o cluster_size=128k,extended_l2=on disk.qcow2 1T
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)], help: ArgumentHelp("Format. Default: raw.", valueName: "fmt"))
    var format = "raw"

    @Option(
        name: [.customShort("b", allowingJoined: true)],
        help: ArgumentHelp("What the image is to be backed by.", valueName: "file"), completion: .file())
    var backing: String?

    @Option(
        name: [.customShort("F", allowingJoined: true)], help: ArgumentHelp("The format of that.", valueName: "fmt"))
    var backingFormat: String?

    @Option(
        name: [.customShort("o", allowingJoined: true)],
        help: ArgumentHelp("Options of the format, by comma; may be given again.", valueName: "options"))
    var options: [String] = []

    @Flag(name: [.customShort("u")], help: "Do not look for what the image is backed by.")
    var unsafe = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String?

    @Argument(help: ArgumentHelp("Its size: bytes, or with k, M, G, T, P or E.", valueName: "size"))
    var size: String?

    func run() throws {
        do {
            var options = try ImageCreationOptions(lists: options)
            if options.wantsHelp { return try say(help: ImageFormatOptions.creation(format, hasFile: file != nil)) }
            guard let file else { throw ImageError(.invalid, "Expecting image file name") }
            let bytes = try size.map { text throws(ImageError) in try ImageSize.parsed(text) }
            do throws(ImageError) { try create(file, &options, bytes) } catch { throw error.at(file) }
        } catch {
            throw ImageStatus.failing(error)
        }
    }

    private func say(help text: String) throws { try print(Array(text.utf8)) }

    private func create(_ file: String, _ options: inout ImageCreationOptions, _ bytes: UInt64?) throws(ImageError) {
        let format = try ImageFormatOptions.created(format)
        if let backing { options.set("backing_file", backing) }
        if let backingFormat { options.set("backing_fmt", backingFormat) }
        try options.check(for: format)
        if bytes != nil, options["size"] != nil {
            throw ImageError(.invalid, "The image size must be specified only once")
        }
        let path = ImageReference.local(file)
        var size = bytes
        if let text = options["size"] { size = try ImageSize.option("size", text) }
        if let name = options["backing_file"] {
            guard !name.isEmpty else { throw ImageError(.invalid, "Expected backing file name, got empty string") }
            guard path != name else {
                throw ImageError(
                    .invalid, "Error: Trying to create an image with the same filename as the backing file")
            }
            let below = try openBacking(BackingName(name, format: options["backing_fmt"]), path, needsSize: size == nil)
            size = size ?? below?.size
        }
        guard let size else { throw ImageError(.invalid, "Image creation needs a size parameter") }
        var creation = Image.Creation(format, size: size)
        creation.gate = opening.gate
        if !quiet {
            do { try print(line: options.words(for: format, file, size: size)) } catch {
                throw ImageError(.failed, "standard output cannot be written")
            }
        }
        options.remove("size")
        try options.apply(to: &creation, try ImageObjects(opening.object))
        try Image.create(path, creation).close()
    }

    /// What it is to be backed by, as the image will find it.
    private func openBacking(_ backing: BackingName, _ path: String, needsSize: Bool) throws(ImageError) -> Image? {
        if unsafe, !needsSize { return nil }
        let image: Image
        do throws(ImageError) { image = try opening.open(backing, of: path) } catch {
            throw ImageError(error.kind, error.described + "\u{2028}Could not open backing image.")
        }
        guard backing.format != nil else {
            throw ImageError(
                .invalid,
                "Backing file specified without backing format\u{2028}Detected format of \(image.format.rawValue)."
            )
        }
        return image
    }
}
