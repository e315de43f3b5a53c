import Changes
import HostFacts
import Inventory
import Quantities

/// Some swap on every host (guide §4.2).
struct SwapPresent: HostPractice {
    var about: About {
        About(
            id: "swap-present", section: "4.2", scopes: [.host], severities: [.warning], fixes: [.hand],
            title: Text("Swap", "交换空间"),
            why: Text(
                "Without swap memory that nobody uses cannot be put aside, and the first peak ends with the kernel killing a guest.",
                "没有交换空间就无法移出闲置内存,第一次内存高峰就会以内核终止客户机收场。"),
            tradeOff: Text(
                "Disk space; a guest whose memory was swapped out is slow until it is back.", "占用磁盘;被换出的客户机在换回之前会变慢。"),
            sources: ["guide §4.2"])
    }

    /// A small swap area is enough to put aside what nobody uses.
    private static let minimum = ByteCount(gibibytes: 4)

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let areas: [SwapArea]
        switch host.memory.swap {
        case .known(let value): areas = value
        case .unknown(let reason): return .unknown(reason)
        }
        guard areas.isEmpty else { return .pass }
        let written = host.storage.fstab.value?.first { $0.type == "swap" }
        let note =
            written.map {
                Text("/etc/fstab names \($0.source): swapon --all.", "/etc/fstab 中已有 \($0.source):执行 swapon --all。")
            }
            ?? Text(
                "A swap file of \(Self.minimum); more where KSM or overcommitment needs it.",
                "\(Self.minimum) 的交换文件;使用 KSM 或内存过量时需更大。")
        return .finding(
            Finding(
                .warning, Text("the host has no swap", "主机没有交换空间"), observed: "none", expected: "some swap",
                holds: written == nil ? .both : .running,
                remedy: .byHand(
                    note, commands: written == nil ? Self.commands(size: Self.minimum, on: host) : ["swapon --all"]),
                evidence: [Evidence("/proc/swaps", "empty")]))
    }

    /// Commands that add a swap file, as the root file system wants it made.
    static func commands(size: ByteCount, on host: HostFacts) -> [String] {
        let mebibytes = max(64, size.count(of: ByteCount(mebibytes: 1)))
        let file = "/var/lib/swapfile"
        let root = host.storage.mounts.value?.filter { file.hasPrefix($0.path) && $0.path.hasPrefix("/") }
            .max { $0.path.utf8.count < $1.path.utf8.count }
        // Btrfs takes only files without copy-on-write, which its own tool makes (btrfs-progs ≥ 6.1).
        let make =
            root?.type == "btrfs"
            ? ["btrfs filesystem mkswapfile --size \(mebibytes)m \(file)"]
            : ["dd if=/dev/zero of=\(file) bs=1M count=\(mebibytes)", "chmod 600 \(file)", "mkswap \(file)"]
        return make + ["swapon \(file)", "echo '\(file) none swap defaults 0 0' >> /etc/fstab"]
    }

    var examples: Examples {
        Examples(
            fires: .host("none", expect: .fires(.warning, observed: "none")) { $0.memory.swap = .known([]) },
            .host("in fstab, and not in use", expect: .fires(.warning)) {
                $0.memory.swap = .known([])
                $0.storage.fstab = .known([Mount(source: "UUID=1", path: "none", type: "swap")])
            },
            quiet: .host("a partition", expect: .pass) { _ in },
            .host("zram alone", expect: .pass) {
                $0.memory.swap = .known([SwapArea(path: "/dev/zram0", size: ByteCount(gibibytes: 4), isZRAM: true)])
            },
            others: [
                .host("unreadable", expect: .unknown) {
                    $0.memory.swap = .unknown(Unknown(.denied, source: "/proc/swaps"))
                }
            ])
    }
}
