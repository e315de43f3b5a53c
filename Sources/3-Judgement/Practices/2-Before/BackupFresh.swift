import Changes
import DomainXML
import Inventory
import Quantities

/// A recent backup of the definition and of every disk, before anything is changed (guide §2.1).
struct BackupFresh: GuestPractice {
    var about: About {
        About(
            id: "backup-fresh", section: "2.1", scopes: [.guest], severities: [.warning], fixes: [.hand],
            title: Text("A fresh backup", "近期备份"),
            why: Text(
                "A change that goes wrong can cost data or leave a guest that does not start; only a copy from before it brings the old state back.",
                "更改出错可能导致数据丢失或客户机无法启动;只有更改之前的副本才能恢复原状。"),
            tradeOff: Text(
                "Backups take space and time, and reading whole disks loads the storage while they run.",
                "备份占用空间和时间,运行时读取整个磁盘会加重存储负载。"),
            today: Text(
                "A running guest is backed up without a stop by an incremental push or pull backup (virsh backup-begin), or from a snapshot of its storage.",
                "可用增量备份(virsh backup-begin)或存储快照在不停机的情况下备份正在运行的客户机。"),
            sources: ["guide §2.1", "libvirt docs/kbase/live_full_disk_backup.rst"], domainTypes: [])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        let days = estate.settings.backupAgeDays
        let oldest = estate.now - Int64(days) * 86_400
        switch estate.history.definitionBackups {
        case .unknown(let reason): judgement.add(reason)
        case .known(let backups):
            let taken = backups[guest.name]
            if taken.map({ $0 < oldest }) ?? true {
                judgement.add(
                    finding(
                        part: nil, of: Text("definition", "定义"), taken: taken, days: days,
                        evidence: Evidence(domain.root, guest.name),
                        commands: [
                            "virsh dumpxml --inactive --security-info \(guest.name.shellWord) > \("\(guest.name).xml".shellWord)"
                        ],
                        in: estate))
            }
        }
        for element in domain.devices("disk") {
            guard element["device"] ?? "disk" == "disk" || element["device"] == "lun", element.first("readonly") == nil,
                element.first("transient") == nil, let source = element.first("source")
            else { continue }
            let target = element.first("target")?["dev"]
            guard let path = source["file"] ?? source["dev"] else {
                // Pools and network storage have backups of their own, which no folder shows.
                if let name = source["volume"] ?? source["name"] {
                    judgement.add(
                        Unknown(
                            .notExamined, source: "backup of \(name)",
                            remedy: Text("Look at the storage's own backups", "检查该存储自身的备份")))
                }
                continue
            }
            guard case .known(let backups) = estate.history.diskBackups else {
                judgement.add(estate.history.diskBackups.reason)
                continue
            }
            let taken = backups[path]
            guard taken.map({ $0 < oldest }) ?? true else { continue }
            judgement.add(
                finding(
                    part: target ?? path, of: Text("disk \(path)", "磁盘 \(path)"), taken: taken, days: days,
                    evidence: Evidence(source, path),
                    commands: [
                        "virsh backup-begin \(guest.name.shellWord)", "virsh domjobinfo \(guest.name.shellWord)",
                    ], in: estate))
        }
        return judgement
    }

    private func finding(
        part: String?, of what: Text, taken: Int64?, days: Int, evidence: Evidence, commands: [String],
        in estate: Estate
    ) -> Finding {
        let age = taken.map { max(0, (estate.now - $0) / 86_400) }
        let sentence =
            age.map {
                Text(
                    "The last known backup of the \(what.english) is \($0) days old; at most \(days) are accepted",
                    "\(what.chinese)最近一次已知备份距今 \($0) 天;最多接受 \(days) 天")
            } ?? Text("No backup of the \(what.english) is known", "没有\(what.chinese)的已知备份")
        return Finding(
            .warning, part: part, sentence, observed: age.map { "\($0) days" } ?? "none", expected: "≤ \(days) days",
            remedy: .byHand(
                Text(
                    "Back it up before the change. Definitions and files that Nearmetal itself changes are kept by it; disks are not.",
                    "更改之前先备份。Nearmetal 自身更改的定义和文件由它保留;磁盘则不会。"),
                commands: commands),
            evidence: [evidence])
    }

    var examples: Examples {
        let disk =
            "<devices><disk type='file' device='disk'><source file='/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>"
        return Examples(
            fires: Self.example(
                "no backup of the disk", disk, expect: .fires(.warning, observed: "none"), definition: 1, disk: nil),
            Self.example("eight days old", disk, expect: .fires(.warning, observed: "8 days"), definition: 1, disk: 8),
            Self.example(
                "the definition was never kept", disk, expect: .fires(.warning, observed: "none"), definition: nil,
                disk: 1),
            quiet: Self.example("both of yesterday", disk, expect: .pass, definition: 1, disk: 1),
            Self.example("seven days are the limit", disk, expect: .pass, definition: 7, disk: 7),
            Self.example(
                "what is only read needs none",
                "<devices><disk type='file' device='cdrom'><source file='/iso/sles.iso'/><target dev='sda' bus='sata'/><readonly/></disk></devices>",
                expect: .pass, definition: 1, disk: nil),
            others: [
                .guest("no folders of backups are named", disk, expect: .unknown),
                Self.example(
                    "storage with backups of its own",
                    "<devices><disk type='network' device='disk'><source protocol='rbd' name='pool/image'/><target dev='vda'/></disk></devices>",
                    expect: .unknown, definition: 1, disk: nil),
            ])
    }

    /// An example with backups of so many days ago.
    private static func example(
        _ title: String, _ xml: String, expect: Example.Expectation, definition: Int64?, disk: Int64?, line: Int = #line
    ) -> Example {
        Example(title, expect: expect, line: line, estate: estate(xml, definition: definition, disk: disk))
    }

    private static func estate(_ xml: String, definition: Int64?, disk: Int64?) -> Estate {
        let now: Int64 = 1_795_000_000
        var history = HistoryFacts()
        history.definitionBackups = .known(definition.map { ["guest": now - $0 * 86_400] } ?? [:])
        history.diskBackups = .known(disk.map { ["/images/a.qcow2": now - $0 * 86_400] } ?? [:])
        return Estate(host: .example, guests: [.example(xml)], now: now, history: history)
    }
}
