import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Automatic NUMA balancing where guests float, and only there (guide §4.6.1).
struct NUMABalancing: HostPractice {
    var about: About {
        About(
            id: "numa-balancing", section: "4.6.1", scopes: [.host], severities: [.advice], fixes: [.sysctl, .hand],
            title: Text("Automatic NUMA balancing", "自动 NUMA 平衡"),
            why: Text(
                "It moves memory to the node that uses it; guests that are bound to nodes gain nothing and pay for the page faults it provokes.",
                "它会把内存移到使用它的节点;已绑定节点的客户机得不到好处,却要承担它引发的缺页开销。"),
            tradeOff: Text("Scanning and moving pages cost CPU time and short stalls.", "扫描和迁移页面会消耗 CPU 时间并造成短暂停顿。"),
            guideSays: Text("kernel.numa_balancing_scan_* are sysctls.", "kernel.numa_balancing_scan_* 是 sysctl。"),
            today: Text(
                "Since kernel 5.13 they are in debugfs (sched/numa_balancing) and cannot be kept over a reboot by sysctl.d.",
                "自内核 5.13 起位于 debugfs(sched/numa_balancing),无法用 sysctl.d 持久化。"),
            sources: ["guide §4.6.1", "kernel Documentation/scheduler/sched-debug.rst"])
    }

    private static let key = "kernel.numa_balancing"

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        guard case .known(let nodes) = host.numa.nodes else {
            return host.numa.nodes.isMissing
                ? .notApplicable(Text("the kernel has no NUMA", "内核没有 NUMA"))
                : .unknown(host.numa.nodes.reason ?? Unknown(.missing, source: "nodes"))
        }
        guard nodes.count > 1 else { return .notApplicable(Text("there is one NUMA node", "只有一个 NUMA 节点")) }
        let running = estate.activeGuests.compactMap(\.definition)
        guard !running.isEmpty else { return .notApplicable(Text("no guest runs", "没有运行中的客户机")) }
        guard case .known(let value) = host.sysctl.number(Self.key) else {
            return .unknown(host.sysctl.number(Self.key).reason ?? Unknown(.missing, source: Self.key))
        }
        let bound = running.filter { domain in
            domain.numaTuning?.memory?.isBinding == true || domain.numaTuning?.cells.contains { $0.isBinding } == true
        }
        func finding(_ what: Text, _ wanted: Int) -> Judgement {
            let configured = host.sysctl.configured.value?[Self.key]
            let isKept = configured.map { $0.value != String(wanted) } ?? true
            return .finding(
                Finding(
                    .advice, what, observed: String(value), expected: String(wanted), holds: isKept ? .both : .running,
                    remedy: .change(SysctlChange(Self.key, from: String(value), to: String(wanted)), disrupts: .live),
                    evidence: [Evidence("/proc/sys/kernel/numa_balancing", String(value))],
                    owner: host.services.owner(of: Self.key)))
        }
        if value == 0, bound.count < running.count {
            return finding(
                Text(
                    "balancing is off and \(running.count - bound.count) running guests are bound to no node",
                    "平衡已关闭,而 \(running.count - bound.count) 个运行中的客户机未绑定节点"), 1)
        }
        if value != 0, bound.count == running.count {
            return finding(
                Text(
                    "balancing is on and every running guest is bound to nodes: it costs and brings nothing",
                    "平衡已开启,而所有运行中的客户机都已绑定节点:只有开销没有收益"), 0)
        }
        return scan(host, isOn: value != 0)
    }

    /// Values the kernel starts with, and how far from them is still sound.
    private static let defaults: [(name: String, value: UInt64)] = [
        ("scan_delay_ms", 1000), ("scan_period_min_ms", 1000), ("scan_period_max_ms", 60_000), ("scan_size_mb", 256),
    ]

    private func scan(_ host: HostFacts, isOn: Bool) -> Judgement {
        guard isOn else { return .pass }
        var judgement = Judgement()
        guard let values = host.numa.balancingScan.value else {
            // Ordinary users may not look into debugfs, and kernels without it have no such values.
            if !host.numa.balancingScan.isMissing { judgement.add(host.numa.balancingScan.reason) }
            return judgement
        }
        for (name, standard) in Self.defaults {
            guard let value = values[name], value < standard / 10 || value > standard * 10 else { continue }
            judgement.add(
                Finding(
                    .advice, part: name,
                    Text(
                        "\(name) is \(value); the kernel starts with \(standard)", "\(name) 为 \(value);内核默认 \(standard)"
                    ), observed: String(value), expected: String(standard),
                    holds: .running,
                    remedy: .byHand(
                        Text("Put it back, unless it was measured.", "除非经过测量,否则恢复默认值。"),
                        commands: ["echo \(standard) > /sys/kernel/debug/sched/numa_balancing/\(name)"], disrupts: .live
                    ),
                    evidence: [Evidence("/sys/kernel/debug/sched/numa_balancing/\(name)", String(value))]))
        }
        return judgement
    }

    var examples: Examples {
        let bound = "<name>bound</name><numatune><memory mode='strict' nodeset='0'/></numatune>"
        return Examples(
            fires: .host(
                "off, and a guest floats", expect: .fires(.advice, observed: "0"), guests: ["<name>floats</name>"]
            ) { $0.sysctl.running["kernel.numa_balancing"] = .known("0") },
            .host("on, and all are bound", expect: .fires(.advice, observed: "1"), guests: [bound]) { _ in },
            .host("scans far too often", expect: .fires(.advice, observed: "50"), guests: ["<name>floats</name>"]) {
                $0.numa.balancingScan = .known(["scan_delay_ms": 50])
            },
            quiet: .host("on, and a guest floats", expect: .pass, guests: ["<name>floats</name>", bound]) { _ in },
            .host("one node", expect: .notApplicable, guests: [bound]) {
                $0.numa.nodes = .known([NUMANode(id: 0, cpus: [0], memory: .known(.zero))])
            },
            .host("no guest runs", expect: .notApplicable) { _ in },
            others: [
                .host("unreadable", expect: .unknown, guests: [bound]) {
                    $0.sysctl.running["kernel.numa_balancing"] = .unknown(Unknown(.denied, source: "x"))
                }
            ])
    }
}
