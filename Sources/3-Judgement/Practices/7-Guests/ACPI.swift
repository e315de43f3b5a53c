import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// ACPI, which an orderly shutdown of an x86 guest needs (guide §7.1).
struct ACPI: GuestPractice {
    var about: About {
        About(
            id: "acpi", section: "7.1", scopes: [.guest], severities: [.error, .warning], fixes: [.xml],
            title: Text("ACPI", "ACPI"),
            why: Text(
                "Without ACPI `virsh shutdown` presses a button that is not there: at the host's shutdown the guest is cut off, not shut down.",
                "没有 ACPI 时,`virsh shutdown` 无从触发关机:主机关机时客户机会被强制断电,而不是正常关闭。"),
            tradeOff: Text(
                "Windows that was installed without ACPI does not start with it: it has to be installed again.",
                "未启用 ACPI 时安装的 Windows 启用后无法启动,需要重新安装。"),
            sources: ["guide §7.1", "libvirt docs/formatdomain.rst, Hypervisor features"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        if domain.root.first("features", "acpi") != nil, domain.architecture == nil { return .pass }
        switch domain.isX86(onHost: estate.host.kernel.architecture) {
        case .unknown(let reason): return .unknown(reason)
        case .known(true): break
        case .known(false):
            return .notApplicable(
                Text("ACPI is how x86 guests shut down; this one has another way", "ACPI 用于 x86 客户机关机,此客户机另有方式"))
        }
        guard domain.osType == nil || domain.osType == "hvm" else {
            return .notApplicable(Text("not a fully virtualized guest", "不是全虚拟化客户机"))
        }
        if domain.root.first("features", "acpi") != nil { return .pass }
        let refuses = domain.isUEFI
        let features = domain.root.first("features")
        let change: DomainChange =
            features.map { DomainChange(guest.name, $0.xpath, .insert("<acpi/>")) }
            ?? DomainChange(guest.name, "/domain", .insert("<features><acpi/></features>"))
        let evidence = features.map { Evidence($0, "no acpi") } ?? Evidence(domain.root, "no features")
        return .finding(
            Finding(
                refuses ? .error : .warning,
                refuses
                    ? Text("no ACPI on a guest with UEFI: libvirt does not start it", "UEFI 客户机未启用 ACPI:libvirt 不会启动它")
                    : Text("no ACPI: the guest cannot be shut down in order", "未启用 ACPI:客户机无法正常关机"),
                observed: "absent", expected: "<acpi/>",
                remedy: .change(
                    change, disrupts: .guestRestart,
                    note: domain.isWindows
                        ? Text(
                            "Windows installed without ACPI needs a new installation.", "未启用 ACPI 时安装的 Windows 需要重新安装。")
                        : domain.hasAgentChannel
                            ? Text(
                                "Until then: virsh shutdown --mode agent, with the agent inside.",
                                "在此之前可借助 agent:virsh shutdown --mode agent。")
                            : nil),
                evidence: [evidence]))
    }

    var examples: Examples {
        Examples(
            fires: .guest("no features", "", expect: .fires(.warning, observed: "absent")),
            .guest("features without ACPI", "<features><pae/></features>", expect: .fires(.warning)),
            .guest(
                "UEFI needs it",
                "<os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type><loader type='pflash'>/usr/share/qemu/ovmf.bin</loader></os>",
                expect: .fires(.error)),
            .guest(
                "no architecture: the host's", "<os><type>hvm</type></os>", expect: .fires(.warning),
                host: { $0.kernel.architecture = .known("x86_64") }),
            quiet: .guest("with it", "<features><acpi/><apic/></features>", expect: .pass),
            .guest(
                "IBM Z has none", "<os><type arch='s390x' machine='s390-ccw-virtio-8.2'>hvm</type></os>",
                expect: .notApplicable),
            .guest(
                "Arm's button is a GPIO", "<os><type arch='aarch64' machine='virt-8.2'>hvm</type></os>",
                expect: .notApplicable),
            others: [
                .guest("a container", "<domain type='lxc'><name>c</name></domain>", expect: .notApplicable),
                .guest(
                    "no architecture, on a POWER host", "<os><type>hvm</type></os>", expect: .notApplicable,
                    host: { $0.kernel.architecture = .known("ppc64le") }),
            ])
    }
}
