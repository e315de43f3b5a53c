public import DiskImage
public import DomainXML
import HostFacts
import Inventory
public import Quantities

/// Whether a guest can migrate to a host while it runs, and why not (guide §4.5.2.3).
public struct MigrationCheck: Sendable {
    /// What there is to say of one thing it needs there.
    public struct Verdict: Sendable, Hashable {
        /// Whether the host has it; `nil` where that cannot be known from here.
        public var isMet: Bool?
        /// What is looked at: `machine`, `cpu`, `vda`.
        public var part: String
        /// Why.
        public var why: Text
        /// A verdict.
        public init(isMet: Bool?, part: String, why: Text) {
            self.isMet = isMet
            self.part = part
            self.why = why
        }
    }

    /// What is known of the other host.
    public struct Target: Sendable {
        /// What it can do.
        public var capabilities: HypervisorCapabilities
        /// Its nodes; `nil` where they are not told.
        public var topology: HostTopology?
        /// How the guest's CPU compares with its; `nil` where that could not be asked.
        public var cpu: CPUComparison.Answer?
        /// A host.
        public init(capabilities: HypervisorCapabilities, topology: HostTopology?, cpu: CPUComparison.Answer?) {
            self.capabilities = capabilities
            self.topology = topology
            self.cpu = cpu
        }
    }

    private let domain: DomainDefinition
    private let images: [String: Fact<ImageFacts>]

    /// A check.
    ///
    /// - Parameters:
    ///   - domain: the running definition, which is what migrates; the persistent one of a guest that is off.
    ///   - images: its images, by path.
    public init(_ domain: DomainDefinition, images: [String: Fact<ImageFacts>]) {
        self.domain = domain
        self.images = images
    }

    /// All there is to say, in the order of the definition.
    public func verdicts(to target: Target) -> [Verdict] {
        [machine(target), cpu(target)] + places(target) + devices() + storage()
    }

    private func machine(_ target: Target) -> Verdict {
        let (type, architecture) = (domain.type, domain.architecture)
        guard let support = target.capabilities.support(architecture: architecture, type: type) else {
            guard !target.capabilities.guests.isEmpty else {
                return Verdict(
                    isMet: nil, part: "machine", why: Text("what guests it runs is not told", "未说明可运行的客户机类型"))
            }
            return Verdict(
                isMet: false, part: "machine",
                why: Text(
                    "it runs no \(architecture ?? "") guests of type \(type)", "无法运行 \(architecture ?? "") \(type) 客户机")
            )
        }
        guard let machine = domain.machine else {
            return Verdict(isMet: nil, part: "machine", why: Text("the guest names no machine type", "客户机未指定机器类型"))
        }
        let known = support.machines.contains { $0.name == machine || $0.canonical == machine }
        if known { return Verdict(isMet: true, part: "machine", why: Text("it has \(machine)", "有 \(machine)")) }
        return Verdict(
            isMet: support.machines.isEmpty ? nil : false, part: "machine",
            why: Text("its QEMU has no machine type \(machine)", "其 QEMU 没有机器类型 \(machine)"))
    }

    private func cpu(_ target: Target) -> Verdict {
        let mode = domain.cpu?.mode
        if domain.type == "qemu" {
            return Verdict(isMet: true, part: "cpu", why: Text("it is emulated, on any host alike", "CPU 为模拟,各主机相同"))
        }
        guard let answer = target.cpu else {
            return Verdict(isMet: nil, part: "cpu", why: Text("the CPUs could not be compared", "无法比较 CPU"))
        }
        switch answer.verdict {
        case .identical, .superset:
            if mode == "host-passthrough", answer.verdict == .superset {
                return Verdict(
                    isMet: nil, part: "cpu",
                    why: Text(
                        "host-passthrough: only a host with the very same CPU and microcode is sure",
                        "host-passthrough:仅当 CPU 与微码完全相同时才可靠"))
            }
            return Verdict(isMet: true, part: "cpu", why: Text("its CPU has all the guest uses", "其 CPU 具备客户机所需的全部功能"))
        case .incompatible:
            let lacks = answer.missing.isEmpty ? "" : Self.list(answer.missing)
            return Verdict(
                isMet: false, part: "cpu",
                why: answer.reason.map { Text(verbatim: $0) } ?? Text("its CPU lacks \(lacks)", "其 CPU 缺少 \(lacks)"))
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(8).joined(separator: " ") + (names.count > 8 ? " … (\(names.count))" : "")
    }

    /// CPUs, nodes and memory that the definition names by number.
    private func places(_ target: Target) -> [Verdict] {
        let pins = domain.vcpuPins + [domain.emulatorPin].compactMap { $0 } + domain.iothreadPins
        let cpus = CPUSet(pins.compactMap(\.cpus).flatMap(\.members) + (domain.cpuset?.members ?? []))
        let policies = [domain.numaTuning?.memory].compactMap { $0 } + (domain.numaTuning?.cells ?? [])
        let nodes = NodeSet(policies.filter(\.isBinding).compactMap(\.nodes).flatMap(\.members))
        guard let topology = target.topology else {
            let isPlaced = !cpus.isEmpty || !nodes.isEmpty
            return isPlaced
                ? [Verdict(isMet: nil, part: "pins", why: Text("its CPUs and nodes are not told", "未说明其 CPU 与节点"))] : []
        }
        var verdicts: [Verdict] = []
        if !cpus.isEmpty {
            let missing = cpus.subtracting(topology.cpus)
            verdicts.append(
                missing.isEmpty
                    ? Verdict(isMet: true, part: "pins", why: Text("it has the CPUs \(cpus)", "有 CPU \(cpus)"))
                    : Verdict(
                        isMet: false, part: "pins",
                        why: Text("threads are pinned to CPUs \(missing), which it has not", "线程固定到其没有的 CPU \(missing)")
                    ))
        }
        if !nodes.isEmpty {
            let missing = nodes.subtracting(topology.nodes)
            verdicts.append(
                missing.isEmpty
                    ? Verdict(isMet: true, part: "nodes", why: Text("it has the nodes \(nodes)", "有节点 \(nodes)"))
                    : Verdict(
                        isMet: false, part: "nodes",
                        why: Text("memory is bound to nodes \(missing), which it has not", "内存绑定到其没有的节点 \(missing)")))
        }
        let there = topology.cells.compactMap(\.memory)
        if there.count == topology.cells.count, let needed = domain.memory {
            let total = there.reduce(.zero, +)
            if needed > total {
                verdicts.append(
                    Verdict(
                        isMet: false, part: "memory",
                        why: Text("it has \(total), the guest \(needed)", "其内存 \(total),客户机 \(needed)")))
            }
        }
        if domain.wantsHugePages {
            verdicts.append(
                Verdict(
                    isMet: nil, part: "huge pages",
                    why: Text("whether it has free huge pages is to be seen there", "须在该主机上确认是否有空闲大页")))
        }
        return verdicts
    }

    private func devices() -> [Verdict] {
        var verdicts: [Verdict] = []
        for element in domain.devices("hostdev") {
            let device = HostDevice(element)
            if device?.isUnpluggedToMigrate == true { continue }
            let name = element.first("alias")?["name"] ?? element["type"] ?? "hostdev"
            verdicts.append(
                Verdict(
                    isMet: false, part: name,
                    why: Text("a device of this host is passed through: take it out first", "直通了本机设备:请先移除")))
        }
        for share in domain.devices("filesystem") {
            let tag = share.first("target")?["dir"] ?? "filesystem"
            let isVirtiofs = share.first("driver")?["type"] == "virtiofs"
            verdicts.append(
                isVirtiofs
                    ? Verdict(
                        isMet: nil, part: tag,
                        why: Text(
                            "virtiofs migrates with QEMU 8.2 and libvirt 10.1 or later only",
                            "virtiofs 仅在 QEMU 8.2、libvirt 10.1 及以上可迁移"))
                    : Verdict(
                        isMet: false, part: tag,
                        why: Text("a 9p share keeps a guest from migrating while it is mounted", "挂载的 9p 共享会阻止迁移")))
        }
        return verdicts
    }

    /// Images that both hosts must see by the same path.
    private func storage() -> [Verdict] {
        let local: Set<String> = ["ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay", "overlayfs", "zfs"]
        return domain.disks.compactMap { disk in
            guard !disk.isEmpty, let path = disk.path, path.hasPrefix("/") else { return nil }
            if disk.type == "block" {
                return Verdict(
                    isMet: nil, part: disk.label,
                    why: Text("\(path) must be the same device there", "\(path) 在该主机上须为同一设备"))
            }
            if let name = images[path]?.value?.fileSystem.value, local.contains(name) {
                return Verdict(
                    isMet: false, part: disk.label,
                    why: Text(
                        "\(path) is on a file system of this host alone (\(name)): share it, or copy it along",
                        "\(path) 位于本机独有的文件系统(\(name)):请共享或随迁移复制"))
            }
            return Verdict(
                isMet: nil, part: disk.label, why: Text("\(path) must be the same image there", "\(path) 在该主机上须为同一映像"))
        }
    }
}
