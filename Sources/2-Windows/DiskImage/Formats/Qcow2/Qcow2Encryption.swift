/// How a qcow2 image's data are encrypted.
///
/// - Source: QEMU docs/interop/qcow2.txt "Full disk encryption header pointer", "Data encryption".
struct Qcow2Encryption: Sendable {
    private enum Kind: Sendable {
        /// By LUKS, sectors numbered by where they lie in the file.
        case luks(LuksVolume, SectorCipher?)
        /// AES-128 in CBC, sectors numbered by where the guest sees them, the passphrase being the key.
        case aes(SectorCipher?)
    }
    private let kind: Kind

    /// What the header says; `nil` where the image is not encrypted.
    ///
    /// - Throws: an ``ImageError`` where the secret does not open it.
    init?(_ file: any BlockStorage, _ header: Qcow2Header, _ secret: [UInt8]?) throws(ImageError) {
        switch header.encryption {
        case 1:
            guard let secret else {
                kind = .aes(nil)
                return
            }
            var key = Array(secret.prefix(16))
            key += [UInt8](repeating: 0, count: 16 - key.count)
            kind = .aes(
                try SectorCipher(try SectorCipher.Suite(cipher: "aes", mode: "cbc-plain64", keyBytes: 16), key: key))
        case 2:
            guard let place = header.extensions.crypto else { return nil }
            let volume = try LuksVolume(file, at: place.offset, end: place.offset.saturated(adding: place.length))
            let cipher = try secret.map { secret throws(ImageError) in
                try SectorCipher(volume.suite, key: try volume.unlock(file, at: place.offset, secret: secret))
            }
            kind = .luks(volume, cipher)
        default: return nil
        }
    }

    /// What data are read from and written to.
    func storage(over file: any BlockStorage) -> any BlockStorage {
        switch kind {
        case .luks(_, let cipher): CipherStorage(file, from: 0, cipher)
        // Decrypted by whoever knows the place in the guest.
        case .aes(let cipher): cipher == nil ? CipherStorage(file, from: 0, nil) : file
        }
    }

    /// Decrypts what was read, where sectors are numbered by their place in the guest.
    func decryptByGuest(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard case .aes(let cipher?) = kind else { return }
        guard offset % 512 == 0, buffer.count % 512 == 0 else {
            throw ImageError(.unsupported, "parts of sectors of an encrypted image are not read")
        }
        try cipher.apply(.decrypt, buffer, firstSector: offset / 512)
    }

    /// What `qemu-img info` tells of it.
    var details: [(name: String, value: ImageDetail)] {
        switch kind {
        case .aes: return [("format", .text("aes"))]
        case .luks(let volume, _):
            var details = volume.details
            details.insert(("format", .text("luks")), at: details.firstIndex { $0.name == "cipher-mode" } ?? 0)
            return details
        }
    }
}
