import DomainXML
import HostFacts
import Inventory
import Quantities

/// The host as the next boot will leave it, before any guest runs; worked out once.
struct BootedHost {
    let estate: Estate
    let facts: HostFacts
    /// Huge pages reserved at boot.
    let hugePages: Fact<HugePageSupply>
    /// Page sizes then.
    let pages: HostPageSizes
    /// The limit of asynchronous I/O events.
    let aioLimit: Fact<Int>
    /// QEMU's version, where libvirt says it.
    let qemu: SoftwareVersion?

    init(_ estate: Estate) {
        self.estate = estate
        facts = estate.host
        qemu = estate.capabilities.value?.hypervisorVersion
        hugePages = HugePageSupply.nextBoot(on: estate.host)
        pages = HostPageSizes(
            defaultHuge: hugePages.value.map(\.defaultSize) ?? estate.host.memory.defaultHugePageSize.value,
            base: estate.host.memory.pageSize.value ?? ByteCount(kibibytes: 4))
        aioLimit = Self.number("fs.aio-max-nr", kernelDefault: 65_536, estate.host)
    }

    /// A sysctl as the files will set it, else the kernel's own default.
    static func number(_ key: String, kernelDefault: Int, _ host: HostFacts) -> Fact<Int> {
        switch host.sysctl.configured {
        case .unknown(let reason): return reason.cause == .missing ? .known(kernelDefault) : .unknown(reason)
        case .known(let files):
            guard let line = files[key] else { return .known(kernelDefault) }
            return Int(line.value).map(Fact.known) ?? .unknown(Unknown(.malformed(line.value), source: line.file))
        }
    }

    /// Where a sysctl of the next boot comes from.
    static func evidence(_ key: String, _ value: Int, _ host: HostFacts) -> ForesightEvidence {
        if let line = host.sysctl.configured.value?[key] {
            return ForesightEvidence(line.file, "\(key) = \(line.value)", line: line.line)
        }
        return ForesightEvidence("sysctl.d", "no \(key): the kernel's \(value)")
    }
}
