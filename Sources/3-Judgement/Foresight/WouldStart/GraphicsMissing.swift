import DomainXML
import HostFacts
import Inventory
import Quantities

/// A screen of a kind that the host's QEMU does not have, or that cannot listen where it is told to.
struct GraphicsMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let screens = guest.domain.graphics
        guard !screens.isEmpty else { return }
        offered(guest, screens, host, &answer)
        for screen in screens where screen.type == "spice" { address(guest, screen, host, &answer) }
    }

    private func offered(
        _ guest: Candidate, _ screens: [GraphicsDevice], _ host: BootedHost, _ answer: inout StartAnswer
    ) {
        let known = host.estate.capabilities.value?.graphicsTypes
        for screen in screens where ["vnc", "spice", "sdl", "egl-headless", "dbus", "rdp"].contains(screen.type) {
            if let known {
                guard !known.contains(screen.type) else { continue }
                answer.add(
                    missing(
                        guest, screen,
                        ForesightEvidence("domain capabilities: graphics", known.sorted().joined(separator: ", "))))
            } else if screen.type == "spice",
                let release = host.facts.system.distribution.value.flatMap(ReleaseData.release(of:)),
                !release.offersSpice
            {
                answer.add(missing(guest, screen, ForesightEvidence("/etc/os-release", release.name)))
            } else if screen.type != "vnc" {
                answer.unknown(
                    host.estate.capabilities.reason
                        ?? Unknown(.notExamined, source: "domain capabilities", remedy: Guest.connect))
            }
        }
    }

    private func missing(_ guest: Candidate, _ screen: GraphicsDevice, _ evidence: ForesightEvidence) -> StartObstacle {
        StartObstacle(
            .graphics, part: screen.type,
            Text("the host's QEMU has no \(screen.type) graphics", "主机的 QEMU 不支持 \(screen.type) 图形"),
            evidence: [guest.evidence(screen.element, screen.type), evidence],
            remedy: Text("Convert it to VNC.", "转换为 VNC。"),
            commands: screen.type == "spice"
                ? ["virt-xml \(guest.name.shellWord) --edit --convert-to-vnc"] : [guest.editCommand])
    }

    private func address(_ guest: Candidate, _ screen: GraphicsDevice, _ host: BootedHost, _ answer: inout StartAnswer)
    {
        for listen in screen.listens {
            guard case .address(let written) = listen else { continue }
            let configuration = host.facts.libvirt.qemuConf
            if written == nil, let reason = configuration.reason, reason.cause != .missing {
                answer.unknown(reason)
                continue
            }
            let address = written ?? configuration.value?["spice_listen"] ?? "127.0.0.1"
            let parts = address.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { continue }
            switch host.facts.network.ipv4Addresses {
            case .unknown(let reason): answer.unknown(reason)
            case .known(let addresses):
                guard addresses.isEmpty else { continue }
                answer.add(
                    StartObstacle(
                        .listenAddress, part: "spice",
                        Text(
                            "Spice is to listen on \(address), and no interface but lo has an IPv4 address",
                            "Spice 要侦听 \(address),但除 lo 外没有接口具有 IPv4 地址"),
                        evidence: [
                            guest.evidence(screen.element, written ?? "no address"),
                            ForesightEvidence("/proc/net/fib_trie", "no IPv4 address"),
                        ],
                        remedy: Text("Listen on ::1.", "改为侦听 ::1。"),
                        commands: written == nil
                            ? ["# /etc/libvirt/qemu.conf: spice_listen = \"::1\""] : [guest.editCommand]))
            }
        }
    }
}
