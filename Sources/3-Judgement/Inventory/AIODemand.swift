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
        var controllers: [Int: [Int]]?
        for disk in domain.devices("disk") {
            guard let driver = disk.first("driver"), driver["io"] == "native", Self.isLocal(disk) else { continue }
            hasNative = true
            let several = driver.first("iothreads")?.all("iothread").compactMap { $0["id"].flatMap { Int($0) } } ?? []
            if !several.isEmpty {
                threads.formUnion(several)
            } else if let thread = driver["iothread"].flatMap({ Int($0) }) {
                threads.insert(thread)
            } else if Self.isSCSI(disk) {
                if controllers == nil {
                    controllers = [:]
                    for controller in domain.controllers where controller.type == "scsi" {
                        controllers?[controller.index ?? 0] = controller.iothreads
                    }
                }
                threads.formUnion(controllers?[Self.controller(of: disk)] ?? [])
            }
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

    /// A file or block device that the kernel reads for QEMU: no network disk, no NVMe controller driven by QEMU itself, no empty drive.
    private static func isLocal(_ disk: Element) -> Bool {
        switch disk["type"] ?? "file" {
        case "file": disk.first("source")?["file"] != nil
        case "block": disk.first("source")?["dev"] != nil
        case "volume": disk.first("source")?["volume"] != nil
        default: false
        }
    }

    private static func isSCSI(_ disk: Element) -> Bool {
        guard let target = disk.first("target") else { return false }
        return target["bus"].map { $0 == "scsi" } ?? (target["dev"]?.hasPrefix("sd") == true)
    }

    /// The SCSI controller of a disk: as its address says, else as libvirt numbers them, seven to a controller in order of their targets.
    private static func controller(of disk: Element) -> Int {
        if let written = disk.first("address")?["controller"].flatMap({ Int($0) }) { return written }
        guard let letters = disk.first("target")?["dev"]?.dropFirst(2), !letters.isEmpty, letters.utf8.count <= 4 else {
            return 0
        }
        var number = 0
        for letter in letters.utf8 {
            guard letter >= 0x61, letter <= 0x7A else { return 0 }
            number = number * 26 + Int(letter - 0x61) + 1
        }
        return (number - 1) / 7
    }
}
