public import DomainXML
public import Quantities

/// Memory of the host that a guest takes: ordinary pages, huge pages, and what QEMU needs beside the guest's RAM.
public struct MemoryDemand: Sendable, Hashable {
    /// RAM in ordinary pages: what the balloon leaves where it can give back, else all.
    public var ordinary: ByteCount
    /// RAM in huge pages; it comes from their pools.
    public var huge: ByteCount
    /// QEMU's own memory, in ordinary pages.
    public var overhead: ByteCount
    /// Whether ``overhead`` was observed; else it is ``estimatedOverhead(of:)``.
    public var isOverheadObserved: Bool

    /// Ordinary memory in all.
    public var total: ByteCount { ordinary + overhead }

    /// What a definition takes.
    ///
    /// - Parameters:
    ///   - domain: the definition.
    ///   - pages: the host's page sizes.
    ///   - balloon: what the balloon leaves the guest now; `nil` takes `<currentMemory>`.
    ///   - resident: resident memory of its process (huge pages do not count in it); `nil` where it does not run or is not known.
    public init(
        of domain: DomainDefinition, pages: HostPageSizes, balloon: ByteCount? = nil, resident: ByteCount? = nil
    ) {
        let demand = HugePageDemand(of: domain, on: pages)
        huge = demand.memory
        let inHuge = demand.pieces.reduce(ByteCount.zero) { $0 + $1.memory }
        let all = domain.memoryAtStart ?? .zero
        ordinary = all - inHuge
        // A balloon gives back what is neither huge, nor locked, nor in use by a device.
        if demand.isEmpty, Self.canGiveBack(domain), let left = balloon ?? domain.currentMemory, left < ordinary {
            ordinary = left
        }
        let estimate = Self.estimatedOverhead(of: domain)
        overhead = estimate
        isOverheadObserved = false
        if let resident {
            let beyond = resident - ordinary
            // With all RAM in huge pages the process is overhead and nothing else; otherwise only what goes beyond its RAM is sure to be.
            if ordinary == .zero || beyond > estimate {
                overhead = beyond
                isOverheadObserved = true
            }
        }
    }

    /// Whether a balloon can return memory: it has one, and nothing keeps the guest's pages in place.
    public static func canGiveBack(_ domain: DomainDefinition) -> Bool {
        domain.effectiveBalloonModel != "none" && domain.memoryBacking?.isLocked != true && !domain.pinsMemory
    }

    /// QEMU's own memory as an estimate: 64 MiB for the process, one page-table entry of 8 bytes for each 4 KiB of RAM, 8 MiB for each vCPU and I/O thread,
    /// and the video memory.
    ///
    /// - Source: the shape of KubeVirt's `GetMemoryOverhead` (pkg/virt-controller/services/template.go), without what is KubeVirt's own.
    public static func estimatedOverhead(of domain: DomainDefinition) -> ByteCount {
        let ram = domain.memoryAtStart ?? domain.memory ?? .zero
        var sum = ByteCount(mebibytes: 64) + ByteCount(rawValue: ram.rawValue / 512)
        let threads = domain.root.first("iothreads").flatMap { UInt64($0.text) } ?? 0
        sum += ByteCount(mebibytes: 8) * (UInt64(clamping: max(1, domain.currentVCPUs)) + min(threads, 1024))
        for video in domain.devices("video") {
            guard let model = video.first("model") else { continue }
            for name in ["ram", "vram"] {
                if let kibibytes = model[name].flatMap({ UInt64($0) }) {
                    sum += ByteCount(kibibytes: min(kibibytes, 1 << 22))
                }
            }
        }
        return sum
    }
}

extension DomainDefinition {
    /// Whether a device of the host keeps all its memory in place: PCI and mediated devices through VFIO, vDPA.
    ///
    /// Channel devices of s390 (vfio-ccw, vfio-ap) pin single pages only.
    public var pinsMemory: Bool {
        hostDevices.contains { device in
            switch device.kind {
            case .pci: true
            case .mdev: device.model == nil || device.model == "vfio-pci"
            default: false
            }
        } || devices("interface").contains { $0["type"] == "vdpa" }
            || devices("disk").contains { $0["type"] == "nvme" || $0["type"] == "vhostvdpa" }
    }

    /// Why KSM can merge none of its memory; `nil` where it can.
    ///
    /// - Source: kernel mm/ksm.c `ksm_compatible`: anonymous, private, not hugetlb; pages held by others (VFIO) are passed over.
    public var unmergeable: Unmergeable? {
        if memoryBacking?.isKeptFromKSM == true { return .nosharepages }
        if wantsHugePages { return .hugePages }
        if memorySharing == .all { return .shared }
        if isConfidential { return .confidential }
        if pinsMemory { return .pinned }
        return nil
    }

    /// Reasons why KSM passes a guest by.
    public enum Unmergeable: String, Sendable, Hashable {
        case nosharepages, hugePages, shared, confidential, pinned
    }
}

extension Settings {
    /// Memory kept for the host itself, of a host with so much.
    public func reserve(of total: ByteCount) -> ByteCount {
        // Below 2⁶³, which a Double can hold and an integer take back.
        let share = min(Double(total.rawValue), 9.2e18) * max(0, min(1, hostReserveShare))
        return max(ByteCount(rawValue: UInt64(share)), hostReserve)
    }
}
