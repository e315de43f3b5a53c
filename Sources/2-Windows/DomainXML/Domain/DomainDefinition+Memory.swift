public import Quantities

/// `<memoryBacking>`: what a guest's memory is made of on the host.
///
/// - Source: libvirt docs/formatdomain.rst "Memory Backing".
public struct MemoryBacking: Sendable {
    /// The `<memoryBacking>` element.
    public let element: Element
    /// Wraps a `<memoryBacking>`.
    public init(_ element: Element) { self.element = element }

    /// `<hugepages>`; `nil` where the guest asks for none.
    public var hugepages: Element? { element.first("hugepages") }
    /// The `<page>` entries in order; empty where there are none: the host's default size then holds for all memory.
    public var pages: [Page] { hugepages?.all("page").map(Page.init) ?? [] }
    /// `<nosharepages/>`: kept out of KSM.
    public var isKeptFromKSM: Bool { element.first("nosharepages") != nil }
    /// `<locked/>`: all of it stays in memory, the emulator's own too.
    public var isLocked: Bool { element.first("locked") != nil }
    /// `<source type>`: `anonymous`, `file`, `memfd`; `nil` where absent (anonymous).
    public var source: String? { element.first("source")?["type"] }
    /// `<access mode>`: `shared`, `private`; `nil` where absent.
    public var access: String? { element.first("access")?["mode"] }
    /// `<allocation mode>`: `immediate`, `ondemand`; `nil` where absent (on demand, but for huge pages).
    public var allocation: String? { element.first("allocation")?["mode"] }
    /// `<discard/>`: the contents are thrown away when the guest stops.
    public var discards: Bool { element.first("discard") != nil }

    /// One `<page>` of `<hugepages>`.
    public struct Page: Sendable {
        /// The `<page>` element.
        public let element: Element
        /// The page size: `size` in `unit`, KiB where none is written; `nil` where it cannot be understood.
        public var size: ByteCount? {
            element["size"].flatMap { UInt64($0) }.flatMap { ByteCount($0, unit: element["unit"] ?? "KiB") }
        }
        /// Cells of the guest it holds for; `nil` where it is for all that no other entry names, and where it cannot be understood.
        public var cells: NodeSet? { element["nodeset"].flatMap { NodeSet(libvirt: $0) } }
    }
}

/// `<memtune>`: limits on the memory of a guest's process.
///
/// libvirt takes what is at or above 2⁵³−1 KiB for no limit; so do these.
///
/// - Source: libvirt docs/formatdomain.rst "Memory Tuning", src/util/virutil.h `VIR_DOMAIN_MEMORY_PARAM_UNLIMITED`.
public struct MemoryTuning: Sendable {
    /// The `<memtune>` element.
    public let element: Element
    /// Wraps a `<memtune>`.
    public init(_ element: Element) { self.element = element }

    /// `<hard_limit>`: the most it may use; the kernel kills it beyond.
    ///
    /// `nil` where there is no limit.
    public var hardLimit: ByteCount? { limit("hard_limit") }
    /// `<soft_limit>`: what it is pressed down to while the host is short.
    ///
    /// `nil` where there is no limit.
    public var softLimit: ByteCount? { limit("soft_limit") }
    /// `<swap_hard_limit>`: the most memory and swap together.
    ///
    /// `nil` where there is no limit.
    public var swapHardLimit: ByteCount? { limit("swap_hard_limit") }

    /// The element of a limit.
    public func limitElement(_ name: String) -> Element? { element.first(name) }

    private func limit(_ name: String) -> ByteCount? {
        guard let size = DomainDefinition.size(element.first(name)), size.kibibytes < Self.unlimitedKiB else {
            return nil
        }
        return size
    }
    private static let unlimitedKiB: UInt64 = 9_007_199_254_740_991
}

/// A NUMA cell of a guest: `<cpu><numa><cell>`.
public struct GuestCell: Sendable {
    /// The `<cell>` element.
    public let element: Element
    /// Its number: `id`, else its place.
    public let id: Int
    /// Its vCPUs; `nil` where none are written (memory only) and where they cannot be understood.
    public var cpus: CPUSet? { element["cpus"].flatMap { CPUSet(libvirt: $0) } }
    /// Its memory: `memory` in `unit`, KiB where none is written; `nil` where it cannot be understood.
    public var memory: ByteCount? {
        element["memory"].flatMap { UInt64($0) }.flatMap { ByteCount($0, unit: element["unit"] ?? "KiB") }
    }
    /// `memAccess`: `shared`, `private`; `nil` where `<memoryBacking>` decides.
    public var access: String? { element["memAccess"] }
    /// `discard`; `nil` where `<memoryBacking>` decides.
    public var discards: Bool? { element["discard"].map { $0 == "yes" } }
    /// Distances to other cells by their numbers, as written; empty where none are.
    public var distances: [Int: Int] {
        var distances: [Int: Int] = [:]
        for sibling in element.first("distances")?.all("sibling") ?? [] {
            guard let id = sibling["id"].flatMap({ Int($0) }), let value = sibling["value"].flatMap({ Int($0) }) else {
                continue
            }
            distances[id] = value
        }
        return distances
    }
}

/// `<numatune>`: which of the host's nodes a guest's memory comes from.
public struct NUMATuning: Sendable {
    /// The `<numatune>` element.
    public let element: Element
    /// Wraps a `<numatune>`.
    public init(_ element: Element) { self.element = element }

    /// How a node set is meant: `<memory>` or `<memnode>`.
    public struct Policy: Sendable {
        /// The element.
        public let element: Element
        /// `strict`, `preferred`, `interleave`, `restrictive`; libvirt's default is strict.
        ///
        /// Words libvirt does not know are kept.
        public var mode: String { element["mode"] ?? "strict" }
        /// Nodes of the host; `nil` where none are written and where they cannot be understood.
        public var nodes: NodeSet? { element["nodeset"].flatMap { NodeSet(libvirt: $0) } }
        /// `placement` as written: `static`, `auto` (numad chooses at start); `nil` where absent.
        public var placement: String? { element["placement"] }
        /// The guest's cell (`<memnode>` only).
        public var cell: Int? { element["cellid"].flatMap { Int($0) } }
        /// Whether memory may come from no other node: strict and restrictive.
        public var isBinding: Bool { mode == "strict" || mode == "restrictive" }
    }

    /// The policy of all memory; `nil` where none is written.
    public var memory: Policy? { element.first("memory").map(Policy.init) }
    /// Policies of single cells, in order.
    public var cells: [Policy] { element.all("memnode").map(Policy.init) }
    /// The policy of one cell; `nil` where none is written for it.
    public func policy(ofCell id: Int) -> Policy? { cells.first { $0.cell == id } }
}

/// A memory device: `<devices><memory>`.
///
/// - Source: libvirt docs/formatdomain.rst "Memory devices".
public struct MemoryDevice: Sendable {
    /// The `<memory>` element.
    public let element: Element
    /// `dimm`, `nvdimm`, `virtio-mem`, `virtio-pmem`, `sgx-epc`; empty where absent.
    public var model: String { element["model"] ?? "" }
    /// `<target><size>`: for virtio-mem the most it can reach.
    public var size: ByteCount? { DomainDefinition.size(element.first("target", "size")) }
    /// `<target><requested>`: what virtio-mem is to give the guest; `nil` where absent.
    public var requested: ByteCount? { DomainDefinition.size(element.first("target", "requested")) }
    /// `<target><current>`: what virtio-mem gives at the moment; only live definitions have it.
    public var current: ByteCount? { DomainDefinition.size(element.first("target", "current")) }
    /// `<target><block>`: virtio-mem's step.
    public var block: ByteCount? { DomainDefinition.size(element.first("target", "block")) }
    /// `<target><node>`: the guest's cell; `nil` where absent.
    public var cell: Int? { element.first("target", "node").flatMap { Int($0.text) } }
    /// `<source><pagesize>`: its own page size; `nil` where the guest's backing decides.
    public var pageSize: ByteCount? { DomainDefinition.size(element.first("source", "pagesize")) }
    /// `<source><nodemask>`: nodes of the host it is bound to; `nil` where the guest's policy decides.
    public var nodes: NodeSet? { element.first("source", "nodemask").flatMap { NodeSet(libvirt: $0.text) } }
    /// `<source><path>`: the file or device behind an nvdimm or virtio-pmem.
    public var path: String? { element.first("source", "path")?.text }
    /// `access`: `shared`, `private`; `nil` where the cell or the backing decides.
    public var access: String? { element["access"] }
    /// libvirt's alias (`dimm0`).
    public var alias: String? { element.first("alias")?["name"] }
    /// What to call it.
    public var label: String { alias ?? (model.isEmpty ? "memory" : model) }
    /// A device that takes one of ``DomainDefinition/memorySlots``: dimm and nvdimm.
    public var takesSlot: Bool { model == "dimm" || model == "nvdimm" }
    /// Memory of the host rather than a file or an enclave: dimm and virtio-mem.
    public var isHostMemory: Bool { model == "dimm" || model == "virtio-mem" }
    /// What it takes of the host when the guest starts: for virtio-mem what is requested, else its size; zero for those behind a file.
    public var initial: ByteCount {
        switch model {
        case "dimm": size ?? .zero
        case "virtio-mem": requested ?? .zero
        default: .zero
        }
    }
}

/// How a guest's memory is mapped.
public enum MemorySharing: Sendable, Hashable {
    /// All of it privately: KSM can merge it, and transparent huge pages follow `enabled`.
    case none
    /// Some cells or devices are shared.
    case some
    /// All of it is shared with other processes: no KSM, and transparent huge pages follow `shmem_enabled`.
    case all
}

extension DomainDefinition {
    /// What its memory is made of; `nil` where nothing is written.
    public var memoryBacking: MemoryBacking? { root.first("memoryBacking").map(MemoryBacking.init) }
    /// Whether it asks for huge pages: `<hugepages>` in its backing.
    ///
    /// Single devices may ask for their own.
    public var wantsHugePages: Bool { root.first("memoryBacking", "hugepages") != nil }
    /// Limits on its process; `nil` where none are written.
    public var memoryTuning: MemoryTuning? { root.first("memtune").map(MemoryTuning.init) }
    /// Its NUMA cells in order of their numbers; empty where it has no virtual topology.
    public var guestCells: [GuestCell] {
        let cells = root.first("cpu", "numa")?.all("cell") ?? []
        return cells.enumerated().map { GuestCell(element: $1, id: $1["id"].flatMap { Int($0) } ?? $0) }
            .sorted { $0.id < $1.id }
    }
    /// Which nodes its memory comes from; `nil` where nothing is written.
    public var numaTuning: NUMATuning? { root.first("numatune").map(NUMATuning.init) }
    /// Its memory devices, in order.
    public var memoryDevices: [MemoryDevice] { devices("memory").map(MemoryDevice.init) }

    /// Whether numad chooses its nodes when it starts: `placement='auto'` of its memory, or of its vCPUs where its memory says nothing.
    public var isPlacedAutomatically: Bool {
        if let memory = numaTuning?.memory {
            return memory.placement == "auto" || (memory.nodes == nil && vcpuIsAutomatic)
        }
        return vcpuIsAutomatic
    }
    private var vcpuIsAutomatic: Bool { root.first("vcpu")?["placement"] == "auto" }

    /// The step libvirt rounds the memory of a cell, and of a guest, up to: 256 MiB on ppc64, else 1 MiB.
    ///
    /// - Source: libvirt src/qemu/qemu_domain.c `qemuDomainGetMemorySizeAlignment`.
    public var memoryStep: ByteCount {
        architecture?.hasPrefix("ppc64") == true ? ByteCount(mebibytes: 256) : ByteCount(mebibytes: 1)
    }

    /// What it has at boot without memory devices: its cells' sum, else `<memory>` less the devices that count in it; rounded up as libvirt does.
    public var initialMemory: ByteCount? {
        let cells = guestCells
        if !cells.isEmpty {
            var sum = ByteCount.zero
            for cell in cells {
                guard let memory = cell.memory else { return nil }
                sum += memory.rounded(upTo: memoryStep)
            }
            return sum
        }
        guard let memory else { return nil }
        let hotplugged = memoryDevices.reduce(ByteCount.zero) { sum, device in
            switch device.model {
            case "dimm", "nvdimm", "virtio-mem": sum + (device.size ?? .zero)
            default: sum
            }
        }
        return (memory - hotplugged).rounded(upTo: memoryStep)
    }

    /// What it takes of the host's memory when it starts: ``initialMemory`` and its devices, those behind files left out.
    public var memoryAtStart: ByteCount? {
        initialMemory.map { initial in memoryDevices.reduce(initial) { $0 + $1.initial.rounded(upTo: memoryStep) } }
    }

    /// The access of its memory where neither a cell nor a device says otherwise: `shared` or `private`.
    ///
    /// Where nothing is written it is private, but for memfd, which QEMU shares.
    ///
    /// - Source: QEMU backends/hostmem-memfd.c (`share` is on by default).
    public var defaultMemoryAccess: String {
        memoryBacking?.access ?? (memoryBacking?.source == "memfd" ? "shared" : "private")
    }

    /// How its memory is mapped: by the backing, its cells and its host-memory devices.
    public var memorySharing: MemorySharing {
        let backing = defaultMemoryAccess
        let cells = guestCells
        var accesses = cells.isEmpty ? [backing] : cells.map { $0.access ?? backing }
        for device in memoryDevices where device.isHostMemory {
            accesses.append(device.access ?? cells.first { $0.id == device.cell }?.access ?? backing)
        }
        let shared = accesses.count { $0 == "shared" }
        return shared == 0 ? .none : shared == accesses.count ? .all : .some
    }

    /// Devices that other processes serve through the guest's memory, which must be shared for them: virtiofs, vhost-user disks, interfaces, GPUs.
    ///
    /// - Source: libvirt src/qemu/qemu_validate.c `qemuValidateDomainDefVhostUserRequireSharedMemory`.
    public var devicesNeedingSharedMemory: [Element] {
        devices.filter { device in
            guard device.namespace == nil else { return false }
            return switch device.name {
            case "filesystem": device.first("driver")?["type"] == "virtiofs"
            case "disk", "interface": device["type"] == "vhostuser"
            case "video": device.first("driver")?["name"] == "vhostuser"
            default: false
            }
        }
    }

    /// The balloon it will have: the model written, else virtio for QEMU's guests and xen for Xen's; `none` where it has none.
    public var effectiveBalloonModel: String {
        if let balloon { return balloon.model }
        switch type {
        case "kvm", "qemu", "hvf": return "virtio"
        case "xen": return "xen"
        default: return "none"
        }
    }
}

extension ByteCount {
    /// The next multiple of a step, itself included; itself for a step of zero.
    ///
    /// Saturates.
    public func rounded(upTo step: ByteCount) -> ByteCount {
        step.rawValue == 0 ? self : step * count(of: step)
    }
}
