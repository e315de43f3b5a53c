import Changes
import DomainXML
import Inventory
import Quantities

/// A guest never has more vCPUs than its host has CPUs (guide §4.5.1).
struct VCPUMoreThanHost: GuestPractice {
    var about: About {
        About(
            id: "vcpu-more-than-host", section: "4.5.1", scopes: [.guest], severities: [.error], fixes: [.xml],
            title: Text("More vCPUs than the host has CPUs", "虚拟 CPU 多于主机 CPU"),
            why: Text(
                "vCPUs of one guest wait for locks that another of its vCPUs holds; with more of them than CPUs the holder may not even be running.",
                "同一客户机的虚拟 CPU 会相互等待锁;数量超过主机 CPU 时,持锁者可能根本没有运行。"),
            tradeOff: Text("None: the additional vCPUs never bring anything.", "无:多出的虚拟 CPU 不会带来任何好处。"),
            sources: ["guide §4.5.1"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard case .known(let online) = estate.host.cpu.online else {
            return .unknown(estate.host.cpu.online.reason ?? Unknown(.missing, source: "CPUs"))
        }
        guard domain.vcpus > online.count, let element = domain.root.first("vcpu") else { return .pass }
        let start = domain.currentVCPUs
        return .finding(
            Finding(
                .error,
                Text(
                    "\(domain.vcpus) vCPUs\(start < domain.vcpus ? " (\(start) at start)" : ""), and the host has \(online.count) CPUs",
                    "有 \(domain.vcpus) 个虚拟 CPU\(start < domain.vcpus ? "(启动时 \(start) 个)" : ""),而主机只有 \(online.count) 个 CPU"
                ),
                observed: String(domain.vcpus), expected: "≤ \(online.count)",
                remedy: .change(
                    DomainChange(guest.name, element.xpath, .text(String(online.count)), from: String(domain.vcpus)),
                    disrupts: .guestRestart,
                    note: Text(
                        "Pins and NUMA cells of the vCPUs that go have to go too.", "被去除的虚拟 CPU 的绑定和 NUMA 单元也须一并去除。")),
                evidence: [Evidence(element, String(domain.vcpus))]))
    }

    var examples: Examples {
        Examples(
            fires: .guest("17 on 16", "<vcpu>17</vcpu>", expect: .fires(.error, observed: "17")),
            .guest("room to grow beyond the host", "<vcpu current='4'>32</vcpu>", expect: .fires(.error)),
            quiet: .guest("16 on 16", "<vcpu>16</vcpu>", expect: .pass),
            .guest("libvirt's default is one", "<vcpus/>", expect: .pass),
            others: [.guest("host not examined", "<vcpu>4</vcpu>", expect: .unknown, host: { $0 = .unexamined })])
    }
}

/// A vCPU's load near the target (guide §4.5.1: about 70 %).
struct VCPUSize: GuestPractice {
    var about: About {
        About(
            id: "vcpu-size", section: "4.5.1", scopes: [.guest], severities: [.advice], fixes: [.xml, .live],
            title: Text("vCPUs for the load there is", "虚拟 CPU 数量与负载"),
            why: Text(
                "Unused vCPUs still take timer interrupts and make the scheduler's work harder; too few make the guest wait.",
                "未使用的虚拟 CPU 仍会产生定时器中断并加重调度;过少则客户机需要等待。"),
            tradeOff: Text(
                "Fewer vCPUs leave less room for peaks: measure over a time that has them.",
                "虚拟 CPU 越少,应对峰值的余量越小:请在包含峰值的时段测量。"),
            sources: ["guide §4.5.1"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let count = domain.currentVCPUs
        let settings = estate.settings
        func finding(_ wanted: Int, _ what: Text, _ observed: String, _ expected: String) -> Judgement {
            let element = domain.root.first("vcpu")
            let live = LiveChange(guest.name, .vcpus, from: String(count), to: String(wanted))
            let xml = DomainChange(
                guest.name, "/domain/vcpu", .attribute("current", String(wanted)), from: String(count))
            let grows = wanted > domain.vcpus
            return .finding(
                Finding(
                    .advice, what, observed: observed, expected: expected,
                    remedy: grows
                        ? .change(
                            DomainChange(guest.name, "/domain/vcpu", .text(String(wanted)), from: String(domain.vcpus)),
                            disrupts: .guestRestart)
                        : .changes([live, xml], disrupts: .live),
                    evidence: [Evidence(element?.xpath ?? "/domain/vcpu", String(count), line: element?.line)]))
        }
        if guest.workload == .singleThreaded {
            guard count > 1 else { return .pass }
            return finding(
                1,
                Text(
                    "a single-threaded workload has \(count) vCPUs; one serves it best",
                    "单线程负载却有 \(count) 个虚拟 CPU;一个最合适"), "\(count) vCPUs", "1 vCPU")
        }
        guard guest.isActive else {
            return .notApplicable(Text("it does not run: there is no load to measure", "未运行:没有可测量的负载"))
        }
        guard case .known(let statistics) = guest.statistics else {
            return .unknown(guest.statistics.reason ?? Unknown(.missing, source: "statistics"))
        }
        guard let load = statistics.load else {
            return .unknown(
                Unknown(
                    .notExamined, source: "vCPU load",
                    remedy: Text("nearmetal check --observe 60", "nearmetal check --observe 60")))
        }
        let wanted = max(1, Int((load * Double(count) / settings.loadTarget).rounded(.up)))
        guard abs(load - settings.loadTarget) > settings.loadTolerance, wanted != count else { return .pass }
        let percent = Int((load * 100).rounded())
        return finding(
            wanted,
            Text(
                "its \(count) vCPUs are \(percent) % busy; \(wanted) would be near \(Int(settings.loadTarget * 100)) %",
                "\(count) 个虚拟 CPU 的负载为 \(percent)%;\(wanted) 个可接近 \(Int(settings.loadTarget * 100))%"), "\(percent) %",
            "\(Int(settings.loadTarget * 100)) %")
    }

    var examples: Examples {
        func loaded(_ load: Double?) -> @Sendable (inout Guest) -> Void {
            { guest in
                var statistics = GuestStatistics()
                statistics.load = load
                guest.statistics = .known(statistics)
            }
        }
        return Examples(
            fires: .guest(
                "eight idle vCPUs", "<vcpu>8</vcpu>", expect: .fires(.advice, observed: "10 %"), guest: loaded(0.1)),
            .guest("two at their limit", "<vcpu>2</vcpu>", expect: .fires(.advice), guest: loaded(1)),
            .guest(
                "single-threaded with four", "<vcpu>4</vcpu>", expect: .fires(.advice, observed: "4 vCPUs"),
                workload: .singleThreaded),
            quiet: .guest("at the target", "<vcpu>4</vcpu>", expect: .pass, guest: loaded(0.7)),
            .guest("one idle vCPU: fewer there are not", "<vcpu>1</vcpu>", expect: .pass, guest: loaded(0.01)),
            .guest("within the tolerance", "<vcpu>4</vcpu>", expect: .pass, guest: loaded(0.5)),
            others: [
                .guest("not measured", "<vcpu>4</vcpu>", expect: .unknown, guest: loaded(nil)),
                .guest("off", "<vcpu>4</vcpu>", expect: .notApplicable, active: false),
            ])
    }
}

/// Room to add vCPUs while a guest runs (guide §7.7).
struct VCPUHotplug: GuestPractice {
    var about: About {
        About(
            id: "vcpu-hotplug", section: "7.7", scopes: [.guest], severities: [.info], fixes: [.xml, .live],
            title: Text("Room to add vCPUs", "虚拟 CPU 热插拔余量"),
            why: Text(
                "vCPUs can be added to a running guest only up to the maximum it was started with.",
                "运行中的客户机只能在启动时设定的上限内增加虚拟 CPU。"),
            tradeOff: Text(
                "Each possible vCPU costs the guest a little memory for per-CPU data.", "每个可能的虚拟 CPU 都会占用客户机少量内存。"),
            guideSays: Text(
                "Set a CPU offline through sysfs in the guest before removing it.", "移除 CPU 前在客户机内通过 sysfs 将其停用。"),
            today: Text(
                "`virsh setvcpus --guest` asks the guest agent to do that; unplugging follows.",
                "`virsh setvcpus --guest` 由客户机代理完成停用,然后再拔出。"),
            sources: ["guide §7.7", "virsh(1) setvcpus"], holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard domain.currentVCPUs >= domain.vcpus, let element = domain.root.first("vcpu") else { return .pass }
        return .finding(
            Finding(
                .info,
                Text(
                    "all \(domain.vcpus) vCPUs are there from the start: none can be added while it runs",
                    "\(domain.vcpus) 个虚拟 CPU 启动时已全部启用:运行中无法再增加"),
                observed: "\(domain.currentVCPUs) of \(domain.vcpus)", expected: "current < maximum",
                remedy: .byHand(
                    Text(
                        "Raise the maximum and keep the number at start, if the guest may grow.",
                        "如客户机可能扩展,请提高上限并保持启动数量。"),
                    commands: [
                        "virsh setvcpus \(guest.name) \(domain.vcpus * 2) --maximum --config",
                        "virsh setvcpus \(guest.name) \(domain.vcpus) --config",
                    ], disrupts: .guestRestart), evidence: [Evidence(element, element.text)]))
    }

    var examples: Examples {
        Examples(
            fires: .guest("no room", "<vcpu>4</vcpu>", expect: .fires(.info, observed: "4 of 4")),
            .guest("current equals the maximum", "<vcpu current='4'>4</vcpu>", expect: .fires(.info)),
            quiet: .guest("two of four", "<vcpu current='2'>4</vcpu>", expect: .pass),
            .guest("a confidential guest", "<vcpu>4</vcpu><launchSecurity type='sev-snp'/>", expect: .notApplicable))
    }
}
