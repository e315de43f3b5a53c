import Changes
import DomainXML
import Inventory
import Quantities

/// Definitions without arguments that libvirt passes on unread (guide §3.1, §7.6).
struct HypervisorSpecificArguments: GuestPractice {
    var about: About {
        About(
            id: "hypervisor-specific-arguments", section: "3.1", scopes: [.guest], severities: [.advice, .info],
            fixes: [.hand, .xml],
            title: Text("No arguments past libvirt", "避免绕过 libvirt 的参数"),
            why: Text(
                "libvirt hands such arguments on without reading them: it knows nothing of the devices they make, cannot migrate or hot-plug them, assigns addresses they may take too, and gives no support for a domain tainted by them.",
                "libvirt 会原样传递这些参数:它不了解由此产生的设备,无法迁移或热插拔,分配的地址可能冲突,并且不支持因此被标记(tainted)的域。"),
            tradeOff: Text(
                "What no libvirt element can say yet is lost without them; some are there for a good reason.",
                "libvirt 元素尚不能表达的功能会因此失去;部分参数确有充分理由。"),
            guideSays: Text(
                "Devices are added with qemu:commandline, with a virtio balloon as the example.",
                "使用 qemu:commandline 添加设备,示例为 virtio balloon。"),
            today: Text(
                "libvirt gives every guest a balloon by itself: the example makes a second one and taints the domain. For single properties there is qemu:override.",
                "libvirt 会自动为每个客户机添加 balloon:该示例会产生第二个设备并使域被标记。单个属性可用 qemu:override。"),
            sources: [
                "guide §3.1, §7.6", "libvirt docs/kbase/qemu-passthrough-security.rst", "libvirt docs/drvqemu.rst",
            ], domainTypes: [])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        var hasArguments = false
        for element in domain.root.children {
            guard let namespace = element.namespace, namespace.hasPrefix("http://libvirt.org/schemas/domain/") else {
                continue
            }
            switch element.name {
            case "commandline":
                if let finding = commandLine(element, of: guest) {
                    hasArguments = true
                    judgement.add(finding)
                }
            case "override":
                if let finding = override(element) {
                    hasArguments = true
                    judgement.add(finding)
                }
            case "capabilities":
                if let finding = capabilities(element) {
                    hasArguments = true
                    judgement.add(finding)
                }
            default: break
            }
        }
        addTaints(domain, of: guest, hasArguments: hasArguments, to: &judgement)
        return judgement
    }

    // MARK: Arguments

    private func commandLine(_ element: Element, of guest: Guest) -> Finding? {
        let words = element.children.filter { $0.name == "arg" }.compactMap { $0["value"] }
        let environment = element.children.filter { $0.name == "env" }.compactMap { $0["name"] }
        guard !words.isEmpty || !environment.isEmpty else { return nil }
        let options = QEMUArguments(words).options
        var lines: [Text] = []
        var isAllWithReason = true
        var isAllNeedless = true
        for option in options {
            let counsel = Counsel.on(option)
            if case .reason = counsel {} else { isAllWithReason = false }
            if case .needless = counsel {} else { isAllNeedless = false }
            lines.append(counsel.words(for: option.words))
        }
        for name in environment {
            let counsel = Counsel.onEnvironment(name)
            if case .reason = counsel {} else { isAllWithReason = false }
            isAllNeedless = false
            lines.append(counsel.words(for: name))
        }
        let observed = (options.map(\.words) + environment).joined(separator: " ")
        let note = Text(lines.map(\.english).joined(separator: "; "), lines.map(\.chinese).joined(separator: ";"))
        return Finding(
            isAllWithReason ? .info : .advice, part: "commandline",
            Text(
                "\(options.count + environment.count) QEMU arguments go past libvirt: \(observed)",
                "\(options.count + environment.count) 个 QEMU 参数绕过了 libvirt:\(observed)"),
            observed: observed, expected: "no arguments past libvirt",
            remedy: isAllNeedless
                ? .change(
                    DomainChange(guest.name, element.xpath, .remove, from: observed), disrupts: .guestRestart,
                    note: note)
                : .byHand(note, commands: ["virsh edit \(guest.name.shellWord)"], disrupts: .guestRestart),
            evidence: [Evidence(element, observed)])
    }

    private func override(_ element: Element) -> Finding? {
        var properties: [String] = []
        for device in element.children {
            for frontend in device.children {
                for property in frontend.children where property.name == "property" {
                    properties.append(
                        "\(device["alias"] ?? "?").\(property["name"] ?? "?")=\(property["value"] ?? "(removed)")")
                }
            }
        }
        guard !properties.isEmpty else { return nil }
        let observed = properties.joined(separator: " ")
        return Finding(
            .advice, part: "override",
            Text("Device properties are overridden past libvirt: \(observed)", "设备属性绕过 libvirt 被覆盖:\(observed)"),
            observed: observed, expected: "no arguments past libvirt",
            remedy: .byHand(
                Text(
                    "Look whether libvirt's element for the device has the property now; after an update of QEMU check that it still exists",
                    "检查 libvirt 的设备元素现在是否已有该属性;更新 QEMU 后确认它仍存在"), disrupts: .guestRestart),
            evidence: [Evidence(element, observed)])
    }

    private func capabilities(_ element: Element) -> Finding? {
        let names = element.children.compactMap { child in
            child["capability"].map { "\(child.name == "del" ? "-" : "+")\($0)" }
        }
        guard !names.isEmpty else { return nil }
        let observed = names.joined(separator: " ")
        return Finding(
            .advice, part: "capabilities",
            Text(
                "libvirt is told to believe that QEMU has or lacks features: \(observed)",
                "强制 libvirt 认为 QEMU 具有或缺少某些功能:\(observed)"),
            observed: observed, expected: "capabilities as detected",
            remedy: .byHand(
                Text(
                    "Meant for finding faults, one at a time: take it out when done", "仅用于逐项排查故障:完成后请移除"),
                disrupts: .guestRestart),
            evidence: [Evidence(element, observed)])
    }

    // MARK: Taint

    /// What libvirt says of the running domain beyond what the definition shows.
    private func addTaints(
        _ domain: DomainDefinition, of guest: Guest, hasArguments: Bool, to judgement: inout Judgement
    ) {
        // Messages are about the domain that runs; a status file carries its taints along.
        let isLive = guest.live.map { $0.root.document === domain.root.document } ?? false
        var found: [(words: String, evidence: Evidence)] = []
        if let status = domain.root.parent, status.name == "domstatus" {
            for element in status.all("taint") {
                if let flag = element["flag"] { found.append((flag, Evidence(element, flag))) }
            }
        }
        if isLive {
            switch guest.messages {
            case .known(let messages):
                for message in messages where message.hasPrefix("tainted: ") {
                    found.append((String(message.dropFirst(9)), Evidence("virDomainGetMessages", message)))
                }
            case .unknown(let reason):
                if reason.cause != .notExamined { judgement.add(reason) }
            }
        }
        for (words, evidence) in found {
            guard let taint = Self.taints.first(where: { words == $0.flag || words.hasPrefix($0.words) }) else {
                continue
            }
            if hasArguments, taint.flag == "custom-argv" || taint.flag == "custom-device" { continue }
            judgement.add(
                Finding(
                    .advice, part: taint.flag,
                    Text(
                        "libvirt reports the domain as tainted: \(words). \(taint.meaning.english)",
                        "libvirt 报告此域被标记:\(words)。\(taint.meaning.chinese)"),
                    observed: words, expected: "not tainted",
                    remedy: .byHand(
                        Text(
                            "The mark goes with the next start, if nothing does it again",
                            "若不再发生,该标记在下次启动时消失"), disrupts: .guestRestart),
                    evidence: [evidence]))
        }
    }

    /// Taints that say that something changed behind libvirt's back.
    ///
    /// Host CPU passthrough, elevated privileges and the like are choices that libvirt
    /// does know of.
    private static let taints: [(flag: String, words: String, meaning: Text)] = [
        ("custom-argv", "custom configuration parameters", Text("Arguments were passed on unread.", "参数被原样传递。")),
        ("custom-device", "custom device configuration", Text("Properties of a device are overridden.", "设备属性被覆盖。")),
        (
            "custom-monitor", "custom monitor control commands",
            Text(
                "Somebody used virsh qemu-monitor-command: the running machine may differ from its definition.",
                "有人使用了 virsh qemu-monitor-command:运行中的机器可能与定义不同。")
        ),
        (
            "custom-ga-command", "custom guest agent control commands",
            Text("Somebody used virsh qemu-agent-command.", "有人使用了 virsh qemu-agent-command。")
        ),
        (
            "external-launch", "managing externally launched",
            Text("libvirt did not start this QEMU.", "该 QEMU 并非由 libvirt 启动。")
        ),
        (
            "hook-script", "configuration potentially modified by hook",
            Text(
                "A hook below /etc/libvirt/hooks rewrote the definition while it migrated.",
                "迁移时 /etc/libvirt/hooks 下的钩子脚本改写了定义。")
        ),
        (
            "custom-hypervisor-feature", "hypervisor feature autodetection",
            Text("libvirt was told which features QEMU has.", "QEMU 功能由人工指定。")
        ),
        (
            "custom-dtb", "custom device tree blob",
            Text("The machine is described by a file of its own.", "机器由自定义设备树描述。")
        ),
        (
            "shell-scripts", "network configuration using opaque shell",
            Text("A script sets the interface up; libvirt does not see what it does.", "网络接口由脚本设置,libvirt 不了解其行为。")
        ),
    ]

    var examples: Examples {
        let namespace = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
        return Examples(
            fires: .guest(
                "the guide's balloon",
                "<domain type='kvm' \(namespace)><name>b</name><qemu:commandline><qemu:arg value='-device'/><qemu:arg value='virtio-balloon-pci,id=balloon0'/></qemu:commandline></domain>",
                expect: .fires(.advice, observed: "-device virtio-balloon-pci,id=balloon0")),
            .guest(
                "invtsc as older libvirt needed it",
                "<domain type='kvm' \(namespace)><name>t</name><qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host,migratable=off,+invtsc'/></qemu:commandline></domain>",
                expect: .fires(.advice)),
            .guest(
                "a local window: libvirt has nothing for it",
                "<domain type='kvm' \(namespace)><name>g</name><qemu:commandline><qemu:arg value='-display'/><qemu:arg value='gtk,gl=on'/><qemu:env name='DISPLAY' value=':0'/></qemu:commandline></domain>",
                expect: .fires(.info)),
            .guest(
                "a property overridden",
                "<domain type='kvm' \(namespace)><name>o</name><qemu:override><qemu:device alias='ua-disk'><qemu:frontend><qemu:property name='x-prop' type='bool' value='true'/></qemu:frontend></qemu:device></qemu:override></domain>",
                expect: .fires(.advice, observed: "ua-disk.x-prop=true")),
            .guest(
                "commands through the monitor", "<devices/>",
                expect: .fires(.advice, observed: "custom monitor control commands issued")
            ) {
                $0.messages = .known(["tainted: custom monitor control commands issued"])
            },
            quiet: .guest("nothing but libvirt", "<devices/>", expect: .pass),
            .guest("host CPU passthrough is no such thing", "<cpu mode='host-passthrough'/>", expect: .pass) {
                $0.messages = .known([
                    "tainted: potentially unsafe use of host CPU passthrough",
                    "deprecated configuration: machine type 'pc-i440fx-2.11'",
                ])
            },
            .guest(
                "an empty command line", "<domain type='kvm' \(namespace)><name>e</name><qemu:commandline/></domain>",
                expect: .pass),
            .guest(
                "the same words in another namespace",
                "<domain type='kvm' xmlns:x='http://example.com/x'><name>n</name><x:commandline><x:arg value='-s'/></x:commandline></domain>",
                expect: .pass),
            others: [
                .guest("libvirt would not say", "<devices/>", expect: .unknown) {
                    $0.messages = .unknown(Unknown(.failed("no connection"), source: "virDomainGetMessages"))
                }
            ])
    }
}

extension Example {
    /// An example about a guest that is altered, on the example host.
    fileprivate static func guest(
        _ title: String, _ xml: String, expect: Expectation, line: Int = #line,
        _ alter: @escaping @Sendable (inout Guest) -> Void
    ) -> Example {
        .guest(title, xml, expect: expect, line: line, guest: alter)
    }
}
