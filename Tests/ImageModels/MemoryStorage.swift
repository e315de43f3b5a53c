public import DiskImage
import Synchronization

/// Bytes in memory that take note of what is done to them, and fail when they are told to.
public final class MemoryStorage: BlockStorage {
    /// What was done, in order.
    public enum Event: Sendable {
        /// Bytes at a place.
        case write(UInt64, [UInt8])
        /// Another length.
        case resize(UInt64)
        /// What came before is on the disk.
        case flush
    }

    private struct State {
        var bytes: [UInt8]
        var events: [Event] = []
        var isRecording = false
        /// Calls until one fails; `nil` for never.
        var fuse: Int?
        var calls = 0
    }

    /// What messages call it.
    public let name = "memory"
    /// Always.
    public let isWritable = true
    private let state: Mutex<State>

    /// So many bytes.
    public init(_ bytes: [UInt8]) { state = Mutex(State(bytes: bytes)) }

    /// What it holds.
    public var bytes: [UInt8] { state.withLock { $0.bytes } }
    /// What was done since it began to take note.
    public var events: [Event] { state.withLock { $0.events } }
    /// How often it was called.
    public var calls: Int { state.withLock { $0.calls } }
    /// Takes note of what is done from here on.
    public func record() { state.withLock { $0.isRecording = true } }
    /// The call after so many others fails, and all after it.
    public func fail(after calls: Int) { state.withLock { $0.fuse = calls } }

    private static func burn(_ state: inout State) throws(ImageError) {
        state.calls += 1
        guard let fuse = state.fuse else { return }
        guard fuse > 0 else { throw ImageError(.failed, "injected") }
        state.fuse = fuse - 1
    }

    /// Bytes it holds.
    public func length() throws(ImageError) -> UInt64 { state.withLock { UInt64($0.bytes.count) } }

    /// Fills a buffer; behind the end there are zeros.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        nonisolated(unsafe) let buffer = buffer
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            let start = min(Int(clamping: offset), state.bytes.count)
            let there = min(buffer.count, state.bytes.count - start)
            state.bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[start..<start + there])) }
            UnsafeMutableRawBufferPointer(rebasing: buffer[there...]).initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Writes, and takes note.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        let bytes = Array(bytes)
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            Self.put(bytes, Int(offset), &state.bytes)
            if state.isRecording { state.events.append(.write(offset, bytes)) }
        }
    }

    /// Puts bytes into others, which become longer where they have to.
    public static func put(_ bytes: [UInt8], _ offset: Int, _ all: inout [UInt8]) {
        if all.count < offset + bytes.count {
            all += [UInt8](repeating: 0, count: offset + bytes.count - all.count)
        }
        all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// Writes zeros.
    public func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        let zeros = [UInt8](repeating: 0, count: Int(count))
        var failure: ImageError?
        zeros.withUnsafeBytes { bytes in
            do throws(ImageError) { try write(bytes, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Does nothing.
    public func discard(at offset: UInt64, count: UInt64) throws(ImageError) {}

    /// Takes note.
    public func flush() throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            if state.isRecording { state.events.append(.flush) }
        }
    }

    /// Cuts it off, or makes it longer.
    public func resize(to length: UInt64) throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            Self.resize(&state.bytes, Int(length))
            if state.isRecording { state.events.append(.resize(length)) }
        }
    }

    /// Has bytes another length.
    public static func resize(_ bytes: inout [UInt8], _ length: Int) {
        if length < bytes.count {
            bytes.removeLast(bytes.count - length)
        } else {
            bytes += [UInt8](repeating: 0, count: length - bytes.count)
        }
    }

    /// All of it is data.
    public func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        let length = try length()
        return StorageExtent(isData: offset < length, length: offset < length ? length - offset : 0)
    }
}
