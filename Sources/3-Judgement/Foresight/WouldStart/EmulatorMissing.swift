import DomainXML
import Inventory
import Quantities

/// The emulator is not there.
struct EmulatorMissing: StartReason {
    func examine(_ guest: Candidate, on host: BootedHost, held: HeldResources, _ answer: inout StartAnswer) {
        let capabilities = host.estate.capabilities.value
        guard let path = guest.domain.emulator, !path.isEmpty else { return }
        if capabilities?.guests.contains(where: { $0.emulator == path }) == true { return }
        switch host.facts.libvirt.emulators {
        case .unknown(let reason): answer.unknown(reason)
        case .known(let emulators):
            if emulators.contains(path) { return }
            guard Self.wouldBeListed(path) else {
                answer.unknown(Unknown(.notExamined, source: path))
                return
            }
            answer.add(
                StartObstacle(
                    .emulator, Text("the emulator \(path) is not there", "模拟器 \(path) 不存在"),
                    evidence: [
                        guest.evidence(guest.domain.devices.first { $0.name == "emulator" }, path),
                        ForesightEvidence(
                            "/usr/bin", emulators.isEmpty ? "no emulator" : emulators.sorted().joined(separator: ", ")),
                    ],
                    remedy: Text(
                        "Install its package, or take the element out: libvirt then chooses.",
                        "安装相应软件包,或删除该元素由 libvirt 选择。"),
                    commands: [guest.editCommand]))
        }
    }

    /// Whether the survey would have seen it: by its folder and its name.
    private static func wouldBeListed(_ path: String) -> Bool {
        for folder in ["/usr/bin/", "/usr/libexec/"] where path.hasPrefix(folder) {
            return path.dropFirst(folder.count).hasPrefix("qemu-system-")
        }
        return false
    }
}
