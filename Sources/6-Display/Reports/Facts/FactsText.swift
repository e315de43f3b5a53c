public import HostFacts
public import Quantities

/// Host facts for people: grouped, aligned, what is unknown with its reason.
public struct FactsText {
    private var page: Page
    private let language: Language

    /// The facts as text.
    public static func write(_ facts: HostFacts, language: Language, style: TextStyle) -> [UInt8] {
        var text = FactsText(page: Page(style: style, language: language), language: language)
        text.all(facts)
        return Array(text.page.text.utf8)
    }

    private mutating func heading(_ title: Text) {
        if !page.text.isEmpty { page.line("") }
        page.line(page.style.ink(title[language], .bold))
    }

    private mutating func row<Value>(_ label: Text, _ fact: Fact<Value>, _ words: (Value) -> String) {
        let margin = 22
        let isKnown = fact.value != nil
        let text = fact.value.map(words) ?? Words.unknown[language] + " (" + (fact.reason?.why[language] ?? "") + ")"
        for (index, line) in Columns.wrapped(Columns.plain(text), to: max(20, page.style.width - margin - 2))
            .enumerated()
        {
            let start = "  " + Columns.padded(index == 0 ? label[language] : "", margin)
            page.line(start + (isKnown ? line : page.style.ink(line, .dim)))
        }
    }
    private mutating func row(_ label: Text, _ fact: Fact<String>) { row(label, fact) { $0 } }
    private mutating func row(_ label: Text, _ fact: Fact<ByteCount>) { row(label, fact, \.description) }
    private mutating func row(_ label: Text, _ fact: Fact<some BinaryInteger & Sendable>) {
        row(label, fact, \.description)
    }
    private mutating func row<Kind>(_ label: Text, _ fact: Fact<IDSet<Kind>>) {
        row(label, fact) { $0.isEmpty ? "–" : $0.description }
    }
    private mutating func row(_ label: Text, _ fact: Fact<Bool>) {
        let words = (Text("yes", "是")[language], Text("no", "否")[language])
        row(label, fact) { $0 ? words.0 : words.1 }
    }

    private mutating func all(_ facts: HostFacts) {
        heading(Text("System", "系统"))
        row(Text("host", "主机"), facts.system.hostName)
        row(Text("distribution", "发行版"), facts.system.distribution.map(\.name))
        row(Text("kernel", "内核"), facts.kernel.release)
        row(Text("architecture", "架构"), facts.kernel.architecture)
        row(Text("command line", "内核命令行"), facts.kernel.commandLine) { Self.line($0) }
        row(Text("at the next boot", "下次启动时"), facts.boot.nextCommandLine) { Self.line($0) }
        row(Text("boot loader", "引导加载程序"), facts.boot.loader.map(\.rawValue))
        row(Text("hypervisors", "虚拟化"), facts.hypervisor.present) {
            $0.isEmpty ? "–" : $0.map(\.rawValue).sorted().joined(separator: ", ")
        }
        row(Text("runs under", "运行于"), facts.hypervisor.under.map { $0 ?? "–" })
        row(Text("tuned by", "调优工具"), facts.services.owners) { owners in
            owners.isEmpty ? "–" : owners.map { "\($0.tool.rawValue) \($0.profile ?? "")" }.joined(separator: ", ")
        }

        heading(Text("CPU", "CPU"))
        row(Text("model", "型号"), facts.cpu.model)
        row(Text("online", "在线"), facts.cpu.online)
        row(Text("offline", "离线"), facts.cpu.offline)
        row(Text("isolated", "隔离"), facts.cpu.isolated)
        row(Text("sockets", "插槽"), facts.cpu.sockets)
        row(Text("cores", "核心"), facts.cpu.cores)
        row(Text("threads a core", "每核线程"), facts.cpu.threads)
        row(Text("caches", "缓存"), facts.cpu.caches) { Self.caches($0) }
        row(Text("governor", "调频策略"), facts.cpu.governor)

        heading(Text("Memory", "内存"))
        row(Text("total", "总量"), facts.memory.total)
        row(Text("available", "可用"), facts.memory.available)
        row(Text("huge pages", "大页"), facts.memory.hugePages) { Self.pools($0) }
        row(Text("THP", "透明大页"), facts.memory.thp.enabled)
        row(Text("THP defrag", "透明大页整理"), facts.memory.thp.defrag)
        row(Text("THP shared", "共享透明大页"), facts.memory.thp.shmemEnabled)
        row(Text("KSM", "KSM"), facts.memory.ksm.run) {
            ["stopped", "running", "unmerging"].indices.contains($0)
                ? ["stopped", "running", "unmerging"][$0] : "\($0)"
        }
        row(Text("KSM pages saved", "KSM 节省页数"), facts.memory.ksm.pagesSharing)
        row(Text("swap", "交换区"), facts.memory.swap) { areas in
            areas.isEmpty ? "–" : areas.map { "\($0.path) \($0.size)" }.joined(separator: ", ")
        }
        row(Text("swappiness", "交换倾向"), facts.sysctl.text("vm.swappiness"))

        heading(Text("NUMA", "NUMA"))
        switch facts.numa.nodes {
        case .unknown: row(Text("nodes", "节点"), facts.numa.nodes) { "\($0.count)" }
        case .known(let nodes):
            for node in nodes {
                let label = "node \(node.id)"
                row(
                    Text(verbatim: label),
                    .known(
                        "CPUs \(node.cpus.isEmpty ? "–" : node.cpus.description); \(node.memory.value?.description ?? "?"); "
                            + "distances \(node.distances.value?.map(String.init).joined(separator: " ") ?? "?")"))
                if let pools = node.hugePages.value, pools.contains(where: { $0.total > 0 }) {
                    row(Text(verbatim: ""), .known(Self.pools(pools)))
                }
            }
        }
        row(Text("balancing", "自动平衡"), facts.sysctl.text("kernel.numa_balancing"))

        heading(Text("Storage", "存储"))
        switch facts.storage.disks {
        case .unknown: row(Text("disks", "磁盘"), facts.storage.disks) { "\($0.count)" }
        case .known(let disks):
            for disk in disks {
                let kind =
                    disk.isRotational.value.map {
                        $0 ? Text("spinning", "机械")[language] : Text("solid", "固态")[language]
                    } ?? "?"
                row(
                    Text(verbatim: disk.name),
                    .known(
                        "\(disk.size.value?.description ?? "?"), \(kind), \(disk.scheduler.value ?? "–")\(disk.mapperName.map { ", \($0)" } ?? "")"
                    ))
            }
        }
        row(Text("NFS mounts", "NFS 挂载"), facts.storage.mounts) { mounts in
            let nfs = mounts.filter(\.isNFS)
            return nfs.isEmpty ? "–" : nfs.map { "\($0.path) (\($0.source))" }.joined(separator: ", ")
        }
        row(Text("aio-max-nr", "aio-max-nr"), facts.sysctl.text("fs.aio-max-nr"))
        row(Text("aio-nr", "aio-nr"), facts.sysctl.text("fs.aio-nr"))

        heading(Text("Guests", "客户机"))
        row(Text("QEMU processes", "QEMU 进程"), facts.processes.qemu) { processes in
            processes.isEmpty ? "–" : processes.map { "\($0.name ?? "?") (\($0.pid))" }.joined(separator: ", ")
        }
        row(Text("cgroup version", "cgroup 版本"), facts.cgroups.version)
    }

    private static func line(_ line: KernelCommandLine) -> String {
        line.parameters.map { parameter in parameter.value.map { "\(parameter.name)=\($0)" } ?? parameter.name }.joined(
            separator: " ")
    }

    private static func pools(_ pools: [HugePagePool]) -> String {
        pools.isEmpty ? "–" : pools.map { "\($0.size): \($0.total) (\($0.free) free)" }.joined(separator: ", ")
    }

    private static func caches(_ caches: [CPUCache]) -> String {
        var lines: [String] = []
        for cache in caches {
            let name =
                "L\(cache.level)\(cache.type == "Data" ? "d" : cache.type == "Instruction" ? "i" : "") \(cache.size?.description ?? "?")"
            if !lines.contains(name) { lines.append(name) }
        }
        return lines.joined(separator: ", ")
    }
}
