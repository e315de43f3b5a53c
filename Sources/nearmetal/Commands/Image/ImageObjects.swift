import DiskImage
import Quantities

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
            guard let decoded = Base64.decode(bytes, isLoose: true) else {
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
}
