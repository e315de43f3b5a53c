public import Changes
public import DomainXML

/// The edits that turn a guest with Spice into one with VNC.
///
/// - Source: SUSE "Migrating Spice-based Virtual Machines to VNC"; virt-xml(1) `--convert-to-vnc`.
public enum SpiceConversion {
    /// Edits in an order in which each XPath still holds: what is taken away goes last to first.
    public static func changes(_ domain: DomainDefinition, guest: String) -> [any Change] {
        var edits: [DomainChange] = []
        var removals: [DomainChange] = []
        let hasVNC = domain.graphics.contains { $0.type == "vnc" }
        for screen in domain.graphics where screen.type == "spice" {
            let xpath = screen.element.xpath
            if hasVNC {
                removals.append(DomainChange(guest, xpath, .remove, from: "spice"))
                continue
            }
            edits.append(DomainChange(guest, xpath, .attribute("type", "vnc"), from: "spice"))
            for name in ["tlsPort", "defaultMode"] {
                if let value = screen.element[name] {
                    edits.append(DomainChange(guest, xpath, .removeAttribute(name), from: value))
                }
            }
            // VNC has none of Spice's settings; `listen` and `audio` mean the same to both.
            for child in screen.element.children where !["listen", "audio"].contains(child.name) {
                removals.append(DomainChange(guest, child.xpath, .remove, from: child.name))
            }
        }
        for device in domain.devices {
            switch device.name {
            case "channel", "redirdev", "smartcard":
                if device["type"] == "spicevmc" || device["type"] == "spiceport" {
                    removals.append(DomainChange(guest, device.xpath, .remove, from: device["type"]))
                }
            case "audio":
                if device["type"] == "spice" {
                    edits.append(DomainChange(guest, device.xpath, .attribute("type", "none"), from: "spice"))
                }
            case "video":
                if let model = device.first("model"), model["type"] == "qxl" {
                    for name in ["ram", "vram", "vram64", "vgamem"] {
                        if let value = model[name] {
                            edits.append(DomainChange(guest, model.xpath, .removeAttribute(name), from: value))
                        }
                    }
                    edits.append(DomainChange(guest, model.xpath, .attribute("type", "virtio"), from: "qxl"))
                }
            default: break
            }
        }
        return edits + removals.reversed()
    }
}
