import CLinux
import Glibc

extension FileStorage {
    /// How bytes get from one file into another without passing through this process.
    enum Sharing: Sendable {
        /// Both files lead to the same blocks until one of them is written to (xfs, btrfs and others).
        case clone
        /// The kernel copies, or has the device or server do it.
        case copy
    }

    /// What `FICLONERANGE` takes, and its number: `_IOW(0x94, 13, struct file_clone_range)`.
    ///
    /// - Source: Linux include/uapi/linux/fs.h.
    private struct CloneRange {
        var descriptor: Int64
        var offset: UInt64
        var length: UInt64
        var target: UInt64
    }
    private static let cloneRange: UInt = 0x4020_940D

    /// File systems clone whole blocks; larger ones than these are rare, and turn out by failing.
    static let blockSize: UInt64 = 4096

    /// Has a range of another file here as well; `false` where the file systems cannot, or not for this range.
    ///
    /// What was copied before it turned out may be here then.
    func share(_ source: FileStorage, at offset: UInt64, to target: UInt64, count: UInt64, _ way: Sharing) -> Bool {
        guard let from = off_t(exactly: offset), let to = off_t(exactly: target), count > 0 else { return false }
        switch way {
        case .clone:
            var range = CloneRange(
                descriptor: Int64(source.descriptor), offset: offset, length: count, target: target)
            // SAFETY: the kernel reads one struct file_clone_range, which the variable is.
            return withUnsafeMutablePointer(to: &range) { ioctl(descriptor, Self.cloneRange, $0) } == 0
        case .copy:
            var done: UInt64 = 0
            while done < count {
                var (input, output) = (Int(from) + Int(done), Int(to) + Int(done))
                let piece = Int(min(count - done, 1 << 30))
                let copied = nearmetal_copy_range(source.descriptor, &input, descriptor, &output, piece)
                if copied < 0, errno == EINTR { continue }
                guard copied > 0 else { return false }
                done += UInt64(copied)
            }
            return true
        }
    }
}
