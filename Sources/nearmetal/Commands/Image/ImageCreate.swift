import ArgumentParser
import DiskImage

/// `nearmetal image create`.
struct ImageCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a disk image.",
        discussion: """
            Options of qcow2: cluster_size, compat, compression_type, data_file, data_file_raw, extended_l2, lazy_refcounts, preallocation (off,
            metadata, falloc, full), refcount_bits.

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
    var file: String

    @Argument(help: ArgumentHelp("Its size: bytes, or with k, M, G, T, P or E.", valueName: "size"))
    var size: String?

    func run() throws {
        do {
            guard let format = ImageFacts.Format(rawValue: format) else {
                throw ImageError(.unsupported, "Unknown file format '\(format)'", path: file)
            }
            var creation = Image.Creation(
                format, size: try size.map { text throws(ImageError) in try ImageSize.parsed(text) } ?? 0)
            if let backing { creation.backing = BackingName(backing, format: backingFormat) }
            let options = ImageCreationOptions(options)
            try options.apply(to: &creation, try ImageSecrets(opening.object))
            creation.gate = opening.gate
            var hasSize = size != nil || options["size"] != nil
            if let backing = creation.backing {
                guard backing.format != nil else {
                    throw ImageError(
                        .invalid, "Backing file specified without backing format", path: file,
                        remedy: "Give it: -F qcow2")
                }
                if !unsafe {
                    let below = try openBacking(backing)
                    if !hasSize { creation.size = below.size }
                    hasSize = true
                }
            }
            guard hasSize else { throw ImageError(.invalid, "Image creation needs a size parameter", path: file) }
            if !quiet {
                try print(line: Self.words(creation, file, options["encrypt.key-secret"] ?? options["key-secret"]))
            }
            try Image.create(file, creation).close()
        } catch {
            throw ImageStatus.failing(error)
        }
    }

    /// What it is to be backed by, as the image will find it.
    private func openBacking(_ backing: BackingName) throws(ImageError) -> Image {
        guard case .file(let path) = ImageReference(backing.name, in: absolutePath(file)) else {
            throw ImageError(
                .unsupported, "the backing file \"\(backing.name)\" is no file of this host", path: file,
                remedy: "Use -u")
        }
        return try opening.open(try ImageTarget(path, backing.format))
    }

    static func words(_ creation: Image.Creation, _ file: String, _ secretName: String? = nil) -> String {
        var words = "Formatting '\(file)', fmt=\(creation.format.rawValue)"
        func onOff(_ value: Bool) -> String { value ? "on" : "off" }
        if creation.format == .qcow2 {
            let qcow2 = creation.qcow2
            if qcow2.isEncrypted {
                words += " encrypt.format=luks" + (secretName.map { " encrypt.key-secret=\($0)" } ?? "")
            }
            words += " cluster_size=\(qcow2.clusterSize) extended_l2=\(onOff(qcow2.extendedL2))"
            if creation.preallocation != .off { words += " preallocation=\(creation.preallocation.rawValue)" }
            words += " compression_type=\(qcow2.isZstd ? "zstd" : "zlib") size=\(creation.size)"
            if qcow2.version == 2 { words += " compat=0.10" }
            if let backing = creation.backing {
                words += " backing_file=\(backing.name) backing_fmt=\(backing.format ?? "")"
            }
            if let data = qcow2.dataFile { words += " data_file=\(data)" }
            words += " lazy_refcounts=\(onOff(qcow2.lazyRefcounts)) refcount_bits=\(qcow2.refcountBits)"
        } else if creation.format == .qed {
            words += " size=\(creation.size)"
            if let backing = creation.backing {
                words += " backing_file=\(backing.name) backing_fmt=\(backing.format ?? "")"
            }
            words += " cluster_size=\(creation.qed.clusterSize)"
            if creation.qed.tableSize != 4 { words += " table_size=\(creation.qed.tableSize)" }
        } else if creation.format == .vmdk {
            words += " size=\(creation.size)"
            let vmdk = creation.vmdk
            if vmdk.adapter != "ide" { words += " adapter_type=\(vmdk.adapter)" }
            if let backing = creation.backing {
                words += " backing_file=\(backing.name) backing_fmt=\(backing.format ?? "")"
            }
            words += " compat6=\(onOff(creation.vmdk.hardware == "6")) hwversion=undefined"
            if creation.vmdk.subformat != .monolithicSparse {
                words += " subformat=\(creation.vmdk.subformat.rawValue)"
            }
            if vmdk.hasZeroGrains { words += " zeroed_grain=on" }
        } else {
            words += " size=\(creation.size)"
            if creation.format == .luks, let secretName { words += " key-secret=\(secretName)" }
            if creation.preallocation != .off { words += " preallocation=\(creation.preallocation.rawValue)" }
        }
        return words
    }
}
