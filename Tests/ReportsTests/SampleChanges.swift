import Changes
import Quantities
import Transactions

/// A plan with a step of each kind, and a transaction made of it.
enum SampleChanges {
    private static let reason = Step.Reason(
        practice: "swappiness", subject: "host1",
        what: Text("vm.swappiness is 60, above 35", "vm.swappiness 为 60,高于 35"),
        tradeOff: Text("Less memory for the page cache.", "页缓存可用内存减少。"))

    private static func definition(_ model: String, password: String) -> String {
        "<domain type='kvm'>\n  <name>web1</name>\n  <devices>\n    <graphics type='vnc' passwd='\(password)'/>\n    <interface type='network'>\n      <model type='\(model)'/>\n    </interface>\n  </devices>\n</domain>\n"
    }

    static var plan: Plan {
        var plan = Plan(root: "/", connection: "qemu:///system")
        let own = FileAttributes(mode: 0o640, owner: 0, group: 0, extended: ["user.note": [0x61]])
        plan.steps = [
            Step(
                Resource(.file, "/etc/sysctl.d/90-nearmetal.conf"),
                from: ResourceState(nil, missingFolders: ["/etc/sysctl.d"]),
                to: ResourceState(text: "vm.swappiness = 35\n"), reasons: [reason], disrupts: .nothing,
                notes: [Text("/etc/sysctl.d/99-z.conf sets it too", "/etc/sysctl.d/99-z.conf 也设置了它")]),
            Step(
                Resource(.file, "/etc/default/grub"),
                from: ResourceState(
                    Array("GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n".utf8), attributes: own),
                to: ResourceState(
                    Array("GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet transparent_hugepage=madvise\"\n".utf8),
                    attributes: own), reasons: [reason], disrupts: .hostReboot),
            Step(
                Resource(.unit, "ksm.service"), from: ResourceState(text: "disabled inactive"),
                to: ResourceState(text: "enabled active"), reasons: [reason], disrupts: .nothing),
            Step(
                .sysctl("vm.swappiness"), from: ResourceState(text: "60"), to: ResourceState(text: "35"),
                reasons: [reason],
                disrupts: .live),
            Step(
                .sysctl("vm.dirty_ratio"), from: ResourceState(text: "dirty_bytes=268435456"),
                to: ResourceState(text: "15"),
                reasons: [reason], disrupts: .nothing),
            Step(
                Resource(.bootMenu, "/boot/grub/grub.cfg"), from: ResourceState(text: "menuentry 'x' {}\n"), to: nil,
                command: ["update-grub"], reasons: [reason], disrupts: .hostReboot),
            Step(
                Resource(.domain, "web1"), from: ResourceState(text: definition("e1000", password: "geheim")),
                to: ResourceState(text: definition("virtio", password: "geheim")), reasons: [reason],
                disrupts: .guestRestart),
            Step(
                Resource(.file, "/etc/odd"), from: ResourceState([0xFF, 0x00, 0x27]), to: .absent, reasons: [reason],
                disrupts: .nothing),
        ]
        plan.leftOut = ["web1", "web2", "db1"].map { guest in
            Plan.LeftOut(
                practice: "memory-hotplug", subject: guest, why: Text("where it may have to grow", "如需扩展内存"),
                commands: ["virsh edit \(guest)"])
        }
        plan.settled = [
            Plan.Settled(
                target: "/sys/kernel/mm/ksm/run", chosen: "ksm-fits", value: "0", refused: "ksm-across-nodes",
                refusedValue: "2")
        ]
        return plan
    }

    static var record: TransactionRecord {
        TransactionRecord(
            id: 3, state: .applied, root: "/", connection: "qemu:///system", started: 1_795_000_000,
            ended: 1_795_000_001,
            boot: "5b1d2c9e-4f60-4a51-9c7e-000000000001", tool: "0.1.0",
            steps: plan.steps.enumerated().map { index, step in
                StepRecord(
                    ordinal: index, state: .done, resource: step.resource, before: step.before, wanted: step.after,
                    after: step.after, command: step.command, disruption: step.disruption, reasons: step.reasons)
            })
    }
}
