import Advisor
import HostFacts
import Inventory
import Practices
import Quantities

@testable import Foresight
@testable import Reports

/// Answers about the future with one of everything a report must be able to say, made by hand.
enum SampleForecast {
    static func make(
        language: Language = .english, failOn: Severity? = .error, afterReboot: Bool = true, target: Bool = true
    ) -> Report {
        var report = Report(
            Audit(practices: [], results: []), language: language, version: "0.0.0", moment: 1_795_430_568,
            host: "kvm1, SLES 15 SP6, Linux 6.4",
            notes: [Text("no libvirt: definitions from /etc/libvirt/qemu", "无 libvirt:使用 /etc/libvirt/qemu 中的定义")],
            failOn: failOn)
        if afterReboot { report.afterReboot = predictions }
        if target { report.readiness = readiness }
        return report
    }

    private static let pages = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"

    private static let predictions: [StartPrediction] = [
        StartPrediction(
            guest: "db1", file: nil, verdict: .starts, risks: [], unknowns: [], autostart: .known(true), place: 1),
        StartPrediction(
            guest: "web<1>", file: "guests/web 1.xml",
            verdict: .fails([
                StartObstacle(
                    .hugePages, part: "2 MiB, node 0",
                    Text(
                        "it takes 512 pages of 2 MiB, and after a boot node 0 has 0", "需要 512 个 2 MiB 大页,而重启后节点 0 有 0 个"
                    ),
                    evidence: [
                        ForesightEvidence(pages, "0"),
                        ForesightEvidence("/domain/memoryBacking/hugepages", "", line: 9),
                    ],
                    remedy: Text("Reserve 512 more.", "再预留 512 个。"), commands: ["echo 512 > \(pages)"]),
                StartObstacle(
                    .image, part: "vda", Text("/images/web|1.qcow2 does not exist", "/images/web|1.qcow2 不存在"),
                    evidence: [ForesightEvidence("/domain/devices/disk/source/@file", "/images/web|1.qcow2", line: 17)],
                    remedy: Text("Bring it back.", "恢复该文件。")),
            ]),
            risks: [
                StartObstacle(
                    .imageLock, part: "vdb", Text("web2 may have it open", "web2 可能正在使用它"), evidence: [],
                    remedy: Text("Share it only read-only.", "仅以只读方式共享。"))
            ],
            unknowns: [Unknown(.denied, source: "/etc/libvirt/qemu.conf")], autostart: .known(false), place: nil),
        StartPrediction(
            guest: "web2", file: nil, verdict: .unknown([Unknown(.denied, source: "/images/web2.qcow2")]), risks: [],
            unknowns: [Unknown(.denied, source: "/images/web2.qcow2")], autostart: .known(false), place: nil),
    ]

    private static let releases = ReleaseData.releases.filter { $0.id == "sles-16" }

    private static let readiness = ReadinessReport(
        target: ReadinessTarget(releases[0]),
        host: [
            ReadinessFinding(
                .hardware, .warning, Text("the CPU is below x86-64-v2", "CPU 低于 x86-64-v2"),
                evidence: [ForesightEvidence("/proc/cpuinfo", "flags")], remedy: Text("Replace the host.", "更换主机。"))
        ],
        hostUnknowns: [Unknown(.missing, source: "/etc/os-release")],
        guests: [
            GuestReadiness(guest: "db1", file: nil, findings: [], unknowns: []),
            GuestReadiness(
                guest: "web<1>", file: "guests/web 1.xml",
                findings: [
                    ReadinessFinding(
                        .spice, .error, part: "spice", Text("SLES 16.0 has no Spice", "SLES 16.0 不提供 Spice"),
                        evidence: [ForesightEvidence("/domain/devices/graphics", "spice", line: 31)],
                        remedy: Text("Convert it to VNC.", "改用 VNC。"),
                        commands: ["virt-xml 'web<1>' --edit --convert-to-vnc"]),
                    ReadinessFinding(
                        .machineTypeEnd, .info, part: "pc-q35-7.2",
                        Text("pc-q35-7.2 ends with QEMU 13.2", "pc-q35-7.2 将随 QEMU 13.2 移除"), evidence: [],
                        remedy: Text("Nothing to do now.", "目前无需处理。")),
                ], unknowns: []),
            GuestReadiness(
                guest: "web2", file: nil, findings: [],
                unknowns: [Unknown(.notExamined, source: "domain capabilities")]),
        ])
}
