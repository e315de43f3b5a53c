import DomainXML
import Inventory
import Quantities

/// A definition that libvirt or QEMU refuses, whatever the host.
///
/// Only what is refused for certain: libvirt checks far more when a guest is defined, but a definition may be from a file, or from an older libvirt.
///
/// - Source: libvirt src/conf/domain_validate.c, src/qemu/qemu_validate.c.
struct InvalidDefinition: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        for rule in Self.rules {
            guard let refusal = rule(guest) else { continue }
            answer.add(
                StartObstacle(
                    .invalidDefinition, part: refusal.part, refusal.what,
                    evidence: [guest.evidence(refusal.element, refusal.value)],
                    remedy: refusal.remedy, commands: [guest.editCommand]))
        }
        disks(guest, host, &answer)
    }

    private struct Refusal {
        var part: String?
        var what: Text
        var element: Element?
        var value: String
        var remedy: Text
    }

    private static let rules: [@Sendable (Candidate) -> Refusal?] = [
        memory, hotplugCells, cellsInOrder, hugePageCells, memnodes, staticNodes, firmwareACPI, vcpus, topology,
        sharedMemory, egl, ioThreadIDs,
    ]

    // MARK: Memory and nodes

    @Sendable private static func memory(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard (domain.memory ?? .zero) == .zero, domain.guestCells.isEmpty else { return nil }
        // A size that is written and not understood is libvirt's to judge.
        if let element = domain.root.first("memory"), UInt64(element.text) == nil { return nil }
        return Refusal(
            part: "memory", what: Text("no memory is given", "未指定内存"), element: domain.root.first("memory"),
            value: "absent",
            remedy: Text("Write <memory>.", "写入 <memory>。"))
    }

    @Sendable private static func hotplugCells(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard let element = domain.root.first("maxMemory"), element["slots"] != nil || !domain.memoryDevices.isEmpty,
            domain.guestCells.isEmpty
        else {
            return nil
        }
        // Other architectures can grow without cells; so can x86 from libvirt 10.0 on with virtio-mem alone.
        guard domain.isX86(onHost: nil),
            !domain.memoryDevices.contains(where: { $0.model == "virtio-mem" })
        else { return nil }
        return Refusal(
            part: "maxMemory", what: Text("<maxMemory> without a NUMA cell", "有 <maxMemory> 但没有 NUMA 单元"),
            element: element, value: element.text,
            remedy: Text("Add a <numa> with one <cell>.", "添加含一个 <cell> 的 <numa>。"))
    }

    @Sendable private static func cellsInOrder(_ guest: Candidate) -> Refusal? {
        let cells = guest.domain.root.first("cpu", "numa")?.all("cell") ?? []
        let ids = cells.compactMap { $0["id"].flatMap { Int($0) } }
        guard !ids.isEmpty, ids.count == cells.count, ids.sorted() != Array(0..<cells.count) else { return nil }
        return Refusal(
            part: "numa", what: Text("the ids of its NUMA cells do not run from 0 on", "NUMA 单元的编号未从 0 起连续"),
            element: cells.first,
            value: ids.map(String.init).joined(separator: ", "),
            remedy: Text("Number the cells 0, 1, 2 …", "将单元编号为 0、1、2……"))
    }

    @Sendable private static func hugePageCells(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard let backing = domain.memoryBacking else { return nil }
        let cells = domain.guestCells
        let there = cells.isEmpty ? NodeSet([0]) : NodeSet(cells.map { max(0, $0.id) })
        for page in backing.pages {
            guard let named = page.cells, let absent = named.subtracting(there).first else { continue }
            return Refusal(
                part: "hugepages",
                what: Text(
                    "<page> names cell \(absent), which the guest does not have", "<page> 指定了客户机没有的单元 \(absent)"),
                element: page.element, value: named.description, remedy: Text("Name cells that exist.", "指定存在的单元。"))
        }
        return nil
    }

    @Sendable private static func memnodes(_ guest: Candidate) -> Refusal? {
        guard let tuning = guest.domain.numaTuning, let first = tuning.cells.first else { return nil }
        if let memory = tuning.memory, memory.placement == "auto" {
            return Refusal(
                part: "memnode",
                what: Text(
                    "<memnode> with placement='auto' of <memory>", "<memory> 为 placement='auto' 时不能使用 <memnode>"),
                element: first.element,
                value: "auto", remedy: Text("Take one of the two out.", "删除二者之一。"))
        }
        if let memory = tuning.memory, memory.mode == "restrictive" || first.mode == "restrictive",
            tuning.cells.contains(where: { $0.mode != memory.mode })
        {
            return Refusal(
                part: "memnode",
                what: Text(
                    "restrictive must stand in <memory> and in each <memnode>",
                    "restrictive 必须同时用于 <memory> 与每个 <memnode>"),
                element: first.element, value: first.mode,
                remedy: Text("Use it in all of them, or in none.", "全部使用,或全部不用。"))
        }
        let cells = guest.domain.guestCells
        guard
            let stray = tuning.cells.first(where: { policy in
                policy.cell.map { id in !cells.contains { $0.id == id } } ?? false
            })
        else { return nil }
        return Refusal(
            part: "memnode",
            what: Text(
                "<memnode> names cell \(stray.cell ?? 0), which the guest does not have",
                "<memnode> 指定了客户机没有的单元 \(stray.cell ?? 0)"),
            element: stray.element, value: String(stray.cell ?? 0), remedy: Text("Name cells that exist.", "指定存在的单元。"))
    }

    @Sendable private static func staticNodes(_ guest: Candidate) -> Refusal? {
        guard let memory = guest.domain.numaTuning?.memory, memory.placement == "static",
            memory.element["nodeset"] == nil
        else { return nil }
        return Refusal(
            part: "numatune", what: Text("placement='static' names no nodes", "placement='static' 未指定节点"),
            element: memory.element, value: "static",
            remedy: Text("Write a nodeset.", "写入 nodeset。"))
    }

    // MARK: CPUs, firmware, devices

    @Sendable private static func firmwareACPI(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard domain.isUEFI, domain.isX86(onHost: nil), domain.root.first("features", "acpi") == nil,
            domain.osType == "hvm" || domain.osType == nil
        else {
            return nil
        }
        return Refusal(
            part: "acpi", what: Text("UEFI without ACPI", "UEFI 未启用 ACPI"), element: domain.root.first("os"),
            value: "no <acpi/>",
            remedy: Text("Add <features><acpi/></features>.", "添加 <features><acpi/></features>。"))
    }

    @Sendable private static func vcpus(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard let element = domain.root.first("vcpu") else { return nil }
        if let count = Int(element.text), count < 1 {
            return Refusal(
                part: "vcpu", what: Text("it has no vCPU", "没有 vCPU"), element: element, value: element.text,
                remedy: Text("Give it at least one.", "至少配置一个。"))
        }
        guard domain.currentVCPUs > domain.vcpus else { return nil }
        return Refusal(
            part: "vcpu",
            what: Text(
                "\(domain.currentVCPUs) vCPUs at start, of at most \(domain.vcpus)",
                "启动时 \(domain.currentVCPUs) 个 vCPU,超过上限 \(domain.vcpus)"),
            element: element, value: "current \(domain.currentVCPUs)",
            remedy: Text("Lower current, or raise the most.", "降低 current 或提高上限。"))
    }

    @Sendable private static func topology(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard let topology = domain.cpu?.topology, topology.vcpus != domain.vcpus else { return nil }
        // POWER's libvirt fills the last core; there a topology may be larger.
        guard domain.architecture?.hasPrefix("ppc") != true || topology.vcpus < domain.vcpus else { return nil }
        return Refusal(
            part: "topology",
            what: Text(
                "its topology has \(topology.vcpus) vCPUs, and <vcpu> says \(domain.vcpus)",
                "拓扑共 \(topology.vcpus) 个 vCPU,而 <vcpu> 为 \(domain.vcpus)"),
            element: topology.element, value: String(topology.vcpus), remedy: Text("Make both agree.", "使二者一致。"))
    }

    @Sendable private static func sharedMemory(_ guest: Candidate) -> Refusal? {
        let domain = guest.domain
        guard let device = domain.devices("filesystem").first(where: { $0.first("driver")?["type"] == "virtiofs" })
        else { return nil }
        guard domain.memorySharing != .all, domain.architecture?.hasPrefix("s390") != true else { return nil }
        // libvirt accepts huge pages of a file as shared only where access says so.
        return Refusal(
            part: device.first("target")?["dir"], what: Text("virtiofs without shared memory", "virtiofs 未配置共享内存"),
            element: device, value: "virtiofs",
            remedy: Text(
                "Add <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>.",
                "添加 <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>。"))
    }

    @Sendable private static func egl(_ guest: Candidate) -> Refusal? {
        let graphics = guest.domain.graphics
        guard let headless = graphics.first(where: { $0.type == "egl-headless" }),
            let other = graphics.first(where: { $0.type == "sdl" })
        else { return nil }
        return Refusal(
            part: "egl-headless", what: Text("egl-headless beside \(other.type)", "egl-headless 不能与 \(other.type) 并用"),
            element: headless.element,
            value: other.type, remedy: Text("Use it with VNC or Spice.", "与 VNC 或 Spice 搭配使用。"))
    }

    @Sendable private static func ioThreadIDs(_ guest: Candidate) -> Refusal? {
        let ids = guest.domain.ioThreadIDs
        for disk in guest.disks {
            guard let stray = disk.iothreads.first(where: { !ids.contains($0) }) else { continue }
            return Refusal(
                part: disk.label,
                what: Text("it uses I/O thread \(stray), which the guest does not have", "使用了客户机没有的 I/O 线程 \(stray)"),
                element: disk.element,
                value: String(stray),
                remedy: Text("Raise <iothreads>, or name one that exists.", "增加 <iothreads>,或指定存在的线程。"))
        }
        return nil
    }

    // MARK: Disks

    private func disks(_ guest: Candidate, _ host: BootedHost, _ answer: inout StartAnswer) {
        var targets: [String: Disk] = [:]
        func refuse(_ disk: Disk, _ what: Text, _ value: String, _ remedy: Text) {
            answer.add(
                StartObstacle(
                    .invalidDefinition, part: disk.label, what, evidence: [guest.evidence(disk.element, value)],
                    remedy: remedy, commands: [guest.editCommand]))
        }
        for disk in guest.disks {
            if disk.target.isEmpty {
                refuse(
                    disk, Text("a disk without a target", "磁盘未指定 target"), "no target",
                    Text("Write <target dev='…'/>.", "写入 <target dev='…'/>。"))
            } else if targets.updateValue(disk, forKey: disk.target) != nil {
                refuse(
                    disk, Text("two disks have the target \(disk.target)", "两个磁盘使用同一 target \(disk.target)"),
                    disk.target,
                    Text("Give each its own.", "为各磁盘指定不同的 target。"))
            }
            // io='native' asks for direct access, which only these modes give; network disks have neither.
            if disk.io == "native", !disk.isDirect, disk.type != "network" {
                refuse(
                    disk,
                    Text(
                        "io='native' needs cache='none' or 'directsync', and has \(disk.cache ?? "none written")",
                        "io='native' 需要 cache='none' 或 'directsync',当前为 \(disk.cache ?? "未指定")"),
                    "cache \(disk.cache ?? "absent")", Text("Write cache='none'.", "写入 cache='none'。"))
            }
            if disk.device == "lun", disk.type != "block", disk.type != "network", disk.type != "volume" {
                refuse(
                    disk, Text("a lun must be a block device", "lun 必须为块设备"), disk.type,
                    Text("Name the block device.", "指定块设备。"))
            }
            if disk.device == "floppy",
                guest.domain.machineType?.family == .pseries || guest.domain.architecture?.hasPrefix("s390") == true
            {
                refuse(
                    disk, Text("this board has no floppy drive", "该主板没有软盘驱动器"), "floppy", Text("Take it out.", "移除该设备。")
                )
            }
            if disk.isShareable, !disk.isReadOnly, let format = disk.format,
                ["qcow", "qcow2", "qed", "vmdk", "vdi"].contains(format)
            {
                refuse(
                    disk, Text("a shared disk must be raw, and is \(format)", "共享磁盘必须为 raw,当前为 \(format)"), format,
                    Text("Convert it to raw.", "转换为 raw。"))
            }
        }
    }
}
