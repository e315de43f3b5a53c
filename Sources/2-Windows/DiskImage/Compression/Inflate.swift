import CLibdeflate
import CZlib
import CZstd
import Glibc

/// Unpacks clusters that were compressed.
///
/// SAFETY: one is used by one thread at a time; who takes it from those that are idle has it alone.
final class Inflater: @unchecked Sendable {
    private let deflate: OpaquePointer?
    private var zstd: OpaquePointer?

    private let library = LibdeflateFunctions.shared
    private let zstdLibrary = ZstdFunctions.shared

    init() { deflate = library?.allocate() }

    /// Whether deflate can be unpacked at all.
    ///
    /// - Throws: an ``ImageError`` that says what to install.
    static func require() throws(ImageError) {
        guard LibdeflateFunctions.shared != nil || Zlib.shared != nil else {
            throw ImageError(.unsupported, "its clusters are packed with zlib, and libz.so.1 is not installed")
        }
    }

    deinit {
        if let deflate { library?.free(deflate) }
        if let zstd { _ = zstdLibrary?.freeUnpacker(zstd) }
    }

    /// Unpacks a raw deflate stream that fills a buffer; what follows it, and what it holds beyond that, is ignored.
    ///
    /// - Returns: whether the buffer was filled.
    func inflate(_ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        if let deflate, let library {
            var used = 0
            var filled = 0
            // SAFETY: the library reads and writes within the lengths it is given.
            let result = library.decompress(
                deflate, bytes.baseAddress, bytes.count, buffer.baseAddress, buffer.count, &used, &filled)
            if result == LIBDEFLATE_SUCCESS { return filled == buffer.count }
            if result == LIBDEFLATE_BAD_DATA { return false }
        }
        // A stream that goes on after a cluster's worth: QEMU takes it, libdeflate does not.
        let (result, isFilled) = inflate(bytes, into: buffer, window: -15)
        return (result == Z_STREAM_END || result == Z_BUF_ERROR) && isFilled
    }

    /// Unpacks zlib's frame, which has a sum, and fills a buffer exactly; what follows it is ignored.
    ///
    /// - Returns: whether it did, and the sum is right.
    func inflateFrame(_ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        if let deflate, let library {
            // SAFETY: the library reads and writes within the lengths it is given.
            return library.decompressFrame(
                deflate, bytes.baseAddress, bytes.count, buffer.baseAddress, buffer.count, nil) == LIBDEFLATE_SUCCESS
        }
        let (result, isFilled) = inflate(bytes, into: buffer, window: 15)
        return result == Z_STREAM_END && isFilled
    }

    /// Unpacks with zlib; what it says, and whether the buffer was filled.
    private func inflate(
        _ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer, window: Int32
    ) -> (result: Int32, isFilled: Bool) {
        var stream = z_stream()
        guard var zlib = Zlib.shared, nearmetal_inflate_init(&zlib, &stream, window) == Z_OK else {
            return (Z_ERRNO, false)
        }
        defer { _ = zlib.inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)
        stream.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(buffer.count)
        return (zlib.inflate(&stream, Z_FINISH), stream.avail_out == 0)
    }

    /// Unpacks a zstd frame that fills a buffer; what follows it is ignored.
    func unpackZstd(_ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard let library = zstdLibrary else { return false }
        if zstd == nil { zstd = library.createUnpacker() }
        guard let zstd else { return false }
        _ = library.reset(zstd, ZSTD_reset_session_only)
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        // SAFETY: the library reads and writes within the lengths it is given.
        while output.pos < output.size {
            let before = (input.pos, output.pos)
            let result = library.decompress(zstd, &output, &input)
            if library.isError(result) != 0 { return false }
            if before == (input.pos, output.pos) { return false }
        }
        return true
    }
}
