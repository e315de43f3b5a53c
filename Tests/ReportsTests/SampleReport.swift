import Advisor
import Changes
import DomainXML
import HostFacts
import Inventory
import Practices
import Quantities

@testable import Reports

/// A small audit with one of everything a report must be able to say.
///
/// It is made by hand, so that it does not change as practices come.
enum SampleReport {
    static func make(language: Language = .english, failOn: Severity? = .error) -> Report {
        let about = [
            About(
                id: "disk-bus", section: "4.3.3", scopes: [.guest], severities: [.warning], fixes: [.xml],
                title: Text("Paravirtual disk bus", "半虚拟化磁盘总线"),
                why: Text("Emulated controllers cost CPU.", "模拟控制器消耗 CPU。"),
                tradeOff: Text("Device names change.", "设备名会改变。")),
            About(
                id: "huge-pages-reserved", section: "4.1.1", scopes: [.host], severities: [.error, .advice],
                fixes: [.sysfs],
                title: Text("Huge pages reserved", "大页预留"),
                why: Text("A guest without its pages does not start.", "缺少大页的客户机无法启动。"),
                tradeOff: Text("Reserved memory serves nobody else.", "预留的内存不能作他用。"),
                today: Text("Per node at run time too.", "运行时也可按节点预留。"), sources: ["guide §4.1.1"]),
            About(
                id: "swappiness", section: "4.2.1", scopes: [.host], severities: [.advice], fixes: [.sysctl],
                title: Text("Swappiness", "交换倾向"), why: Text("Early swapping.", "过早交换。"),
                tradeOff: Text("Less cache.", "缓存变少。")),
        ]
        var host = Audit.Result(subject: Audit.Subject(kind: .host, name: "kvm1"))
        host.findings = [
            Audit.Entry(
                practice: 1,
                finding: Finding(
                    .error, part: "node 0",
                    Text(
                        "node 0 has 0 pages of 2 MiB and web1 needs 512 of them to start",
                        "节点 0 没有 2 MiB 大页,而 web1 需要 512 页才能启动"),
                    observed: "0", expected: "512", holds: .both,
                    remedy: .change(HugePagesChange(pageKiB: 2048, node: 0, from: 0, to: 512), disrupts: .nothing),
                    evidence: [Evidence("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "0")])
            ),
            Audit.Entry(
                practice: 2,
                finding: Finding(
                    .advice,
                    Text("vm.swappiness is 60; the profile's value is at most 35", "vm.swappiness 为 60,上限是 35"),
                    observed: "60",
                    expected: "≤ 35", holds: .running,
                    remedy: .change(SysctlChange("vm.swappiness", from: "60", to: "35"), disrupts: .nothing),
                    evidence: [Evidence("/proc/sys/vm/swappiness", "60")], owner: "tuned (virtual-host)"),
                waiver: Settings.Waiver(
                    practice: "swappiness", guest: nil, reason: "measured at 60",
                    expires: CivilDay(daysSince1970: 20_850), line: 3)),
        ]
        host.passes = []
        var guest = Audit.Result(
            subject: Audit.Subject(
                kind: .guest, name: "web<1>", file: "guests/web 1.xml", workload: .web, state: .running))
        guest.findings = [
            Audit.Entry(
                practice: 0,
                finding: Finding(
                    .warning, part: "hda",
                    Text("disk hda is on bus ide; virtio is faster", "磁盘 hda 位于 ide 总线;virtio 更快"), observed: "ide",
                    expected: "virtio", holds: .nextStart,
                    remedy: .change(
                        DomainChange("web<1>", "/domain/devices/disk/target", .attribute("bus", "virtio"), from: "ide"),
                        disrupts: .guestRestart,
                        note: Text("Names become /dev/vdX: look at root= first.", "设备名变为 /dev/vdX:请先检查 root=。")),
                    evidence: [Evidence("/domain/devices/disk/target", "ide", line: 17)]))
        ]
        guest.unknowns = [Audit.Remark(practice: 1, reason: Unknown(.denied, source: "/proc/42/numa_maps"))]
        guest.notApplicable = [Audit.Remark(practice: 2, reason: Text("swap is zram", "交换区是 zram"))]
        var image = Audit.Result(subject: Audit.Subject(kind: .image, name: "/images/web1.qcow2"))
        image.passes = [0]
        let audit = Audit(practices: about, results: [host, guest, image])
        return Report(
            audit, language: language, version: "0.0.0", moment: 1_795_430_568, host: "kvm1, SLES 15 SP6, Linux 6.4",
            notes: [Text("no libvirt: definitions from /etc/libvirt/qemu", "无 libvirt:使用 /etc/libvirt/qemu 中的定义")],
            failOn: failOn)
    }
}
