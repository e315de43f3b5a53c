import Changes
import HostFacts
import Inventory
import Quantities

/// One virtualization technology per host (guide §6.4).
struct SingleHypervisor: HostPractice {
    var about: About {
        About(
            id: "single-hypervisor", section: "6.4", scopes: [.host], severities: [.warning], fixes: [.hand],
            title: Text("One hypervisor per host", "每台主机仅使用一种虚拟化技术"),
            why: Text(
                "Two hypervisors contend for the CPU's virtualization extensions and for memory, and each brings modules that must be kept secure.",
                "两种虚拟机管理程序会争用 CPU 的虚拟化扩展和内存,并且各自带来需要维护安全的模块。"),
            tradeOff: Text(
                "Guests of the other hypervisor have to be converted or moved to another host.",
                "另一种技术的客户机需要转换或迁移到其他主机。"),
            sources: ["guide §6.4"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        switch host.hypervisor.present {
        case .unknown(let reason): return .unknown(reason)
        case .known(let present):
            if present.isEmpty {
                return .notApplicable(Text("no hypervisor is loaded on this host", "此主机未加载任何虚拟机管理程序"))
            }
            guard present.count > 1 else { return .pass }
            let names = present.map(\.rawValue).sorted()
            // Guests tell which one the host is for.
            let keep = estate.guests.contains { $0.definition?.type == "xen" } && present.contains(.xen) ? "xen" : "kvm"
            let others = names.filter { $0 != keep }
            var commands = ["lsmod | grep -E '^(kvm|vbox|vmmon|xen)'"]
            if others.contains("virtualbox") { commands.append("systemctl disable --now vboxdrv.service") }
            if others.contains("vmware") { commands.append("systemctl disable --now vmware.service") }
            if others.contains("kvm") { commands.append("modprobe -r kvm_intel kvm_amd kvm") }
            if others.contains("xen") {
                commands.append(
                    "# boot the entry without Xen: grub2-set-default; grub2-mkconfig -o /boot/grub2/grub.cfg")
            }
            return .finding(
                Finding(
                    .warning,
                    Text(
                        "\(names.count) hypervisors are in use on this host: \(names.joined(separator: ", "))",
                        "此主机上同时使用 \(names.count) 种虚拟机管理程序:\(names.joined(separator: "、"))"),
                    observed: names.joined(separator: ", "), expected: "1 hypervisor",
                    remedy: .byHand(
                        Text(
                            "Decide which one the host is for, move the other's guests away, then remove its packages and modules",
                            "确定主机用途,将另一种技术的客户机移走,然后卸载其软件包和模块"),
                        commands: commands, disrupts: others.contains("xen") ? .hostReboot : .guestRestart),
                    evidence: [Evidence("/proc/modules", names.joined(separator: ", "))]))
        }
    }

    var examples: Examples {
        Examples(
            fires: .host("KVM beside VirtualBox", expect: .fires(.warning, observed: "kvm, virtualbox")) {
                $0.hypervisor.present = .known([.kvm, .virtualBox])
            },
            .host("KVM modules under Xen", expect: .fires(.warning)) { $0.hypervisor.present = .known([.kvm, .xen]) },
            .host("three of them", expect: .fires(.warning, observed: "kvm, virtualbox, vmware")) {
                $0.hypervisor.present = .known([.kvm, .virtualBox, .vmware])
            },
            quiet: .host("KVM alone", expect: .pass) { _ in },
            .host("Xen alone", expect: .pass) { $0.hypervisor.present = .known([.xen]) },
            others: [
                .host("no hypervisor", expect: .notApplicable) { $0.hypervisor.present = .known([]) },
                .host("modules may not be read", expect: .unknown) {
                    $0.hypervisor.present = .unknown(Unknown(.denied, source: "/proc/modules"))
                },
            ])
    }
}
