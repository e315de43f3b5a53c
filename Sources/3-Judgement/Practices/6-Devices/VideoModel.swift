import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// A video card that is still maintained (guide §6.2, which recommends cirrus).
struct VideoModel: GuestPractice {
    var about: About {
        About(
            id: "video-model", section: "6.2", scopes: [.guest], severities: [.advice, .info], fixes: [.xml],
            title: Text("Video card", "显卡型号"),
            why: Text(
                "cirrus is a card of 1993 with 4 MiB of memory, few modes and a long list of security bugs; guests no longer carry good drivers for it.",
                "cirrus 是 1993 年的显卡,仅 4 MiB 显存、模式少且漏洞多;如今的客户机已没有良好的驱动。"),
            tradeOff: Text(
                "Systems from before 2005 may only know cirrus; a changed card makes Windows detect hardware anew.",
                "2005 年之前的系统可能只支持 cirrus;更换显卡会使 Windows 重新检测硬件。"),
            guideSays: Text("cirrus, for 16-bit colour, compatibility and speed.", "为 16 位色、兼容性和性能推荐 cirrus。"),
            today: Text(
                "virtio or vga; bochs with UEFI; none for servers. QEMU itself left cirrus as its default in 2.2, libvirt on x86 did not. `vram` of cirrus is ignored.",
                "应使用 virtio 或 vga,UEFI 可用 bochs,服务器可不配显卡。QEMU 自 2.2 起不再默认 cirrus,而 libvirt 在 x86 上仍默认。cirrus 的 `vram` 会被忽略。"
            ),
            sources: [
                "guide §6.2", "QEMU 2.2 release notes", "kernel CONFIG_DRM_CIRRUS_QEMU help",
                "libvirt qemuDomainDefaultVideoDevice",
            ],
            holdsForConfidential: false)
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let videos = domain.videos
        let graphics = domain.graphics
        let defaultModel: String
        switch Self.defaultModel(domain, estate) {
        case .known(let model): defaultModel = model
        case .unknown(let reason):
            // libvirt's choice matters only where nothing is written.
            let hasScreen = graphics.contains { $0.type != "egl-headless" }
            if videos.isEmpty ? hasScreen : videos.contains(where: { $0.model == nil }) { return .unknown(reason) }
            defaultModel = "none"
        }
        if videos.isEmpty {
            // libvirt adds a card of its own where there is a screen to show it on.
            guard let screen = graphics.first(where: { $0.type != "egl-headless" }) else {
                return .notApplicable(Text("it has no video card", "没有显卡"))
            }
            guard defaultModel == "cirrus" else { return .pass }
            return .finding(obsolete("cirrus", isDefault: true, screen.element, "/domain/devices", domain, guest))
        }
        var judgement = Judgement()
        for video in videos {
            let model = video.model ?? defaultModel
            switch model {
            case "cirrus", "vmvga", "xen", "vbox", "gop":
                judgement.add(
                    obsolete(model, isDefault: video.model == nil, video.element, video.element.xpath, domain, guest))
            case "qxl" where !graphics.contains { $0.type == "spice" }:
                judgement.add(
                    Finding(
                        .advice, part: "qxl",
                        Text("qxl serves Spice, and the guest has no Spice screen", "qxl 专用于 Spice,而客户机没有 Spice 显示"),
                        observed: "qxl",
                        expected: Self.better(domain),
                        remedy: remedy(video.element, video.element.xpath, domain, guest),
                        evidence: [Evidence(video.element, "qxl")]))
            default: break
            }
        }
        return judgement
    }

    /// The model libvirt takes where none is written.
    ///
    /// - Source: libvirt src/qemu/qemu_domain.c `qemuDomainDefaultVideoDevice`.
    private static func defaultModel(_ domain: DomainDefinition, _ estate: Estate) -> Fact<String> {
        domain.isX86(onHost: estate.host.kernel.architecture).map { isX86 in
            isX86 ? "cirrus" : domain.machineType?.family == .pseries ? "vga" : "virtio"
        }
    }

    private static func better(_ domain: DomainDefinition) -> String {
        if domain.isWindows { return domain.isUEFI ? "bochs" : "vga" }
        return "virtio"
    }

    private func obsolete(
        _ model: String, isDefault: Bool, _ element: Element, _ xpath: String, _ domain: DomainDefinition,
        _ guest: Guest
    ) -> Finding {
        let what =
            isDefault
            ? Text(
                "no video model is written, and libvirt's default here is \(model)", "未指定显卡型号,libvirt 在此默认使用 \(model)")
            : Text("the video card is \(model), which is obsolete", "显卡为已过时的 \(model)")
        return Finding(
            .advice, part: isDefault ? "video" : model, what,
            observed: isDefault ? "\(model) (libvirt's default)" : model,
            expected: Self.better(domain), remedy: remedy(element, xpath, domain, guest),
            evidence: [Evidence(element, isDefault ? "no model" : model)])
    }

    private func remedy(_ element: Element, _ xpath: String, _ domain: DomainDefinition, _ guest: Guest) -> Remedy {
        let model = Self.better(domain)
        let note =
            domain.isWindows
            ? Text("Windows detects a new card at its next start; take a snapshot first.", "Windows 下次启动会检测到新显卡,请先做快照。")
            : Text(
                "A server that nobody looks at needs none: <model type='none'/> and no graphics.",
                "无人查看屏幕的服务器可不配显卡:<model type='none'/> 且不配图形。")
        if element.name == "video" {
            // The old card's memory sizes and PCI address say nothing of the new one's memory; libvirt fills them in again.
            let fragment = "<model type='\(model)' heads='1' primary='yes'/>"
            var changes: [any Change] = []
            if let old = element.first("model") {
                changes.append(DomainChange(guest.name, old.xpath, .remove, from: old["type"]))
            }
            changes.append(DomainChange(guest.name, xpath, .insert(fragment)))
            return .changes(changes, disrupts: .guestRestart, note: note)
        }
        return .change(
            DomainChange(guest.name, xpath, .insert("<video><model type='\(model)'/></video>")),
            disrupts: .guestRestart, note: note)
    }

    var examples: Examples {
        func video(_ model: String, _ more: String = "<graphics type='vnc'/>") -> String {
            "<devices>\(more)<video><model type='\(model)'/></video></devices>"
        }
        return Examples(
            fires: .guest("the guide's cirrus", video("cirrus"), expect: .fires(.advice, observed: "cirrus")),
            .guest(
                "a screen and no card: libvirt adds cirrus", "<devices><graphics type='vnc'/></devices>",
                expect: .fires(.advice, observed: "cirrus (libvirt's default)")),
            .guest("qxl without Spice", video("qxl"), expect: .fires(.advice, observed: "qxl")),
            .guest("vmvga", video("vmvga"), expect: .fires(.advice, observed: "vmvga")),
            quiet: .guest("virtio", video("virtio"), expect: .pass),
            .guest("qxl with Spice", video("qxl", "<graphics type='spice' autoport='yes'/>"), expect: .pass),
            .guest("bochs", video("bochs"), expect: .pass), .guest("none", video("none", ""), expect: .pass),
            .guest("no screen, no card", "<devices/>", expect: .notApplicable),
            .guest(
                "libvirt's default on Arm is virtio",
                "<domain type='kvm'><name>a</name><os><type arch='aarch64' machine='virt-8.2'>hvm</type></os><devices><graphics type='vnc'/><video/></devices></domain>",
                expect: .pass),
            others: [
                .guest("a container", "<domain type='lxc'><name>c</name></domain>", expect: .notApplicable)
            ])
    }
}
