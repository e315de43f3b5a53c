import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// A guest that fits no node needs a topology of its own (guide §4.6.3).
struct NUMAFit: GuestPractice {
    var about: About {
        About(
            id: "numa-fit", section: "4.6.3", scopes: [.guest], severities: [.warning], fixes: [.xml],
            title: Text("Larger than a node", "大于单个节点"),
            why: Text(
                "A guest that spans nodes and does not know it treats far memory as near: its own scheduler cannot help.",
                "跨节点却不自知的客户机会把远端内存当作本地内存:其调度器无能为力。"),
            tradeOff: Text(
                "A virtual topology fixes where the guest fits: it must lie on as many nodes wherever it goes.",
                "虚拟拓扑限制了客户机的放置:在任何主机上都需要同样多的节点。"),
            sources: ["guide §4.6.3", "incus issue 1605"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard domain.guestCells.isEmpty else { return .pass }
        guard case .known(let nodes) = estate.host.numa.nodes else {
            return estate.host.numa.nodes.isMissing
                ? .notApplicable(Text("the host has no NUMA", "主机没有 NUMA"))
                : .unknown(estate.host.numa.nodes.reason ?? Unknown(.missing, source: "nodes"))
        }
        guard nodes.count > 1 else { return .notApplicable(Text("the host has one NUMA node", "主机只有一个 NUMA 节点")) }
        let cpus = nodes.map(\.cpus.count).max() ?? 0
        let sizes = nodes.compactMap(\.memory.value)
        guard let memory = sizes.max(), nodes.allSatisfy({ $0.unknownCPUs == nil }) else {
            return .unknown(
                nodes.first { $0.memory.value == nil }?.memory.reason
                    ?? Unknown(.missing, source: "/sys/devices/system/node"))
        }
        let wanted = domain.memoryAtStart ?? domain.memory ?? .zero
        guard domain.vcpus > cpus || wanted > memory else { return .pass }
        let count = max((domain.vcpus + max(cpus, 1) - 1) / max(cpus, 1), Int(clamping: wanted.count(of: memory)))
        let what: Text =
            wanted > memory
            ? Text("\(wanted) of memory; the largest node has \(memory)", "内存 \(wanted);最大的节点只有 \(memory)")
            : Text(
                "\(domain.vcpus) vCPUs; the largest node has \(cpus) CPUs", "\(domain.vcpus) 个虚拟 CPU;最大的节点只有 \(cpus) 个")
        return .finding(
            Finding(
                .warning, what, observed: "\(domain.vcpus) vCPUs, \(wanted)",
                expected: "≤ \(cpus) CPUs, \(memory), or \(min(count, nodes.count)) cells",
                remedy: Self.cells(min(count, nodes.count), domain, guest),
                evidence: [Evidence(domain.root.first("memory") ?? domain.root, wanted.description)]))
    }

    /// Cells of equal parts; the last takes what remains.
    static func cells(_ count: Int, _ domain: DomainDefinition, _ guest: Guest) -> Remedy {
        // Page sizes, memory policies and devices name cells by number: only a person knows which are to go.
        guard domain.guestCells.isEmpty else {
            return .byHand(
                Text(
                    "Put the cells together, and mend what names them: <page nodeset>, <memnode>, memory devices.",
                    "合并单元,并更正引用它们之处:<page nodeset>、<memnode>、内存设备。"),
                commands: ["virsh edit \(guest.name)"], disrupts: .guestRestart)
        }
        let number = max(2, min(count, domain.vcpus, 64))
        let total = (domain.initialMemory ?? domain.memory ?? .zero).kibibytes
        let share = domain.vcpus / number
        var xml = "<numa>"
        for id in 0..<number {
            let first = id * share
            let last = id == number - 1 ? domain.vcpus - 1 : first + share - 1
            let memory = id == number - 1 ? total - total / UInt64(number) * UInt64(number - 1) : total / UInt64(number)
            xml +=
                "<cell id='\(id)' cpus='\(first == last ? "\(first)" : "\(first)-\(last)")' memory='\(memory)' unit='KiB'/>"
        }
        xml += "</numa>"
        let change =
            domain.cpu.map { DomainChange(guest.name, $0.element.xpath, .insert(xml)) }
            ?? DomainChange(guest.name, "/domain", .insert("<cpu mode='host-model'>\(xml)</cpu>"))
        guard domain.vcpus >= 2 else {
            return .byHand(
                Text("Give it less memory: one vCPU cannot lie on two nodes.", "减少内存:一个虚拟 CPU 不能跨两个节点。"),
                disrupts: .guestRestart)
        }
        return .change(
            change, disrupts: .guestRestart,
            note: Text(
                "Bind each cell to a host node with <memnode>, and pin its vCPUs there.",
                "用 <memnode> 将每个单元绑定到主机节点,并在该节点绑定虚拟 CPU。"))
    }

    var examples: Examples {
        Examples(
            fires: .guest(
                "40 GiB where nodes have 32", "<memory unit='GiB'>40</memory><vcpu>4</vcpu>", expect: .fires(.warning)),
            .guest("9 vCPUs where nodes have 8 CPUs", "<vcpu>9</vcpu>", expect: .fires(.warning)),
            quiet: .guest("just fits", "<memory unit='GiB'>32</memory><vcpu>8</vcpu>", expect: .pass),
            .guest(
                "has cells",
                "<memory unit='GiB'>40</memory><vcpu>4</vcpu><cpu><numa><cell id='0' cpus='0-1' memory='20' unit='GiB'/><cell id='1' cpus='2-3' memory='20' unit='GiB'/></numa></cpu>",
                expect: .pass),
            .guest(
                "one node", "<memory unit='GiB'>999</memory>", expect: .notApplicable,
                host: { $0.numa.nodes = .known([NUMANode(id: 0, cpus: [0], memory: .known(.zero))]) }),
            others: [.guest("host not examined", "", expect: .unknown, host: { $0 = .unexamined })])
    }
}

/// A virtual topology that adds up and resembles the host's (guide §4.6.3.1).
struct VirtualNUMA: GuestPractice {
    var about: About {
        About(
            id: "vnuma", section: "4.6.3.1", scopes: [.guest], severities: [.error, .advice], fixes: [.xml],
            title: Text("Virtual NUMA topology", "虚拟 NUMA 拓扑"),
            why: Text(
                "Cells like the host's let the guest's own scheduler keep tasks near their memory; cells that do not add up are refused or mislead it.",
                "与主机相似的单元可让客户机调度器使任务靠近内存;不一致的单元会被拒绝或产生误导。"),
            tradeOff: Text(
                "The topology is fixed while the guest runs, and asks as much of a migration target.",
                "拓扑在运行期间固定,迁移目标也需满足。"),
            sources: ["guide §4.6.3.1", "libvirt formatdomain \"Guest NUMA topology\""])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let cells = domain.guestCells
        guard !cells.isEmpty else {
            guard case .known(let nodes) = estate.host.numa.nodes else {
                return estate.host.numa.nodes.isMissing
                    ? .notApplicable(Text("the host has no NUMA", "主机没有 NUMA"))
                    : .unknown(estate.host.numa.nodes.reason ?? Unknown(.missing, source: "nodes"))
            }
            // A guest whose vCPUs are pinned over several nodes spans them, also where it would fit one.
            let pinned = domain.vcpuCPUs.compactMap { $0 }.reduce(CPUSet()) { $0.union($1) }
            let touched = estate.host.numa.nodes(of: pinned)
            guard nodes.count > 1, touched.count > 1, domain.vcpus >= touched.count,
                let pin = domain.vcpuPins.first?.element ?? domain.root.first("vcpu")
            else { return .pass }
            return .finding(
                Finding(
                    .advice,
                    Text(
                        "it is placed on nodes \(touched) and has no cells that say so", "放置在节点 \(touched) 上,却没有对应的单元"),
                    observed: "no <numa>", expected: "\(touched.count) cells",
                    remedy: NUMAFit.cells(touched.count, domain, guest), evidence: [Evidence(pin, pinned.description)]))
        }
        var judgement = Judgement()
        addUp(cells, domain, guest, &judgement)
        guard judgement.findings.isEmpty, cells.count > 1 else { return judgement }
        guard case .known(let nodes) = estate.host.numa.nodes else {
            judgement.add(estate.host.numa.nodes.reason)
            return judgement
        }
        if cells.count > nodes.count, nodes.count > 0 {
            judgement.add(
                Finding(
                    .advice,
                    Text(
                        "it has \(cells.count) cells, the host \(nodes.count) nodes",
                        "客户机有 \(cells.count) 个单元,主机只有 \(nodes.count) 个节点"), observed: "\(cells.count) cells",
                    expected: "≤ \(nodes.count)", remedy: NUMAFit.cells(nodes.count, domain, guest),
                    evidence: [Evidence(cells[0].element, "\(cells.count) cells")]))
        }
        return judgement
    }

    private func addUp(_ cells: [GuestCell], _ domain: DomainDefinition, _ guest: Guest, _ judgement: inout Judgement) {
        func error(_ what: Text, _ observed: String, _ expected: String, _ element: Element) {
            judgement.add(
                Finding(
                    .error, what, observed: observed, expected: expected,
                    remedy: .byHand(
                        Text(
                            "Correct the cells: each vCPU in one of them, memory as in <memory>.",
                            "修正单元:每个虚拟 CPU 属于一个单元,内存总和与 <memory> 一致。"), commands: ["virsh edit \(guest.name)"],
                        disrupts: .guestRestart),
                    evidence: [Evidence(element, observed)]))
        }
        var seen = CPUSet()
        for cell in cells {
            let cpus = cell.cpus ?? []
            let twice = cpus.intersection(seen)
            if !twice.isEmpty {
                error(
                    Text("vCPU \(twice) is in two cells", "虚拟 CPU \(twice) 同时属于两个单元"), twice.description,
                    "each vCPU in one cell", cell.element)
            }
            let beyond = cpus.filter { $0 >= domain.vcpus }
            if !beyond.isEmpty {
                error(
                    Text(
                        "cell \(cell.id) has vCPU \(CPUSet(beyond)), and there are \(domain.vcpus)",
                        "单元 \(cell.id) 含虚拟 CPU \(CPUSet(beyond)),但只有 \(domain.vcpus) 个"), CPUSet(beyond).description,
                    "0-\(domain.vcpus - 1)", cell.element)
            }
            seen = seen.union(cpus)
        }
        for (index, cell) in cells.enumerated() where cell.id != index {
            error(
                Text("cells are numbered from 0 without gaps; one is \(cell.id)", "单元应从 0 连续编号;其中一个为 \(cell.id)"),
                String(cell.id), String(index), cell.element)
            return
        }
    }

    var examples: Examples {
        func cells(_ one: String, _ two: String) -> String {
            "<vcpu>4</vcpu><cpu><numa><cell id='0' cpus='\(one)' memory='1' unit='GiB'/><cell id='1' cpus='\(two)' memory='1' unit='GiB'/></numa></cpu>"
        }
        return Examples(
            fires: .guest("a vCPU in two cells", cells("0-2", "2-3"), expect: .fires(.error, observed: "2")),
            .guest("a vCPU that is not there", cells("0-1", "2-4"), expect: .fires(.error, observed: "4")),
            .guest(
                "a gap in the numbers", "<cpu><numa><cell id='1' cpus='0-1' memory='1' unit='GiB'/></numa></cpu>",
                expect: .fires(.error)),
            .guest("pinned over two nodes without cells", "<vcpu cpuset='0,4'>2</vcpu>", expect: .fires(.advice)),
            .guest(
                "more cells than nodes",
                "<vcpu>3</vcpu><cpu><numa><cell cpus='0' memory='1' unit='GiB'/><cell cpus='1' memory='1' unit='GiB'/><cell cpus='2' memory='1' unit='GiB'/></numa></cpu>",
                expect: .fires(.advice, observed: "3 cells")),
            quiet: .guest("two and two", cells("0-1", "2-3"), expect: .pass),
            .guest("small, without cells", "", expect: .pass),
            others: [.guest("host not examined", cells("0-1", "2-3"), expect: .unknown, host: { $0 = .unexamined })])
    }
}
