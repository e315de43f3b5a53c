import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Whether a guest can be given more memory while it runs (guide §4.1.5).
struct MemoryHotplug: GuestPractice {
    var about: About {
        About(
            id: "memory-hotplug", section: "4.1.5", scopes: [.guest], severities: [.error, .info], fixes: [.xml],
            title: Text("Memory hot-plug", "内存热插拔"),
            why: Text(
                "A guest with <maxMemory>, a NUMA cell and a free slot can grow while it runs; without them it must be shut down first.",
                "有 <maxMemory>、NUMA 单元和空闲插槽的客户机可在运行中扩容;否则必须先关机。"),
            tradeOff: Text(
                "The guest keeps page structures for all it may reach; DIMMs are hardly ever removable again.",
                "客户机要为可能达到的全部内存保留页结构;DIMM 几乎无法再移除。"),
            guideSays: Text("DIMMs are attached to slots.", "将 DIMM 附加到插槽。"),
            today: Text(
                "virtio-mem grows and shrinks in small steps, per node and without slots; take it before DIMMs (QEMU 5.1, libvirt 7.9).",
                "virtio-mem 可按小步增减、按节点且不占插槽;应优先于 DIMM(QEMU 5.1、libvirt 7.9)。"),
            sources: [
                "guide §4.1.5", "libvirt docs/kbase/memorydevices.rst",
                "libvirt src/qemu/qemu_domain.c qemuDomainDefNumaAutoAdd",
            ],
            holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        if domain.architecture == "s390x" {
            return .notApplicable(Text("s390x guests have no memory slots", "s390x 客户机没有内存插槽"))
        }
        guard let element = domain.root.first("maxMemory"), domain.maxMemory != nil else {
            return cannotGrow(domain, guest)
        }
        if domain.guestCells.isEmpty { return withoutCell(domain, element, guest) }
        let used = domain.memoryDevices.count { $0.takesSlot }
        guard let slots = domain.memorySlots, slots > 0, used >= slots, let limit = domain.maxMemory else {
            return .pass
        }
        let reached = (domain.memory ?? domain.memoryAtStart).map { $0 >= limit } ?? false
        if used == slots, reached { return .pass }
        return .finding(
            Finding(
                .error, part: "slots",
                used > slots
                    ? Text(
                        "\(used) memory devices for \(slots) slots: libvirt refuses the guest",
                        "\(used) 个内存设备,只有 \(slots) 个插槽:libvirt 会拒绝该客户机")
                    : Text(
                        "all \(slots) memory slots are used, and the guest has not reached its \(limit)",
                        "\(slots) 个内存插槽已用尽,而客户机尚未达到 \(limit)"),
                observed: "\(used) of \(slots) slots", expected: "a free slot",
                remedy: .change(
                    DomainChange(
                        guest.name, element.xpath, .attribute("slots", String(used + 8)), from: element["slots"]),
                    disrupts: .guestRestart,
                    note: Text("Or use virtio-mem, which takes no slot.", "或使用不占插槽的 virtio-mem。")),
                evidence: [Evidence(element, "slots=\(slots)")]))
    }

    private func withoutCell(_ domain: DomainDefinition, _ element: Element, _ guest: Guest) -> Judgement {
        let memory = domain.initialMemory ?? domain.memory ?? .zero
        let last = max(0, domain.vcpus - 1)
        let cell = "<cell id='0' cpus='0-\(last)' memory='\(memory.kibibytes)' unit='KiB'/>"
        let change: DomainChange =
            if let cpu = domain.root.first("cpu") {
                DomainChange(guest.name, cpu.xpath, .insert("<numa>\(cell)</numa>"))
            } else {
                DomainChange(guest.name, "/domain", .insert("<cpu><numa>\(cell)</numa></cpu>"))
            }
        return .finding(
            Finding(
                .error, part: "maxMemory",
                Text(
                    "<maxMemory> without a NUMA cell: memory cannot be plugged in, and libvirt may refuse the guest",
                    "有 <maxMemory> 但没有 NUMA 单元:无法热插内存,libvirt 可能拒绝该客户机"),
                observed: "no NUMA cell", expected: "at least one <cell>",
                remedy: .change(
                    change, disrupts: .guestRestart,
                    note: Text(
                        "Newer libvirt adds the cell by itself when a guest is defined.", "较新的 libvirt 在定义客户机时会自动添加该单元。"
                    )),
                evidence: [Evidence(element, element.text)]))
    }

    private func cannotGrow(_ domain: DomainDefinition, _ guest: Guest) -> Judgement {
        guard let memory = domain.memory ?? domain.initialMemory else {
            return .unknown(Unknown(.missing, source: "/domain/memory"))
        }
        // An inflated balloon is room to grow as well.
        if MemoryDemand.canGiveBack(domain), let current = domain.currentMemory, current < memory { return .pass }
        return .finding(
            Finding(
                .info, part: "maxMemory",
                Text(
                    "it cannot be given more than \(memory) while it runs: no <maxMemory>",
                    "运行中无法获得超过 \(memory) 的内存:没有 <maxMemory>"),
                observed: "no <maxMemory>", expected: "<maxMemory> and a NUMA cell, where it may have to grow",
                remedy: .byHand(
                    Text(
                        "Where it may have to grow: write <maxMemory unit='KiB' slots='16'>, a NUMA cell, and a virtio-mem device.",
                        "若将来需要扩容:写入 <maxMemory unit='KiB' slots='16'>、一个 NUMA 单元和 virtio-mem 设备。"),
                    commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart),
                evidence: [Evidence(domain.root.first("memory") ?? domain.root, memory.description)]))
    }

    var examples: Examples {
        let cell =
            "<memory unit='GiB'>2</memory><cpu><numa><cell id='0' cpus='0-1' memory='2' unit='GiB'/></numa></cpu>"
        let dimm = "<memory model='dimm'><target><size unit='GiB'>1</size><node>0</node></target></memory>"
        let grown = """
            <memory unit='GiB'>3</memory><cpu><numa><cell id='0' cpus='0-1' memory='2' unit='GiB'/></numa></cpu>
            <devices>\(dimm)</devices>
            """
        return Examples(
            fires: .guest(
                "no cell", "<maxMemory slots='16' unit='GiB'>8</maxMemory>",
                expect: .fires(.error, observed: "no NUMA cell")),
            .guest(
                "the only slot is used", "<maxMemory slots='1' unit='GiB'>8</maxMemory>" + grown,
                expect: .fires(.error, observed: "1 of 1 slots")),
            .guest("no room to grow", "", expect: .fires(.info, observed: "no <maxMemory>")),
            quiet: .guest(
                "a cell and free slots", "<maxMemory slots='16' unit='GiB'>8</maxMemory>" + cell, expect: .pass),
            .guest(
                "grown to the full, as planned", "<maxMemory slots='1' unit='GiB'>3</maxMemory>" + grown, expect: .pass),
            .guest(
                "the balloon has room", "<memory unit='GiB'>8</memory><currentMemory unit='GiB'>2</currentMemory>",
                expect: .pass),
            others: [
                .guest("confidential", "<launchSecurity type='sev'/>", expect: .notApplicable),
                .guest(
                    "s390x", "<os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os>", expect: .notApplicable),
            ])
    }
}
