import DiskImage

/// What the command line calls an image: a path, or QEMU's block options.
struct ImageTarget {
    /// Where it is.
    var path: String
    /// Its format; `nil` where it is to be told by its content.
    var format: ImageFacts.Format?
    /// The passphrase it is opened with.
    var secret: [UInt8]?
    /// How QEMU calls it where a path alone would not open it.
    var name: String
    /// How the options have it read and written; `nil` where they do not say.
    var caching: FileStorage.Caching?

    /// A path, and a format as the command line has it.
    init(_ path: String, _ format: String?) throws(ImageError) {
        self.path = ImageReference.local(path)
        self.format = try ImageOpening.format(format, of: path)
        name = self.path
    }

    /// Options as `driver=qcow2,encrypt.key-secret=sec0,file.filename=disk.qcow2`.
    ///
    /// - Throws: what is wrong with one of them.
    init(options text: String, _ secrets: ImageSecrets) throws(ImageError) {
        let options = ImageCreationOptions([text])
        let known: Set<String> = [
            "driver", "file.driver", "file.filename", "filename", "key-secret", "encrypt.key-secret", "encrypt.format",
            "read-only", "file.locking", "cache.direct", "cache.no-flush", "file.cache.direct", "file.aio", "discard",
            "file.discard",
        ]
        for (key, _) in options.values where !known.contains(key) {
            throw ImageError(.unsupported, "Could not open '\(text)': the option '\(key)' is not known")
        }
        guard let path = options["file.filename"] ?? options["filename"] else {
            throw ImageError(.invalid, "Could not open '\(text)': it names no file", remedy: "Add file.filename=PATH")
        }
        guard ["file", "host_device"].contains(options["file.driver"] ?? "file") else {
            throw ImageError(.unsupported, "Could not open '\(text)': it is no file of this host")
        }
        self.path = path
        format = try ImageOpening.format(options["driver"], of: path)
        name = path
        for (key, caching) in [
            ("file.cache.direct", FileStorage.Caching.none), ("cache.direct", .none), ("cache.no-flush", .unsafe),
        ] {
            if let value = options[key], try options.flag(key, value) { self.caching = caching }
        }
        guard let id = options["encrypt.key-secret"] ?? options["key-secret"] else { return }
        secret = try secrets[id]
        let file = "\"file\": {\"driver\": \"file\", \"filename\": \(Self.quoted(path))}"
        name =
            format == .luks
            ? "json:{\"driver\": \"luks\", \(file), \"key-secret\": \(Self.quoted(id))}"
            : "json:{\"encrypt.key-secret\": \(Self.quoted(id)), \"driver\": \"\(format?.rawValue ?? "")\", \(file)}"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
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
