import DomainXML
import JSONText

extension NativeDraft {
    /// Screens.
    func takeDisplay(_ option: QEMUOption) throws(JSONError) -> Bool {
        let value = option.value ?? ""
        switch option.name {
        case "nographic":
            isHeadless = true
            devices.append(NewElement("serial", ["type": "pty"]))
            leave("-nographic: the serial port becomes a pty (virsh console)", .libvirtDoes)
        case "vnc": try takeVNC(option)
        case "spice": try takeSpice(option)
        case "display":
            let keys = try QEMUKeys(value)
            switch keys.head {
            case "none": isHeadless = true
            case "vnc":
                hasGraphics = true
                devices.append(NewElement("graphics", ["type": "vnc", "port": "-1", "autoport": "yes"]))
            case "egl-headless": devices.append(NewElement("graphics", ["type": "egl-headless"]))
            default:
                hasGraphics = true
                leave("\(option.words): a window becomes VNC (virt-viewer)", .libvirtDoes)
                devices.append(NewElement("graphics", ["type": "vnc", "port": "-1", "autoport": "yes"]))
            }
        case "sdl", "curses":
            hasGraphics = true
            devices.append(NewElement("graphics", ["type": "vnc", "port": "-1", "autoport": "yes"]))
            leave("-\(option.name): a window becomes VNC (virt-viewer)", .libvirtDoes)
        case "vga": setVGA(value)
        case "k":
            keymap = value
            for index in devices.indices where devices[index].name == "graphics" {
                devices[index].attributes.append(.init(name: "keymap", value: value))
            }
        case "full-screen", "no-quit", "alt-grab", "ctrl-grab": leave(option.words, .libvirtDoes)
        default: return false
        }
        return true
    }

    private func setVGA(_ name: String) {
        switch name {
        case "none": video = NewElement("model", ["type": "none"])
        case "std": video = NewElement("model", ["type": "vga"])
        case "cirrus", "vmware", "qxl", "virtio":
            video = NewElement("model", ["type": name == "vmware" ? "vmvga" : name])
        default: leave("-vga \(name)", .notExpressible)
        }
    }

    private func graphics(_ type: String, _ attributes: [(String, String?)]) {
        hasGraphics = true
        var element = NewElement("graphics", ["type": type])
        for (name, value) in attributes { if let value { element.attributes.append(.init(name: name, value: value)) } }
        if let keymap { element.attributes.append(.init(name: "keymap", value: keymap)) }
        devices.append(element)
    }

    private func takeVNC(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "")
        if keys.flag("password") == true {
            leave("-vnc …,password=on: its password is not on the command line", .notExpressible)
        }
        keys.ignore("audiodev", "share", "to", "websocket")
        if keys.head == "none" { return }
        if keys.head.hasPrefix("unix:") {
            hasGraphics = true
            devices.append(NewElement("graphics", ["type": "vnc", "socket": path(String(keys.head.dropFirst(5)))]))
        } else if let colon = keys.head.lastIndex(of: ":"),
            let number = UInt64(keys.head[keys.head.index(after: colon)...]), number < 59_636
        {
            let host = String(keys.head[..<colon])
            graphics(
                "vnc", [("port", String(5900 + number)), ("autoport", "no"), ("listen", host.isEmpty ? nil : host)])
        } else {
            leave(option.words, .malformed)
        }
        leave(keys, of: option)
    }

    private func takeSpice(_ option: QEMUOption) throws(JSONError) {
        let keys = try QEMUKeys(option.value ?? "", head: [])
        let port = keys.take("port")
        let tls = keys.take("tls-port")
        if keys.take("password", "password-secret") != nil {
            leave("-spice …,password: set it with passwd=", .notExpressible)
        }
        keys.ignore(
            "disable-ticketing", "seamless-migration", "image-compression", "streaming-video", "agent-mouse",
            "plaintext-channel", "x509-dir", "unix", "gl", "rendernode")
        if keys.peek("addr")?.hasPrefix("/") == true, let socket = keys.take("addr") {
            hasGraphics = true
            devices.append(
                NewElement("graphics", ["type": "spice"], [NewElement("listen", ["type": "socket", "socket": socket])]))
            return leave(keys, of: option)
        }
        graphics(
            "spice",
            [
                ("port", port), ("tlsPort", tls), ("autoport", port == nil && tls == nil ? "yes" : "no"),
                ("listen", keys.take("addr")),
            ])
        leave(keys, of: option)
    }
}
