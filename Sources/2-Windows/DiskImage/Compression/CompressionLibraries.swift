import CISAL
import CLibdeflate
import CZlib
import CZstd
import Glibc

/// Libraries that pack and unpack, opened when the first cluster asks for them: most runs never do, and a host may lack them.
enum SharedLibrary {
    static func open(_ name: String) -> UnsafeMutableRawPointer? { dlopen(name, RTLD_NOW | RTLD_LOCAL) }
    static func find<Function>(_ name: String, _ handle: UnsafeMutableRawPointer, _: Function.Type) -> Function? {
        // SAFETY: each caller names the type that the library's header declares; CompressionHeaderTests compares them.
        dlsym(handle, name).map { unsafeBitCast($0, to: Function.self) }
    }
}

/// libdeflate, which unpacks deflate faster than zlib; `nil` where it is not installed.
struct LibdeflateFunctions: Sendable {
    typealias Allocate = @convention(c) () -> OpaquePointer?
    typealias Free = @convention(c) (OpaquePointer?) -> Void
    typealias Decompress =
        @convention(c) (
            OpaquePointer?, UnsafeRawPointer?, Int, UnsafeMutableRawPointer?, Int, UnsafeMutablePointer<Int>?,
            UnsafeMutablePointer<Int>?
        ) -> libdeflate_result
    typealias DecompressFrame =
        @convention(c) (
            OpaquePointer?, UnsafeRawPointer?, Int, UnsafeMutableRawPointer?, Int, UnsafeMutablePointer<Int>?
        ) -> libdeflate_result
    let allocate: Allocate
    let free: Free
    let decompress: Decompress
    let decompressFrame: DecompressFrame

    static let shared: LibdeflateFunctions? = {
        guard let handle = SharedLibrary.open("libdeflate.so.0"),
            let allocate = SharedLibrary.find("libdeflate_alloc_decompressor", handle, Allocate.self),
            let free = SharedLibrary.find("libdeflate_free_decompressor", handle, Free.self),
            let decompress = SharedLibrary.find("libdeflate_deflate_decompress_ex", handle, Decompress.self),
            let decompressFrame = SharedLibrary.find("libdeflate_zlib_decompress", handle, DecompressFrame.self)
        else { return nil }
        return LibdeflateFunctions(
            allocate: allocate, free: free, decompress: decompress, decompressFrame: decompressFrame)
    }()
}

/// zlib, whose levels can be asked for; `nil` where it is not installed.
enum Zlib {
    static let shared: nearmetal_zlib? = {
        var functions = nearmetal_zlib()
        guard let handle = SharedLibrary.open("libz.so.1"), nearmetal_zlib_find(handle, &functions) != 0
        else { return nil }
        return functions
    }()
}

/// ISA-L, whose deflate is an order of magnitude faster than zlib's; `nil` where it is not installed.
struct ISALFunctions: Sendable {
    typealias Initialize = @convention(c) (UnsafeMutablePointer<isal_zstream>?) -> Void
    typealias Deflate = @convention(c) (UnsafeMutablePointer<isal_zstream>?) -> Int32
    let initialize: Initialize
    let deflate: Deflate

    static let shared: ISALFunctions? = {
        guard let handle = SharedLibrary.open("libisal.so.2"),
            let initialize = SharedLibrary.find("isal_deflate_stateless_init", handle, Initialize.self),
            let deflate = SharedLibrary.find("isal_deflate_stateless", handle, Deflate.self)
        else { return nil }
        return ISALFunctions(initialize: initialize, deflate: deflate)
    }()
}

/// Zstandard; `nil` where it is not installed.
struct ZstdFunctions: Sendable {
    typealias Create = @convention(c) () -> OpaquePointer?
    typealias Free = @convention(c) (OpaquePointer?) -> Int
    typealias Reset = @convention(c) (OpaquePointer?, ZSTD_ResetDirective) -> Int
    typealias Decompress =
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<ZSTD_outBuffer>?, UnsafeMutablePointer<ZSTD_inBuffer>?) ->
        Int
    typealias SetParameter = @convention(c) (OpaquePointer?, ZSTD_cParameter, Int32) -> Int
    typealias Compress =
        @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int
    typealias IsError = @convention(c) (Int) -> UInt32
    let createUnpacker: Create
    let freeUnpacker: Free
    let reset: Reset
    let decompress: Decompress
    let createPacker: Create
    let freePacker: Free
    let setParameter: SetParameter
    let compress: Compress
    let isError: IsError

    static let shared: ZstdFunctions? = {
        guard let handle = SharedLibrary.open("libzstd.so.1"),
            let createUnpacker = SharedLibrary.find("ZSTD_createDCtx", handle, Create.self),
            let freeUnpacker = SharedLibrary.find("ZSTD_freeDCtx", handle, Free.self),
            let reset = SharedLibrary.find("ZSTD_DCtx_reset", handle, Reset.self),
            let decompress = SharedLibrary.find("ZSTD_decompressStream", handle, Decompress.self),
            let createPacker = SharedLibrary.find("ZSTD_createCCtx", handle, Create.self),
            let freePacker = SharedLibrary.find("ZSTD_freeCCtx", handle, Free.self),
            let setParameter = SharedLibrary.find("ZSTD_CCtx_setParameter", handle, SetParameter.self),
            let compress = SharedLibrary.find("ZSTD_compress2", handle, Compress.self),
            let isError = SharedLibrary.find("ZSTD_isError", handle, IsError.self)
        else { return nil }
        return ZstdFunctions(
            createUnpacker: createUnpacker, freeUnpacker: freeUnpacker, reset: reset, decompress: decompress,
            createPacker: createPacker, freePacker: freePacker, setParameter: setParameter, compress: compress,
            isError: isError)
    }()
}
