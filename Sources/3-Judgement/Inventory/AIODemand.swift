public import DomainXML
import Quantities

/// What guests take of the kernel's asynchronous I/O (`fs.aio-max-nr`).
///
/// QEMU sets up one context for each event loop that does native I/O, whatever the number of disks: the main loop, in which images are opened, and
/// each I/O thread that serves one of them. Each context takes a fixed number of events of the host's limit. io_uring and threads take none.
///
/// - Source: QEMU block/linux-aio.c (`MAX_EVENTS`, `laio_init`), util/async.c `aio_setup_linux_aio`; kernel fs/aio.c `ioctx_alloc`. Counted on QEMU
///   7.2 by `fs.aio-nr`: one disk 1,024; two disks 1,024; one disk in an I/O thread 2,048; two in two 3,072; io_uring 0.
public struct AIODemand: Sendable, Hashable {
    /// Contexts.
    public var contexts: Int
    /// Events of each context.
    public var eventsPerContext: Int
    /// Events in all: what counts against the limit.
    public var events: Int {
        let (product, overflow) = contexts.multipliedReportingOverflow(by: eventsPerContext)
        return overflow ? Int.max : product
    }

    /// Events of one context: 1,024 since QEMU 3.1, 128 before; the present number where the version is not known.
    public static func eventsPerContext(qemu: SoftwareVersion?) -> Int {
        guard let qemu else { return 1024 }
        return qemu < SoftwareVersion(3, 1) ? 128 : 1024
    }

    /// What one definition takes when it runs; nothing for guests that are not QEMU's.
    public init(of domain: DomainDefinition, qemu: SoftwareVersion? = nil) {
        eventsPerContext = Self.eventsPerContext(qemu: qemu)
        contexts = 0
        guard domain.type == "kvm" || domain.type == "qemu" else { return }
        var threads = Set<Int>()
        var hasNative = false
        for disk in domain.disks where disk.io == "native" && disk.isOnHost {
            hasNative = true
            threads.formUnion(disk.servingThreads(in: domain))
        }
        contexts = hasNative ? 1 + threads.count : 0
    }

    /// What some guests take together, each by the definition that holds for it: the running one, else the one it will start from.
    public static func events(of guests: some Sequence<Guest>, qemu: SoftwareVersion? = nil) -> Int {
        var sum = 0
        for guest in guests {
            guard let domain = guest.definition else { continue }
            let (next, overflow) = sum.addingReportingOverflow(AIODemand(of: domain, qemu: qemu).events)
            sum = overflow ? Int.max : next
        }
        return sum
    }
}
