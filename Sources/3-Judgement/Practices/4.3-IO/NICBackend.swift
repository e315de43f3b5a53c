import Changes
import DomainXML
import Inventory
import Quantities

/// virtio network cards served by vhost, with a queue for each vCPU that needs one (beyond the guide).
struct NICBackend: GuestPractice {
    var about: About {
        About(
            id: "nic-backend", section: "4.3.3", scopes: [.guest], severities: [.warning, .advice, .info],
            fixes: [.xml, .hand],
            title: Text("vhost and queues of network cards", "网卡的 vhost 与队列"),
            why: Text(
                "vhost moves packets in the kernel; without it each goes through QEMU's main loop. One queue pair is served by one host thread and one vCPU, however many the guest has.",
                "vhost 在内核中传输数据包;否则每个数据包都要经过 QEMU 主循环。一对队列只由一个主机线程和一个 vCPU 处理,与客户机 vCPU 数量无关。"),
            tradeOff: Text(
                "Each queue takes a vhost thread on the host and interrupts in the guest; for few connections one queue is as fast.",
                "每个队列占用主机上一个 vhost 线程和客户机中断;连接较少时单队列同样快。"),
            guideSays: Text("virtio-net, without its back end or queues.", "仅介绍 virtio-net,未涉及后端和队列。"),
            today: Text(
                "libvirt takes vhost by itself where /dev/vhost-net is; queues= is left at one. Inside, Linux uses all queues since 5.x by itself; before: ethtool -L eth0 combined N.",
                "存在 /dev/vhost-net 时 libvirt 自动使用 vhost;queues 默认为一。客户机内较新的 Linux 会自动使用所有队列;较旧的需 ethtool -L eth0 combined N。"
            ),
            sources: ["guide §4.3.3", "libvirt docs/formatdomain.rst (NIC driver-specific options)"],
            holdsForConfidential: true)
    }

    /// vCPUs from which one queue is too few for a guest that lives by its network.
    static let manyVCPUs = 4
    /// More queues than this bring little, and each takes a thread of the host.
    static let mostQueues = 8

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var judged = 0
        for interface in domain.interfaces {
            guard let model = interface.modelInForce(in: domain), model.hasPrefix("virtio") else { continue }
            judged += 1
            let driver = interface.element.first("driver")
            switch interface.type {
            case "network", "bridge", "direct", "ethernet":
                if interface.backend == "qemu", let driver {
                    judgement.add(
                        Finding(
                            .warning, part: interface.label,
                            Text(
                                "Interface \(interface.label) is told to do without vhost (driver qemu): each packet goes through QEMU",
                                "接口 \(interface.label) 指定不使用 vhost(driver 为 qemu):每个数据包都经过 QEMU"),
                            observed: "driver qemu", expected: "vhost",
                            remedy: .change(
                                DomainChange(guest.name, driver.xpath, .removeAttribute("name"), from: "qemu"),
                                disrupts: .guestRestart),
                            evidence: [Evidence(driver, "name=qemu")]))
                }
                addQueues(interface, driver, domain, of: guest, to: &judgement)
            case "user":
                guard interface.element.first("backend")?["type"] != "passt" else { continue }
                judgement.add(
                    Finding(
                        .info, part: interface.label,
                        Text(
                            "Interface \(interface.label) is user-mode networking: a TCP/IP stack inside QEMU, slow, and nobody outside reaches the guest",
                            "接口 \(interface.label) 为用户模式网络:TCP/IP 协议栈在 QEMU 内,速度慢且外部无法访问客户机"),
                        observed: "user", expected: "network, bridge, or passt",
                        remedy: .byHand(
                            Text(
                                "A libvirt network or a bridge for guests that serve others; without privileges <backend type='passt'/> (libvirt ≥ 9.0) is faster",
                                "对外提供服务的客户机应使用 libvirt 网络或网桥;无特权时 <backend type='passt'/>(libvirt ≥ 9.0)更快"),
                            disrupts: .guestRestart),
                        evidence: [Evidence(interface.element, "type=user")]))
            default: break
            }
        }
        if judged == 0 { return .notApplicable(Text("the guest has no virtio network card", "客户机没有 virtio 网卡")) }
        return judgement
    }

    private func addQueues(
        _ interface: Interface, _ driver: Element?, _ domain: DomainDefinition, of guest: Guest,
        to judgement: inout Judgement
    ) {
        let queues = interface.queues ?? 1
        let isNetworkBound = guest.workload == .web || guest.workload == .latency || guest.workload == .storage
        let wanted = min(domain.vcpus, Self.mostQueues)
        if queues > domain.vcpus, let driver {
            judgement.add(
                Finding(
                    .info, part: interface.label,
                    Text(
                        "Interface \(interface.label) has \(queues) queues for \(domain.vcpus) vCPUs: those beyond are never used",
                        "接口 \(interface.label) 有 \(queues) 个队列,而 vCPU 仅 \(domain.vcpus) 个:多出的队列不会使用"),
                    observed: "\(queues) queues", expected: "≤ \(domain.vcpus) queues",
                    remedy: .change(
                        DomainChange(
                            guest.name, driver.xpath, .attribute("queues", String(wanted)), from: String(queues)),
                        disrupts: .guestRestart),
                    evidence: [Evidence(driver, "queues=\(queues)")]))
        } else if isNetworkBound, domain.vcpus >= Self.manyVCPUs, queues == 1 {
            let change =
                driver.map {
                    DomainChange(guest.name, $0.xpath, .attribute("queues", String(wanted)), from: $0["queues"])
                }
                ?? DomainChange(
                    guest.name, interface.element.xpath, .insert("<driver name='vhost' queues='\(wanted)'/>"))
            judgement.add(
                Finding(
                    .advice, part: interface.label,
                    Text(
                        "Interface \(interface.label) has one queue for \(domain.vcpus) vCPUs (workload \(guest.workload.rawValue))",
                        "接口 \(interface.label) 仅一个队列,而客户机有 \(domain.vcpus) 个 vCPU(工作负载 \(guest.workload.rawValue))"),
                    observed: "1 queue", expected: "\(wanted) queues",
                    remedy: .change(change, disrupts: .guestRestart),
                    evidence: [
                        Evidence(
                            driver ?? interface.element, "queues=\(interface.queues.map(String.init) ?? "default")")
                    ]))
        }
    }

    var examples: Examples {
        @Sendable func nic(_ driver: String, type: String = "network", vcpus: Int = 4, model: String = "virtio")
            -> String
        {
            "<vcpu>\(vcpus)</vcpu><devices><interface type='\(type)'><source network='default'/><model type='\(model)'/>\(driver)</interface></devices>"
        }
        return Examples(
            fires: .guest(
                "vhost is switched off", nic("<driver name='qemu'/>"), expect: .fires(.warning, observed: "driver qemu")
            ),
            .guest(
                "a web server with one queue", nic("", vcpus: 8), expect: .fires(.advice, observed: "1 queue"),
                workload: .web),
            .guest("more queues than vCPUs", nic("<driver queues='8'/>"), expect: .fires(.info, observed: "8 queues")),
            .guest("user-mode networking", nic("", type: "user"), expect: .fires(.info, observed: "user")),
            quiet: .guest("libvirt's choice", nic(""), expect: .pass),
            .guest("a queue for each vCPU", nic("<driver name='vhost' queues='4'/>"), expect: .pass, workload: .web),
            .guest("three vCPUs do with one", nic("", vcpus: 3), expect: .pass, workload: .web),
            .guest("passt", nic("<backend type='passt'/>", type: "user"), expect: .pass),
            others: [
                .guest("an emulated card has neither", nic("", model: "e1000e"), expect: .notApplicable)
            ])
    }
}
