/// Bytes at positions that an image lies in: a file, a block device, memory.
///
/// All calls may be made from several threads at once; what overlaps is up to the caller. They block.
public protocol BlockStorage: AnyObject, Sendable {
    /// What to call it in messages.
    var name: String { get }
    /// Whether it was opened for writing.
    var isWritable: Bool { get }
    /// Its length in bytes.
    ///
    /// - Throws: an ``ImageError`` where the system fails.
    func length() throws(ImageError) -> UInt64
    /// Fills a buffer; behind the end there are zeros.
    ///
    /// - Throws: an ``ImageError`` where the system fails.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError)
    /// Writes bytes, and makes it longer where they end behind its end.
    ///
    /// - Throws: an ``ImageError``; some of the bytes may have been written then.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError)
    /// Makes a range read as zeros, and longer where it ends behind the end.
    ///
    /// - Parameters:
    ///   - offset: the first byte.
    ///   - count: bytes.
    ///   - unmap: whether its space may be given back.
    ///
    /// - Throws: an ``ImageError``.
    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError)
    /// Gives the space of a range back, if it can: what it reads as afterwards is not known.
    ///
    /// - Throws: an ``ImageError`` where the system fails otherwise than by not being able to.
    func discard(at offset: UInt64, count: UInt64) throws(ImageError)
    /// Has all that was written last over a loss of power.
    ///
    /// - Throws: an ``ImageError``: what was written since the last flush may be lost.
    func flush() throws(ImageError)
    /// Cuts it off, or makes it longer with zeros.
    ///
    /// - Throws: an ``ImageError``.
    func resize(to length: UInt64) throws(ImageError)
    /// Whether there are data at a byte, and for how many it is so; holes read as zeros.
    ///
    /// - Throws: an ``ImageError``.
    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent
}

/// A run of data or of a hole.
public struct StorageExtent: Sendable, Hashable {
    /// Whether it has to be read; a hole reads as zeros.
    public var isData: Bool
    /// Bytes from the place asked for; 0 at the end and behind it.
    public var length: UInt64
    /// An extent.
    public init(isData: Bool, length: UInt64) {
        self.isData = isData
        self.length = length
    }
}

extension BlockStorage {
    /// Has the start of a new image read as zeros: a device, or a server's disk, keeps what was there.
    ///
    /// - Throws: an ``ImageError``, also where it cannot become as long.
    func clear(to end: UInt64) throws(ImageError) {
        let length = try length()
        if length < end { try resize(to: end) }
        if length > 0 { try writeZeroes(at: 0, count: min(length, end), unmap: false) }
    }

    /// Bytes as an array.
    func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8] {
        var failure: ImageError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(ImageError) {
                try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                filled = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes an array.
    func write(_ bytes: [UInt8], at offset: UInt64) throws(ImageError) {
        var failure: ImageError?
        bytes.withUnsafeBytes { buffer in
            do throws(ImageError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// What headers are read from: bytes by position, with zeros behind the end.
protocol HeaderSource {
    /// The length of the whole.
    var size: UInt64 { get }
    /// Bytes at a position; past the end there are zeros, as QEMU has it.
    func bytes(at offset: UInt64, count: Int) throws(Malformed) -> HeaderBytes
}

extension HeaderSource {
    /// Bytes at a position; shorter at the end.
    func available(at offset: UInt64, count: Int) throws(Malformed) -> HeaderBytes {
        guard offset < size else { return HeaderBytes([]) }
        return try bytes(at: offset, count: Int(min(UInt64(count), size - offset)))
    }
}

extension ImageFile: HeaderSource {}

/// A storage as headers are read from it.
struct StorageHeader: HeaderSource {
    let storage: any BlockStorage
    let size: UInt64

    init(_ storage: any BlockStorage) throws(ImageError) {
        self.storage = storage
        size = try storage.length()
    }

    /// The same, for those who report what is malformed.
    static func checked(_ storage: any BlockStorage) throws(Malformed) -> StorageHeader {
        do throws(ImageError) { return try StorageHeader(storage) } catch { throw Malformed(error.what) }
    }

    func bytes(at offset: UInt64, count: Int) throws(Malformed) -> HeaderBytes {
        do throws(ImageError) { return HeaderBytes(try storage.bytes(at: offset, count: count)) } catch {
            throw Malformed("byte \(offset) cannot be read: \(error.what)")
        }
    }
}
