import DomainXML
import Inventory
import Quantities

/// Screens the target does not have: Spice with all that belongs to it, and others.
struct GraphicsReadiness: ReadinessAspect {
    func guest(
        _ guest: Guest, _ domain: DomainDefinition, _ estate: Estate, _ target: ReadinessTarget,
        _ answer: inout ReadinessAnswer
    ) {
        guard domain.isQEMUs else { return }
        let offersSpice: Bool
        if let release = target.release {
            offersSpice = release.offersSpice
        } else {
            guard let offered = target.capabilities?.graphicsTypes else {
                if domain.graphics.contains(where: { $0.type != "vnc" }) {
                    answer.unknown(
                        Unknown(
                            .notExamined, source: "graphics of \(target.name)",
                            remedy: Text("Give its virsh domcapabilities", "提供其 virsh domcapabilities 输出")))
                }
                return
            }
            offersSpice = offered.contains("spice")
            for screen in domain.graphics
            where screen.type != "spice" && screen.type != "desktop" && !offered.contains(screen.type) {
                answer.add(
                    ReadinessFinding(
                        .graphics, .error, part: screen.type,
                        Text("\(target.name) has no \(screen.type) graphics", "\(target.name) 不支持 \(screen.type) 图形"),
                        evidence: [
                            ForesightEvidence(screen.element, screen.type),
                            ForesightEvidence(target.name, offered.sorted().joined(separator: ", ")),
                        ],
                        remedy: Text("Take a kind that is offered.", "改用受支持的类型。"),
                        commands: ["virsh edit \(guest.name.shellWord)"]))
            }
        }
        guard !offersSpice else { return }
        let convert = ["virt-xml \(guest.name.shellWord) --edit --convert-to-vnc"]
        func add(_ element: Element, _ what: Text) {
            answer.add(
                ReadinessFinding(
                    .spice, .error, part: DomainDefinition.label(element), what,
                    evidence: [ForesightEvidence(element, element["type"] ?? "spice")],
                    remedy: Text("Convert the guest to VNC; it does all of these at once.", "将客户机转换为 VNC,可一次处理全部相关项。"),
                    commands: convert))
        }
        for device in domain.devices where device.namespace == nil {
            switch device.name {
            case "graphics" where device["type"] == "spice":
                add(
                    device,
                    Text(
                        "\(target.name) has no Spice: the guest does not start there",
                        "\(target.name) 不含 Spice:客户机无法在其上启动"))
            case "video" where device.first("model")?["type"] == "qxl":
                add(device, Text("the qxl card is Spice's, and goes with it", "qxl 显卡属于 Spice,将一并消失"))
            case "channel", "redirdev", "smartcard":
                if device["type"] == "spicevmc" || device["type"] == "spiceport" {
                    add(device, Text("a \(device.name) over Spice", "基于 Spice 的 \(device.name)"))
                }
            case "audio" where device["type"] == "spice": add(device, Text("sound through Spice", "通过 Spice 传输的声音"))
            default: break
            }
        }
    }
}
