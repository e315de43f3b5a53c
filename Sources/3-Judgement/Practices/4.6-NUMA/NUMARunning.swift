import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Where a running guest's memory really lies.
struct NUMARemoteMemory: GuestPractice {
    var about: About {
        About(
            id: "numa-remote-memory", section: "4.6.3.1", scopes: [.guest], severities: [.warning], fixes: [.live],
            title: Text("Memory away from its vCPUs", "内存远离虚拟 CPU"),
            why: Text(
                "A definition says where memory should be; only the process's page counts say where it is.",
                "定义只说明内存应在何处;只有进程的页面统计才能说明实际位置。"),
            tradeOff: Text(
                "Moving pages takes memory bandwidth and stops the guest for moments.", "迁移页面会占用内存带宽并使客户机短暂停顿。"),
            sources: ["guide §4.6.3.1", "lxd issue 15082", "kernel Documentation/filesystems/proc.rst"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard guest.isActive else { return .notApplicable(Text("it does not run", "未运行")) }
        let host = estate.host
        guard case .known(let nodes) = host.numa.nodes else {
            return host.numa.nodes.isMissing
                ? .notApplicable(Text("the host has no NUMA", "主机没有 NUMA"))
                : .unknown(host.numa.nodes.reason ?? Unknown(.missing, source: "nodes"))
        }
        guard nodes.count > 1 else { return .notApplicable(Text("the host has one NUMA node", "主机只有一个 NUMA 节点")) }
        guard case .known(let processes) = host.processes.qemu else {
            return .unknown(host.processes.qemu.reason ?? Unknown(.missing, source: "processes"))
        }
        guard
            let process = processes.first(where: { $0.uuid != nil && $0.uuid == domain.uuid })
                ?? processes.first(where: { $0.name == guest.name })
        else {
            return .unknown(
                Unknown(
                    .missing, source: "QEMU process of \(guest.name)",
                    remedy: Text("Run as root on the guest's host", "在客户机所在主机上以 root 运行")))
        }
        guard case .known(let memory) = process.memoryByNode else {
            return .unknown(process.memoryByNode.reason ?? Unknown(.missing, source: "numa_maps"))
        }
        // Threads say where vCPUs may run now; the definition where they were meant to.
        var cpus = CPUSet()
        for (name, set) in process.threads.value ?? [:] where name.hasPrefix("CPU ") { cpus = cpus.union(set) }
        if cpus.isEmpty { cpus = domain.vcpuCPUs.compactMap { $0 }.reduce(CPUSet()) { $0.union($1) } }
        if cpus.isEmpty, let reason = process.threads.reason { return .unknown(reason) }
        let near = host.numa.nodes(of: cpus)
        guard !near.isEmpty, near.count < nodes.count else {
            return .notApplicable(Text("its vCPUs may run on every node", "虚拟 CPU 可在所有节点运行"))
        }
        let total = memory.values.reduce(ByteCount.zero, +)
        let remote = memory.filter { !near.contains($0.key) }.values.reduce(ByteCount.zero, +)
        guard total > .zero, Double(remote.rawValue) > estate.settings.remoteMemory * Double(total.rawValue) else {
            return .pass
        }
        let percent = Int((Double(remote.rawValue) / Double(total.rawValue) * 100).rounded())
        let far = NodeSet(memory.keys.filter { !near.contains($0) })
        return .finding(
            Finding(
                .warning,
                Text(
                    "\(remote) (\(percent) %) of its memory lie on node \(far), its vCPUs run on \(near)",
                    "其内存中 \(remote)(\(percent)%)位于节点 \(far),而虚拟 CPU 在 \(near) 上运行"), observed: "\(percent) %",
                expected: "≤ \(Int(estate.settings.remoteMemory * 100)) %",
                remedy: domain.canRebindMemory
                    ? .changes(
                        [LiveChange(guest.name, .nodeset, from: far.description, to: near.description)],
                        disrupts: .live,
                        note: Text(
                            "Or: migratepages \(process.pid) \(far) \(near)",
                            "或:migratepages \(process.pid) \(far) \(near)"
                        ))
                    : .byHand(
                        Text(
                            "libvirt binds a running guest anew only with mode='restrictive'; the kernel moves its pages in any case",
                            "libvirt 仅在 mode='restrictive' 时重新绑定运行中的客户机;内核总能迁移其页面"),
                        commands: ["migratepages \(process.pid) \(far) \(near)"], disrupts: .live),
                evidence: [Evidence("/proc/\(process.pid)/numa_maps", "N\(far): \(remote)")]))
    }

    var examples: Examples {
        @Sendable func memory(_ zero: UInt64, _ one: UInt64) -> @Sendable (inout HostFacts) -> Void {
            { host in
                host.processes.qemu = .known([
                    QEMUProcess(
                        pid: 42, program: "/usr/bin/qemu-system-x86_64", arguments: [], name: "guest",
                        memoryByNode: .known([0: ByteCount(mebibytes: zero), 1: ByteCount(mebibytes: one)]),
                        threads: .known(["CPU 0/KVM": [0, 1, 2, 3], "CPU 1/KVM": [0, 1, 2, 3]]))
                ])
            }
        }
        return Examples(
            fires: .guest(
                "half on the other node", "", expect: .fires(.warning, observed: "50 %"), host: memory(1000, 1000)),
            .guest("six in a hundred", "", expect: .fires(.warning, observed: "6 %"), host: memory(94, 6)),
            quiet: .guest("five in a hundred", "", expect: .pass, host: memory(95, 5)),
            .guest("off", "", expect: .notApplicable, active: false),
            others: [
                .guest("its process is not seen", "", expect: .unknown),
                .guest("host not examined", "", expect: .unknown, host: { $0 = .unexamined }),
            ])
    }
}

/// The cgroup's nodes against the definition (guide §4.6.2).
struct CpusetMems: GuestPractice {
    var about: About {
        About(
            id: "cpuset-mems", section: "4.6.2", scopes: [.guest], severities: [.warning], fixes: [.live],
            title: Text("cgroup nodes against the definition", "cgroup 节点与定义"),
            why: Text(
                "The kernel gives memory only from the nodes of the guest's cgroup, whatever its definition says.",
                "无论定义如何,内核只从客户机 cgroup 的节点分配内存。"),
            tradeOff: Text("Widening a cgroup moves nothing by itself.", "放宽 cgroup 本身不会迁移任何页面。"),
            guideSays: Text(
                "cgset on sysdefault/libvirt/…; interleave, bind and preferred are cpuset modes.",
                "对 sysdefault/libvirt/… 使用 cgset;interleave、bind、preferred 是 cpuset 模式。"),
            today: Text(
                "They are memory policies; a cpuset only bounds the nodes. virsh numatune --live changes both, on machine.slice.",
                "它们是内存策略;cpuset 只限定节点。virsh numatune --live 会在 machine.slice 上同时更改。"),
            sources: ["guide §4.6.2", "kernel Documentation/admin-guide/cgroup-v2.rst"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard guest.isActive else { return .notApplicable(Text("it does not run", "未运行")) }
        guard let policy = domain.numaTuning?.memory, let wanted = policy.nodes, policy.isBinding else {
            return .notApplicable(Text("its memory is bound to no node", "内存未绑定节点"))
        }
        guard case .known(let groups) = estate.host.cgroups.guests else {
            return .unknown(estate.host.cgroups.guests.reason ?? Unknown(.missing, source: "cgroups"))
        }
        // The emulator's group holds QEMU's main thread, which takes the guest's memory.
        guard
            let group = groups.first(where: { $0.guest == guest.name && $0.part == "emulator" })
                ?? groups.first(where: { $0.guest == guest.name })
        else {
            return .unknown(
                Unknown(
                    .missing, source: "cgroup of \(guest.name)", remedy: Text("Run on the guest's host", "在客户机所在主机上运行"))
            )
        }
        guard !wanted.isSubset(of: group.mems) || !group.mems.isSubset(of: wanted) else { return .pass }
        return .finding(
            Finding(
                .warning,
                Text(
                    "its cgroup allows node \(group.mems), its definition says \(wanted)",
                    "cgroup 允许节点 \(group.mems),而定义为 \(wanted)"), observed: group.mems.description,
                expected: wanted.description,
                remedy: domain.canRebindMemory
                    ? .change(
                        LiveChange(guest.name, .nodeset, from: group.mems.description, to: wanted.description),
                        disrupts: .live)
                    : .byHand(
                        Text(
                            "libvirt binds a running guest anew only with mode='restrictive'",
                            "libvirt 仅在 mode='restrictive' 时重新绑定运行中的客户机"),
                        commands: ["echo \(wanted) > \("\(group.path)/cpuset.mems".shellWord)"], disrupts: .live),
                evidence: [
                    Evidence("\(group.path)/cpuset.mems", group.mems.description),
                    Evidence(policy.element, wanted.description),
                ]))
    }

    var examples: Examples {
        let bound = "<numatune><memory mode='strict' nodeset='1'/></numatune>"
        @Sendable func group(_ mems: NodeSet) -> @Sendable (inout HostFacts) -> Void {
            {
                $0.cgroups.guests = .known([
                    GuestCgroup(guest: "guest", part: "emulator", cpus: [0], mems: mems, path: "/sys/fs/cgroup/x")
                ])
            }
        }
        return Examples(
            fires: .guest("the other node", bound, expect: .fires(.warning, observed: "0"), host: group([0])),
            .guest("wider than defined", bound, expect: .fires(.warning, observed: "0-1"), host: group([0, 1])),
            quiet: .guest("as defined", bound, expect: .pass, host: group([1])),
            .guest("not bound", "", expect: .notApplicable),
            .guest("off", bound, expect: .notApplicable, active: false),
            others: [
                .guest("its cgroup is not seen", bound, expect: .unknown),
                .guest("host not examined", bound, expect: .unknown, host: { $0 = .unexamined }),
            ])
    }
}

extension DomainDefinition {
    /// Whether libvirt lets the nodes of its memory be changed while it runs: in other modes QEMU itself has bound the memory.
    ///
    /// - Source: libvirt src/qemu/qemu_driver.c qemuDomainSetNumaParamsLive.
    fileprivate var canRebindMemory: Bool {
        guard let mode = numaTuning?.memory?.mode else { return true }
        return mode == "restrictive"
    }
}
