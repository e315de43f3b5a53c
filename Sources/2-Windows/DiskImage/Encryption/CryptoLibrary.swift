import Glibc

/// OpenSSL's libcrypto, opened when the first encrypted image asks for it; `nil` where it is not installed.
struct CryptoLibrary: Sendable {
    typealias NewContext = @convention(c) () -> OpaquePointer?
    typealias FreeContext = @convention(c) (OpaquePointer?) -> Void
    typealias CipherNamed = @convention(c) (UnsafePointer<CChar>?) -> OpaquePointer?
    typealias InitializeCipher =
        @convention(c) (
            OpaquePointer?, OpaquePointer?, OpaquePointer?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?, Int32
        ) -> Int32
    typealias SetPadding = @convention(c) (OpaquePointer?, Int32) -> Int32
    typealias UpdateCipher =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int32>?, UnsafePointer<UInt8>?, Int32
        ) -> Int32
    typealias Digest =
        @convention(c) (
            UnsafeRawPointer?, Int, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>?, OpaquePointer?,
            OpaquePointer?
        ) -> Int32
    typealias DeriveKey =
        @convention(c) (
            UnsafePointer<CChar>?, Int32, UnsafePointer<UInt8>?, Int32, Int32, OpaquePointer?, Int32,
            UnsafeMutablePointer<UInt8>?
        ) -> Int32
    typealias RandomBytes = @convention(c) (UnsafeMutablePointer<UInt8>?, Int32) -> Int32

    let newContext: NewContext
    let freeContext: FreeContext
    let cipherNamed: CipherNamed
    let digestNamed: CipherNamed
    let initializeCipher: InitializeCipher
    let setPadding: SetPadding
    let updateCipher: UpdateCipher
    let digest: Digest
    let deriveKey: DeriveKey
    let randomBytes: RandomBytes

    static let shared: CryptoLibrary? = {
        guard let handle = SharedLibrary.open("libcrypto.so.3") ?? SharedLibrary.open("libcrypto.so.1.1"),
            let newContext = SharedLibrary.find("EVP_CIPHER_CTX_new", handle, NewContext.self),
            let freeContext = SharedLibrary.find("EVP_CIPHER_CTX_free", handle, FreeContext.self),
            let cipherNamed = SharedLibrary.find("EVP_get_cipherbyname", handle, CipherNamed.self),
            let digestNamed = SharedLibrary.find("EVP_get_digestbyname", handle, CipherNamed.self),
            let initializeCipher = SharedLibrary.find("EVP_CipherInit_ex", handle, InitializeCipher.self),
            let setPadding = SharedLibrary.find("EVP_CIPHER_CTX_set_padding", handle, SetPadding.self),
            let updateCipher = SharedLibrary.find("EVP_CipherUpdate", handle, UpdateCipher.self),
            let digest = SharedLibrary.find("EVP_Digest", handle, Digest.self),
            let deriveKey = SharedLibrary.find("PKCS5_PBKDF2_HMAC", handle, DeriveKey.self),
            let randomBytes = SharedLibrary.find("RAND_bytes", handle, RandomBytes.self)
        else { return nil }
        return CryptoLibrary(
            newContext: newContext, freeContext: freeContext, cipherNamed: cipherNamed, digestNamed: digestNamed,
            initializeCipher: initializeCipher, setPadding: setPadding, updateCipher: updateCipher, digest: digest,
            deriveKey: deriveKey, randomBytes: randomBytes)
    }()

    /// The library, or why it is needed.
    static func required() throws(ImageError) -> CryptoLibrary {
        guard let shared else {
            throw ImageError(.unsupported, "it is encrypted, and libcrypto.so.3 is not installed")
        }
        return shared
    }

    /// The hash of some bytes.
    func hash(_ bytes: [UInt8], _ name: String) throws(ImageError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        // SAFETY: 64 bytes are as many as any digest of the library's has.
        guard let kind = digestNamed(name), digest(bytes, bytes.count, &result, &count, kind, nil) == 1 else {
            throw ImageError(.unsupported, "the hash \"\(name)\" is not known")
        }
        return Array(result[..<Int(count)])
    }

    /// A key made from a passphrase (PBKDF2, RFC 8018).
    func key(
        from secret: [UInt8], salt: [UInt8], iterations: UInt64, _ name: String, count: Int
    ) throws(ImageError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        guard let kind = digestNamed(name), let iterations = Int32(exactly: iterations), iterations > 0 else {
            throw ImageError(.unsupported, "keys by the hash \"\(name)\", \(iterations) times, are not made")
        }
        // SAFETY: the library reads and writes within the lengths it is given.
        let isMade = secret.withUnsafeBytes { secret in
            deriveKey(
                secret.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(secret.count), salt, Int32(salt.count),
                iterations, kind, Int32(count), &result)
        }
        guard isMade == 1 else { throw ImageError(.failed, "a key could not be made") }
        return result
    }

    /// Bytes nobody can foretell.
    func random(_ count: Int) throws(ImageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard randomBytes(&bytes, Int32(count)) == 1 else { throw ImageError(.failed, "there are no random bytes") }
        return bytes
    }
}

/// Overwrites a secret that is of no use any more.
func wipe(_ bytes: inout [UInt8]) {
    // A store the compiler may not leave out.
    bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
}
