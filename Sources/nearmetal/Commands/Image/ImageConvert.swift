import ArgumentParser
import DiskImage

/// `nearmetal image convert`.
struct ImageConvert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Copy an image into another one.",
        discussion: """
            Examples:
              nearmetal image convert -p -O qcow2 disk.raw disk.qcow2
              nearmetal image convert -c -O qcow2 disk.raw packed.qcow2
              nearmetal image convert -O qcow2 -B base.qcow2 -F qcow2 overlay.qcow2 copy.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("The image's format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("O", allowingJoined: true)],
        help: ArgumentHelp("The new one's format. Default: raw.", valueName: "fmt"))
    var outputFormat = "raw"

    @Option(
        name: [.customShort("B", allowingJoined: true)],
        help: ArgumentHelp(
            "What the new one is to be backed by: holds what the image shows below itself.", valueName: "file"),
        completion: .file())
    var backing: String?

    @Option(
        name: [.customShort("F", allowingJoined: true)], help: ArgumentHelp("The format of that.", valueName: "fmt"))
    var backingFormat: String?

    @Option(
        name: [.customShort("o", allowingJoined: true)],
        help: ArgumentHelp("Options of the new format, by comma.", valueName: "options"))
    var options: [String] = []

    @Option(
        name: [.customShort("t", allowingJoined: true)],
        help: ArgumentHelp(
            "How the new one is written. Default: unsafe, since it is of no use until it is whole.", valueName: "cache")
    )
    var targetCache: FileStorage.Caching = .unsafe

    @Option(
        name: [.customShort("S", allowingJoined: true)],
        help: ArgumentHelp("Zeros in a row that make a hole; 0 writes all. Default: 4k.", valueName: "size"))
    var sparseSize: String?

    @Option(
        name: [.customShort("m", allowingJoined: true)], help: ArgumentHelp("Threads, 1 to 16.", valueName: "number"))
    var parallel: Int?

    @Option(help: ArgumentHelp("Level of zlib or zstd, with -c. Default: the fastest.", valueName: "level"))
    var level: Int32?

    @Flag(name: [.customShort("c")], help: "Pack clusters.")
    var compress = false

    @Option(
        name: [.customShort("l", allowingJoined: true)],
        help: ArgumentHelp(
            "The snapshot inside the image: its name or number, snapshot.id=ID or snapshot.name=NAME.",
            valueName: "snapshot"))
    var snapshot: String?

    @Option(
        name: [.customShort("r", allowingJoined: true)],
        help: ArgumentHelp("Bytes a second, at most; with k, M or G.", valueName: "rate"))
    var rate: String?

    @Flag(name: [.customShort("C")], help: "Have the kernel copy, and do not look for zeros.")
    var copyOffloading = false

    @Flag(help: "Take persistent bitmaps along.")
    var bitmaps = false

    @Flag(help: "Leave out bitmaps that are not right, with --bitmaps.")
    var skipBrokenBitmaps = false

    @Flag(help: "Go on where the image cannot be read, with zeros.")
    var salvage = false

    @Flag(name: [.customShort("n")], help: "Write into an image there is.")
    var noCreate = false

    @Flag(help: "The image there is reads as zeros, with -n.")
    var targetIsZero = false

    @Flag(help: "The image there is is named by QEMU's options, with -n.")
    var targetImageOpts = false

    @Flag(name: [.customShort("W")], help: "Write in any order; the order is kept here, and costs nothing.")
    var outOfOrder = false

    @Flag(name: [.customShort("p")], help: "Show progress.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(
        help: ArgumentHelp(
            "The image, or several that are put together one after the other, and the new one.", valueName: "file"),
        completion: .file())
    var files: [String] = []

    func run() throws {
        do { try convert() } catch { throw ImageStatus.failing(error) }
    }

    private func convert() throws {
        var options = try ImageCreationOptions(lists: options)
        if options.wantsHelp {
            return try print(Array(try ImageFormatOptions.creation(outputFormat, hasFile: files.count > 1).utf8))
        }
        guard files.count > 1, let output = files.last.map(ImageReference.local) else {
            throw ImageError(.invalid, "Must specify image file name")
        }
        if let backing { options.set("backing_file", backing) }
        if let backingFormat { options.set("backing_fmt", backingFormat) }
        try checkWhatGoesTogether(options)
        if !noCreate { _ = try ImageFormatOptions.created(outputFormat) }
        let source = try Image.concatenated(
            try files.dropLast().map { file throws(ImageError) in try opening.open(file, format) })
        if let snapshot { try source.show(snapshot: snapshot) }
        guard let target = ImageFacts.Format(rawValue: outputFormat) else {
            throw ImageError(.unsupported, "Unknown file format '\(outputFormat)'")
        }
        if let parallel, !(1...16).contains(parallel) {
            throw ImageError(.invalid, "Invalid number of coroutines. Allowed number of coroutines is between 1 and 16")
        }
        guard !targetImageOpts || noCreate else {
            throw ImageError(.invalid, "--target-image-opts requires use of -n flag")
        }
        if noCreate, !self.options.isEmpty {
            throw ImageError(.invalid, "-o has no effect when skipping image creation")
        }
        var settings = ImageConversion.Options()
        settings.threads = parallel.map { min($0, 8) }
        settings.isCompressed = compress
        settings.level = level
        settings.copiesInKernel = copyOffloading
        if salvage {
            settings.salvage = { error, offset in say("warning: error while reading offset \(offset): \(error)") }
        }
        if let sparseSize {
            let size = try ImageSize.parsed(sparseSize)
            guard size % 512 == 0, size <= 16 << 20 else {
                throw ImageError(
                    .invalid,
                    "Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to 16777216. Select 0 to disable sparse detection (fully allocates output)."
                )
            }
            settings.sparseSize = Int(size)
        }
        var creation = Image.Creation(target, size: source.size)
        try options.check(for: target)
        try options.apply(to: &creation, try ImageObjects(opening.object))
        creation.caching = targetCache
        creation.gate = opening.gate
        let isPackedVmdk = target == .vmdk && creation.vmdk.subformat == .streamOptimized
        // QEMU takes it for these, too, and packs nothing.
        let isUnpackedVmdk =
            target == .vmdk && [.monolithicSparse, .twoGbMaxExtentSparse].contains(creation.vmdk.subformat)
        if isPackedVmdk || isUnpackedVmdk { settings.isCompressed = false }
        if compress, target != .qcow2, !isPackedVmdk, !isUnpackedVmdk {
            throw ImageError(.unsupported, "Compression not supported for this file format")
        }
        if compress, isUnpackedVmdk {
            say("warning: vmdk packs nothing but as streamOptimized (-o subformat=streamOptimized): -c does nothing")
        }
        if compress, creation.qcow2.isEncrypted {
            throw ImageError(
                .unsupported, "clusters are either packed or encrypted: what is encrypted cannot be packed any more",
                remedy: "Leave out -c, or encrypt.format")
        }
        if compress, creation.qcow2.dataFile != nil {
            throw ImageError(.unsupported, "Compression not supported with an external data file")
        }
        if compress, creation.preallocation != .off {
            throw ImageError(.invalid, "Compression and preallocation not supported at the same time")
        }
        let image: Image
        if noCreate {
            let target =
                targetImageOpts
                ? try ImageTarget(options: output)
                : try ImageTarget(output, outputFormat)
            image = try opening.open(
                try target.knowing(opening.object), isWritable: true, caching: targetCache, called: output)
            guard image.size >= source.size else { throw ImageError(.full, "output file is smaller than input file") }
            settings.targetIsZero = targetIsZero
            settings.keepsOrder = image.clusterSize != nil
        } else {
            if let backing = creation.backing {
                guard backing.format != nil else {
                    throw ImageError(.invalid, "Use of backing file requires explicit backing format")
                }
                settings.layers = 1
                settings.keepsOrder = true
            }
            try source.refuse(asTarget: output)
            image = try create(output, creation)
            settings.isTargetNew = creation.preallocation == .off && creation.backing == nil
            let holdsWhatWasThere =
                creation.qcow2.isEncrypted && creation.qcow2.version == 2 && creation.preallocation != .off
            settings.targetIsZero = !image.mayHoldOldData && !holdsWhatWasThere
        }
        try checkBitmaps(source, image)
        let conversion = ImageConversion(source, to: image, settings)
        let shown = ImageProgress(isShown: progress && !quiet, total: (try? conversion.dataSize()) ?? source.size)
        let limit = try rate.map { text throws(ImageError) in RateLimit(try ImageSize.parsed(text)) }
        do throws(ImageError) {
            try conversion.run { done in
                limit?.wait(for: done)
                return shown.show(done)
            }
            if bitmaps { try copyBitmaps(source, image) }
            try image.close()
        } catch {
            throw ImageError(error.kind, "error while converting: \(error)")
        }
        shown.finish()
    }

    /// Makes the new image; what it is backed by is open, too: it has the rest of what is written in part.
    private func create(_ output: String, _ creation: Image.Creation) throws(ImageError) -> Image {
        let image: Image
        do throws(ImageError) { image = try Image.create(output, creation) } catch {
            let what = "error while converting \(creation.format.rawValue): \(error.what)"
            throw ImageError(error.kind, what, path: error.path, remedy: error.remedy)
        }
        guard creation.backing != nil else { return image }
        try image.close()
        return try opening.open(
            try ImageTarget(output, creation.format.rawValue).knowing(opening.object), isWritable: true,
            caching: creation.caching)
    }

    private func checkWhatGoesTogether(_ options: ImageCreationOptions) throws(ImageError) {
        func refuse(_ isWrong: Bool, _ what: String) throws(ImageError) {
            if isWrong { throw ImageError(.invalid, what) }
        }
        let hasSeveral = files.count > 2
        try refuse(hasSeveral && snapshot != nil, "No support for concatenating multiple snapshot")
        try refuse(
            hasSeveral && options["backing_file"] != nil,
            "Having a backing file for the target makes no sense when concatenating multiple input images")
        try refuse(copyOffloading && sparseSize != nil, "Cannot enable copy offloading when -S is used")
        try refuse(copyOffloading && compress, "Cannot enable copy offloading when -c is used")
        try refuse(copyOffloading && salvage, "Cannot use copy offloading in salvaging mode")
    }

    /// Whether bitmaps can be taken along, before anything is copied.
    private func checkBitmaps(_ source: Image, _ target: Image) throws(ImageError) {
        guard bitmaps else {
            guard !skipBrokenBitmaps else {
                throw ImageError(.invalid, "Use of --skip-broken-bitmaps requires --bitmaps")
            }
            return
        }
        guard files.count == 2, source.format == .qcow2 else {
            throw ImageError(.unsupported, "This will copy bitmaps only from a single qcow2 image")
        }
        guard target.format == .qcow2 else {
            throw ImageError(.unsupported, "Format driver '\(target.format.rawValue)' does not support bitmaps")
        }
        for bitmap in try source.bitmaps() where !bitmap.isRight && !skipBrokenBitmaps {
            throw ImageError(
                .invalid, "Cannot copy inconsistent bitmap '\(bitmap.name)'",
                remedy: "Try --skip-broken-bitmaps, or use 'bitmap --remove'")
        }
    }

    private func copyBitmaps(_ source: Image, _ target: Image) throws(ImageError) {
        for bitmap in try source.bitmaps() {
            guard bitmap.isRight else {
                say("\(ImageStatus.program): warning: Skipping inconsistent bitmap '\(bitmap.name)'")
                continue
            }
            let bits = try source.bitmap(bitmap.name)
            try target.change(bitmap: bitmap.name, .add(granularity: bits.granularity))
            try target.change(bitmap: bitmap.name, .merge(bits))
            if !bitmap.isAutomatic { try target.change(bitmap: bitmap.name, .disable) }
        }
    }
}
