import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// Every guest managed by libvirt (guide §3.1).
struct GuestsUnderLibvirt: HostPractice {
    var about: About {
        About(
            id: "guests-under-libvirt", section: "3.1", scopes: [.host], severities: [.warning, .info], fixes: [.hand],
            title: Text("Guests under libvirt", "客户机由 libvirt 管理"),
            why: Text(
                "A QEMU that was started by hand has no definition, no confinement, no limits, no place in accounts of memory and CPUs, and no orderly end when the host shuts down.",
                "手动启动的 QEMU 没有定义、隔离和资源限制,不计入内存和 CPU 统计,主机关机时也不会正常关闭。"),
            tradeOff: Text(
                "libvirt cannot take a running QEMU over: the guest is shut down once and starts anew from its definition.",
                "libvirt 无法接管正在运行的 QEMU:需要关闭客户机一次,再从定义启动。"),
            sources: ["guide §3.1"])
    }

    /// Managers with ways of their own: their guests are no accident.
    private static let managers: [(word: String, name: String)] = [
        ("/var/run/qemu-server/", "Proxmox VE"), ("/etc/pve/", "Proxmox VE"), ("kata", "Kata Containers"),
        ("/run/incus/", "Incus"),
        ("/lxd/", "LXD"), ("multipass", "Multipass"), ("/.lima/", "Lima"), ("/podman/machine", "Podman machine"),
    ]

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        switch host.processes.qemu {
        case .unknown(let reason): return .unknown(reason)
        case .known(let processes):
            var judgement = Judgement()
            let candidates = processes.filter { !$0.isLibvirts && !Self.isHelper($0) }
            guard !candidates.isEmpty else { return judgement }
            let names = Set(estate.activeGuests.map(\.name))
            let uuids = Set(estate.activeGuests.compactMap { $0.definition?.uuid?.lowercased() })
            for process in candidates {
                if let uuid = process.uuid?.lowercased(), uuids.contains(uuid) { continue }
                if let name = process.name, names.contains(name) { continue }
                judgement.add(finding(process))
            }
            return judgement
        }
    }

    /// QEMUs that are no guests: those that libvirt asks for their capabilities, libguestfs's appliances, Xen's device models.
    private static func isHelper(_ process: QEMUProcess) -> Bool {
        if process.name?.hasPrefix("guestfs-") == true { return true }
        var previous = ""
        for argument in process.arguments {
            if argument == "-xen-domid" || argument.contains("/.guestfs-") || argument.contains("guestfs_channel") {
                return true
            }
            if previous == "-machine" || previous == "-M", argument == "none" || argument.hasPrefix("none,") {
                return true
            }
            previous = argument
        }
        return false
    }

    private func finding(_ process: QEMUProcess) -> Finding {
        let label = process.name.map { "\($0) (pid \(process.pid))" } ?? "pid \(process.pid)"
        let words = process.arguments.joined(separator: " ")
        let evidence = Evidence("/proc/\(process.pid)/cmdline", String(words.prefix(500)))
        for manager in Self.managers where words.contains(manager.word) {
            return Finding(
                .info, part: label,
                Text(
                    "\(label) belongs to \(manager.name), not to libvirt: its memory and CPUs are missing in what is added up here",
                    "\(label) 由 \(manager.name) 管理而非 libvirt:此处的合计不包含其内存和 CPU"),
                observed: manager.name, expected: "a libvirt domain", holds: .running, remedy: .none,
                evidence: [evidence], owner: manager.name)
        }
        let definition = DefinitionFromArguments(process)
        let leftOver = definition.leftOver.joined(separator: " ")
        let note =
            leftOver.isEmpty
            ? Text(
                "Shut the guest down from inside, then define it; the draft follows from its command line",
                "从客户机内部关机后再定义;草稿由其命令行推导")
            : Text(
                "Shut the guest down from inside, then define it; the draft follows from its command line. Not carried over: \(leftOver)",
                "从客户机内部关机后再定义;草稿由其命令行推导。未包含:\(leftOver)")
        return Finding(
            .warning, part: label,
            Text(
                "\(process.program) runs as \(label), and no libvirt domain owns it",
                "\(process.program) 以 \(label) 运行,不属于任何 libvirt 域"),
            observed: "started by hand", expected: "a libvirt domain", holds: .running,
            remedy: .byHand(
                note,
                commands: ["cat > \(Self.fileName(process)) <<'EOF'\n\(definition.xml)\nEOF"]
                    + ["virt-xml-validate \(Self.fileName(process))", "virsh define \(Self.fileName(process))"],
                disrupts: .guestRestart),
            evidence: [evidence])
    }

    /// A file name without anything a shell would read.
    private static func fileName(_ process: QEMUProcess) -> String {
        let name = (process.name ?? "").filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        return (name.isEmpty ? "qemu-\(process.pid)" : name) + ".xml"
    }

    var examples: Examples {
        let program = "/usr/bin/qemu-system-x86_64"
        @Sendable func process(_ arguments: [String], name: String? = nil, uuid: String? = nil) -> QEMUProcess {
            QEMUProcess(pid: 4711, program: program, arguments: [program] + arguments, name: name, uuid: uuid)
        }
        return Examples(
            fires: .host("started by hand", expect: .fires(.warning, observed: "started by hand")) {
                $0.processes.qemu = .known([
                    process(
                        [
                            "-enable-kvm", "-name", "test", "-m", "2G", "-smp", "2", "-hda", "/home/a/disk.qcow2",
                            "-vnc", ":1",
                        ], name: "test")
                ])
            },
            .host("a name that no running guest has", expect: .fires(.warning), guests: ["<name>other</name>"]) {
                $0.processes.qemu = .known([process(["-name", "guest2", "-m", "512"], name: "guest2")])
            },
            .host("another manager's", expect: .fires(.info, observed: "Kata Containers")) {
                $0.processes.qemu = .known([
                    process(
                        ["-name", "sandbox-1", "-chardev", "socket,path=/run/vc/vm/1/kata.sock"], name: "sandbox-1")
                ])
            },
            quiet: .host("none runs", expect: .pass) { _ in },
            .host("libvirt's own", expect: .pass) {
                $0.processes.qemu = .known([
                    process(
                        [
                            "-name", "guest=web1,debug-threads=on", "-object",
                            "secret,file=/var/lib/libvirt/qemu/domain-1-web1/master-key.aes",
                        ],
                        name: "web1")
                ])
            },
            .host(
                "a guest that libvirt knows by its UUID", expect: .pass,
                guests: ["<uuid>6b1c9a8e-0000-4000-8000-000000000001</uuid>"]
            ) {
                $0.processes.qemu = .known([process(["-m", "512"], uuid: "6B1C9A8E-0000-4000-8000-000000000001")])
            },
            .host("libguestfs at work, and libvirt probing", expect: .pass) {
                $0.processes.qemu = .known([
                    process(["-name", "guestfs-abc"], name: "guestfs-abc"),
                    process(["-S", "-no-user-config", "-machine", "none,accel=kvm:tcg"]),
                ])
            },
            others: [
                .host("processes may not be read", expect: .unknown) {
                    $0.processes.qemu = .unknown(Unknown(.denied, source: "/proc/*/cmdline"))
                }
            ])
    }
}
