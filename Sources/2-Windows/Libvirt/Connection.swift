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
    private let name: String

    /// A connection that is not open yet.
    ///
    /// - Parameters:
    ///   - uri: as virsh takes it; `nil` leaves the choice to libvirt.
    ///   - timeout: seconds that one call may take.
    public init(uri: String?, timeout: Double = Connection.defaultTimeout) {
        requested = uri
        // An embedded driver first asks every emulator what it can do.
        self.timeout = uri?.contains("/embed") == true ? max(timeout, 60) : timeout
        name = uri ?? "libvirt"
    }
    private let requested: String?

    deinit {
        let number = handle.withLock { $0 }
        guard number != 0, case .success(let library) = Library.shared else { return }
        // A call that hangs still holds the queue: the handle is left to it then.
        worker.async { _ = library.close(OpaquePointer(bitPattern: number)) }
    }

    /// Opens it: read-only where that is enough, since an audit changes nothing and ordinary users may do that; read-write where the driver has no
    /// other way.
    ///
    /// - Throws: `notInstalled`, `noConnection`, `timedOut`.
    public func open() throws(LibvirtError) {
        let library = try Library.shared.get()
        let uri = requested
        let number = try limited("virConnectOpen") { () -> Result<UInt, LibvirtError> in
            if uri?.contains("/embed") == true { EventLoop.start(library) }
            let isReadWrite = uri.map { $0.contains("/embed") || $0.hasPrefix("test:") } ?? false
            var opened = isReadWrite ? nil : library.openReadOnly(uri)
            var failure = opened == nil && !isReadWrite ? library.failure("virConnectOpenReadOnly") : nil
            if opened == nil {
                opened = library.open(uri)
                if opened == nil, failure == nil { failure = library.failure("virConnectOpen") }
            }
            guard let opened else {
                return .failure(failure ?? LibvirtError(.noConnection, "virConnectOpen", "no connection"))
            }
            return .success(UInt(bitPattern: opened))
        }.get()
        handle.withLock { $0 = number }
    }

    /// Runs a blocking call on the worker thread and waits for it no longer than the limit.
    private func limited<Value: Sendable>(_ function: String, _ call: @escaping @Sendable () -> Value)
        throws(LibvirtError) -> Value
    {
        let answer = Answer<Value>()
        let done = DispatchSemaphore(value: 0)
        worker.async {
            answer.value.withLock { $0 = call() }
            done.signal()
        }
        guard done.wait(timeout: .now() + timeout) == .success, let value = answer.value.withLock({ $0 }) else {
            throw LibvirtError(
                .timedOut, function, "\(name) did not answer within \(Int(timeout)) seconds",
                remedy: "Look at the daemon: systemctl status libvirtd virtqemud")
        }
        return value
    }

    /// Holds what a call answers; the lock makes it safe to share.
    private final class Answer<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    private func ask<Value: Sendable>(
        _ function: String, _ call: @escaping @Sendable (Library, virConnectPtr) -> Result<Value, LibvirtError>
    ) throws(LibvirtError) -> Value {
        let library = try Library.shared.get()
        let number = handle.withLock { $0 }
        return try limited(function) { () -> Result<Value, LibvirtError> in
            guard let connection = OpaquePointer(bitPattern: number) else {
                return .failure(LibvirtError(.noConnection, function, "the connection is not open"))
            }
            return call(library, connection)
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

    /// The `<capabilities>` document.
    public func capabilities() throws(LibvirtError) -> String {
        try ask("virConnectGetCapabilities") { library, connection in
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
        try ask("virConnectListAllDomains") { library, connection in
            var list: UnsafeMutablePointer<virDomainPtr?>?
            let count = library.listAllDomains(connection, &list, 0)
            guard count >= 0, let list else { return .failure(library.failure("virConnectListAllDomains")) }
            defer {
                for index in 0..<Int(count) { _ = library.domainFree(list[index]) }
                free(list)
            }
            var records: [DomainRecord] = []
            for index in 0..<Int(count) {
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
        let isActive = library.domainIsActive(domain) == 1
        let isPersistent = library.domainIsPersistent(domain) != 0
        if isActive {
            record.live = library.domainXML(domain, 0).map { taken($0) }
            if record.live == nil { return gone(library) }
        }
        if isPersistent {
            record.persistent = library.domainXML(domain, VIR_DOMAIN_XML_INACTIVE.rawValue).map { taken($0) }
            if record.persistent == nil { return gone(library) }
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

    /// A domain that is no more is left out; any other failure ends the listing.
    private static func gone(_ library: Library) -> Result<DomainRecord?, LibvirtError> {
        let error = library.failure("virDomainGetXMLDesc")
        return error.kind == .noDomain ? .success(nil) : .failure(error)
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
    private static func taken(_ text: UnsafeMutablePointer<CChar>) -> String {
        defer { free(text) }
        return String(cString: text)
    }
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
        DispatchQueue(label: "nearmetal.libvirt.events").async { while library.runDefaultLoop() == 0 {} }
    }
}
