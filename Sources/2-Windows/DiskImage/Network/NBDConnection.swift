import CNBD
import Glibc

/// A connection to an NBD server, over which several threads have requests under way at once.
///
/// There is no thread of its own: of those that wait for an answer one waits for the socket, and the others for that one.
final class NBDConnection: @unchecked Sendable {
    // SAFETY: libnbd's handles may be used by several threads at once; `isPolled` is touched while `monitor` is held only.
    let library: nearmetal_nbd
    let handle: OpaquePointer
    private let monitor = Monitor()
    private var isPolled = false
    /// Wakes the one that waits for the socket: another request may have to be written, too.
    private let event: CInt

    private static let shared: nearmetal_nbd? = {
        var functions = nearmetal_nbd()
        guard let library = SharedLibrary.open("libnbd.so.0"), nearmetal_nbd_find(library, &functions) != 0
        else { return nil }
        return functions
    }()

    /// Connects to a server.
    ///
    /// - Parameters:
    ///   - export: where it is, and which of its disks.
    ///   - credentials: what it is spoken to with; `nil` speaks in the clear.
    ///   - context: what is asked of the state of its blocks.
    ///
    /// - Throws: an ``ImageError`` in QEMU's words, where there are some.
    init(_ export: NBDExport, _ credentials: TLSCredentials?, context: String) throws(ImageError) {
        guard let library = Self.shared else {
            throw ImageError(.unsupported, "libnbd is needed to open it, and is not installed")
        }
        guard let handle = library.create() else { throw Self.failure(library) }
        let event = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard event >= 0 else {
            library.close(handle)
            throw ImageError(.failed, String(cString: strerror(errno)))
        }
        (self.library, self.handle, self.event) = (library, handle, event)
        try set(library.setExport(handle, export.name ?? ""))
        try set(library.addContext(handle, context))
        if let credentials { try use(credentials) }
        let result =
            switch export.server {
            case .tcp(let host, let port): library.connectTCP(handle, host, port)
            case .unix(let path): library.connectUnix(handle, path)
            }
        guard result == 0 else { throw Self.refusal(library, export) }
    }

    deinit {
        // Said, not waited for.
        _ = library.disconnect(handle, 0)
        library.close(handle)
        Glibc.close(event)
    }

    private func use(_ credentials: TLSCredentials) throws(ImageError) {
        // Both ways: what is asked to be encrypted is never sent in the clear.
        try set(library.setTLS(handle, LIBNBD_TLS_REQUIRE))
        switch credentials {
        case .certificates(let folder, let verifiesServer):
            try set(library.setCertificates(handle, folder))
            try set(library.setVerification(handle, verifiesServer))
        case .sharedKey(let folder, let user):
            try set(library.setKeys(handle, folder + "/keys.psk"))
            try set(library.setUser(handle, user))
        }
    }

    private func set(_ result: CInt) throws(ImageError) {
        guard result == 0 else { throw Self.failure(library) }
    }

    private static func failure(_ library: nearmetal_nbd) -> ImageError {
        let number = library.errorNumber()
        if number != 0, number != EINVAL, number != ENOTCONN, number != EPROTO {
            return FileStorage.failure(number, "")
        }
        return ImageError(.failed, message(library))
    }

    private static func message(_ library: nearmetal_nbd) -> String {
        guard let text = library.error() else { return "libnbd does not say what is wrong" }
        // The functions' own names are nobody's business.
        let message = String(decoding: UnsafeRawBufferPointer(start: text, count: strlen(text)), as: UTF8.self)
        guard message.hasPrefix("nbd_"), let colon = message.firstIndex(of: ":") else { return message }
        return String(message[message.index(after: colon)...].drop { $0 == " " })
    }

    private static func refusal(_ library: nearmetal_nbd, _ export: NBDExport) -> ImageError {
        let number = library.errorNumber()
        switch number {
        case ECONNREFUSED, ENOENT, EACCES, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET:
            guard !message(library).contains("server replied") else { break }
            return ImageError(
                number == ENOENT ? .missing : .failed,
                "Failed to connect to '\(export.place)': \(String(cString: strerror(number)))")
        default: break
        }
        return ImageError(.failed, message(library))
    }

    /// Has a request made, and waits for the answer to it.
    ///
    /// - Parameter request: makes it, and returns its number, or -1.
    ///
    /// - Throws: an ``ImageError`` where it was refused, or failed.
    func perform(_ request: () -> Int64) throws(ImageError) {
        let number = request()
        let refusal = number < 0 ? Self.failure(library) : nil
        // Also where it failed: the connection may have ended with it.
        var one: UInt64 = 1
        _ = Glibc.write(event, &one, 8)
        if let refusal { throw refusal }
        monitor.lock()
        defer { monitor.unlock() }
        while true {
            let state = library.isCompleted(handle, UInt64(number))
            if state > 0 { return }
            if state < 0 { throw Self.failure(library) }
            guard !isPolled else {
                monitor.wait()
                continue
            }
            isPolled = true
            monitor.unlock()
            poll()
            monitor.lock()
            isPolled = false
            monitor.broadcast()
        }
    }

    /// Waits until the socket can be read or written, and has the library do so.
    private func poll() {
        let direction = library.direction(handle)
        let isRead = direction & UInt32(LIBNBD_AIO_DIRECTION_READ) != 0
        let isWritten = direction & UInt32(LIBNBD_AIO_DIRECTION_WRITE) != 0
        var descriptors = [pollfd(fd: event, events: Int16(POLLIN), revents: 0)]
        let socket = direction == 0 ? -1 : library.descriptor(handle)
        if socket >= 0 {
            let events = (isRead ? POLLIN : 0) | (isWritten ? POLLOUT : 0)
            descriptors.append(pollfd(fd: socket, events: Int16(events), revents: 0))
        }
        guard Glibc.poll(&descriptors, nfds_t(descriptors.count), -1) > 0 else { return }
        if descriptors[0].revents != 0 {
            var count: UInt64 = 0
            _ = Glibc.read(event, &count, 8)
        }
        guard socket >= 0 else { return }
        let found = CInt(descriptors[1].revents)
        if isRead, found & (POLLIN | POLLHUP | POLLERR) != 0 {
            _ = library.notifyRead(handle)
        } else if isWritten, found & (POLLOUT | POLLHUP | POLLERR) != 0 {
            _ = library.notifyWrite(handle)
        }
    }
}
