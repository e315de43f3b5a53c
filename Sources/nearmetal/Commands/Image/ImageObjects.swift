import DiskImage

/// QEMU's objects by their names: passphrases, `--object secret,id=sec0,file=/run/key`, and what servers are spoken to with.
struct ImageObjects {
    private enum Kind: String {
        case secret
        case certificates = "tls-creds-x509"
        case sharedKey = "tls-creds-psk"
    }
    private var objects: [(kind: Kind, id: String, options: ImageCreationOptions)] = []

    /// Reads objects as QEMU writes them.
    ///
    /// - Throws: what is wrong with one of them.
    init(_ texts: [String]) throws(ImageError) {
        for text in texts {
            let word = text.prefix { $0 != "," }
            let options = ImageCreationOptions([String(text.dropFirst(word.count + 1))])
            let name = word.hasPrefix("qom-type=") ? word.dropFirst(9) : word
            guard let kind = Kind(rawValue: String(name)) else {
                throw ImageError(
                    .unsupported,
                    "objects of the kind '\(name)' are not known; secret, tls-creds-x509 and tls-creds-psk are")
            }
            guard let id = options["id"] else { throw ImageError(.invalid, "Parameter 'id' is missing") }
            guard options["keyid"] == nil else {
                throw ImageError(.unsupported, "the secret '\(id)' is encrypted itself, which is not supported")
            }
            objects.append((kind, id, options))
        }
    }

    /// The bytes of a secret, which are text: QEMU opens nothing with any other.
    ///
    /// - Throws: why there are none.
    subscript(secret id: String) -> [UInt8] {
        get throws(ImageError) {
            let bytes = try bytes(of: id)
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw ImageError(.invalid, "Data from secret \(id) is not valid UTF-8")
            }
            return bytes
        }
    }

    private func bytes(of id: String) throws(ImageError) -> [UInt8] {
        guard let options = objects.last(where: { $0.kind == .secret && $0.id == id })?.options else {
            throw ImageError(.invalid, "No secret with id '\(id)'")
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

    /// What a server is spoken to with.
    ///
    /// - Throws: why there is nothing.
    subscript(credentials id: String) -> TLSCredentials {
        get throws(ImageError) {
            guard let object = objects.last(where: { $0.kind != .secret && $0.id == id }) else {
                throw ImageError(
                    .invalid, "No TLS credentials with id '\(id)'",
                    remedy: "Add --object tls-creds-x509,id=\(id),endpoint=client,dir=FOLDER")
            }
            guard object.options["endpoint"] == "client" else {
                throw ImageError(.invalid, "Expecting TLS credentials with a client endpoint")
            }
            guard let folder = object.options["dir"] else { throw ImageError(.invalid, "Parameter 'dir' is missing") }
            guard object.kind == .certificates else {
                return .sharedKey(folder: folder, user: object.options["username"] ?? "qemu")
            }
            let isUnchecked = ["off", "no", "false"].contains(object.options["verify-peer"])
            return .certificates(folder: folder, verifiesServer: !isUnchecked)
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
