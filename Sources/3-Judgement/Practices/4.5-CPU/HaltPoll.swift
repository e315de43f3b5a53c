import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Halt polling by workload: it trades CPU time for latency.
struct HaltPoll: HostPractice, GuestPractice {
    var about: About {
        About(
            id: "halt-poll", section: "4.5", scopes: [.host, .guest], severities: [.advice], fixes: [.sysfs, .xml],
            title: Text("Halt polling", "停机轮询(halt polling)"),
            why: Text(
                "A host that polls for a moment before it lets a halted vCPU sleep wakes it within microseconds instead of tens of them.",
                "主机在虚拟 CPU 停机后先轮询片刻,可在数微秒内唤醒它,而不是数十微秒。"),
            tradeOff: Text("Polling burns CPU time, also on behalf of idle guests.", "轮询会消耗 CPU 时间,空闲客户机也不例外。"),
            today: Text("The guide does not know it; KVM polls up to 200 µs by default.", "指南未涉及;KVM 默认最多轮询 200 微秒。"),
            sources: [
                "kernel Documentation/virt/kvm/halt-polling.rst", "libvirt formatdomain \"Hypervisor features\"",
            ], domainTypes: ["kvm"])
    }

    private static let path = "/sys/module/kvm/parameters/halt_poll_ns"

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let wanting = estate.activeGuests.filter { $0.workload == .latency && $0.definition?.type == "kvm" }
        guard let guest = wanting.first else {
            return .notApplicable(Text("no latency guest runs", "没有运行中的 latency 客户机"))
        }
        switch host.kernel.parameter("kvm", "halt_poll_ns") {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value):
            guard let number = UInt64(value) else { return .unknown(Unknown(.malformed(value), source: Self.path)) }
            guard number == 0 else { return .pass }
            return .finding(
                Finding(
                    .advice,
                    Text("halt polling is off while \(guest.name) wants low latency", "\(guest.name) 需要低延迟,但停机轮询已关闭"),
                    observed: "0 ns",
                    expected: "200000 ns",
                    remedy: .change(SysfsChange(Self.path, from: "0", to: "200000"), disrupts: .live),
                    evidence: [Evidence(Self.path, "0")],
                    owner: host.services.owner(of: Self.path)))
        }
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let hint = domain.feature("kvm")?.first("hint-dedicated")
        let isDedicated = !domain.vcpuCPUs.isEmpty && domain.vcpuCPUs.allSatisfy { $0?.count == 1 }
        if hint?["state"] == "on", !isDedicated, let hint {
            return .finding(
                Finding(
                    .advice,
                    Text(
                        "it is told that its CPUs are its own, and they are not all pinned to one CPU each",
                        "告知其独占 CPU,但并非每个虚拟 CPU 都单独绑定"),
                    observed: "hint-dedicated on", expected: "off, or a pin for each vCPU",
                    remedy: .change(
                        DomainChange(guest.name, hint.xpath, .attribute("state", "off"), from: "on"),
                        disrupts: .guestRestart),
                    evidence: [Evidence(hint, "on")]))
        }
        guard guest.workload == .latency, isDedicated, hint?["state"] != "on" else { return .pass }
        let change =
            hint.map { DomainChange(guest.name, $0.xpath, .attribute("state", "on"), from: $0["state"]) }
            ?? DomainChange(guest.name, "/domain/features/kvm", .insert("<hint-dedicated state='on'/>"))
        return .finding(
            Finding(
                .advice,
                Text(
                    "each of its vCPUs has a CPU for itself, and it is not told so: it still yields locks as if it shared them",
                    "每个虚拟 CPU 都独占一个 CPU,却未告知客户机:它仍按共享 CPU 的方式让出锁"),
                observed: "hint-dedicated off", expected: "on", remedy: .change(change, disrupts: .guestRestart),
                evidence: [
                    Evidence(
                        hint ?? domain.root.first("features") ?? domain.root, hint?["state"] ?? "no hint-dedicated")
                ]))
    }

    var examples: Examples {
        let pins = "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='9'/></cputune>"
        let on = "<features><kvm><hint-dedicated state='on'/></kvm></features>"
        return Examples(
            fires: .guest(
                "polling is off", pins + on, expect: .fires(.advice, observed: "0 ns"), workload: .latency,
                host: { $0.kernel.moduleParameters["kvm/halt_poll_ns"] = .known("0") }),
            .guest(
                "pinned and not told", pins, expect: .fires(.advice, observed: "hint-dedicated off"), workload: .latency
            ),
            .guest("told and not pinned", on, expect: .fires(.advice, observed: "hint-dedicated on")),
            quiet: .guest("pinned and told", pins + on, expect: .pass, workload: .latency),
            .guest("a general guest", "", expect: .pass),
            others: [
                .guest(
                    "polling unreadable", pins + on, expect: .unknown, workload: .latency,
                    host: {
                        $0.kernel.moduleParameters = [:]; $0.kernel.release = .unknown(Unknown(.denied, source: "x"))
                    })
            ])
    }
}
