import CNBD
import Glibc
import Synchronization

/// A disk that a server exports.
final class NBDStorage: BlockStorage {
    let name: String
    let isWritable: Bool
    private let connection: NBDConnection
    private let size: UInt64
    private let caching: FileStorage.Caching
    /// Bytes that a request begins and ends at multiples of.
    private let block: UInt64
    /// Bytes that are read or written at once.
    private let most: Int
    private let can: (zero: Bool, trim: Bool, flush: Bool, tell: Bool)
    /// What the server told last of where there are data: a disk that is only read keeps it.
    private let known = Mutex<[(end: UInt64, isData: Bool)]>([])
    /// What is changed within blocks is so by one at a time.
    private let parts = Mutex<Void>(())

    private static let context = "base:allocation"
    /// The most that one request may be about where nothing is sent with it.
    private static let stretch: UInt64 = 1 << 30

    /// Opens a disk of a server.
    ///
    /// - Parameters:
    ///   - export: which.
    ///   - isWritable: whether to write.
    ///   - credentials: what the server is spoken to with; `nil` speaks in the clear.
    ///   - caching: how what is written gets to the disk.
    ///
    /// - Throws: an ``ImageError``, also where it is for reading only.
    init(
        _ export: NBDExport, isWritable: Bool, _ credentials: TLSCredentials? = nil, caching: FileStorage.Caching
    ) throws(ImageError) {
        connection = try NBDConnection(export, credentials, context: Self.context)
        let (library, handle) = (connection.library, connection.handle)
        guard let size = UInt64(exactly: library.size(handle)) else {
            throw ImageError(.failed, "its server does not tell its size")
        }
        guard !isWritable || library.isReadOnly(handle) == 0 else {
            throw ImageError(.denied, "request on write denied without write permission")
        }
        name = export.uri
        self.isWritable = isWritable
        self.size = size
        self.caching = caching
        let smallest = UInt64(exactly: library.blockSize(handle, LIBNBD_SIZE_MINIMUM)) ?? 0
        let largest = UInt64(exactly: library.blockSize(handle, LIBNBD_SIZE_MAXIMUM)) ?? 0
        // The protocol has powers of two up to 64 KiB; what is sent at once is at least 1 MiB, and the whole of blocks.
        guard smallest <= 1 << 16, smallest & (smallest &- 1) == 0 || smallest == 0 else {
            throw ImageError(.malformed, "its server has blocks of \(smallest) bytes")
        }
        block = max(1, smallest)
        guard size % block == 0 else {
            throw ImageError(.malformed, "its server has \(size) bytes in blocks of \(block)")
        }
        let limit = largest == 0 ? 32 << 20 : min(largest, 32 << 20)
        most = Int(max(limit / block * block, block))
        can = (
            library.canZero(handle) > 0, library.canTrim(handle) > 0, library.canFlush(handle) > 0,
            library.canContext(handle, Self.context) > 0
        )
    }

    func length() throws(ImageError) -> UInt64 { size }

    private var nothing: nbd_completion_callback { nbd_completion_callback() }

    /// A range cut to the blocks that lie in it whole; `nil` where there are none.
    private func whole(_ offset: UInt64, _ count: UInt64) -> Range<UInt64>? {
        let start = offset.saturated(adding: block - 1) / block * block
        let end = (offset + count) / block * block
        return start < end ? start..<end : nil
    }

    private func checkEnd(_ offset: UInt64, _ count: UInt64) throws(ImageError) {
        guard offset <= size, count <= size - offset else {
            throw ImageError(
                .full, "the server's disk has \(size) bytes; \(offset.saturated(adding: count)) are needed")
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        let there = offset < size ? Int(min(UInt64(buffer.count), size - offset)) : 0
        if there < buffer.count {
            UnsafeMutableRawBufferPointer(rebasing: buffer[there...]).initializeMemory(as: UInt8.self, repeating: 0)
        }
        guard there > 0 else { return }
        let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<there])
        guard offset % block == 0, UInt64(there) % block == 0 else { return try readPart(into: wanted, at: offset) }
        try readWhole(into: wanted, at: offset)
    }

    private func readWhole(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard let base = buffer.baseAddress else { return }
        try inPieces(offset..<offset + UInt64(buffer.count), of: UInt64(most)) { place, length in
            connection.library.read(
                connection.handle, base + Int(place - offset), Int(length), place, nothing, 0)
        }
    }

    /// Reads what begins or ends within a block.
    private func readPart(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        let start = offset / block * block
        let end = min(size, (offset + UInt64(buffer.count)).saturated(adding: block - 1) / block * block)
        let around = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - start), alignment: 8)
        defer { around.deallocate() }
        try readWhole(into: around, at: start)
        let skipped = Int(offset - start)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: around[skipped..<skipped + buffer.count]))
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard !bytes.isEmpty else { return }
        try checkEnd(offset, UInt64(bytes.count))
        if offset % block == 0, UInt64(bytes.count) % block == 0 {
            try writeWhole(bytes, at: offset)
        } else {
            try changePart(offset, UInt64(bytes.count)) { part in part.copyMemory(from: bytes) }
        }
        if caching == .writethrough || caching == .directsync { try flush() }
    }

    private func writeWhole(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard let base = bytes.baseAddress else { return }
        try inPieces(offset..<offset + UInt64(bytes.count), of: UInt64(most)) { place, length in
            connection.library.write(
                connection.handle, base + Int(place - offset), Int(length), place, nothing, 0)
        }
    }

    /// Changes what begins or ends within a block: the blocks around it are read, and written again.
    private func changePart(
        _ offset: UInt64, _ count: UInt64, _ change: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(ImageError) {
        let start = offset / block * block
        let end = (offset + count).saturated(adding: block - 1) / block * block
        let around = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - start), alignment: 8)
        defer { around.deallocate() }
        let failure = parts.withLock { _ -> ImageError? in
            do throws(ImageError) {
                try readWhole(into: around, at: start)
                let skipped = Int(offset - start)
                change(UnsafeMutableRawBufferPointer(rebasing: around[skipped..<skipped + Int(count)]))
                try writeWhole(UnsafeRawBufferPointer(around), at: start)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        guard count > 0 else { return }
        try checkEnd(offset, count)
        guard can.zero, let whole = whole(offset, count) else { return try fill(offset, count) }
        if offset < whole.lowerBound { try fill(offset, whole.lowerBound - offset) }
        try inPieces(whole, of: Self.stretch) { place, length in
            connection.library.zero(
                connection.handle, length, place, nothing, unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE)
        }
        if whole.upperBound < offset + count { try fill(whole.upperBound, offset + count - whole.upperBound) }
    }

    /// Has requests made for a range, one piece after the other.
    private func inPieces(
        _ range: Range<UInt64>, of most: UInt64, _ request: (_ place: UInt64, _ length: UInt64) -> Int64
    ) throws(ImageError) {
        var place = range.lowerBound
        while place < range.upperBound {
            let length = min(most, range.upperBound - place)
            try connection.perform { request(place, length) }
            place += length
        }
    }

    /// Writes zeros as data.
    private func fill(_ offset: UInt64, _ count: UInt64) throws(ImageError) {
        let zeros = [UInt8](repeating: 0, count: Int(min(count, 1 << 20)))
        var place = offset
        while place < offset + count {
            let piece = min(UInt64(zeros.count), offset + count - place)
            try write(piece == UInt64(zeros.count) ? zeros : Array(zeros[..<Int(piece)]), at: place)
            place += piece
        }
    }

    func discard(at offset: UInt64, count: UInt64) throws(ImageError) {
        guard can.trim, offset < size, let whole = whole(offset, min(count, size - offset)) else { return }
        try inPieces(whole, of: Self.stretch) { place, length in
            connection.library.trim(connection.handle, length, place, nothing, 0)
        }
    }

    func flush() throws(ImageError) {
        guard can.flush, isWritable, caching != .unsafe else { return }
        try connection.perform { connection.library.flush(connection.handle, nothing, 0) }
    }

    func resize(to length: UInt64) throws(ImageError) {
        guard length <= size else { throw ImageError(.full, "Cannot grow NBD nodes") }
    }

    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        guard offset < size else { return StorageExtent(isData: false, length: 0) }
        guard can.tell else { return StorageExtent(isData: true, length: size - offset) }
        if let extent = known.withLock({ toldExtent(at: offset, in: $0) }) { return extent }
        let start = offset / block * block
        let told = Told()
        try connection.perform {
            connection.library.status(
                connection.handle, min(Self.stretch, size - start), start, told.callback, nothing,
                isWritable ? LIBNBD_CMD_FLAG_REQ_ONE : 0)
        }
        var ends: [(end: UInt64, isData: Bool)] = [(start, true)]
        for (length, flags) in told.extents {
            // What is a hole need not read as zeros.
            let isData = flags & UInt32(LIBNBD_STATE_ZERO) == 0
            let end = min(size, ends[ends.count - 1].end.saturated(adding: UInt64(length)))
            if ends.count > 1, ends[ends.count - 1].isData == isData {
                ends[ends.count - 1].end = end
            } else {
                ends.append((end, isData))
            }
        }
        if !isWritable { known.withLock { $0 = ends } }
        // A server that tells nothing of the byte has it read.
        return toldExtent(at: offset, in: ends) ?? StorageExtent(isData: true, length: min(block, size - offset))
    }

    private func toldExtent(at offset: UInt64, in ends: [(end: UInt64, isData: Bool)]) -> StorageExtent? {
        guard let first = ends.first, offset >= first.end else { return nil }
        var (low, high) = (1, ends.count)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        guard low < ends.count else { return nil }
        return StorageExtent(isData: ends[low].isData, length: ends[low].end - offset)
    }
}

/// What a server tells of the state of its blocks, collected by libnbd's callback.
private final class Told: @unchecked Sendable {
    // SAFETY: libnbd fills it while the request is under way, and the one who made it reads it afterwards.
    var extents: [(length: UInt32, flags: UInt32)] = []

    /// Extents of one answer at most: 8 MiB.
    static let most = 1 << 20

    var callback: nbd_extent_callback {
        nbd_extent_callback(
            callback: { data, _, _, entries, count, _ in
                guard let data, let entries else { return 0 }
                let told = Unmanaged<Told>.fromOpaque(data).takeUnretainedValue()
                for entry in 0..<min(count / 2, Told.most - told.extents.count) {
                    told.extents.append((entries[2 * entry], entries[2 * entry + 1]))
                }
                return 0
            }, user_data: Unmanaged.passRetained(self).toOpaque(),
            free: { data in
                if let data { Unmanaged<Told>.fromOpaque(data).release() }
            })
    }
}
