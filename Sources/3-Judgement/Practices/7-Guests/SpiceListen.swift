import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Screens that start, and that not everybody can look at (guide §7.3).
struct SpiceListen: GuestPractice {
    var about: About {
        About(
            id: "spice-listen", section: "7.3", scopes: [.guest], severities: [.error, .warning], fixes: [.xml, .file],
            title: Text("Spice and VNC: where they listen", "Spice 与 VNC 的侦听地址"),
            why: Text(
                "Spice that cannot listen, or that the host's QEMU no longer has, keeps the guest from starting; a screen that listens everywhere without password is open to the network.",
                "Spice 无法侦听,或主机 QEMU 已不含 Spice 时,客户机无法启动;在所有地址上侦听且无密码的屏幕对整个网络开放。"),
            tradeOff: Text(
                "VNC has no USB redirection, no sound and (without its own agent) no clipboard; a local address needs a tunnel.",
                "VNC 不支持 USB 重定向和声音,剪贴板需要单独的 agent;仅侦听本地地址时远程访问需要隧道。"),
            guideSays: Text("Listen on ::1 where the host has no IPv4 address.", "主机没有 IPv4 地址时改为侦听 ::1。"),
            today: Text(
                "SLES 16 removed Spice altogether: such guests do not start there and are converted to VNC (virt-xml --convert-to-vnc).",
                "SLES 16 已完全移除 Spice:此类客户机无法在其上启动,需转换为 VNC(virt-xml --convert-to-vnc)。"),
            sources: [
                "guide §7.3", "libvirt docs/formatdomain.rst, Graphical framebuffers", "libvirt qemu.conf",
                "SUSE: Migrating Spice-based Virtual Machines to VNC",
            ])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let screens = domain.graphics.filter { $0.type == "spice" || $0.type == "vnc" }
        guard !screens.isEmpty else { return .notApplicable(Text("it has neither Spice nor VNC", "没有 Spice 或 VNC")) }
        var judgement = Judgement()
        if let spice = screens.first(where: { $0.type == "spice" }) {
            dropped(spice, domain, guest, estate, &judgement)
        }
        for screen in screens {
            if screen.type == "spice" { address(screen, guest, estate, &judgement) }
            openness(screen, guest, estate, &judgement)
        }
        return judgement
    }

    // MARK: Spice is gone

    private func dropped(
        _ spice: GraphicsDevice, _ domain: DomainDefinition, _ guest: Guest, _ estate: Estate,
        _ judgement: inout Judgement
    ) {
        func add(_ what: Text, _ evidence: Evidence) {
            var remedy = Remedy.changes(
                SpiceConversion.changes(domain, guest: guest.name), disrupts: .guestRestart,
                note: Text(
                    "Clipboard and USB redirection go with Spice; virt-xml of virt-manager 5 does all of it at once.",
                    "剪贴板与 USB 重定向将随 Spice 一同消失;virt-manager 5 的 virt-xml 可一次完成转换。"))
            remedy.commands = ["virt-xml \(guest.name.shellWord) --edit --convert-to-vnc"]
            judgement.add(
                Finding(
                    .error, part: "spice", what, observed: "spice", expected: "vnc", remedy: remedy,
                    evidence: [Evidence(spice.element, "spice"), evidence]))
        }
        let offered = estate.capabilities.value?.graphicsTypes
        if let offered, !offered.contains("spice") {
            add(
                Text("this host's QEMU has no Spice: the guest does not start", "此主机的 QEMU 不含 Spice:客户机无法启动"),
                Evidence("domain capabilities: graphics", offered.sorted().joined(separator: ", ")))
            return
        }
        if offered == nil, let here = estate.host.system.distribution.value.flatMap(ReleaseData.release(of:)),
            !here.offersSpice
        {
            add(
                Text("\(here.name) has no Spice: the guest does not start", "\(here.name) 不含 Spice:客户机无法启动"),
                Evidence("/etc/os-release", here.name))
            return
        }
        if offered == nil {
            judgement.add(
                estate.capabilities.reason
                    ?? Unknown(.notExamined, source: "domain capabilities", remedy: Guest.connect))
        }
        if let name = estate.settings.migrationRelease, let target = ReleaseData.release(named: name),
            !target.offersSpice
        {
            add(
                Text("the guest is to move to \(target.name), which has no Spice", "客户机将迁移到不含 Spice 的 \(target.name)"),
                Evidence(estate.settings.source ?? "nearmetal.yaml", name))
        }
    }

    // MARK: It cannot listen

    private func address(_ screen: GraphicsDevice, _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        for listen in screen.listens {
            guard case .address(let written) = listen else { continue }
            if written == nil, let reason = Self.unread(estate) {
                judgement.add(reason)
                continue
            }
            let address = written ?? estate.host.libvirt.qemuConf.value?["spice_listen"] ?? "127.0.0.1"
            guard Self.isIPv4(address) else { continue }
            switch estate.host.network.ipv4Addresses {
            case .unknown(let reason): judgement.add(reason)
            case .known(let addresses) where addresses.isEmpty:
                // The default comes from qemu.conf, and there it is put right for every guest at once.
                let remedy: Remedy =
                    written == nil
                    ? .change(
                        FileChange(
                            "/etc/libvirt/qemu.conf", "spice_listen",
                            from: estate.host.libvirt.qemuConf.value?["spice_listen"], to: "\"::1\""),
                        disrupts: .guestRestart,
                        note: Text(
                            "Restart the daemon: systemctl restart virtqemud (or libvirtd).",
                            "需重启守护进程:systemctl restart virtqemud(或 libvirtd)。"))
                    : .change(
                        DomainChange(
                            guest.name, Self.listenPath(screen), .attribute(Self.listenAttribute(screen), "::1"),
                            from: written),
                        disrupts: .guestRestart)
                judgement.add(
                    Finding(
                        .error, part: "spice",
                        Text(
                            "Spice is to listen on \(address), and no interface but lo has an IPv4 address: it will not start",
                            "Spice 要侦听 \(address),但除 lo 外没有接口具有 IPv4 地址:将无法启动"),
                        observed: written ?? "\(address) (default)", expected: "::1", remedy: remedy,
                        evidence: [
                            Evidence(screen.element, written ?? "no address"),
                            Evidence("/proc/net/fib_trie", "no IPv4 address"),
                        ]))
            case .known: break
            }
        }
    }

    // MARK: Everybody can look

    private func openness(_ screen: GraphicsDevice, _ guest: Guest, _ estate: Estate, _ judgement: inout Judgement) {
        for listen in screen.listens {
            guard case .address(let written) = listen else { continue }
            let configuration = estate.host.libvirt.qemuConf
            if written == nil, let reason = Self.unread(estate) {
                judgement.add(reason)
                continue
            }
            let address = written ?? configuration.value?["\(screen.type)_listen"] ?? "127.0.0.1"
            guard Self.isEverywhere(address) else { continue }
            if screen.hasPassword { continue }
            switch configuration {
            case .known(let settings):
                let type = screen.type
                let isEncrypted = settings["\(type)_tls"] == "1" && (type == "vnc" || Self.isOnlyTLS(screen))
                if isEncrypted || settings["\(type)_sasl"] == "1" || settings["\(type)_password"]?.isEmpty == false {
                    continue
                }
            case .unknown(let reason):
                // The file may close what the definition leaves open; without one libvirt's defaults hold, which do not.
                guard reason.cause == .missing else {
                    judgement.add(reason)
                    continue
                }
            }
            judgement.add(
                Finding(
                    .warning, part: screen.type,
                    Text(
                        "\(screen.type) listens on all addresses (\(address)), without a password or TLS",
                        "\(screen.type) 在所有地址(\(address))上侦听,且没有密码或 TLS"),
                    observed: written ?? "\(address) (qemu.conf)", expected: "127.0.0.1",
                    remedy: written == nil
                        ? .change(
                            FileChange(
                                "/etc/libvirt/qemu.conf", "\(screen.type)_listen", from: address, to: "\"127.0.0.1\""),
                            disrupts: .guestRestart)
                        : .change(
                            DomainChange(
                                guest.name, Self.listenPath(screen),
                                .attribute(Self.listenAttribute(screen), "127.0.0.1"), from: written),
                            disrupts: .guestRestart,
                            note: Text(
                                "virt-viewer tunnels through SSH: virt-viewer -c qemu+ssh://root@HOST/system. For direct access set vnc_tls or a password.",
                                "virt-viewer 可通过 SSH 隧道访问:virt-viewer -c qemu+ssh://root@HOST/system;如需直接访问,请启用 vnc_tls 或密码。"
                            )),
                    evidence: [Evidence(screen.element, written ?? "no address")]))
        }
    }

    /// Why qemu.conf's defaults are not known; a file that is not there leaves libvirt's own.
    private static func unread(_ estate: Estate) -> Unknown? {
        guard let reason = estate.host.libvirt.qemuConf.reason, reason.cause != .missing else { return nil }
        return reason
    }

    /// Whether Spice takes encrypted connections only.
    private static func isOnlyTLS(_ screen: GraphicsDevice) -> Bool {
        screen.defaultMode == "secure" || (screen.tlsPort != nil && screen.port == nil && !screen.isAutoport)
    }

    private static func isEverywhere(_ address: String) -> Bool {
        address == "0.0.0.0" || address == "::" || address == "[::]" || address == "*" || address == "0"
    }

    /// An IPv4 address in figures; names and IPv6 addresses are not.
    private static func isIPv4(_ address: String) -> Bool {
        let parts = address.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func listenPath(_ screen: GraphicsDevice) -> String {
        let child = screen.element.all("listen").first { $0["address"] != nil }
        return (child ?? screen.element).xpath
    }

    private static func listenAttribute(_ screen: GraphicsDevice) -> String {
        screen.element.all("listen").contains { $0["address"] != nil } ? "address" : "listen"
    }

    var examples: Examples {
        @Sendable func graphics(_ xml: String) -> String { "<devices>\(xml)</devices>" }
        let ipv6: @Sendable (inout HostFacts) -> Void = { $0.network.ipv4Addresses = .known([]) }
        let withoutSpice: @Sendable () -> HypervisorCapabilities = {
            var capabilities = HypervisorCapabilities.example
            capabilities.graphicsTypes = ["vnc"]
            return capabilities
        }
        var toSLES16 = Settings()
        toSLES16.migrationRelease = "sles-16"
        return Examples(
            fires: .guest(
                "Spice's default address on a host with IPv6 only", graphics("<graphics type='spice' autoport='yes'/>"),
                expect: .fires(.error, observed: "127.0.0.1 (default)"), host: ipv6),
            .guest(
                "an IPv4 address in <listen>",
                graphics(
                    "<graphics type='spice' autoport='yes' listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics>"
                ),
                expect: .fires(.error, observed: "127.0.0.1"), host: ipv6),
            Example(
                "this host's QEMU has no Spice", expect: .fires(.error, observed: "spice"),
                estate: .example(
                    guests: [.example(graphics("<graphics type='spice' autoport='yes'/>"))],
                    capabilities: .known(withoutSpice()))),
            .guest(
                "on its way to SLES 16", graphics("<graphics type='spice' autoport='yes'/>"), expect: .fires(.error),
                settings: toSLES16),
            .guest(
                "VNC for everybody", graphics("<graphics type='vnc' autoport='yes' listen='0.0.0.0'/>"),
                expect: .fires(.warning, observed: "0.0.0.0")),
            .guest(
                "qemu.conf opens VNC", graphics("<graphics type='vnc' autoport='yes'/>"), expect: .fires(.warning),
                host: { $0.libvirt.qemuConf = .known(["vnc_listen": "0.0.0.0"]) }),
            .guest(
                "an encrypted port beside an open one",
                graphics("<graphics type='spice' port='5900' tlsPort='5901' listen='::'/>"),
                expect: .fires(.warning), host: { $0.libvirt.qemuConf = .known(["spice_tls": "1"]) }),
            quiet: .guest(
                "Spice on a host with IPv4", graphics("<graphics type='spice' autoport='yes'/>"), expect: .pass),
            .guest(
                "Spice on ::1", graphics("<graphics type='spice' autoport='yes' listen='::1'/>"), expect: .pass,
                host: ipv6),
            .guest(
                "qemu.conf says ::1", graphics("<graphics type='spice' autoport='yes'/>"), expect: .pass,
                host: {
                    $0.network.ipv4Addresses = .known([])
                    $0.libvirt.qemuConf = .known(["spice_listen": "::1"])
                }),
            .guest(
                "Spice does not listen", graphics("<graphics type='spice'><listen type='none'/></graphics>"),
                expect: .pass, host: ipv6),
            .guest(
                "VNC on IPv6 only: QEMU copes", graphics("<graphics type='vnc' autoport='yes'/>"), expect: .pass,
                host: ipv6),
            .guest(
                "a password", graphics("<graphics type='vnc' autoport='yes' listen='0.0.0.0' passwd='*****'/>"),
                expect: .pass),
            .guest(
                "VNC with TLS", graphics("<graphics type='vnc' autoport='yes' listen='0.0.0.0'/>"), expect: .pass,
                host: { $0.libvirt.qemuConf = .known(["vnc_tls": "1"]) }),
            .guest(
                "a socket",
                graphics(
                    "<graphics type='vnc' socket='/run/vnc.sock'><listen type='socket' socket='/run/vnc.sock'/></graphics>"
                ),
                expect: .pass),
            .guest("no screen to connect to", graphics("<graphics type='egl-headless'/>"), expect: .notApplicable),
            others: [
                .guest(
                    "the host's addresses are not known", graphics("<graphics type='spice' autoport='yes'/>"),
                    expect: .unknown,
                    host: { $0.network.ipv4Addresses = .unknown(Unknown(.denied, source: "/proc/net/fib_trie")) }),
                .guest(
                    "qemu.conf may not be read", graphics("<graphics type='vnc' listen='0.0.0.0'/>"), expect: .unknown,
                    host: { $0.libvirt.qemuConf = .unknown(Unknown(.denied, source: "/etc/libvirt/qemu.conf")) }),
            ])
    }
}
