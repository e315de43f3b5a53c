import Changes
import DomainXML
import Inventory
import Quantities

/// No fixed keyboard layout (guide §7.2, which shows how to set one).
struct Keymap: GuestPractice {
    var about: About {
        About(
            id: "keymap", section: "7.2", scopes: [.guest], severities: [.info], fixes: [.xml],
            title: Text("Keyboard layout", "键盘布局"),
            why: Text(
                "With a keymap QEMU guesses which key made a character, and fails where guest, client and keymap differ. Without one clients send the keys themselves.",
                "设置 keymap 后,QEMU 需要由字符反推按键,客户机、客户端与 keymap 不一致时就会出错;不设置时客户端直接发送扫描码。"),
            tradeOff: Text(
                "Very old VNC clients cannot send scan codes: for them a keymap is still the way.",
                "很旧的 VNC 客户端不能发送扫描码,仍需要 keymap。"),
            guideSays: Text("Set a keymap on <graphics>.", "在 <graphics> 中设置 keymap。"),
            today: Text("QEMU's maintainers advise against it.", "QEMU 维护者建议不要设置。"),
            sources: ["guide §7.2", "qemu-devel 2019-05, D. Berrangé on keymaps"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let graphics = domain.graphics
        guard !graphics.isEmpty else { return .notApplicable(Text("it has no screen", "没有图形显示")) }
        var judgement = Judgement()
        for screen in graphics {
            guard let keymap = screen.keymap else { continue }
            judgement.add(
                Finding(
                    .info, part: screen.type,
                    Text(
                        "the keymap \(keymap) is fixed: clients no longer send plain scan codes",
                        "固定了键盘布局 \(keymap):客户端不再发送原始扫描码"),
                    observed: keymap, expected: "absent",
                    remedy: .change(
                        DomainChange(guest.name, screen.element.xpath, .removeAttribute("keymap"), from: keymap),
                        disrupts: .guestRestart,
                        note: Text("Set the layout inside the guest.", "在客户机内设置键盘布局。")),
                    evidence: [Evidence(screen.element, keymap)]))
        }
        return judgement
    }

    var examples: Examples {
        Examples(
            fires: .guest(
                "the guide's example",
                "<devices><graphics type='vnc' port='-1' autoport='yes' keymap='en-us'/></devices>",
                expect: .fires(.info, observed: "en-us")),
            .guest(
                "Spice with one", "<devices><graphics type='spice' keymap='de'/></devices>",
                expect: .fires(.info, observed: "de")),
            quiet: .guest("none", "<devices><graphics type='vnc' autoport='yes'/></devices>", expect: .pass),
            .guest("no screen", "<devices/>", expect: .notApplicable),
            others: [.guest("Xen", "<domain type='xen'><name>x</name></domain>", expect: .notApplicable)])
    }
}
