import Synchronization

/// Reads from blocks that are packed each by itself: one that is wanted whole is unpacked to where it is wanted, of the others the last is kept.
final class UnpackedBlock: Sendable {
    /// Larger blocks are unpacked one at a time, so that threads do not take memory for several.
    private static let large = 4 << 20
    private let kept = Mutex<(number: UInt64, bytes: [UInt8])?>(nil)

    /// Fills a buffer with a part of a block.
    ///
    /// - Parameters:
    ///   - buffer: what is filled; the part ends within the block.
    ///   - start: where in the block the part begins.
    ///   - number: the block's number.
    ///   - size: bytes of the block when it is unpacked.
    ///   - unpack: unpacks the block into a buffer of its size.
    ///
    /// - Throws: an ``ImageError`` of `unpack`.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, from start: Int, of number: UInt64, size: Int,
        _ unpack: (UnsafeMutableRawBufferPointer) throws(ImageError) -> Void
    ) throws(ImageError) {
        if buffer.count == size, size <= Self.large { return try unpack(buffer) }
        nonisolated(unsafe) let buffer = buffer
        try kept.withLock { kept throws(ImageError) in
            if kept?.number != number {
                // Never two of them in memory.
                kept = nil
                var bytes = [UInt8](repeating: 0, count: size)
                var failure: ImageError?
                bytes.withUnsafeMutableBytes { block in
                    do throws(ImageError) { try unpack(block) } catch { failure = error }
                }
                if let failure { throw failure }
                kept = (number, bytes)
            }
            kept?.bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + buffer.count]))
            }
        }
    }
}
