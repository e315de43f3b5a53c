import ArgumentParser
import DiskImage

/// `nearmetal image amend`.
struct ImageAmend: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "amend", abstract: "Change what a qcow2 image was made with.",
        discussion: """
            Options: compat, data_file, lazy_refcounts, refcount_bits, size.

            Examples:
              nearmetal image amend -f qcow2 -o compat=1.1,lazy_refcounts=on disk.qcow2
              nearmetal image amend -f qcow2 -o refcount_bits=8 disk.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("o", allowingJoined: true)],
        help: ArgumentHelp("Options, by comma; may be given again.", valueName: "options"))
    var options: [String] = []

    @Option(
        name: [.customShort("t", allowingJoined: true)],
        help: ArgumentHelp("How the image is written. Default: writeback.", valueName: "cache"))
    var cache: FileStorage.Caching = .writeback

    @Flag(help: "Do what may lock everybody out of an encrypted image; nothing here does.")
    var force = false

    @Flag(name: [.customShort("p")], help: "Show progress.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String?

    func run() throws {
        do {
            let options = try ImageCreationOptions(lists: options)
            if options.wantsHelp, let format = format ?? (file == nil ? nil : "qcow2") {
                return try print(Array(try ImageFormatOptions.amendment(format).utf8))
            }
            guard let file else { throw ImageError(.invalid, "Expecting one image file name") }
            guard !options.values.isEmpty else { throw ImageError(.invalid, "Must specify options (-o)") }
            // What lies below is looked at where zeros have to be written.
            let isUnsafe = options["compat"] == nil
            let image = try opening.open(file, format, isWritable: true, opensBacking: !isUnsafe, caching: cache)
            guard image.format == .qcow2 else {
                throw ImageError(
                    .unsupported, "Format driver '\(image.format.rawValue)' does not support option amendment")
            }
            let shown = ImageProgress(isShown: progress && !quiet, total: image.size)
            try image.amend(try Self.amendment(options, of: image))
            shown.finish()
        } catch {
            throw ImageStatus.failing(error)
        }
    }

    private static func amendment(_ options: ImageCreationOptions, of image: Image) throws(ImageError) -> Qcow2Amendment
    {
        var amendment = Qcow2Amendment()
        for (key, value) in options.values {
            switch key {
            case "compat":
                switch value {
                case "0.10", "v2": amendment.version = 2
                case "1.1", "v3": amendment.version = 3
                default: throw ImageError(.invalid, "Unknown compatibility level \(value)")
                }
            case "refcount_bits":
                guard let bits = UInt64(value) else {
                    throw ImageError(.invalid, "Refcount width must be a power of two and may not exceed 64 bits")
                }
                amendment.refcountBits = bits
            case "lazy_refcounts": amendment.lazyRefcounts = try options.flag(key, value)
            case "backing_file" where value == image.backing?.name ?? "": break
            case "backing_fmt" where value == image.backing?.format ?? "": break
            case "backing_file", "backing_fmt":
                throw ImageError(
                    .unsupported, "Cannot amend the backing file\u{2028}You can use 'qemu-img rebase' instead.")
            case "data_file": amendment.dataFile = value
            case "size": amendment.size = try ImageSize.option(key, value).roundedToSector
            case "cluster_size", "extended_l2", "compression_type", "preallocation", "data_file_raw", "encryption":
                throw ImageError(
                    .invalid,
                    "Invalid parameter '\(key)'\u{2028}This option is only supported for image creation")
            default: throw ImageError(.invalid, "Invalid parameter '\(key)'")
            }
        }
        return amendment
    }
}
