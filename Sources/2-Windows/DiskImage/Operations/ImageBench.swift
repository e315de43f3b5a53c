import Synchronization

/// Reads or writes an image at regular steps and tells how long that took, as `qemu-img bench` does.
public struct ImageBench: Sendable {
    /// How many requests.
    public var count = 75_000
    /// How many at a time.
    public var depth = 64
    /// Bytes of a request.
    public var size = 4096
    /// Where the first begins.
    public var offset: UInt64 = 0
    /// Bytes from one to the next.
    public var step: UInt64 = 4096
    /// What is written; `nil` reads.
    public var pattern: UInt8?
    /// Writes after which all is flushed; 0 never flushes.
    public var flushInterval = 0
    /// The usual.
    public init() {}

    /// Does it; how many seconds it took.
    ///
    /// - Throws: an ``ImageError``.
    public func run(on image: Image) throws(ImageError) -> Double {
        guard image.size >= UInt64(size), offset <= image.size - UInt64(size) else {
            throw ImageError(.invalid, "a request of \(size) bytes at \(offset) ends behind its \(image.size) bytes")
        }
        struct Progress {
            var started = 0
            var place: UInt64
            var failure: ImageError?
        }
        let state = Mutex(Progress(place: offset))
        let start = Qcow2Check.now()
        Threads.run(min(depth, 64)) { _ in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
            defer { buffer.deallocate() }
            buffer.initializeMemory(as: UInt8.self, repeating: pattern ?? 0)
            while true {
                let next: (place: UInt64, isFlush: Bool)? = state.withLock { state in
                    guard state.failure == nil, state.started < count else { return nil }
                    let place = state.place
                    state.started += 1
                    // Behind the end it begins anew.
                    state.place = place.saturated(adding: step)
                    if state.place > image.size - UInt64(size) { state.place = offset }
                    return (place, flushInterval > 0 && state.started % flushInterval == 0)
                }
                guard let next else { return }
                do throws(ImageError) {
                    if pattern == nil {
                        try image.read(into: buffer, at: next.place)
                    } else {
                        try image.write(UnsafeRawBufferPointer(buffer), at: next.place)
                        if next.isFlush { try image.flush() }
                    }
                } catch {
                    state.withLock { $0.failure = error }
                    return
                }
            }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        return Qcow2Check.now() - start
    }
}
