internal import CLinux
internal import Dispatch
internal import Glibc

/// Moves the pages of a process from some nodes to others; it runs on meanwhile.
public struct PageMover: Sendable {
    private let pid: Int
    private let word: String

    /// A mover.
    ///
    /// - Parameters:
    ///   - pid: the process.
    ///   - word: an argument of its command line, so that no other process that has its number by now is touched.
    public init(pid: Int, word: String) {
        self.pid = pid
        self.word = word
    }

    /// Moves the pages.
    ///
    /// - Parameters:
    ///   - from: nodes, each below 1,024.
    ///   - to: nodes, likewise.
    ///
    /// - Returns: how many pages the kernel left where they are: pinned ones, or for want of room.
    ///
    /// - Throws: a ``TransactionError`` where it may not be done, or the process is another one.
    ///
    /// - Source: migrate_pages(2).
    public func move(from: some Sequence<Int> & Sendable, to: some Sequence<Int> & Sendable)
        async throws(TransactionError)
        -> Int
    {
        guard isStillTheSame else {
            throw TransactionError(.failed, "the process \(pid) is not the guest's any more", place: "/proc/\(pid)")
        }
        let (old, new) = (Self.mask(from), Self.mask(to))
        let pid = Int32(clamping: pid)
        let (result, number) = await withCheckedContinuation {
            (continuation: CheckedContinuation<(Int, Int32), Never>) in
            // It blocks for as long as it takes.
            DispatchQueue.global().async {
                let result = nearmetal_migrate_pages(pid, old, new)
                continuation.resume(returning: (result, errno))
            }
        }
        guard result < 0 else { return result }
        throw TransactionError(
            .failed, "the kernel moves no pages: \(String(cString: strerror(number)))", place: "/proc/\(pid)",
            remedy: number == EPERM ? "Run as root; the nodes have to be ones the process and you may use" : nil)
    }

    private static func mask(_ nodes: some Sequence<Int>) -> [UInt] {
        var mask = [UInt](repeating: 0, count: 1024 / UInt.bitWidth + 1)
        for node in nodes where (0..<1024).contains(node) {
            mask[node / UInt.bitWidth] |= 1 << UInt(node % UInt.bitWidth)
        }
        return mask
    }

    private var isStillTheSame: Bool {
        let descriptor = open("/proc/\(pid)/cmdline", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < 4 << 20 {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return bytes.split(separator: 0).contains { $0.elementsEqual(word.utf8) }
    }
}
