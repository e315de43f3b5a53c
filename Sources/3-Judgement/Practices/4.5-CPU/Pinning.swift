import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Pins for guests that profit from them (guide §4.5.2.2).
struct VCPUPinning: GuestPractice {
    var about: About {
        About(
            id: "vcpu-pinning", section: "4.5.2.2", scopes: [.guest], severities: [.advice], fixes: [.xml, .live],
            title: Text("vCPU pinning", "虚拟 CPU 绑定"),
            why: Text(
                "A vCPU that stays on its CPU keeps its cache warm and its memory near; latency stops jumping.",
                "固定在一个 CPU 上的虚拟 CPU 能保持缓存命中和内存就近;延迟不再跳动。"),
            tradeOff: Text(
                "Pinned CPUs are lost to balancing, and a migration target must have the same CPUs.",
                "被绑定的 CPU 不再参与均衡,且迁移目标必须有相同的 CPU。"),
            sources: ["guide §4.5.2.2", "libvirt formatdomain \"CPU Tuning\""])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard [.latency, .database, .compute].contains(guest.workload) else {
            return .notApplicable(
                Text("advised for latency, database and compute workloads", "建议用于 latency、database 和 compute 负载"))
        }
        if domain.isPlacedAutomatically { return .notApplicable(Text("numad places it", "由 numad 放置")) }
        let unpinned = domain.vcpuCPUs.indices.filter { domain.vcpuCPUs[$0] == nil }
        let lacksEmulator = domain.emulatorPin == nil && domain.cpuset == nil
        guard !unpinned.isEmpty || lacksEmulator else { return .pass }
        guard case .known(let online) = estate.host.cpu.online else {
            return .unknown(estate.host.cpu.online.reason ?? Unknown(.missing, source: "CPUs"))
        }
        // Pins make sense only where every running guest can have CPUs of its own.
        let others = estate.relations.activeVCPUs - (guest.isActive ? domain.currentVCPUs : 0)
        guard domain.vcpus + others <= online.count else {
            return .notApplicable(Text("the host has no CPUs to spare for it alone", "主机没有可供其独占的 CPU"))
        }
        let what: Text =
            unpinned.isEmpty
            ? Text("its vCPUs are pinned, QEMU's own threads are not", "虚拟 CPU 已绑定,但 QEMU 自身线程未绑定")
            : Text(
                "\(unpinned.count) of \(domain.vcpus) vCPUs of a \(guest.workload.rawValue) guest may run on any CPU",
                "\(guest.workload.rawValue) 客户机的 \(domain.vcpus) 个虚拟 CPU 中有 \(unpinned.count) 个可在任意 CPU 上运行")
        let element = domain.root.first("cputune") ?? domain.root.first("vcpu") ?? domain.root
        return .finding(
            Finding(
                .advice, what, observed: unpinned.isEmpty ? "no emulatorpin" : "\(unpinned.count) vCPUs unpinned",
                expected: "vcpupin, emulatorpin",
                remedy: .byHand(
                    Text(
                        "Choose CPUs of one node, whole cores, and leave one for QEMU's own threads.",
                        "选择同一节点的完整核心,并为 QEMU 自身线程留出一个。"),
                    commands: [
                        "virsh vcpupin \(guest.name) 0 CPU --live --config",
                        "virsh emulatorpin \(guest.name) CPUS --live --config",
                    ],
                    disrupts: .live), evidence: [Evidence(element, unpinned.isEmpty ? "no emulatorpin" : "no vcpupin")])
        )
    }

    var examples: Examples {
        let pins = "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='9'/>"
        return Examples(
            fires: .guest(
                "a database that floats", "", expect: .fires(.advice, observed: "2 vCPUs unpinned"), workload: .database
            ),
            .guest(
                "no emulatorpin", pins + "</cputune>", expect: .fires(.advice, observed: "no emulatorpin"),
                workload: .latency),
            quiet: .guest("pinned", pins + "<emulatorpin cpuset='0'/></cputune>", expect: .pass, workload: .latency),
            .guest("by cpuset", "<vcpu cpuset='0-3'>2</vcpu>", expect: .pass, workload: .database),
            .guest("a general guest", "", expect: .notApplicable),
            .guest(
                "a full host", "", expect: .notApplicable, workload: .latency,
                beside: ["<name>other</name><vcpu>16</vcpu>"]),
            others: [.guest("host not examined", "", expect: .unknown, workload: .latency, host: { $0 = .unexamined })])
    }
}

/// Pins that lead somewhere, and not to another's place.
struct VCPUPinningValid: GuestPractice {
    var about: About {
        About(
            id: "vcpu-pinning-valid", section: "4.5.2.2", scopes: [.guest], severities: [.error, .warning],
            fixes: [.xml],
            title: Text("Pins that hold", "绑定是否有效"),
            why: Text(
                "A pin to a CPU that is absent keeps the guest from starting; two dedicated guests on one CPU, or half cores of different guests, are slower than no pins at all.",
                "绑定到不存在的 CPU 会使客户机无法启动;两个独占客户机共用一个 CPU 或半个核心,比不绑定更慢。"),
            tradeOff: Text("Whole cores for a guest leave fewer for others.", "为客户机分配完整核心会减少其他客户机可用的核心。"),
            sources: ["guide §4.5.2.2", "kubevirt issues 4687 and 6159", "OpenNebula issue 6772"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let pins = domain.vcpuPins.filter { ($0.thread ?? 0) < domain.vcpus }
        let all = pins + (domain.emulatorPin.map { [$0] } ?? []) + domain.iothreadPins
        guard !all.isEmpty || domain.cpuset != nil else { return .notApplicable(Text("nothing is pinned", "没有绑定")) }
        var judgement = Judgement()
        for pin in all where pin.cpus == nil {
            judgement.add(
                Finding(
                    .error, part: name(pin),
                    Text(
                        "the pin \"\(pin.element["cpuset"] ?? "")\" is no list of CPUs",
                        "绑定 \"\(pin.element["cpuset"] ?? "")\" 不是 CPU 列表"),
                    observed: pin.element["cpuset"] ?? "(none)", expected: "0-3,^2",
                    remedy: .byHand(Text("Write a list such as 0-3.", "写成 0-3 之类的列表。"), disrupts: .guestRestart),
                    evidence: [Evidence(pin.element, pin.element["cpuset"] ?? "")]))
        }
        guard case .known(let online) = estate.host.cpu.online else {
            judgement.add(estate.host.cpu.online.reason)
            return judgement
        }
        absent(all, domain, guest, online, &judgement)
        shared(pins, guest, estate, &judgement)
        nodes(pins, domain, guest, estate, &judgement)
        siblings(pins, guest, estate, &judgement)
        return judgement
    }

    private func name(_ pin: Pin) -> String {
        pin.thread.map { "\(pin.element.name == "iothreadpin" ? "iothread" : "vcpu") \($0)" } ?? "emulator"
    }

    private func absent(
        _ pins: [Pin], _ domain: DomainDefinition, _ guest: Guest, _ online: CPUSet, _ judgement: inout Judgement
    ) {
        func check(_ cpus: CPUSet, _ element: Element, _ part: String) {
            let missing = cpus.subtracting(online)
            guard !missing.isEmpty else { return }
            judgement.add(
                Finding(
                    .error, part: part,
                    Text(
                        "it is pinned to CPU \(missing), which the host does not have online (\(online))",
                        "绑定到 CPU \(missing),但主机没有该在线 CPU(\(online))"),
                    observed: cpus.description, expected: "CPUs of \(online)",
                    remedy: .change(
                        DomainChange(
                            guest.name, element.xpath,
                            cpus.intersection(online).isEmpty
                                ? .removeAttribute("cpuset")
                                : .attribute("cpuset", cpus.intersection(online).description),
                            from: cpus.description), disrupts: .guestRestart),
                    evidence: [Evidence(element, cpus.description)]))
        }
        for pin in pins { if let cpus = pin.cpus { check(cpus, pin.element, name(pin)) } }
        if let cpus = domain.cpuset, let element = domain.root.first("vcpu") { check(cpus, element, "vcpu") }
    }

    /// Two guests that each count on having a CPU for themselves.
    private func shared(_ pins: [Pin], _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        for pin in pins {
            guard let cpus = pin.cpus, cpus.count == 1, let cpu = cpus.first else { continue }
            guard let other = (estate.relations.dedicatedPins[cpu] ?? []).first(where: { $0 != guest.name }) else {
                continue
            }
            judgement.add(
                Finding(
                    .warning, part: name(pin),
                    Text("CPU \(cpu) is dedicated to it and to \(other)", "CPU \(cpu) 同时被其与 \(other) 独占绑定"),
                    observed: "CPU \(cpu): \(guest.name), \(other)",
                    expected: "one guest",
                    remedy: .byHand(
                        Text("Move one of the two to a CPU of its own.", "将其中之一移到独立的 CPU。"),
                        commands: ["virsh vcpupin \(guest.name) \(pin.thread ?? 0) CPU --live --config"],
                        disrupts: .live),
                    evidence: [Evidence(pin.element, cpus.description)]))
        }
    }

    private func nodes(
        _ pins: [Pin], _ domain: DomainDefinition, _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement
    ) {
        // A guest with cells of its own is meant to lie on several nodes.
        guard domain.guestCells.count <= 1 else { return }
        guard let nodes = estate.host.numa.nodes.value else {
            if !estate.host.numa.nodes.isMissing { judgement.add(estate.host.numa.nodes.reason) }
            return
        }
        guard nodes.count > 1 else { return }
        let cpus = pins.reduce(CPUSet()) { $0.union($1.cpus ?? []) }
        let touched = estate.host.numa.nodes(of: cpus)
        guard touched.count > 1, let first = pins.first else { return }
        judgement.add(
            Finding(
                .warning,
                Text(
                    "its vCPUs are pinned over nodes \(touched), and the guest knows of one node only",
                    "虚拟 CPU 绑定跨节点 \(touched),而客户机只知道一个节点"),
                observed: "nodes \(touched)", expected: "one node, or <numa> cells",
                remedy: .byHand(
                    Text(
                        "Pin within one node, or give the guest a NUMA topology that says what is near.",
                        "在单个节点内绑定,或为客户机配置 NUMA 拓扑。"), disrupts: .guestRestart),
                evidence: [Evidence(first.element, cpus.description)]))
    }

    /// A core of which one thread belongs to a dedicated guest and the other to a different one.
    private func siblings(_ pins: [Pin], _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        let own = Set(pins.compactMap { $0.cpus.flatMap { $0.count == 1 ? $0.first : nil } })
        // No pin to a single CPU, no other dedicated guest: there is nothing to compare.
        let others = estate.relations.dedicatedPins.values.contains { $0.contains { $0 != guest.name } }
        guard !own.isEmpty, others else { return }
        judgement.add(estate.host.cpu.threads.reason)
        judgement.add(estate.host.cpu.topology.reason)
        guard (estate.host.cpu.threads.value ?? 1) > 1 else { return }
        for cpu in own.sorted() {
            guard let core = estate.host.cpu.siblings(of: cpu) else { continue }
            for sibling in core where sibling != cpu && !own.contains(sibling) {
                guard let other = (estate.relations.dedicatedPins[sibling] ?? []).first(where: { $0 != guest.name })
                else { continue }
                guard let pin = pins.first(where: { $0.cpus?.contains(cpu) == true }) else { continue }
                judgement.add(
                    Finding(
                        .warning, part: name(pin),
                        Text(
                            "CPU \(cpu) shares its core with CPU \(sibling), which is dedicated to \(other)",
                            "CPU \(cpu) 与 CPU \(sibling) 同核,后者由 \(other) 独占"),
                        observed: "core \(core): \(guest.name), \(other)", expected: "whole cores for a guest",
                        remedy: .byHand(
                            Text("Give each guest both threads of a core.", "让每个客户机占用同一核心的两个线程。"),
                            commands: ["virsh vcpupin \(guest.name) \(pin.thread ?? 0) CPU --live --config"],
                            disrupts: .live),
                        evidence: [Evidence(pin.element, String(cpu))]))
            }
        }
    }

    var examples: Examples {
        func pinned(_ cpus: String..., name: String = "guest", more: String = "") -> String {
            "<name>\(name)</name><cputune>"
                + cpus.enumerated().map { "<vcpupin vcpu='\($0.offset)' cpuset='\($0.element)'/>" }.joined()
                + "</cputune>" + more
        }
        return Examples(
            fires: .guest("a CPU that is not there", pinned("0", "99"), expect: .fires(.error, observed: "99")),
            .guest(
                "a CPU that is off", pinned("0", "8"), expect: .fires(.error),
                host: { $0.cpu.online = .known(CPUSet(0..<8)) }),
            .guest("over two nodes", pinned("0", "4"), expect: .fires(.warning, observed: "nodes 0-1")),
            .guest(
                "another guest sits there", pinned("0", "8"), expect: .fires(.warning),
                beside: [pinned("0", name: "other")]),
            .guest(
                "half of another's core", pinned("0"), expect: .fires(.warning, observed: "core 0,8: guest, other"),
                beside: [pinned("8", name: "other")]),
            .guest("no list", pinned("0-", "1"), expect: .fires(.error)),
            quiet: .guest("both threads of a core", pinned("0", "8"), expect: .pass),
            .guest("a pin of a vCPU that is not there counts for nothing", pinned("0", "8", "99"), expect: .pass),
            .guest("not pinned", "", expect: .notApplicable),
            .guest(
                "over two nodes with cells",
                pinned(
                    "0", "4",
                    more:
                        "<cpu><numa><cell id='0' cpus='0' memory='1048576'/><cell id='1' cpus='1' memory='1048576'/></numa></cpu>"
                ),
                expect: .pass),
            others: [.guest("host not examined", pinned("0"), expect: .unknown, host: { $0 = .unexamined })])
    }
}

/// The topology a guest is told against what its pins offer.
struct GuestTopologyFits: GuestPractice {
    var about: About {
        About(
            id: "guest-topology", section: "4.5.2.1", scopes: [.guest], severities: [.error, .warning], fixes: [.xml],
            title: Text("Threads and cores told to the guest", "告知客户机的线程与核心"),
            why: Text(
                "A guest schedules by what it is told: threads that are no threads make it put work where it competes, siblings told as cores hide the competition.",
                "客户机按所告知的拓扑调度:虚假的线程会让任务相互竞争,而把同核线程说成核心会掩盖竞争。"),
            tradeOff: Text(
                "A change of topology may need a new activation of Windows and of licensed software.",
                "更改拓扑可能需要重新激活 Windows 和按核授权的软件。"),
            sources: ["kubevirt issues 4687, 6159, 11749"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard let topology = domain.cpu?.topology else {
            return .notApplicable(Text("no topology is written", "未写明拓扑"))
        }
        if topology.vcpus != domain.vcpus {
            return .finding(
                Finding(
                    .error,
                    Text(
                        "its topology has \(topology.vcpus) CPUs and it has \(domain.vcpus) vCPUs: libvirt refuses it",
                        "拓扑共 \(topology.vcpus) 个 CPU,而虚拟 CPU 为 \(domain.vcpus) 个:libvirt 会拒绝"),
                    observed: "\(topology.vcpus)", expected: "\(domain.vcpus)",
                    remedy: .byHand(
                        Text(
                            "Make sockets × dies × clusters × cores × threads equal the maximum of <vcpu>.",
                            "使 sockets × dies × clusters × cores × threads 等于 <vcpu> 上限。"), disrupts: .guestRestart),
                    evidence: [Evidence(topology.element, "\(topology.vcpus)")]))
        }
        guard topology.threads > 1 else { return splitCores(domain, topology, guest, estate) }
        guard case .known(let threads) = estate.host.cpu.threads else {
            return .unknown(estate.host.cpu.threads.reason ?? Unknown(.missing, source: "threads"))
        }
        guard threads > 1 else {
            return .finding(
                Finding(
                    .warning,
                    Text(
                        "it is told of \(topology.threads) threads a core, and the host's cores have one",
                        "告知其每核 \(topology.threads) 个线程,而主机每核只有一个"),
                    observed: "threads='\(topology.threads)'", expected: "threads='1'",
                    remedy: .changes(
                        [
                            DomainChange(
                                guest.name, topology.element.xpath, .attribute("threads", "1"),
                                from: String(topology.threads)),
                            DomainChange(
                                guest.name, topology.element.xpath,
                                .attribute("cores", String(topology.cores * topology.threads)),
                                from: String(topology.cores)),
                        ], disrupts: .guestRestart),
                    evidence: [Evidence(topology.element, "threads='\(topology.threads)'")]))
        }
        // Threads of one guest core are consecutive vCPUs; pinned singly, they have to be siblings on the host.
        let sets = domain.vcpuCPUs
        if sets.contains(where: { $0?.count == 1 }), let reason = estate.host.cpu.topology.reason {
            return .unknown(reason)
        }
        var core = 0
        while core + topology.threads <= sets.count {
            let members = (core..<(core + topology.threads)).map { sets[$0] }
            core += topology.threads
            let single = members.compactMap { set in set.flatMap { $0.count == 1 ? $0.first : nil } }
            guard single.count == members.count, let first = single.first,
                let siblings = estate.host.cpu.siblings(of: first)
            else { continue }
            guard let stray = single.first(where: { !siblings.contains($0) }) else { continue }
            return .finding(
                Finding(
                    .warning,
                    Text(
                        "vCPUs \(core - topology.threads)-\(core - 1) are told to be threads of one core and are pinned to CPUs \(first) and \(stray), which are not",
                        "虚拟 CPU \(core - topology.threads)-\(core - 1) 被告知为同核线程,却绑定到不同核心的 CPU \(first) 和 \(stray)"),
                    observed: single.map(String.init).joined(separator: ","),
                    expected: siblings.description,
                    remedy: .byHand(
                        Text("Pin the threads of a guest core to the threads of a host core.", "将客户机同核线程绑定到主机同核线程。"),
                        disrupts: .live),
                    evidence: [Evidence(topology.element, "threads='\(topology.threads)'")]))
        }
        return .pass
    }

    /// Pinned to both threads of cores, and told of cores only.
    private func splitCores(_ domain: DomainDefinition, _ topology: GuestTopology, _ guest: Guest, _ estate: Estate)
        -> Judgement
    {
        let single = domain.vcpuCPUs.compactMap { set in set.flatMap { $0.count == 1 ? $0.first : nil } }
        guard single.count == domain.vcpus, single.count > 1 else { return .pass }
        guard case .known(let threads) = estate.host.cpu.threads else {
            return .unknown(estate.host.cpu.threads.reason ?? Unknown(.missing, source: "threads"))
        }
        guard threads > 1 else { return .pass }
        if let reason = estate.host.cpu.topology.reason { return .unknown(reason) }
        let set = CPUSet(single)
        guard
            single.allSatisfy({ cpu in
                estate.host.cpu.siblings(of: cpu).map { $0.count > 1 && $0.isSubset(of: set) } ?? false
            })
        else { return .pass }
        return .finding(
            Finding(
                .warning,
                Text(
                    "it is pinned to whole cores of \(threads) threads and told that each is a core",
                    "绑定到每核 \(threads) 线程的完整核心,却被告知每个都是独立核心"),
                observed: "threads='1'", expected: "threads='\(threads)'",
                remedy: .changes(
                    [
                        DomainChange(
                            guest.name, topology.element.xpath, .attribute("threads", String(threads)), from: "1"),
                        DomainChange(
                            guest.name, topology.element.xpath,
                            .attribute("cores", String(max(1, topology.cores / threads))), from: String(topology.cores)),
                    ], disrupts: .guestRestart,
                    note: Text("AMD hosts need the topoext feature for it.", "AMD 主机还需要 topoext 功能。")),
                evidence: [Evidence(topology.element, "threads='1'")]))
    }

    var examples: Examples {
        func guest(_ cores: Int, _ threads: Int, _ pins: [Int]) -> String {
            "<vcpu>2</vcpu><cpu><topology sockets='1' cores='\(cores)' threads='\(threads)'/></cpu><cputune>"
                + pins.enumerated().map { "<vcpupin vcpu='\($0.offset)' cpuset='\($0.element)'/>" }.joined()
                + "</cputune>"
        }
        return Examples(
            fires: .guest(
                "three for two", "<vcpu>2</vcpu><cpu><topology sockets='1' cores='3' threads='1'/></cpu>",
                expect: .fires(.error)),
            .guest(
                "threads without SMT", guest(1, 2, []), expect: .fires(.warning, observed: "threads='2'"),
                host: { $0.cpu.threads = .known(1) }),
            .guest("threads on two cores", guest(1, 2, [0, 1]), expect: .fires(.warning, observed: "0,1")),
            .guest("cores on two threads", guest(2, 1, [0, 8]), expect: .fires(.warning, observed: "threads='1'")),
            quiet: .guest("threads on threads", guest(1, 2, [0, 8]), expect: .pass),
            .guest("cores on cores", guest(2, 1, [0, 1]), expect: .pass),
            .guest("none written", "", expect: .notApplicable),
            others: [.guest("host not examined", guest(1, 2, []), expect: .unknown, host: { $0 = .unexamined })])
    }
}
