import Synchronization

/// Encrypts sectors of 512 bytes, each by its number.
final class SectorCipher: Sendable {
    /// Which cipher, how it is chained, and what makes sectors differ.
    struct Suite: Sendable, Hashable {
        /// `aes`.
        var cipher = "aes"
        /// `xts`, `cbc`, `ctr` or `ecb`.
        var mode = "xts"
        /// `plain64`, `plain` or `essiv`.
        var generator = "plain64"
        /// The hash of `essiv`.
        var generatorHash: String?
        /// Bytes of the key; `xts` has two of them in it.
        var keyBytes = 64

        /// As LUKS names it: `xts-plain64`, `cbc-essiv:sha256`.
        var modeName: String { mode + "-" + generator + (generatorHash.map { ":" + $0 } ?? "") }
        /// Bits of the cipher itself.
        var bits: Int { keyBytes * 8 / (mode == "xts" ? 2 : 1) }

        init() {}

        /// What LUKS' names say.
        init(cipher: String, mode name: String, keyBytes: Int) throws(ImageError) {
            let parts = name.split(separator: "-", maxSplits: 1)
            guard parts.count == 2 || name == "ecb" else {
                throw ImageError(.malformed, "the cipher mode \"\(name)\" is none")
            }
            let generator = parts.last?.split(separator: ":", maxSplits: 1) ?? []
            self.cipher = cipher
            mode = String(parts.first ?? "ecb")
            self.generator = String(generator.first ?? "plain")
            generatorHash = generator.count > 1 ? String(generator[1]) : nil
            self.keyBytes = keyBytes
            guard cipher == "aes", ["xts", "cbc", "ctr", "ecb"].contains(mode), [128, 192, 256].contains(bits),
                mode != "xts" || bits != 192
            else {
                throw ImageError(.unsupported, "the cipher \(cipher)-\(bits) in the mode \(name) is not known")
            }
            guard ["plain", "plain64"].contains(self.generator) || self.generator == "essiv" && generatorHash != nil
            else {
                throw ImageError(.unsupported, "the cipher mode \"\(name)\" is not known")
            }
        }
    }

    private let library: CryptoLibrary
    private let suite: Suite
    private let name: String
    private let key: [UInt8]
    private let ivKey: [UInt8]?
    // SAFETY: one who takes a context from here has it alone until it is given back.
    private let idle = Mutex<[Context]>([])

    /// A context for each direction, and one for the numbers.
    private struct Context: @unchecked Sendable {
        let encrypting: OpaquePointer
        let decrypting: OpaquePointer
        let numbers: OpaquePointer?
    }

    /// Which way.
    enum Direction: Sendable { case encrypt, decrypt }

    init(_ suite: Suite, key: [UInt8]) throws(ImageError) {
        library = try CryptoLibrary.required()
        guard key.count == suite.keyBytes else { throw ImageError(.malformed, "a key of \(key.count) bytes") }
        self.suite = suite
        self.key = key
        name = "aes-\(suite.bits)-\(suite.mode)"
        if let hash = suite.generatorHash { ivKey = try library.hash(key, hash) } else { ivKey = nil }
        give(back: try context())
    }

    deinit {
        for context in idle.withLock({ $0 }) {
            library.freeContext(context.encrypting)
            library.freeContext(context.decrypting)
            if let numbers = context.numbers { library.freeContext(numbers) }
        }
    }

    private func context(_ name: String, _ key: [UInt8], _ direction: Int32) throws(ImageError) -> OpaquePointer {
        guard let cipher = library.cipherNamed(name), let context = library.newContext() else {
            throw ImageError(.unsupported, "the cipher \(name) is not known")
        }
        let iv = [UInt8](repeating: 0, count: 16)
        guard library.initializeCipher(context, cipher, nil, key, iv, direction) == 1 else {
            library.freeContext(context)
            throw ImageError(.failed, "the cipher \(name) does not take its key")
        }
        _ = library.setPadding(context, 0)
        return context
    }

    private func context() throws(ImageError) -> Context {
        if let known = idle.withLock({ $0.popLast() }) { return known }
        let numbers = try ivKey.map { key throws(ImageError) in try context("aes-\(key.count * 8)-ecb", key, 1) }
        return Context(
            encrypting: try context(name, key, 1), decrypting: try context(name, key, 0), numbers: numbers)
    }

    private func give(back context: Context) { idle.withLock { $0.append(context) } }

    /// Encrypts or decrypts sectors in place; the last may be shorter.
    func apply(
        _ direction: Direction, _ buffer: UnsafeMutableRawBufferPointer, firstSector: UInt64
    ) throws(ImageError) {
        let context = try context()
        defer { give(back: context) }
        let cipher = direction == .encrypt ? context.encrypting : context.decrypting
        var iv = [UInt8](repeating: 0, count: 16)
        var encrypted = [UInt8](repeating: 0, count: 32)
        var place = 0
        var sector = firstSector
        while place < buffer.count, let base = buffer.baseAddress {
            let count = min(512, buffer.count - place)
            for index in 0..<8 {
                let isLow = index < 4 || suite.generator != "plain"
                iv[index] = isLow ? UInt8(truncatingIfNeeded: sector >> (8 * UInt64(index))) : 0
            }
            for index in 8..<16 { iv[index] = 0 }
            var done: Int32 = 0
            if let numbers = context.numbers {
                guard library.updateCipher(numbers, &encrypted, &done, iv, 16) == 1 else {
                    throw ImageError(.failed, "a sector's number could not be encrypted")
                }
                iv.replaceSubrange(0..<16, with: encrypted[..<16])
            }
            let piece = (base + place).assumingMemoryBound(to: UInt8.self)
            // SAFETY: ciphers of blocks write as many bytes as they read, and may do so in place.
            guard library.initializeCipher(cipher, nil, nil, nil, iv, -1) == 1,
                library.updateCipher(cipher, piece, &done, piece, Int32(count)) == 1, Int(done) == count
            else {
                throw ImageError(.failed, "a sector could not be \(direction == .encrypt ? "encrypted" : "decrypted")")
            }
            place += count
            sector += 1
        }
    }
}
