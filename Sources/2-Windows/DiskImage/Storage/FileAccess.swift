import CLinux
import Glibc
import Synchronization

extension FileStorage.Caching {
    /// Whether the page cache is gone past.
    var isDirect: Bool { self == .none || self == .directsync }

    /// What a file is opened with.
    var flags: CInt { O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (isDirect ? nearmetal_O_DIRECT : 0) }
}

/// Reads and writes of a file, also past the page cache (`O_DIRECT`).
///
/// The kernel does the latter for whole blocks from aligned memory: what is none goes by a buffer, and a block that is
/// changed in part is read first.
///
/// - Source: open(2), "NOTES: O_DIRECT".
final class FileAccess: Sendable {
    /// Whole pages suit every file system whose blocks are no larger, and every memory.
    private static let page = 4096
    private static let bufferSize = 1 << 20

    private let descriptor: CInt
    /// Bytes that are read and written at once; 1 through the page cache.
    private let block: Int
    /// A device has whole blocks; a file may end within one.
    private let endsAnywhere: Bool
    private let lock = RangeLock()
    private let ahead = Mutex(ReadAhead())

    /// - Parameters:
    ///   - descriptor: the open file.
    ///   - isDirect: whether it was opened with `O_DIRECT`.
    ///   - isBlockDevice: whether it is a block device, whose own blocks are then asked for.
    init(_ descriptor: CInt, isDirect: Bool, isBlockDevice: Bool) {
        var sector: CInt = 0
        // SAFETY: BLKSSZGET (Linux include/uapi/linux/fs.h) writes an int.
        let isTold = isDirect && isBlockDevice && ioctl(descriptor, 0x1268, &sector) == 0 && sector > 0
        self.descriptor = descriptor
        block = !isDirect ? 1 : isTold ? Int(sector) : Self.page
        endsAnywhere = !isBlockDevice
    }

    /// Fills a buffer, behind the end with zeros; 0, or an `errno`.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> CInt {
        guard isWhole(offset), isWhole(buffer.count), isAligned(buffer.baseAddress) else {
            return withBuffer(for: offset % block + buffer.count) { bounce in
                var done = 0
                while done < buffer.count {
                    let (start, skip) = split(offset + done)
                    let count = min(buffer.count - done, bounce.count - skip)
                    let part = UnsafeMutableRawBufferPointer(rebasing: bounce[..<rounded(skip + count)])
                    let error = readWhole(into: part, at: start)
                    guard error == 0 else { return error }
                    UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: part[skip..<skip + count]))
                    done += count
                }
                return 0
            }
        }
        return readWhole(into: buffer, at: offset)
    }

    /// Writes bytes; 0, or an `errno`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> CInt {
        guard isDirect else { return writeWhole(bytes, at: offset) }
        var done = 0
        while done < bytes.count {
            let (start, skip) = split(offset + done)
            let left = bytes.count - done
            // What is written in part alone, and everything between in one go.
            let isPart = skip > 0 || left < block
            let count = isPart ? min(left, block - skip) : left / block * block
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
            let error = isPart ? change(piece, at: start, skip) : replace(piece, at: start)
            guard error == 0 else { return error }
            done += count
        }
        return 0
    }

    /// Sets the length, while no block at the end is being changed; 0, or an `errno`.
    func resize(to length: Int) -> CInt {
        guard isDirect else { return truncate(to: length) }
        return holding(0, .max, exclusively: true) { truncate(to: length) }
    }

    private var isDirect: Bool { block > 1 }

    private func truncate(to length: Int) -> CInt {
        while ftruncate(descriptor, off_t(length)) != 0 { if errno != EINTR { return errno } }
        return 0
    }

    private func isWhole(_ number: Int) -> Bool { number % block == 0 }

    private func isAligned(_ address: UnsafeRawPointer?) -> Bool {
        !isDirect || Int(bitPattern: address) % Self.page == 0
    }

    private func split(_ place: Int) -> (start: Int, skip: Int) { (place / block * block, place % block) }

    /// Bytes in whole blocks.
    func rounded(_ count: Int) -> Int { (count + block - 1) / block * block }

    private func withBuffer(for count: Int, _ body: (UnsafeMutableRawBufferPointer) -> CInt) -> CInt {
        let size = rounded(min(max(count, 1), Self.bufferSize))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: Self.page)
        defer { buffer.deallocate() }
        return body(buffer)
    }

    private func holding(_ first: UInt64, _ last: UInt64, exclusively: Bool, _ body: () -> CInt) -> CInt {
        do throws(ImageError) { return try lock.hold(first, last, exclusively: exclusively, body) } catch { return EIO }
    }

    /// Reads whole blocks.
    private func readWhole(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> CInt {
        guard let base = buffer.baseAddress else { return 0 }
        if !isDirect, buffer.count >= ReadAhead.leastRead,
            let next = ahead.withLock({ $0.next(offset..<offset + buffer.count) })
        {
            // Of a range the kernel takes no more than the device does at once. A file system that cannot does without.
            for start in stride(from: next.lowerBound, to: next.upperBound, by: ReadAhead.leastRead) {
                let count = min(ReadAhead.leastRead, next.upperBound - start)
                _ = posix_fadvise(descriptor, off_t(start), off_t(count), POSIX_FADV_WILLNEED)
            }
        }
        var done = 0
        while done < buffer.count {
            // SAFETY: at most the bytes of the buffer behind `done` are written.
            let count = pread(descriptor, base + done, buffer.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return errno }
            done += count
            // Only at the end a block is cut short.
            guard count > 0, isWhole(count) else { break }
        }
        if done < buffer.count { memset(base + done, 0, buffer.count - done) }
        return 0
    }

    /// Writes whole blocks from aligned memory.
    private func writeWhole(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> CInt {
        guard let base = bytes.baseAddress else { return 0 }
        var done = 0
        while done < bytes.count {
            // SAFETY: at most the bytes of the buffer behind `done` are read.
            let count = pwrite(descriptor, base + done, bytes.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return errno }
            // What was written of a block is written again with the rest of it.
            guard count >= block else { return ENOSPC }
            done += count / block * block
        }
        return 0
    }

    /// Replaces whole blocks.
    private func replace(_ bytes: UnsafeRawBufferPointer, at start: Int) -> CInt {
        holding(UInt64(start), UInt64(start + bytes.count - 1), exclusively: false) {
            guard !isAligned(bytes.baseAddress) else { return writeWhole(bytes, at: start) }
            return withBuffer(for: bytes.count) { bounce in
                var done = 0
                while done < bytes.count {
                    let count = min(bytes.count - done, bounce.count)
                    bounce.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
                    let error = writeWhole(
                        UnsafeRawBufferPointer(rebasing: bounce[..<count]), at: start + done)
                    guard error == 0 else { return error }
                    done += count
                }
                return 0
            }
        }
    }

    /// Changes bytes within one block.
    private func change(_ bytes: UnsafeRawBufferPointer, at start: Int, _ skip: Int) -> CInt {
        // Behind the block nobody may write while the file is longer than it will be.
        holding(UInt64(start), endsAnywhere ? .max : UInt64(start + block - 1), exclusively: true) {
            withBuffer(for: block) { bounce in
                let bounce = UnsafeMutableRawBufferPointer(rebasing: bounce[..<block])
                var status = stat()
                guard fstat(descriptor, &status) == 0 else { return errno }
                var error = readWhole(into: bounce, at: start)
                guard error == 0 else { return error }
                UnsafeMutableRawBufferPointer(rebasing: bounce[skip..<skip + bytes.count]).copyMemory(from: bytes)
                error = writeWhole(UnsafeRawBufferPointer(bounce), at: start)
                guard error == 0, endsAnywhere else { return error }
                let end = max(Int(status.st_size), start + skip + bytes.count)
                return end < start + block ? truncate(to: end) : 0
            }
        }
    }
}
