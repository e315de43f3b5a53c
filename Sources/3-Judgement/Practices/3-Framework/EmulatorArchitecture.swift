import Changes
import DomainXML
import Inventory
import Quantities

/// `qemu-system-x86_64` for KVM guests of either word size; `qemu-system-i386` for Xen (guide §3.2).
struct EmulatorArchitecture: GuestPractice {
    var about: About {
        About(
            id: "emulator-architecture", section: "3.2", scopes: [.guest], severities: [.warning], fixes: [.xml],
            title: Text("The emulator that fits the hypervisor", "与虚拟机管理程序相符的模拟器"),
            why: Text(
                "qemu-system-x86_64 runs 32- and 64-bit guests on KVM and mostly runs 32-bit ones faster; SUSE does not support qemu-system-i386 with KVM. Xen's own tools expect qemu-system-i386.",
                "在 KVM 上,qemu-system-x86_64 可运行 32 位和 64 位客户机,运行 32 位客户机通常也更快;SUSE 不支持在 KVM 上使用 qemu-system-i386。Xen 的工具则需要 qemu-system-i386。"
            ),
            tradeOff: Text(
                "The guest sees a 64-bit CPU; its device names and addresses stay.", "客户机会看到 64 位 CPU;设备名称和地址保持不变。"),
            today: Text(
                "SLES 16 hosts no Xen guests any more; there only the KVM half is left.",
                "SLES 16 不再承载 Xen 客户机,仅 KVM 部分适用。"),
            sources: ["guide §3.2"], domainTypes: ["kvm", "xen"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        let isXen = domain.type == "xen"
        if isXen, domain.osType != "hvm" {
            return .notApplicable(Text("a paravirtualized Xen guest has no emulated machine", "半虚拟化 Xen 客户机没有模拟的机器"))
        }
        let architecture = domain.architecture ?? estate.host.kernel.architecture.value
        if let architecture, architecture != "x86_64", architecture != "i686" {
            return .notApplicable(Text("holds for x86; this guest is \(architecture)", "适用于 x86;此客户机为 \(architecture)"))
        }
        let element = domain.devices.first { $0.name == "emulator" && $0.namespace == nil }
        var emulator = element?.text ?? ""
        if emulator.isEmpty {
            // libvirt takes the one its capabilities name: x86_64's own for x86_64 guests, and on Xen its package's qemu-system-i386.
            guard !isXen, domain.architecture == "i686" else { return .pass }
            switch estate.capabilities {
            case .unknown(let reason): return .unknown(reason)
            case .known(let capabilities):
                emulator = capabilities.support(architecture: "i686", type: "kvm")?.emulator ?? ""
            }
        }
        let wrong = isXen ? "qemu-system-x86_64" : "qemu-system-i386"
        let right = isXen ? "qemu-system-i386" : "qemu-system-x86_64"
        guard emulator.split(separator: "/").last.map(String.init) == wrong else { return .pass }
        let wanted = String(emulator.dropLast(wrong.count)) + right
        // `arch='i686'` stays: libvirt takes the 64-bit emulator for it, and a 32-bit firmware goes on to fit.
        let change =
            element.map { DomainChange(guest.name, $0.xpath, .text(wanted), from: emulator) }
            ?? DomainChange(guest.name, "/domain/devices", .insert("<emulator>\(wanted)</emulator>"))
        return .finding(
            Finding(
                .warning,
                Text(
                    "The guest of type \(domain.type) runs in \(emulator); for this hypervisor it is \(right)",
                    "类型为 \(domain.type) 的客户机使用 \(emulator);此虚拟机管理程序应使用 \(right)"),
                observed: emulator, expected: wanted,
                remedy: .change(
                    change, disrupts: .guestRestart,
                    note: Text(
                        "A saved state or a snapshot with memory of the old emulator does not load in the new one: shut the guest down first.",
                        "旧模拟器保存的状态或含内存的快照无法在新模拟器中加载:请先正常关闭客户机。")),
                evidence: [Evidence(element ?? domain.root, emulator)]))
    }

    var examples: Examples {
        Examples(
            fires: .guest(
                "KVM with the 32-bit emulator", "<devices><emulator>/usr/bin/qemu-system-i386</emulator></devices>",
                expect: .fires(.warning, observed: "/usr/bin/qemu-system-i386")),
            .guest(
                "32-bit guest, 32-bit emulator",
                "<os><type arch='i686' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-i386</emulator></devices>",
                expect: .fires(.warning)),
            .guest(
                "Xen with the 64-bit emulator",
                "<domain type='xen'><name>x</name><os><type arch='x86_64' machine='xenfv'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>",
                expect: .fires(.warning)),
            quiet: .guest(
                "KVM with the 64-bit emulator", "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>",
                expect: .pass),
            .guest("libvirt's choice for x86_64", "<devices/>", expect: .pass),
            .guest("SUSE's old wrapper", "<devices><emulator>/usr/bin/qemu-kvm</emulator></devices>", expect: .pass),
            .guest(
                "a 32-bit guest in the 64-bit emulator",
                "<os><type arch='i686' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>",
                expect: .pass),
            .guest(
                "Xen with its own emulator",
                "<domain type='xen'><name>x</name><os><type arch='x86_64' machine='xenfv'>hvm</type></os><devices><emulator>/usr/lib/xen/bin/qemu-system-i386</emulator></devices></domain>",
                expect: .pass),
            others: [
                .guest(
                    "another architecture",
                    "<os><type arch='aarch64' machine='virt'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-aarch64</emulator></devices>",
                    expect: .notApplicable),
                .guest(
                    "emulation without KVM is another practice's business",
                    "<domain type='qemu'><name>t</name><os><type arch='i686'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-i386</emulator></devices></domain>",
                    expect: .notApplicable),
            ])
    }
}
