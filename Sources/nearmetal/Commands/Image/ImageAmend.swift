import ArgumentParser
import DiskImage

/// `nearmetal image amend`.
struct ImageAmend: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "amend", abstract: "Change what an image was made with.",
        discussion: """
            Options: compat, data_file, data_file_raw (off), lazy_refcounts, refcount_bits, size; of encrypted images state (active adds a passphrase, inactive takes some out),
            keyslot, new-secret, old-secret, iter-time, with encrypt. in front of them for qcow2.

            Examples:
              nearmetal image amend -f qcow2 -o compat=1.1,lazy_refcounts=on disk.qcow2
              nearmetal image amend -f qcow2 -o refcount_bits=8 disk.qcow2
              nearmetal image amend --object secret,id=old,file=old.key --object secret,id=new,file=new.key --image-opts \\
                -o state=active,new-secret=new driver=luks,key-secret=old,file.filename=disk.luks
            """)

    @Option(
        name: [.customShort("o", allowingJoined: true)],
        help: ArgumentHelp("Options, by comma; may be given again.", valueName: "options"))
    var options: [String] = []

    @Flag(help: "Overwrite a passphrase, or erase the last one: the data are lost then.")
    var force = false

    @OptionGroup var changing: ImageChanging

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String?

    func run() throws {
        do {
            let options = try ImageCreationOptions(lists: options)
            if options.wantsHelp, let format = changing.format ?? (file == nil ? nil : "qcow2") {
                return try print(Array(try ImageFormatOptions.amendment(format).utf8))
            }
            guard let file else { throw ImageError(.invalid, "Expecting one image file name") }
            guard !options.values.isEmpty else { throw ImageError(.invalid, "Must specify options (-o)") }
            // What lies below is looked at where zeros have to be written.
            let isUnsafe = options["compat"] == nil
            let target = try opening.target(file, changing.format)
            let image = try opening.open(
                target, isWritable: true, opensBacking: !isUnsafe, caching: changing.cache, called: file)
            guard image.format == .qcow2 || image.format == .luks else {
                throw ImageError(
                    .unsupported, "Format driver '\(image.format.rawValue)' does not support option amendment")
            }
            var (keys, rest) = (ImageCreationOptions([]), ImageCreationOptions([]))
            for (key, value) in options.values {
                if image.format == .luks {
                    keys.set(key, value)
                } else if key.hasPrefix("encrypt.") {
                    keys.set(String(key.dropFirst(8)), value)
                } else {
                    rest.set(key, value)
                }
            }
            let shown = changing.progress(of: image.size)
            if !keys.values.isEmpty {
                let prefix = image.format == .luks ? "" : "encrypt."
                try image.amend(try keyAmendment(keys, prefix), secret: try target.secret)
            }
            if rest.values.isEmpty {
                try image.close()
            } else {
                try image.amend(try Self.amendment(rest, of: image))
            }
            shown.finish()
        } catch {
            throw ImageStatus.failing(ImageStatus.inQemusWords(error))
        }
    }

    /// Which passphrases are added or taken out.
    private func keyAmendment(_ options: ImageCreationOptions, _ prefix: String) throws(ImageError) -> LuksAmendment {
        guard let text = options["state"] else { throw ImageError(.invalid, "Parameter '\(prefix)state' is missing") }
        guard let state = LuksAmendment.State(rawValue: text) else {
            throw ImageError(.invalid, "Parameter '\(prefix)state' does not accept value '\(text)'")
        }
        let secrets = try ImageObjects(opening.object)
        var amendment = LuksAmendment(state)
        amendment.isForced = force
        for (key, value) in options.values {
            switch key {
            case "state": break
            case "keyslot": amendment.slot = Int(clamping: try options.number(prefix + key, value))
            case "new-secret": amendment.newSecret = try secrets[secret: value]
            case "old-secret": amendment.oldSecret = try secrets[secret: value]
            case "iter-time": amendment.iterationTime = try options.number(prefix + key, value)
            default: throw ImageError(.invalid, "Invalid parameter '\(prefix)\(key)'")
            }
        }
        return amendment
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
            case "data_file_raw": amendment.isDataFileRaw = try options.flag(key, value)
            case "size": amendment.size = try ImageSize.option(key, value).roundedToSector
            case "cluster_size", "extended_l2", "compression_type", "preallocation", "encryption":
                throw ImageError(
                    .invalid,
                    "Invalid parameter '\(key)'\u{2028}This option is only supported for image creation")
            default: throw ImageError(.invalid, "Invalid parameter '\(key)'")
            }
        }
        return amendment
    }
}
