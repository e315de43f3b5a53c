import CISAL
import CZlib
import CZstd
import Glibc

/// Packs clusters.
///
/// SAFETY: one is used by one thread at a time.
final class Packer: @unchecked Sendable {
    /// How clusters are packed.
    enum Method: Sendable, Hashable {
        /// ISA-L's deflate, with a window of 4 KiB as qcow2 has it.
        case fastDeflate
        /// zlib's deflate at a level from 1 to 9.
        case zlib(Int32)
        /// zstd at a level.
        case zstd(Int32)
    }

    private let method: Method
    private let output: UnsafeMutableRawBufferPointer
    private var level = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var zstd: OpaquePointer?
    private let zstdLibrary = ZstdFunctions.shared

    /// Whether clusters can be packed at all.
    ///
    /// - Throws: an ``ImageError`` that says what to install.
    static func require(_ isZstd: Bool) throws(ImageError) {
        guard isZstd ? ZstdFunctions.shared != nil : ISALFunctions.shared != nil || Zlib.shared != nil else {
            let (name, file) = isZstd ? ("zstd", "libzstd.so.1") : ("zlib", "libz.so.1")
            throw ImageError(.unsupported, "clusters cannot be packed with \(name): \(file) is not installed")
        }
    }

    /// A packer.
    ///
    /// - Parameters:
    ///   - method: how.
    ///   - most: bytes at most of a cluster; what does not become smaller is not packed.
    init(_ method: Method, most: Int) {
        self.method = method
        output = .allocate(byteCount: max(most, 1), alignment: 64)
        switch method {
        case .fastDeflate:
            level = .allocate(byteCount: Int(nearmetal_isal_level1_size), alignment: 64)
        case .zstd(let number):
            zstd = zstdLibrary?.createPacker()
            if let zstd { _ = zstdLibrary?.setParameter(zstd, ZSTD_c_compressionLevel, number) }
        case .zlib: break
        }
    }

    deinit {
        output.deallocate()
        level.deallocate()
        if let zstd { _ = zstdLibrary?.freePacker(zstd) }
    }

    /// Packs a cluster, where it becomes smaller.
    ///
    /// What is given holds until the next call.
    func pack(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let count: Int?
        switch method {
        case .fastDeflate: count = fastDeflate(bytes)
        case .zlib(let level): count = deflate(bytes, level)
        case .zstd: count = zstd(bytes)
        }
        guard let count, count < bytes.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: output[..<count])
    }

    private func fastDeflate(_ bytes: UnsafeRawBufferPointer) -> Int? {
        // Without ISA-L zlib's own fastest level has to do.
        guard let library = ISALFunctions.shared else { return deflate(bytes, 1) }
        // Equally frequent bytes may repeat one another within the window still: a few of them show it.
        if RandomBytes.areLikely(bytes) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[..<8192])
            guard let count = fastDeflate(part, library), count < part.count - part.count / 64 else { return nil }
        }
        return fastDeflate(bytes, library)
    }

    private func fastDeflate(_ bytes: UnsafeRawBufferPointer, _ library: ISALFunctions) -> Int? {
        var stream = isal_zstream()
        library.initialize(&stream)
        stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)
        stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(min(output.count, bytes.count))
        stream.end_of_stream = 1
        stream.flush = UInt16(NO_FLUSH)
        stream.gzip_flag = UInt16(IGZIP_DEFLATE)
        stream.hist_bits = 12
        stream.level = 1
        stream.level_buf = level.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.level_buf_size = UInt32(level.count)
        // SAFETY: the library reads and writes within the lengths it is given.
        guard library.deflate(&stream) == COMP_OK else { return nil }
        return Int(stream.total_out)
    }

    private func deflate(_ bytes: UnsafeRawBufferPointer, _ level: Int32) -> Int? {
        var stream = z_stream()
        guard var zlib = Zlib.shared, nearmetal_deflate_init(&zlib, &stream, level, -12, 9) == Z_OK else { return nil }
        defer { _ = zlib.deflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)
        stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(min(output.count, bytes.count))
        guard zlib.deflate(&stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return Int(stream.total_out)
    }

    private func zstd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let zstd, let zstdLibrary else { return nil }
        let count = zstdLibrary.compress(
            zstd, output.baseAddress, min(output.count, bytes.count), bytes.baseAddress, bytes.count)
        return zstdLibrary.isError(count) != 0 ? nil : count
    }
}
