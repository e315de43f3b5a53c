import DiskImage

/// What `-o` says of a new image: `cluster_size=64k,compat=1.1`.
struct ImageCreationOptions {
    private(set) var values: [(key: String, value: String)] = []

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
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                values.append((String(pair[0]), pair.count > 1 ? String(pair[1]) : "on"))
            }
        }
    }

    subscript(_ key: String) -> String? { values.last { $0.key == key }?.value }

    /// Puts the options into what is going to be made.
    ///
    /// - Throws: what is wrong with one of them.
    func apply(to creation: inout Image.Creation, _ secrets: ImageSecrets) throws(ImageError) {
        for (key, value) in values {
            if try encryption(key, value, &creation, secrets) { continue }
            switch (key, creation.format) {
            case ("size", _): creation.size = try ImageSize.parsed(value).roundedToSector
            case ("preallocation", .raw), ("preallocation", .qcow2):
                guard let kind = Image.Preallocation(rawValue: value) else { throw wrong(key, value) }
                creation.preallocation = kind
            case ("backing_file", .qcow2), ("backing_file", .qed):
                creation.backing =
                    value.isEmpty ? nil : BackingName(value, format: creation.backing?.format ?? self["backing_fmt"])
            case ("backing_fmt", .qcow2), ("backing_fmt", .qed): creation.backing?.format = value
            case ("cluster_size", .qcow2):
                guard let size = ImageSize.bytes(value) else { throw wrong(key, value) }
                creation.qcow2.clusterSize = size
            case ("compat", .qcow2):
                switch value {
                case "0.10", "v2": creation.qcow2.version = 2
                case "1.1", "v3": creation.qcow2.version = 3
                default: throw wrong(key, value)
                }
            case ("refcount_bits", .qcow2):
                guard let bits = UInt64(value) else { throw wrong(key, value) }
                creation.qcow2.refcountBits = bits
            case ("lazy_refcounts", .qcow2): creation.qcow2.lazyRefcounts = try flag(key, value)
            case ("extended_l2", .qcow2): creation.qcow2.extendedL2 = try flag(key, value)
            case ("compression_type", .qcow2):
                guard ["zlib", "zstd"].contains(value) else { throw wrong(key, value) }
                creation.qcow2.isZstd = value == "zstd"
            case ("data_file", .qcow2): creation.qcow2.dataFile = value
            case ("data_file_raw", .qcow2): creation.qcow2.isDataFileRaw = try flag(key, value)
            case ("cluster_size", .qed):
                guard let size = ImageSize.bytes(value) else { throw wrong(key, value) }
                creation.qed.clusterSize = size
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
        _ key: String, _ value: String, _ creation: inout Image.Creation, _ secrets: ImageSecrets
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
        case "key-secret": creation.secret = try secrets[value]
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
        ImageError(.invalid, "Parameter '\(key)' does not take '\(value)'")
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

extension UInt64 {
    /// Up to whole sectors of 512 bytes.
    var roundedToSector: UInt64 { (self + 511) / 512 * 512 }
}
