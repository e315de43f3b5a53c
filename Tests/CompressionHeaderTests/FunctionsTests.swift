import CCrypto
import CISAL
import CLibdeflate
import CZstd
import Testing

@testable import DiskImage

/// The product looks functions up by name; that their types are the headers' is shown where the compiler has both.
@Suite struct CompressionFunctionsTests {
    @Test func libdeflate() throws {
        let library = try #require(LibdeflateFunctions.shared)
        func same<Type>(_ found: Type, _ declared: Type) {}
        same(library.allocate, libdeflate_alloc_decompressor)
        same(library.free, libdeflate_free_decompressor)
        same(library.decompress, libdeflate_deflate_decompress_ex)
        same(library.decompressFrame, libdeflate_zlib_decompress)
    }

    @Test func isal() throws {
        let library = try #require(ISALFunctions.shared)
        func same<Type>(_ found: Type, _ declared: Type) {}
        same(library.initialize, isal_deflate_stateless_init)
        same(library.deflate, isal_deflate_stateless)
    }

    /// libcrypto's headers are imported under another name in each version: that a call does what it should is shown where they are used.
    @Test func crypto() throws {
        let library = try #require(CryptoLibrary.shared)
        func same<Type>(_ found: Type, _ declared: Type) {}
        same(library.newContext, EVP_CIPHER_CTX_new)
        same(library.freeContext, EVP_CIPHER_CTX_free)
        same(library.cipherNamed, EVP_get_cipherbyname)
        same(library.digestNamed, EVP_get_digestbyname)
        same(library.initializeCipher, EVP_CipherInit_ex)
        same(library.setPadding, EVP_CIPHER_CTX_set_padding)
        same(library.updateCipher, EVP_CipherUpdate)
        same(library.digest, EVP_Digest)
        same(library.deriveKey, PKCS5_PBKDF2_HMAC)
        same(library.randomBytes, RAND_bytes)
    }

    @Test func zstd() throws {
        let library = try #require(ZstdFunctions.shared)
        func same<Type>(_ found: Type, _ declared: Type) {}
        same(library.createUnpacker, ZSTD_createDCtx)
        same(library.freeUnpacker, ZSTD_freeDCtx)
        same(library.reset, ZSTD_DCtx_reset)
        same(library.decompress, ZSTD_decompressStream)
        same(library.createPacker, ZSTD_createCCtx)
        same(library.freePacker, ZSTD_freeCCtx)
        same(library.setParameter, ZSTD_CCtx_setParameter)
        same(library.compress, ZSTD_compress2)
        same(library.isError, ZSTD_isError)
    }

    /// What is packed in each way comes out as it went in, also without the faster libraries.
    @Test func whatIsPackedIsUnpacked() throws {
        var seed: UInt32 = 7
        let bytes = (0..<65_536).map { index -> UInt8 in
            seed = seed &* 1_664_525 &+ 1_013_904_223
            return index % 3 == 0 ? UInt8(seed >> 28) : UInt8(truncatingIfNeeded: index / 64)
        }
        for method in [Packer.Method.fastDeflate, .zlib(1), .zlib(9), .zstd(1), .zstd(9)] {
            let packer = Packer(method, most: bytes.count)
            let packed = try #require(bytes.withUnsafeBytes { packer.pack($0).map { Array($0) } })
            #expect(packed.count < bytes.count * 9 / 10)
            var back = [UInt8](repeating: 0, count: bytes.count)
            let inflater = Inflater()
            let isWhole = packed.withUnsafeBytes { packed in
                back.withUnsafeMutableBytes {
                    if case .zstd = method { return inflater.unpackZstd(packed, into: $0) }
                    return inflater.inflate(packed, into: $0)
                }
            }
            #expect(isWhole && back == bytes, "\(method)")
        }
    }
}
