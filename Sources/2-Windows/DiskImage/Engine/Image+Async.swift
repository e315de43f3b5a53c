internal import Dispatch

/// The calls of an image for those who must not block: each does its work on a thread outside of the cooperative pool.
///
/// Several may be under way at once.
extension Image {
    private static let queue = DispatchQueue(label: "nearmetal.image", attributes: .concurrent)

    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ImageError) -> Value
    ) async throws(ImageError) -> Value {
        let result: Result<Value, ImageError> = await withCheckedContinuation { continuation in
            Self.queue.async {
                do throws(ImageError) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Reads bytes.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - offset: from which on.
    ///
    /// - Returns: the bytes.
    ///
    /// - Throws: an ``ImageError``, also where the range ends behind the image's end.
    public func read(count: Int, at offset: UInt64) async throws(ImageError) -> [UInt8] {
        try await perform { () throws(ImageError) in
            guard count >= 0, offset <= self.size, UInt64(count) <= self.size - offset else {
                throw ImageError(
                    .invalid, "\(count) bytes from \(offset) end behind its \(self.size) bytes", path: self.path)
            }
            var failure: ImageError?
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                do throws(ImageError) {
                    try self.read(
                        into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count), at: offset)
                    filled = count
                } catch { failure = error }
            }
            if let failure { throw failure }
            return bytes
        }
    }

    /// Writes bytes.
    ///
    /// - Throws: an ``ImageError``, also where the range ends behind the image's end.
    public func write(_ bytes: [UInt8], at offset: UInt64) async throws(ImageError) {
        try await perform { () throws(ImageError) in
            var failure: ImageError?
            bytes.withUnsafeBytes { buffer in
                do throws(ImageError) { try self.write(buffer, at: offset) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    /// Makes a range read as zeros.
    ///
    /// - Parameters:
    ///   - offset: the first byte.
    ///   - count: bytes.
    ///   - unmap: whether its space may be given back.
    ///
    /// - Throws: an ``ImageError``.
    public func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool = false) async throws(ImageError) {
        try await perform { () throws(ImageError) in
            try self.writeZeroes(at: offset, count: count, unmap: unmap) as Void
        }
    }

    /// Gives the space of a range back, where it can.
    ///
    /// - Throws: an ``ImageError``.
    public func discard(at offset: UInt64, count: UInt64) async throws(ImageError) {
        try await perform { () throws(ImageError) in try self.discard(at: offset, count: count) as Void }
    }

    /// Has all that was written last over a loss of power.
    ///
    /// - Throws: an ``ImageError``: what was written since the last flush may be lost.
    public func flush() async throws(ImageError) {
        try await perform { () throws(ImageError) in try self.flush() as Void }
    }

    /// What this layer alone says of a byte, and for how many it is so.
    ///
    /// - Throws: an ``ImageError``.
    public func blockStatus(at offset: UInt64, limit: UInt64) async throws(ImageError) -> BlockStatus {
        try await perform { () throws(ImageError) in try self.status(at: offset, limit: limit) }
    }
}
