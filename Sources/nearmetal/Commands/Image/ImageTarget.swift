import DiskImage

/// What the command line calls an image: a path, or QEMU's block options.
struct ImageTarget {
    /// What it is made of.
    var node: BlockNode
    /// Where the secrets are that it is opened with; `nil` reads headers alone.
    var secrets: (@Sendable (String) throws(ImageError) -> [UInt8])?

    /// The passphrase that its top format is opened with.
    ///
    /// - Throws: an ``ImageError`` where it cannot be read.
    var secret: [UInt8]? {
        get throws(ImageError) {
            guard case .format(let format) = node, let id = format.secretID else { return nil }
            return try secrets?(id)
        }
    }

    /// What messages call it.
    var path: String { node.path ?? "" }

    /// A path or a name in JSON, and a format as the command line has it.
    ///
    /// - Throws: what is wrong with one of them, in QEMU's words.
    init(_ name: String, _ format: String?, _ secrets: [String] = []) throws(ImageError) {
        let known = try ImageOpening.format(format, of: name)
        do throws(ImageError) { node = try BlockNode(named: ImageReference.local(name), known) } catch {
            throw ImageOpening.refusal(error, name, of: "")
        }
        try know(secrets)
    }

    /// Options as `driver=qcow2,encrypt.key-secret=sec0,file.filename=disk.qcow2`.
    ///
    /// - Throws: what is wrong with one of them, in QEMU's words.
    init(options text: String, _ secrets: [String]) throws(ImageError) {
        do throws(ImageError) { node = try BlockNode(BlockOptions(ImageCreationOptions([text]).values)) } catch {
            throw ImageOpening.refusal(error, text, of: "")
        }
        try know(secrets)
    }

    /// An image that another one names.
    init(_ node: BlockNode) { self.node = node }

    /// Takes the secrets of the command line; those that it needs are there, or it is no target.
    private mutating func know(_ texts: [String]) throws(ImageError) {
        let all = try ImageSecrets(texts)
        for id in node.secretIDs { _ = try all[id] }
        secrets = { id throws(ImageError) in try all[id] }
    }
}

/// Passphrases by their names: `--object secret,id=sec0,file=/run/key`.
struct ImageSecrets {
    private var objects: [(id: String, options: ImageCreationOptions)] = []

    /// Reads objects as QEMU writes them.
    ///
    /// - Throws: what is wrong with one of them.
    init(_ texts: [String]) throws(ImageError) {
        for text in texts {
            let kind = text.prefix { $0 != "," }
            let options = ImageCreationOptions([String(text.dropFirst(kind.count + 1))])
            guard kind == "secret" || kind == "qom-type=secret" else {
                throw ImageError(.unsupported, "objects of the kind '\(kind)' are not known; only secret is")
            }
            guard let id = options["id"] else { throw ImageError(.invalid, "Parameter 'id' is missing") }
            guard options["keyid"] == nil else {
                throw ImageError(.unsupported, "the secret '\(id)' is encrypted itself, which is not supported")
            }
            objects.append((id, options))
        }
    }

    /// The bytes of a secret.
    ///
    /// - Throws: why there are none.
    subscript(_ id: String) -> [UInt8] {
        get throws(ImageError) {
            guard let options = objects.last(where: { $0.id == id })?.options else {
                throw ImageError(
                    .invalid, "No secret with id '\(id)'", remedy: "Add --object secret,id=\(id),file=FILE")
            }
            var bytes: [UInt8]
            switch (options["data"], options["file"]) {
            case (let data?, nil): bytes = Array(data.utf8)
            case (nil, let file?):
                do { bytes = try WholeFile.read(file) } catch {
                    throw ImageError(.missing, "the secret '\(id)' cannot be read from \(file): \(error)")
                }
            default: throw ImageError(.invalid, "the secret '\(id)' has either data or a file")
            }
            switch options["format"] ?? "raw" {
            case "raw": return bytes
            case "base64":
                guard let decoded = Self.base64(bytes) else {
                    throw ImageError(.invalid, "the secret '\(id)' is no base64")
                }
                bytes = decoded
                return bytes
            default: throw ImageError(.invalid, "a secret's format is raw or base64")
            }
        }
    }

    /// Bytes that are written in base64 (RFC 4648), white space left out.
    static func base64(_ text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (value, bits, padding): (UInt32, UInt32, Int) = (0, 0, 0)
        for character in text {
            let digit: UInt32
            switch character {
            case 0x41...0x5A: digit = UInt32(character) - 0x41
            case 0x61...0x7A: digit = UInt32(character) - 0x61 + 26
            case 0x30...0x39: digit = UInt32(character) - 0x30 + 52
            case 0x2B: digit = 62
            case 0x2F: digit = 63
            case 0x3D:
                padding += 1
                continue
            case 0x09, 0x0A, 0x0D, 0x20: continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            value = value << 6 | digit
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: value >> bits))
                value &= 1 << bits - 1
            }
        }
        return padding <= 2 && bits < 6 ? bytes : nil
    }
}
