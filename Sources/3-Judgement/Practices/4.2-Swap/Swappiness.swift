import Changes
import HostFacts
import Inventory
import Quantities

/// `vm.swappiness` no higher than the profile's value (guide §4.2.1).
struct Swappiness: HostPractice {
    static let key = "vm.swappiness"

    var about: About {
        About(
            id: "swappiness", section: "4.2.1", scopes: [.host], severities: [.advice], fixes: [.sysctl],
            title: Text("Swappiness", "交换倾向(swappiness)"),
            why: Text(
                "A high value makes the kernel swap guest memory out early; a guest whose memory comes back from disk stands still for milliseconds.",
                "值越高,内核越早将客户机内存换出;从磁盘换回内存时客户机会停顿数毫秒。"),
            tradeOff: Text("Less page cache is kept while memory is short.", "内存紧张时保留的页缓存会减少。"),
            guideSays: Text(
                "0 disables swapping; the setting goes to /etc/systcl.conf.", "值为 0 时会禁用交换;在 /etc/systcl.conf 中设置。"),
            today: Text(
                "0 swaps only to avoid running out of memory, it does not switch swapping off; the file is a drop-in of /etc/sysctl.d.",
                "0 仅在避免内存耗尽时才交换,并不会关闭交换;应写入 /etc/sysctl.d 下的文件。"),
            sources: ["guide §4.2.1", "kernel Documentation/admin-guide/sysctl/vm.rst"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        if let swap = host.memory.swap.value, !swap.isEmpty, swap.allSatisfy(\.isZRAM) {
            return .notApplicable(Text("swap is zram, where high values are right", "交换区是 zram,应使用较高的值"))
        }
        switch host.sysctl.number(Self.key) {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value):
            let limit = estate.settings.swappiness
            guard value > limit else { return .pass }
            guard host.memory.swap.value != nil else {
                return .unknown(host.memory.swap.reason ?? Unknown(.missing, source: "/proc/swaps"))
            }
            let configured = host.sysctl.configured.value?[Self.key]
            // A file that sets a good value makes this a finding of today only.
            let staysAfterBoot = configured.flatMap { Int($0.value) }.map { $0 > limit } ?? true
            var evidence = [Evidence("/proc/sys/vm/swappiness", String(value))]
            if let configured { evidence.append(Evidence(configured.file, configured.value, line: configured.line)) }
            return .finding(
                Finding(
                    .advice,
                    Text(
                        "vm.swappiness is \(value); the profile's value is at most \(limit)",
                        "vm.swappiness 为 \(value),配置的上限是 \(limit)"),
                    observed: String(value), expected: "≤ \(limit)", holds: staysAfterBoot ? .both : .running,
                    remedy: .change(SysctlChange(Self.key, from: String(value), to: String(limit)), disrupts: .nothing),
                    evidence: evidence, owner: host.services.owner(of: Self.key) ?? configured?.file))
        }
    }

    var examples: Examples {
        Examples(
            fires: .host("the kernel's default", expect: .fires(.advice, observed: "60")) {
                $0.sysctl.running[Self.key] = .known("60")
            },
            quiet: .host("the guide's value", expect: .pass) { $0.sysctl.running[Self.key] = .known("35") },
            others: [
                .host("swap is zram: not judged", expect: .notApplicable) {
                    $0.sysctl.running[Self.key] = .known("180")
                    $0.memory.swap = .known([SwapArea(path: "/dev/zram0", size: ByteCount(gibibytes: 4), isZRAM: true)])
                },
                .host("no permission", expect: .unknown) {
                    $0.sysctl.running[Self.key] = .unknown(Unknown(.denied, source: "/proc/sys/vm/swappiness"))
                },
            ])
    }
}
