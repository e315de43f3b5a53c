internal import CLibvirt
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A domain as a connection tells of it.
///
/// What could not be asked is `nil`, or the error.
public struct DomainRecord: Sendable {
    /// Its name.
    public var name: String
    /// XML of the running domain; `nil` while it does not run.
    public var live: String?
    /// XML of its next start; `nil` for a transient domain.
    public var persistent: String?
    /// libvirt's number of its state (`virDomainState`).
    public var state: Int32?
    /// Whether it starts with the host; `nil` where the driver does not say.
    public var isAutostart: Bool?
    /// libvirt's messages: taints and deprecations; `nil` where the library or driver has none.
    public var messages: [String]?
}

/// Typed parameters of one domain from the bulk call, numbers as they are, by libvirt's names (`vcpu.current`, `block.0.name`).
public struct StatisticsRecord: Sendable {
    /// The domain's name.
    public var name: String
    /// Whole numbers.
    public var numbers: [String: UInt64]
    /// Texts.
    public var texts: [String: String]
}

/// A connection to libvirt. Every call runs on a thread of its own, and has a time limit: a daemon that hangs gives an error, not a hang.
///
/// - Source: libvirt's virConnect*, virDomain*.
public actor Connection {
    /// Seconds that one call may take.
    public static let defaultTimeout = 10.0

    private nonisolated let executor = QueueExecutor()
    /// Calls run on the connection's own queue, never on the cooperative pool.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// The handle as a number: raw pointers are not `Sendable`.
    ///
    /// The queue below is the only one that uses it; 0 is none.
    private let handle = Mutex<UInt>(0)
    private let worker = DispatchQueue(label: "nearmetal.libvirt.calls")
    private let timeout: Double

    /// A connection that is not open yet.
    ///
    /// - Parameters:
    ///   - uri: as virsh takes it; `nil` leaves the choice to libvirt.
    ///   - timeout: seconds that one call may take.
    public init(uri: String?, timeout: Double = Connection.defaultTimeout) {
        requested = uri
        // An embedded driver first asks every emulator what it can do.
        self.timeout = uri?.contains("/embed") == true ? max(timeout, 60) : timeout
    }
    private let requested: String?

    deinit {
        let number = handle.withLock { $0 }
        guard number != 0, case .success(let library) = Library.shared else { return }
        // A call that hangs still holds the queue: the handle is left to it then.
        worker.async { withoutPipeSignals { _ = library.close(OpaquePointer(bitPattern: number)) } }
    }

    /// Opens it, read-write where libvirt lets this user do that without asking anybody, else read-only.
    ///
    /// An audit changes nothing; but readers are refused some questions, such as for domain capabilities.
    ///
    /// - Throws: `notInstalled`, `noConnection`, `timedOut`.
    public func open() throws(LibvirtError) {
        let library = try Library.shared.get()
        let uri = requested
        let number = try limited("virConnectOpen") { _ -> Result<UInt, LibvirtError> in
            if uri?.contains("/embed") == true { EventLoop.start(library) }
            var failure: LibvirtError?
            for isReadOnly in Self.isTrusted(uri) ? [false, true] : [true, false] {
                if let opened = isReadOnly ? library.openReadOnly(uri) : library.open(uri) {
                    return .success(UInt(bitPattern: opened))
                }
                // Whatever libvirt calls it: there is no connection.
                let error = library.failure(isReadOnly ? "virConnectOpenReadOnly" : "virConnectOpen")
                failure =
                    failure
                    ?? LibvirtError(
                        .noConnection, error.function, error.message,
                        remedy: Self.isSecureShell(uri) ? LibvirtError.trySecureShell : error.remedy)
            }
            return .failure(failure ?? LibvirtError(.noConnection, "virConnectOpen", "no connection"))
        }.get()
        handle.withLock { $0 = number }
    }

    /// Whether ssh carries it: what fails is then mostly ssh.
    private static func isSecureShell(_ uri: String?) -> Bool {
        ["+ssh:", "+libssh:", "+libssh2:"].contains { uri?.contains($0) == true }
    }

    /// Whether a read-write connection needs no password or consent: root's, a user's own, and drivers without a daemon.
    private static func isTrusted(_ uri: String?) -> Bool {
        guard let uri, geteuid() != 0 else { return geteuid() == 0 }
        return uri.hasPrefix("test:") || ["/embed", "/session", "://root@"].contains { uri.contains($0) }
    }

    /// Runs blocking calls on the worker thread, and waits for it as long as it shows signs of life within the limit.
    ///
    /// A list of many domains over a slow line takes long, and gives such signs; a daemon that hangs gives none.
    private func limited<Value: Sendable>(
        _ function: String, within limit: Double? = nil, _ call: @escaping @Sendable (Pulse) -> Value
    ) throws(LibvirtError) -> Value {
        let limit = limit ?? timeout
        let answer = Answer<Value>()
        let pulse = Pulse()
        let done = DispatchSemaphore(value: 0)
        worker.async {
            withoutPipeSignals { answer.value.withLock { $0 = call(pulse) } }
            done.signal()
        }
        var beats = 0
        while done.wait(timeout: .now() + limit) != .success {
            let now = pulse.beats.withLock { $0 }
            guard now > beats else {
                throw LibvirtError(
                    .timedOut, function,
                    "no answer within \(Int(exactly: limit).map { "\($0)" } ?? "\(limit)") seconds",
                    remedy: LibvirtError.lookAtDaemon)
            }
            beats = now
        }
        guard let value = answer.value.withLock({ $0 }) else {
            throw LibvirtError(.failed, function, "\(function) gave no answer")
        }
        return value
    }

    /// Holds what a call answers; the lock makes it safe to share.
    private final class Answer<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    /// Counts the steps of a call that has several.
    private final class Pulse: Sendable {
        let beats = Mutex(0)
        func beat() { beats.withLock { $0 += 1 } }
    }

    func ask<Value: Sendable>(
        _ function: String, within limit: Double? = nil,
        _ call: @escaping @Sendable (Library, virConnectPtr) -> Result<Value, LibvirtError>
    ) throws(LibvirtError) -> Value {
        try ask(function, within: limit) { library, connection, _ in call(library, connection) }
    }

    private func ask<Value: Sendable>(
        _ function: String, within limit: Double? = nil,
        _ call: @escaping @Sendable (Library, virConnectPtr, Pulse) -> Result<Value, LibvirtError>
    ) throws(LibvirtError) -> Value {
        let library = try Library.shared.get()
        let number = handle.withLock { $0 }
        return try limited(function, within: limit) { pulse -> Result<Value, LibvirtError> in
            guard let connection = OpaquePointer(bitPattern: number) else {
                return .failure(LibvirtError(.noConnection, function, "the connection is not open"))
            }
            return call(library, connection, pulse)
        }.get()
    }

    /// The connection's URI as libvirt resolved it.
    public func uri() throws(LibvirtError) -> String {
        try ask("virConnectGetURI") { library, connection in
            library.uri(connection).map { .success(Self.taken($0)) } ?? .failure(library.failure("virConnectGetURI"))
        }
    }

    /// Driver (`QEMU`), and the versions of hypervisor and libvirt as libvirt encodes them; `nil` where it does not say.
    public func versions() throws(LibvirtError) -> (driver: String, hypervisor: UInt?, libvirt: UInt?) {
        try ask("virConnectGetVersion") { library, connection in
            var hypervisor: UInt = 0
            var libvirt: UInt = 0
            let driver = library.type(connection).map { String(cString: $0) } ?? ""
            let first = library.version(connection, &hypervisor) == 0 && hypervisor > 0 ? hypervisor : nil
            let second = library.libVersion(connection, &libvirt) == 0 && libvirt > 0 ? libvirt : nil
            return .success((driver, first, second))
        }
    }

    /// Asks for something small, to learn whether the daemon is still there.
    ///
    /// - Throws: `noConnection`, `timedOut`; a driver that has no answer is there all the same.
    public func ping() throws(LibvirtError) {
        do throws(LibvirtError) {
            try ask("virConnectGetLibVersion") { library, connection in
                var version: UInt = 0
                return library.libVersion(connection, &version) == 0
                    ? .success(()) : .failure(library.failure("virConnectGetLibVersion"))
            }
        } catch {
            if error.kind == .noConnection || error.kind == .timedOut { throw error }
        }
    }

    /// The `<capabilities>` document.
    ///
    /// A daemon that was just started first asks every emulator what it can do: the limit is three times the usual one.
    public func capabilities() throws(LibvirtError) -> String {
        try ask("virConnectGetCapabilities", within: 3 * timeout) { library, connection in
            library.capabilities(connection).map { .success(Self.taken($0)) }
                ?? .failure(library.failure("virConnectGetCapabilities"))
        }
    }

    /// The `<domainCapabilities>` document of the default emulator and machine of an architecture and domain type (`nil`: the host's own).
    public func domainCapabilities(architecture: String? = nil, type: String? = nil) throws(LibvirtError) -> String {
        try ask("virConnectGetDomainCapabilities") { library, connection in
            library.domainCapabilities(connection, nil, architecture, nil, type, 0).map { .success(Self.taken($0)) }
                ?? .failure(library.failure("virConnectGetDomainCapabilities"))
        }
    }

    /// All domains, running and defined.
    ///
    /// One that goes away while it is asked is left out.
    public func domains() throws(LibvirtError) -> [DomainRecord] {
        try ask("virConnectListAllDomains") { library, connection, pulse in
            var list: UnsafeMutablePointer<virDomainPtr?>?
            let count = library.listAllDomains(connection, &list, 0)
            guard count >= 0, let list else { return .failure(library.failure("virConnectListAllDomains")) }
            defer {
                for index in 0..<Int(count) { _ = library.domainFree(list[index]) }
                free(list)
            }
            var records: [DomainRecord] = []
            for index in 0..<Int(count) {
                pulse.beat()
                switch Self.record(library, list[index]) {
                case .success(let record): if let record { records.append(record) }
                case .failure(let error): return .failure(error)
                }
            }
            return .success(records)
        }
    }

    private static func record(_ library: Library, _ domain: virDomainPtr?) -> Result<DomainRecord?, LibvirtError> {
        guard let name = library.domainName(domain).map({ String(cString: $0) }) else { return .success(nil) }
        var record = DomainRecord(name: name)
        let active = library.domainIsActive(domain)
        if active < 0, let end = end(library, "virDomainIsActive") { return end }
        let persistent = library.domainIsPersistent(domain)
        if persistent < 0, let end = end(library, "virDomainIsPersistent") { return end }
        if active == 1 {
            record.live = library.domainXML(domain, 0).map { taken($0) }
            if record.live == nil, let end = end(library, "virDomainGetXMLDesc") { return end }
        }
        if persistent != 0 {
            record.persistent = library.domainXML(domain, VIR_DOMAIN_XML_INACTIVE.rawValue).map { taken($0) }
            if record.persistent == nil, let end = end(library, "virDomainGetXMLDesc") { return end }
        }
        var state: Int32 = 0
        if library.domainState(domain, &state, nil, 0) == 0 { record.state = state }
        var autostart: Int32 = 0
        if library.domainAutostart(domain, &autostart) == 0 { record.isAutostart = autostart == 1 }
        if let call = library.domainMessages {
            var messages: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
            let count = call(domain, &messages, 0)
            if count >= 0 {
                record.messages = (0..<Int(count)).compactMap { index in messages?[index].map { taken($0) } }
                free(messages)
            }
        }
        return .success(record)
    }

    /// What a failed question about a domain ends: one that is no more is left out; a driver that does not know the question ends nothing; any other
    /// failure ends the listing.
    private static func end(_ library: Library, _ function: String) -> Result<DomainRecord?, LibvirtError>? {
        let error = library.failure(function)
        return switch error.kind {
        case .noDomain: .success(nil)
        case .unsupported: nil
        default: .failure(error)
        }
    }

    /// Statistics of all running domains in one call.
    public func statistics() throws(LibvirtError) -> [StatisticsRecord] {
        try ask("virConnectGetAllDomainStats") { library, connection in
            let wanted: [virDomainStatsTypes] = [
                VIR_DOMAIN_STATS_STATE, VIR_DOMAIN_STATS_CPU_TOTAL, VIR_DOMAIN_STATS_BALLOON, VIR_DOMAIN_STATS_VCPU,
                VIR_DOMAIN_STATS_BLOCK,
            ]
            var list: UnsafeMutablePointer<virDomainStatsRecordPtr?>?
            let flags =
                VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE.rawValue | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT.rawValue
            let mask = wanted.reduce(0) { $0 | $1.rawValue }
            var count = library.allDomainStats(connection, mask, &list, flags)
            if count < 0 {
                // Drivers other than QEMU's do not know NOWAIT.
                count = library.allDomainStats(
                    connection, mask, &list, VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE.rawValue)
            }
            guard count >= 0, let list else { return .failure(library.failure("virConnectGetAllDomainStats")) }
            defer { library.statsFree(list) }
            return .success((0..<Int(count)).compactMap { list[$0].map { Self.statistics(library, $0.pointee) } })
        }
    }

    private static func statistics(_ library: Library, _ record: virDomainStatsRecord) -> StatisticsRecord {
        var numbers: [String: UInt64] = [:]
        var texts: [String: String] = [:]
        for index in 0..<Int(record.nparams) {
            guard let parameter = record.params?[index] else { break }
            let field = withUnsafeBytes(of: parameter.field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            switch UInt32(bitPattern: parameter.type) {
            case VIR_TYPED_PARAM_INT.rawValue: numbers[field] = UInt64(exactly: parameter.value.i)
            case VIR_TYPED_PARAM_UINT.rawValue: numbers[field] = UInt64(parameter.value.ui)
            case VIR_TYPED_PARAM_LLONG.rawValue: numbers[field] = UInt64(exactly: parameter.value.l)
            case VIR_TYPED_PARAM_ULLONG.rawValue: numbers[field] = parameter.value.ul
            case VIR_TYPED_PARAM_BOOLEAN.rawValue: numbers[field] = parameter.value.b != 0 ? 1 : 0
            case VIR_TYPED_PARAM_STRING.rawValue: texts[field] = parameter.value.s.map { String(cString: $0) }
            default: break
            }
        }
        return StatisticsRecord(
            name: library.domainName(record.dom).map { String(cString: $0) } ?? "", numbers: numbers, texts: texts)
    }

    /// Copies one of libvirt's strings and gives it back.
    static func taken(_ text: UnsafeMutablePointer<CChar>) -> String {
        defer { free(text) }
        return String(cString: text)
    }
}

/// Runs calls that may write to a daemon that is gone: libvirt leaves SIGPIPE to the program, which it would end.
///
/// Only this thread holds it back, and takes back what came, so that the rest of the program, and `| head`, stay as they are.
private func withoutPipeSignals(_ body: () -> Void) {
    var pipe = sigset_t()
    var before = sigset_t()
    var pending = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    sigpending(&pending)
    let wasPending = sigismember(&pending, SIGPIPE) == 1
    body()
    if !wasPending {
        var now = timespec()
        while sigtimedwait(&pipe, nil, &now) < 0, errno == EINTR {}
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
}

/// Runs an actor's jobs on a queue of its own.
private final class QueueExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "nearmetal.libvirt")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// The event loop that embedded drivers need; started once, it runs until the program ends.
private enum EventLoop {
    private static let isStarted = Mutex(false)

    static func start(_ library: Library) {
        let isFirst = isStarted.withLock { started in
            defer { started = true }
            return !started
        }
        guard isFirst, library.registerDefaultLoop() == 0 else { return }
        OrphanReaper.start()
        DispatchQueue(label: "nearmetal.libvirt.events").async { while library.runDefaultLoop() == 0 {} }
    }
}
