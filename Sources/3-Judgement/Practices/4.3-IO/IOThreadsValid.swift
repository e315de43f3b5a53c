import Changes
import DomainXML
import Inventory
import Quantities

/// I/O threads that exist, on buses that take them, and that serve something (beyond the guide).
struct IOThreadsValid: GuestPractice {
    var about: About {
        About(
            id: "iothreads-valid", section: "4.3.2", scopes: [.guest], severities: [.error, .info], fixes: [.xml],
            title: Text("I/O threads are defined and used", "I/O 线程已定义且被使用"),
            why: Text(
                "A disk that names an I/O thread which is not defined, or on a bus that takes none, keeps the guest from being defined or started; a thread that serves nothing was meant for some disk.",
                "磁盘若引用未定义的 I/O 线程,或位于不支持的总线上,客户机将无法定义或启动;没有服务对象的线程本应服务某个磁盘。"),
            tradeOff: Text("Each thread wants CPU time beside the vCPUs.", "每个线程都需要 vCPU 之外的 CPU 时间。"),
            guideSays: Text("Nothing: I/O threads are not named.", "未提及 I/O 线程。"),
            today: Text(
                "virtio-blk disks and virtio-scsi controllers take I/O threads; several for one disk since libvirt 10.0 and QEMU 9.0.",
                "virtio-blk 磁盘和 virtio-scsi 控制器支持 I/O 线程;libvirt 10.0 和 QEMU 9.0 起一个磁盘可用多个。"),
            sources: ["libvirt docs/formatdomain.rst (IOThreads allocation, disk driver)"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let defined = domain.ioThreadIDs
        var users: [(label: String, threads: [Int], element: Element, refusal: String?)] = []
        for disk in domain.disks where !disk.iothreads.isEmpty {
            let bus = disk.busInForce
            users.append((disk.label, disk.iothreads, disk.element, bus == "virtio" ? nil : "bus \(bus)"))
        }
        for controller in domain.controllers where controller.type == "scsi" && !controller.iothreads.isEmpty {
            let model = domain.scsiModel(ofController: controller.index ?? 0)
            users.append(
                (
                    "scsi controller \(controller.index ?? 0)", controller.iothreads, controller.element,
                    model.hasPrefix("virtio") ? nil : "model \(model)"
                ))
        }
        if defined.isEmpty, users.isEmpty {
            return .notApplicable(Text("the guest has no I/O threads", "客户机没有 I/O 线程"))
        }
        var judgement = Judgement()
        var used = Set<Int>()
        for user in users {
            used.formUnion(user.threads)
            if let refusal = user.refusal {
                judgement.add(
                    Finding(
                        .error, part: user.label,
                        Text(
                            "\(user.label) names an I/O thread, and its \(refusal) takes none: libvirt refuses it",
                            "\(user.label) 指定了 I/O 线程,但其 \(refusal) 不支持:libvirt 会拒绝"),
                        observed: refusal, expected: "virtio",
                        remedy: .change(
                            DomainChange(
                                guest.name, (user.element.first("driver") ?? user.element).xpath,
                                .removeAttribute("iothread"), from: user.threads.first.map(String.init)),
                            disrupts: .guestRestart,
                            note: Text(
                                "For a SCSI disk the thread belongs to its virtio-scsi controller",
                                "SCSI 磁盘的线程属于其 virtio-scsi 控制器")),
                        evidence: [Evidence(user.element.first("driver") ?? user.element, refusal)]))
            }
            for thread in user.threads.sorted() where !defined.contains(thread) {
                let counted = domain.root.first("iothreads")
                let change =
                    domain.root.first("iothreadids").map {
                        DomainChange(guest.name, $0.xpath, .insert("<iothread id='\(thread)'/>"))
                    }
                    ?? counted.map { DomainChange(guest.name, $0.xpath, .text(String(thread)), from: $0.text) }
                    ?? DomainChange(guest.name, "/domain", .insert("<iothreads>\(thread)</iothreads>"))
                judgement.add(
                    Finding(
                        .error, part: user.label,
                        Text(
                            "\(user.label) is served by I/O thread \(thread), which is not defined (\(defined.count) are): libvirt refuses it",
                            "\(user.label) 由 I/O 线程 \(thread) 服务,但该线程未定义(已定义 \(defined.count) 个):libvirt 会拒绝"),
                        observed: "I/O thread \(thread)",
                        expected: defined.isEmpty
                            ? "a defined I/O thread"
                            : "one of \(defined.sorted().prefix(16).map(String.init).joined(separator: ", "))",
                        remedy: .change(change, disrupts: .guestRestart),
                        evidence: [Evidence(user.element.first("driver") ?? user.element, "iothread=\(thread)")]))
            }
        }
        let idle = defined.subtracting(used)
        if !idle.isEmpty {
            let element = domain.root.first("iothreads") ?? domain.root.first("iothreadids") ?? domain.root
            judgement.add(
                Finding(
                    .info, part: nil,
                    Text(
                        "\(idle.count) of \(defined.count) I/O threads serve no disk and no controller",
                        "\(defined.count) 个 I/O 线程中有 \(idle.count) 个未服务任何磁盘或控制器"),
                    observed: "\(idle.count) idle I/O threads", expected: "0 idle I/O threads",
                    remedy: .byHand(
                        Text(
                            "Name one in the driver of a busy virtio disk (iothread='\(idle.sorted()[0])'), or take it out",
                            "在繁忙的 virtio 磁盘的 driver 中指定(iothread='\(idle.sorted()[0])'),或将其移除"),
                        commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart),
                    evidence: [Evidence(element, "\(defined.count) I/O threads")]))
        }
        return judgement
    }

    var examples: Examples {
        @Sendable func disk(_ driver: String, bus: String = "virtio", target: String = "vda") -> String {
            "<devices><disk type='file'><driver name='qemu' type='raw'\(driver)<source file='/a'/><target dev='\(target)' bus='\(bus)'/></disk></devices>"
        }
        return Examples(
            fires: .guest(
                "a second thread, and one is defined", "<iothreads>1</iothreads>" + disk(" iothread='2'/>"),
                expect: .fires(.error, observed: "I/O thread 2")),
            .guest("none is defined", disk(" iothread='1'/>"), expect: .fires(.error, observed: "I/O thread 1")),
            .guest(
                "SATA takes none", "<iothreads>1</iothreads>" + disk(" iothread='1'/>", bus: "sata", target: "sda"),
                expect: .fires(.error, observed: "bus sata")),
            .guest(
                "one that serves nothing", "<iothreads>2</iothreads>" + disk(" iothread='1'/>"),
                expect: .fires(.info, observed: "1 idle I/O threads")),
            .guest(
                "one of several is missing",
                "<iothreads>2</iothreads>"
                    + disk("><iothreads><iothread id='1'/><iothread id='2'/><iothread id='3'/></iothreads></driver>"),
                expect: .fires(.error, observed: "I/O thread 3")),
            quiet: .guest("defined and used", "<iothreads>1</iothreads>" + disk(" iothread='1'/>"), expect: .pass),
            .guest(
                "an id of its own",
                "<iothreads>1</iothreads><iothreadids><iothread id='7'/></iothreadids>" + disk(" iothread='7'/>"),
                expect: .pass),
            .guest(
                "a controller's",
                "<iothreads>1</iothreads><devices><controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller></devices>",
                expect: .pass),
            others: [.guest("no threads at all", "<devices/>", expect: .notApplicable)])
    }
}
