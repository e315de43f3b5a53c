import Synchronization

@testable import DiskImage

/// Bytes in memory that take note of what is done to them, and fail when they are told to.
final class MemoryStorage: BlockStorage {
    /// What was done, in order.
    enum Event: Sendable {
        case write(UInt64, [UInt8])
        case resize(UInt64)
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

    let name = "memory"
    let isWritable = true
    private let state: Mutex<State>

    init(_ bytes: [UInt8]) { state = Mutex(State(bytes: bytes)) }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var events: [Event] { state.withLock { $0.events } }
    /// How often it was called.
    var calls: Int { state.withLock { $0.calls } }
    func record() { state.withLock { $0.isRecording = true } }
    /// The call after so many others fails, and all after it.
    func fail(after calls: Int) { state.withLock { $0.fuse = calls } }

    private static func burn(_ state: inout State) throws(ImageError) {
        state.calls += 1
        guard let fuse = state.fuse else { return }
        guard fuse > 0 else { throw ImageError(.failed, "injected") }
        state.fuse = fuse - 1
    }

    func length() throws(ImageError) -> UInt64 { state.withLock { UInt64($0.bytes.count) } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        nonisolated(unsafe) let buffer = buffer
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            for index in buffer.indices {
                let place = Int(offset) + index
                buffer[index] = place < state.bytes.count ? state.bytes[place] : 0
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        let bytes = Array(bytes)
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            Self.put(bytes, Int(offset), &state.bytes)
            if state.isRecording { state.events.append(.write(offset, bytes)) }
        }
    }

    static func put(_ bytes: [UInt8], _ offset: Int, _ all: inout [UInt8]) {
        if all.count < offset + bytes.count {
            all += [UInt8](repeating: 0, count: offset + bytes.count - all.count)
        }
        all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        try write([UInt8](repeating: 0, count: Int(count)), at: offset)
    }

    func discard(at offset: UInt64, count: UInt64) throws(ImageError) {}

    func flush() throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            if state.isRecording { state.events.append(.flush) }
        }
    }

    func resize(to length: UInt64) throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            try Self.burn(&state)
            Self.resize(&state.bytes, Int(length))
            if state.isRecording { state.events.append(.resize(length)) }
        }
    }

    static func resize(_ bytes: inout [UInt8], _ length: Int) {
        if length < bytes.count {
            bytes.removeLast(bytes.count - length)
        } else {
            bytes += [UInt8](repeating: 0, count: length - bytes.count)
        }
    }

    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        let length = try length()
        return StorageExtent(isData: offset < length, length: offset < length ? length - offset : 0)
    }
}
