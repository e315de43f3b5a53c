import DiskImage

/// What `-o` says of a new image: `cluster_size=64k,compat=1.1`.
struct ImageCreationOptions {
    private(set) var values: [(key: String, value: String)] = []
    /// Whether one of them asks for help.
    private(set) var wantsHelp = false

    /// Reads options as the command line has them, whose lists neither begin nor end with a comma.
    ///
    /// - Throws: the list that does.
    init(lists texts: [String]) throws(ImageError) {
        for text in texts {
            let end = text.utf8.reversed().prefix { $0 == UInt8(ascii: ",") }.count
            guard !text.isEmpty, !text.hasPrefix(","), end % 2 == 0 else {
                throw ImageError(.invalid, "Invalid option list: \(text)")
            }
        }
        self.init(texts)
    }

    /// Reads options as QEMU writes them: two commas stand for one.
    init(_ texts: [String]) {
        for text in texts {
            var parts: [String] = [""]
            var rest = text[...]
            while let character = rest.popFirst() {
                if character == "," {
                    if rest.first == "," {
                        rest.removeFirst()
                        parts[parts.count - 1].append(",")
                    } else {
                        parts.append("")
                    }
                } else {
                    parts[parts.count - 1].append(character)
                }
            }
            for part in parts where !part.isEmpty {
                guard part != "help", part != "?" else {
                    wantsHelp = true
                    continue
                }
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                values.append((String(pair[0]), pair.count > 1 ? String(pair[1]) : "on"))
            }
        }
    }

    subscript(_ key: String) -> String? { values.last { $0.key == key }?.value }

    /// Has an option another value.
    mutating func set(_ key: String, _ value: String) {
        remove(key)
        values.append((key, value))
    }

    /// Takes an option out.
    mutating func remove(_ key: String) { values.removeAll { $0.key == key } }

    /// Puts the options into what is going to be made.
    ///
    /// - Throws: what is wrong with one of them.
    func apply(to creation: inout Image.Creation, _ secrets: ImageObjects) throws(ImageError) {
        for (key, value) in values {
            if try encryption(key, value, &creation, secrets) { continue }
            switch (key, creation.format) {
            case ("size", _): creation.size = try ImageSize.option(key, value)
            case ("preallocation", .raw), ("preallocation", .qcow2):
                guard let kind = Image.Preallocation(rawValue: value) else { throw wrong(key, value) }
                creation.preallocation = kind
            case ("backing_file", .qcow2), ("backing_file", .qed):
                creation.backing =
                    value.isEmpty ? nil : BackingName(value, format: creation.backing?.format ?? self["backing_fmt"])
            case ("backing_fmt", .qcow2), ("backing_fmt", .qed): creation.backing?.format = value
            case ("cluster_size", .qcow2):
                creation.qcow2.clusterSize = try ImageSize.option(key, value)
            case ("compat", .qcow2):
                switch value {
                case "0.10", "v2": creation.qcow2.version = 2
                case "1.1", "v3": creation.qcow2.version = 3
                default: throw wrong(key, value)
                }
            case ("refcount_bits", .qcow2):
                creation.qcow2.refcountBits = try number(key, value)
            case ("lazy_refcounts", .qcow2): creation.qcow2.lazyRefcounts = try flag(key, value)
            case ("extended_l2", .qcow2): creation.qcow2.extendedL2 = try flag(key, value)
            case ("compression_type", .qcow2):
                guard ["zlib", "zstd"].contains(value) else { throw wrong(key, value) }
                creation.qcow2.isZstd = value == "zstd"
            case ("data_file", .qcow2): creation.qcow2.dataFile = value
            case ("data_file_raw", .qcow2): creation.qcow2.isDataFileRaw = try flag(key, value)
            case ("cluster_size", .qed):
                creation.qed.clusterSize = try ImageSize.option(key, value)
            case ("table_size", .qed):
                guard let size = UInt64(value) else { throw wrong(key, value) }
                creation.qed.tableSize = size
            case ("subformat", .vmdk):
                guard let subformat = VmdkOptions.Subformat(rawValue: value) else {
                    throw ImageError(.invalid, "Invalid subformat '\(value)'")
                }
                creation.vmdk.subformat = subformat
            case ("adapter_type", .vmdk): creation.vmdk.adapter = value
            case ("hwversion", .vmdk): creation.vmdk.hardware = value
            case ("toolsversion", .vmdk): break
            case ("compat6", .vmdk): if try flag(key, value) { creation.vmdk.hardware = "6" }
            case ("zeroed_grain", .vmdk): creation.vmdk.hasZeroGrains = try flag(key, value)
            case ("backing_file", .vmdk):
                creation.backing = value.isEmpty ? nil : BackingName(value, format: creation.backing?.format ?? "vmdk")
            case ("backing_fmt", .vmdk): creation.backing?.format = value
            case ("nocow", _), ("extent_size_hint", _): break
            default: throw ImageError(.invalid, "Invalid parameter '\(key)'")
            }
        }
    }

    /// Takes an option of how an image is encrypted; `false` where it is another one.
    private func encryption(
        _ key: String, _ value: String, _ creation: inout Image.Creation, _ secrets: ImageObjects
    ) throws(ImageError) -> Bool {
        let name: Substring
        switch creation.format {
        case .luks: name = key[...]
        case .qcow2 where key.hasPrefix("encrypt."): name = key.dropFirst(8)
        case .qcow2 where key == "encryption": name = "format"
        default: return false
        }
        switch name {
        case "format" where creation.format == .qcow2:
            guard value == "luks" || value == "off" else {
                throw ImageError(
                    .unsupported, "encryption by '\(value)' is not safe, and not made",
                    remedy: "Use encrypt.format=luks")
            }
            creation.qcow2.isEncrypted = value == "luks"
        case "key-secret": creation.secret = try secrets[secret: value]
        case "cipher-alg":
            guard let bits = ["aes-128": 128, "aes-192": 192, "aes-256": 256][value] else { throw wrong(key, value) }
            creation.luks.bits = bits
        case "cipher-mode":
            guard ["xts", "cbc", "ctr"].contains(value) else { throw wrong(key, value) }
            creation.luks.mode = value
        case "ivgen-alg":
            guard ["plain", "plain64", "essiv"].contains(value) else { throw wrong(key, value) }
            creation.luks.generator = value
        case "ivgen-hash-alg": creation.luks.generatorHash = value
        case "hash-alg": creation.luks.hash = value
        case "iter-time":
            guard let time = UInt64(value), time > 0 else { throw wrong(key, value) }
            creation.luks.iterationTime = time
        default: return false
        }
        return true
    }

    private func wrong(_ key: String, _ value: String) -> ImageError {
        let name = ["compat": "version", "compression_type": "compression-type"][key] ?? key
        return ImageError(.invalid, "Parameter '\(name)' does not accept value '\(value)'")
    }

    /// A number.
    func number(_ key: String, _ value: String) throws(ImageError) -> UInt64 {
        // As QEMU reads them, negative ones are very large.
        guard let number = UInt64(value) ?? Int64(value).map({ UInt64(bitPattern: $0) }) else {
            throw ImageError(.invalid, "Parameter '\(key)' expects a number")
        }
        return number
    }

    /// A truth.
    func flag(_ key: String, _ value: String) throws(ImageError) -> Bool {
        switch value {
        case "on", "yes", "true", "y": return true
        case "off", "no", "false", "n": return false
        default: throw ImageError(.invalid, "Parameter '\(key)' expects 'on' or 'off'")
        }
    }
}

extension ImageCreationOptions {
    /// The options of a new image, in the order in which qemu-img tells of them.
    ///
    /// - Source: QEMU block/*.c, the lists of `create_opts`.
    private static func order(_ format: ImageFacts.Format) -> [String] {
        let backing = ["backing_file", "backing_fmt"]
        let cipher = [
            "key-secret", "cipher-alg", "cipher-mode", "ivgen-alg", "ivgen-hash-alg", "hash-alg", "iter-time",
        ]
        let file = ["nocow", "preallocation", "extent_size_hint"]
        switch format {
        case .qcow2:
            return ["encryption", "encrypt.format"] + cipher.map { "encrypt.\($0)" }
                + ["cluster_size", "extended_l2", "preallocation", "compression_type", "size", "compat"] + backing
                + ["data_file", "data_file_raw", "lazy_refcounts", "refcount_bits", "extent_size_hint", "nocow"]
        case .qed: return ["size"] + backing + ["cluster_size", "table_size"] + file
        case .vmdk:
            return ["size", "adapter_type"] + backing
                + ["compat6", "hwversion", "toolsversion", "subformat", "zeroed_grain"] + file
        case .luks: return ["size"] + cipher + file
        default: return ["size"] + file
        }
    }

    private static let sizes: Set<String> = ["size", "cluster_size", "table_size", "extent_size_hint"]
    private static let numbers: Set<String> = ["refcount_bits", "iter-time", "encrypt.iter-time"]
    private static let truths: Set<String> = [
        "encryption", "extended_l2", "data_file_raw", "lazy_refcounts", "nocow", "compat6", "zeroed_grain",
    ]

    /// Whether the format has all of them, and each is of its kind.
    ///
    /// - Throws: what is wrong with one of them.
    func check(for format: ImageFacts.Format) throws(ImageError) {
        let known = Set(Self.order(format))
        for (key, value) in values {
            guard known.contains(key) else {
                if key == "backing_file" || key == "backing_fmt" {
                    throw ImageError(
                        .unsupported,
                        "Backing \(key.hasSuffix("fmt") ? "format" : "file") not supported for file format '\(format.rawValue)'"
                    )
                }
                throw ImageError(.invalid, "Invalid parameter '\(key)'")
            }
            if Self.sizes.contains(key) { _ = try ImageSize.option(key, value) }
            if Self.numbers.contains(key) { _ = try number(key, value) }
            if Self.truths.contains(key) { _ = try flag(key, value) }
        }
    }

    /// What qemu-img says when it makes an image: all that was asked for, and what it makes of the rest.
    func words(for format: ImageFacts.Format, _ file: String, size: UInt64) -> String {
        var given: [String: String] =
            switch format {
            case .qcow2:
                [
                    "cluster_size": "65536", "extended_l2": "off", "compression_type": "zlib", "lazy_refcounts": "off",
                    "refcount_bits": "16",
                ]
            case .qed: ["cluster_size": "65536"]
            case .vmdk: ["compat6": "off", "hwversion": "undefined"]
            default: [:]
            }
        for (key, value) in values {
            var shown = value.replacing(",", with: ",,")
            if Self.sizes.contains(key), let bytes = ImageSize.bytes(value) { shown = "\(bytes)" }
            if Self.truths.contains(key), let truth = try? flag(key, value) { shown = truth ? "on" : "off" }
            given[key] = shown
        }
        given["size"] = "\(size)"
        if given["backing_file"] == "" { given["backing_file"] = nil }
        return "Formatting '\(file)', fmt=\(format.rawValue)"
            + Self.order(format).compactMap { key in given[key].map { " \(key)=\($0)" } }.joined()
    }
}

extension UInt64 {
    /// Up to whole sectors of 512 bytes.
    var roundedToSector: UInt64 { (self + 511) / 512 * 512 }
}
