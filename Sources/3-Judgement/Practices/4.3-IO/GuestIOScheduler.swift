import Changes
import DomainXML
import Inventory
import Quantities

/// No I/O scheduler on virtio disks inside a guest (guide §4.3.1).
struct GuestIOScheduler: GuestPractice {
    var about: About {
        About(
            id: "guest-io-scheduler", section: "4.3.1", scopes: [.inside], severities: [.advice], fixes: [.hand],
            title: Text("I/O scheduler inside the guest", "客户机内的 I/O 调度程序"),
            why: Text(
                "The host orders the requests of all guests anyway; a scheduler inside only spends the guest's CPU time and adds latency.",
                "主机会对所有客户机的请求排序;客户机内再调度只会消耗其 CPU 时间并增加延迟。"),
            tradeOff: Text(
                "Without a scheduler, processes inside the guest have no shares or limits of disk I/O among themselves (io.weight needs BFQ).",
                "没有调度程序时,客户机内进程之间没有磁盘 I/O 份额或限制(io.weight 需要 BFQ)。"),
            sources: ["guide §4.3.1", "kernel Documentation/block/switching-sched.rst"],
            domainTypes: ["kvm", "qemu", "xen"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        if domain.isWindows {
            return .notApplicable(Text("Windows has no schedulers to choose from", "Windows 没有可选的调度程序"))
        }
        if let state = guest.state.value, !state.isActive {
            return .notApplicable(Text("the guest does not run", "客户机未运行"))
        }
        let inside: InsideFacts
        switch guest.inside {
        case .unknown(let reason): return .unknown(reason)
        case .known(let facts): inside = facts
        }
        switch inside.schedulers {
        case .unknown(let reason): return .unknown(reason)
        case .known(let schedulers):
            // Only names that virtio-blk and Xen's front end give are paravirtual for sure; sdX may be an assigned disk.
            let disks = schedulers.filter { $0.key.hasPrefix("vd") || $0.key.hasPrefix("xvd") }
            if disks.isEmpty { return .notApplicable(Text("no virtio disk is seen inside", "客户机内没有 virtio 磁盘")) }
            var judgement = Judgement()
            for (disk, scheduler) in disks.sorted(by: { $0.key < $1.key })
            where scheduler != "none" && scheduler != "noop" {
                let file = "/sys/block/\(disk)/queue/scheduler"
                judgement.add(
                    Finding(
                        .advice, part: disk,
                        Text(
                            "Inside the guest \(disk) is scheduled by \(scheduler); none leaves it to the host",
                            "客户机内 \(disk) 使用 \(scheduler);none 将调度交给主机"),
                        observed: scheduler, expected: "none",
                        remedy: .byHand(
                            Text("Inside the guest, now and for its next start", "在客户机内执行,立即生效并保留到下次启动"),
                            commands: [
                                "echo none > \(file)",
                                "echo 'ACTION==\"add|change\", KERNEL==\"vd[a-z]*\", ATTR{queue/scheduler}=\"none\"' > /etc/udev/rules.d/60-virtio-scheduler.rules",
                            ], disrupts: .live),
                        evidence: [Evidence("inside: \(file)", scheduler)]))
            }
            return judgement
        }
    }

    var examples: Examples {
        @Sendable func facts(_ schedulers: Fact<[String: String]>) -> Fact<InsideFacts> {
            let reason = Unknown(.notExamined, source: "guest agent")
            return .known(
                InsideFacts(
                    schedulers: schedulers, virtioDrivers: .unknown(reason), rngCurrent: .unknown(reason),
                    rngAvailable: .unknown(reason),
                    kernelRelease: .unknown(reason), services: .unknown(reason)))
        }
        let xml = "<devices/>"
        return Examples(
            fires: .guest(
                "mq-deadline inside", xml, expect: .fires(.advice, observed: "mq-deadline"),
                guest: { $0.inside = facts(.known(["vda": "mq-deadline"])) }),
            .guest(
                "BFQ on one of two", xml, expect: .fires(.advice, observed: "bfq"),
                guest: { $0.inside = facts(.known(["vda": "none", "vdb": "bfq"])) }),
            quiet: .guest("none", xml, expect: .pass, guest: { $0.inside = facts(.known(["vda": "none"])) }),
            .guest(
                "the same in older kernels", xml, expect: .pass, guest: { $0.inside = facts(.known(["vda": "noop"])) }),
            .guest(
                "an sdX is none of virtio-blk's", xml, expect: .notApplicable,
                guest: { $0.inside = facts(.known(["sda": "bfq", "sr0": "mq-deadline"])) }),
            others: [
                .guest("nobody looked inside", xml, expect: .unknown),
                .guest(
                    "the agent did not tell", xml, expect: .unknown,
                    guest: { $0.inside = facts(.unknown(Unknown(.failed("timed out"), source: "guest-exec"))) }),
                .guest("it does not run", xml, expect: .notApplicable, active: false),
                .guest("Windows", "<clock offset='localtime'/>", expect: .notApplicable),
            ])
    }
}
