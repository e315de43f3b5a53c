import DiskImage

/// What `-o help` tells of a format's options, in qemu-img's form and words: scripts read it.
enum ImageFormatOptions {
    private typealias Option = (name: String, kind: String, what: String)

    /// The options a new image of a format takes.
    ///
    /// - Parameters:
    ///   - name: the format's, as the command line has it.
    ///   - hasFile: whether a file was named: what a file can be made with belongs to them then.
    ///
    /// - Returns: the table, with its heading.
    ///
    /// - Throws: where no image of the format is made.
    static func creation(_ name: String, hasFile: Bool) throws(ImageError) -> String {
        let own = own(try created(name)) ?? []
        let size: Option = ("size", "size", "Virtual disk size")
        guard hasFile else {
            return "Supported \(name) options:\n" + table(own + [size])
                + "\nThe protocol level may support further options.\nSpecify the target filename to include those options.\n"
        }
        let file = file.filter { option in !own.contains { $0.name == option.name } }
        return "Supported options:\n" + table(own + file + [size])
    }

    /// A format of which images are made.
    ///
    /// - Throws: where it is none.
    static func created(_ name: String) throws(ImageError) -> ImageFacts.Format {
        guard let format = ImageFacts.Format(rawValue: name) else {
            throw ImageError(.unsupported, "Unknown file format '\(name)'")
        }
        guard own(format) != nil else {
            throw ImageError(.unsupported, "Format driver '\(name)' does not support image creation")
        }
        return format
    }

    /// The options of an image that can be changed.
    ///
    /// - Throws: where a format has none.
    static func amendment(_ name: String) throws(ImageError) -> String {
        guard let format = ImageFacts.Format(rawValue: name) else {
            throw ImageError(.unsupported, "Unknown file format '\(name)'")
        }
        let size: Option = ("size", "size", "Virtual disk size")
        switch format {
        case .qcow2:
            let kept = [
                "backing_file", "backing_fmt", "compat", "data_file", "data_file_raw", "lazy_refcounts",
                "refcount_bits",
            ]
            let options = (own(.qcow2) ?? []).filter { kept.contains($0.name) }
            return "Amend options for '\(name)':\n"
                + table(options + slots.map { ("encrypt." + $0.name, $0.kind, $0.what) } + [size])
        case .luks: return "Amend options for '\(name)':\n" + table(slots)
        default: throw ImageError(.unsupported, "Format driver '\(name)' does not support option amendment")
        }
    }

    private static func table(_ options: [Option]) -> String {
        options.sorted { $0.name < $1.name }.map { option in
            let start = "  \(option.name)=<\(option.kind)>"
            return start + String(repeating: " ", count: max(0, 24 - start.utf8.count)) + " - \(option.what)\n"
        }.joined()
    }

    private static let truth = "bool (on/off)"

    private static let file: [Option] = [
        ("extent_size_hint", "size", "Extent size hint for the image file, 0 to disable"),
        ("nocow", truth, "Turn off copy-on-write (valid only on btrfs)"),
        ("preallocation", "str", "Preallocation mode (allowed values: off, falloc, full)"),
    ]

    private static let cipher: [Option] = [
        ("cipher-alg", "str", "Name of encryption cipher algorithm"),
        ("cipher-mode", "str", "Name of encryption cipher mode"),
        ("hash-alg", "str", "Name of encryption hash algorithm"),
        ("iter-time", "num", "Time to spend in PBKDF in milliseconds"),
        ("ivgen-alg", "str", "Name of IV generator algorithm"),
        ("ivgen-hash-alg", "str", "Name of IV generator hash algorithm"),
    ]

    private static let slots: [Option] = [
        ("iter-time", "num", "Time to spend in PBKDF in milliseconds"),
        ("keyslot", "num", "Select a single keyslot to modify explicitly"),
        ("new-secret", "str", "New secret to set in the matching keyslots. Empty string to erase"),
        ("old-secret", "str", "Select all keyslots that match this password"),
        ("state", "str", "Select new state of affected keyslots (active/inactive)"),
    ]

    private static let backing: [Option] = [
        ("backing_file", "str", "File name of a base image"), ("backing_fmt", "str", "Image format of the base image"),
    ]

    /// What only the format has; `nil` where none of it is made.
    private static func own(_ format: ImageFacts.Format) -> [Option]? {
        switch format {
        case .raw: []
        case .luks: cipher + [("key-secret", "str", "ID of the secret that provides the keyslot passphrase")]
        case .qed:
            backing + [
                ("cluster_size", "size", "Cluster size (in bytes)"),
                ("table_size", "size", "L1/L2 table size (in clusters)"),
            ]
        case .vmdk:
            [
                backing[0], ("backing_fmt", "str", "Must be 'vmdk' if present"),
                (
                    "adapter_type", "str",
                    "Virtual adapter type, can be one of ide (default), lsilogic, buslogic or legacyESX"
                ),
                ("compat6", truth, "VMDK version 6 image"), ("hwversion", "str", "VMDK hardware version"),
                (
                    "subformat", "str",
                    "VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat | twoGbMaxExtentSparse | twoGbMaxExtentFlat | streamOptimized} "
                ),
                ("toolsversion", "str", "VMware guest tools version"),
                ("zeroed_grain", truth, "Enable efficient zero writes using the zeroed-grain GTE feature"),
            ]
        case .qcow2:
            backing + cipher.map { ("encrypt." + $0.name, $0.kind, $0.what) } + [
                ("cluster_size", "size", "qcow2 cluster size"),
                ("compat", "str", "Compatibility level (v2 [0.10] or v3 [1.1])"),
                ("compression_type", "str", "Compression method used for image cluster compression"),
                ("data_file", "str", "File name of an external data file"),
                ("data_file_raw", truth, "The external data file must stay valid as a raw image"),
                ("encrypt.format", "str", "Encrypt the image, format choices: 'luks'"),
                ("encrypt.key-secret", "str", "ID of secret providing the LUKS passphrase"),
                ("extended_l2", truth, "Extended L2 tables"),
                ("lazy_refcounts", truth, "Postpone refcount updates"),
                ("preallocation", "str", "Preallocation mode (allowed values: off, metadata, falloc, full)"),
                ("refcount_bits", "num", "Width of a reference count entry in bits"),
            ]
        default: nil
        }
    }
}
