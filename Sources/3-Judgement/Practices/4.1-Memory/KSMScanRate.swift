import Changes
import HostFacts
import Inventory
import Quantities

/// ksmd's pause and the size of its batches (guide §4.1.4).
struct KSMScanRate: HostPractice {
    var about: About {
        About(
            id: "ksm-scan-rate", section: "4.1.4", scopes: [.host], severities: [.warning], fixes: [.sysfs, .file],
            title: Text("Rate of KSM's scan", "KSM 扫描速率"),
            why: Text(
                "A short pause or a large batch makes ksmd take a whole CPU; a small batch never gets through the guests' memory.",
                "停顿过短或批次过大会让 ksmd 占满一个 CPU;批次过小则永远扫不完客户机内存。"),
            tradeOff: Text("A slower scan merges later.", "扫描越慢,合并越晚。"),
            guideSays: Text("Sleep more than 1000 ms, start with 1000 pages.", "休眠 1000 毫秒以上,从 1000 页开始。"),
            today: Text(
                "Kernels from 6.7 on skip fruitless pages (smart_scan); from 6.8 on advisor_mode=scan-time steers the batch by itself within a limit of CPU time.",
                "内核自 6.7 起会跳过无效页(smart_scan);自 6.8 起 advisor_mode=scan-time 在 CPU 限额内自动调节批次。"),
            sources: ["guide §4.1.4", "kernel Documentation/admin-guide/mm/ksm.rst"])
    }

    private static let folder = "/sys/kernel/mm/ksm/"

    /// A variable of ksmtuned's that leads to what is wanted.
    private struct Variable {
        var name: String
        var wanted: UInt64
        /// Whether a value of it does.
        var isEnough: (UInt64) -> Bool
    }

    /// ksmtuned takes the pause to be for 16 GiB, and makes it shorter where there is more memory.
    private static func sleepVariable(_ milliseconds: UInt64, _ host: HostFacts) -> Variable {
        let unit = ByteCount(gibibytes: 16).rawValue
        let total = host.memory.total.value?.rawValue ?? unit
        let (product, isHuge) = milliseconds.multipliedReportingOverflow(by: total)
        let wanted = isHuge ? milliseconds : product / unit + (product % unit == 0 ? 0 : 1)
        return Variable(name: "KSM_SLEEP_MSEC", wanted: max(1, wanted)) { $0 >= wanted }
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let ksm = host.memory.ksm
        switch ksm.run {
        case .unknown(let reason):
            return .unreadable(reason, absent: KSMFits.absent)
        case .known(1): break
        case .known: return .notApplicable(Text("KSM is off", "KSM 已关闭"))
        }
        var hasAdvisor = false
        switch ksm.advisorMode {
        case .known("none"): hasAdvisor = true
        case .known: return .pass  // The kernel steers the batch, and keeps below its own limit of CPU time.
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        var judgement = Judgement()
        let owner =
            host.services.owner(of: Self.folder + "pages_to_scan")
            ?? (KSMFits.units(host).first { $0 == "ksmtuned.service" })
        let isKsmtuned = owner?.hasPrefix("ksmtuned") == true
        if isKsmtuned, let reason = host.services.ksmtuned.reason, reason.cause != .missing { judgement.add(reason) }
        func add(
            _ name: String, _ value: UInt64, _ wanted: UInt64, _ expected: String, _ what: Text, _ variable: Variable
        ) {
            let path = Self.folder + name
            let remedy: Remedy
            let boot = host.boot.tmpfiles.value?[path].flatMap { UInt64($0.value) }
            var isReady = boot == wanted
            if isKsmtuned {
                let written = host.services.ksmtuned.value?[variable.name]
                isReady = written.flatMap { UInt64($0) }.map(variable.isEnough) ?? false
                remedy =
                    isReady
                    ? .byHand(
                        Text("ksmtuned has it, and was not restarted.", "ksmtuned 已配置该值,但尚未重启。"),
                        commands: ["systemctl restart ksmtuned"])
                    : .change(
                        FileChange("/etc/ksmtuned.conf", variable.name, from: written, to: String(variable.wanted)),
                        disrupts: .nothing,
                        note: Text(
                            "ksmtuned writes the value again: it is changed in its configuration; restart it.",
                            "ksmtuned 会重写该值:在其配置中修改,并重启它。"))
            } else if hasAdvisor {
                remedy = .change(
                    SysfsChange(Self.folder + "advisor_mode", from: "none", to: "scan-time"), disrupts: .nothing,
                    note: Text(
                        "Or set \(name) to \(wanted) yourself; with the advisor the kernel chooses.",
                        "也可自行将 \(name) 设为 \(wanted);启用 advisor 后由内核选择。"))
            } else {
                remedy = .change(SysfsChange(path, from: String(value), to: String(wanted)), disrupts: .nothing)
            }
            judgement.add(
                Finding(
                    .warning, part: name, what, observed: String(value), expected: expected,
                    holds: isReady ? .running : .both, remedy: remedy, evidence: [Evidence(path, String(value))],
                    owner: owner))
        }
        switch ksm.sleepMilliseconds {
        case .unknown(let reason): judgement.add(reason)
        case .known(let sleep):
            let wanted = estate.settings.ksmSleepMilliseconds
            if sleep < wanted {
                add(
                    "sleep_millisecs", sleep, wanted, "≥ \(wanted) ms",
                    Text(
                        "ksmd sleeps \(sleep) ms between batches; \(wanted) or more is advised",
                        "ksmd 每批之间休眠 \(sleep) 毫秒;建议不少于 \(wanted)"),
                    Self.sleepVariable(wanted, host))
            }
        }
        switch ksm.pagesToScan {
        case .unknown(let reason): judgement.add(reason)
        case .known(let pages):
            let wanted = estate.settings.ksmPagesToScan
            // Within a factor of four a value may well be the result of watching it.
            if pages < wanted / 4 || pages / 4 > wanted {
                add(
                    "pages_to_scan", pages, wanted, "about \(wanted)",
                    Text(
                        "ksmd looks at \(pages) pages in a batch; start with \(wanted)",
                        "ksmd 每批扫描 \(pages) 页;建议从 \(wanted) 开始"),
                    pages < wanted
                        ? Variable(name: "KSM_NPAGES_MIN", wanted: max(1, wanted / 4)) { $0 >= wanted / 4 }
                        : Variable(name: "KSM_NPAGES_MAX", wanted: wanted) { $0 / 4 <= wanted })
            }
        }
        return judgement
    }

    var examples: Examples {
        @Sendable func scan(_ host: inout HostFacts, _ sleep: UInt64, _ pages: UInt64, run: Int = 1) {
            host.memory.ksm.run = .known(run)
            host.memory.ksm.sleepMilliseconds = .known(sleep)
            host.memory.ksm.pagesToScan = .known(pages)
        }
        return Examples(
            fires: .host("the kernel's defaults", expect: .fires(.warning, observed: "20")) { scan(&$0, 20, 100) },
            .host("just too short a pause", expect: .fires(.warning, observed: "999")) { scan(&$0, 999, 1000) },
            .host("a huge batch", expect: .fires(.warning, observed: "100000")) { scan(&$0, 1000, 100_000) },
            .host("ksmtuned that was told better, and not restarted", expect: .fires(.warning, observed: "20")) {
                scan(&$0, 20, 1000)
                $0.services.active = .known(["ksmtuned.service"])
                $0.services.ksmtuned = .known(["KSM_SLEEP_MSEC": "100000"])
            },
            .host("an advisor that is not used", expect: .fires(.warning, observed: "20")) {
                scan(&$0, 20, 1000)
                $0.memory.ksm.advisorMode = .known("none")
            },
            quiet: .host("the guide's values", expect: .pass) { scan(&$0, 1000, 1000) },
            .host("a longer pause, a watched batch", expect: .pass) { scan(&$0, 2000, 2500) },
            .host("the kernel steers it", expect: .pass) {
                scan(&$0, 20, 100)
                $0.memory.ksm.advisorMode = .known("scan-time")
            },
            .host("off", expect: .notApplicable) { scan(&$0, 20, 100, run: 0) },
            others: [
                .host("unreadable", expect: .unknown) {
                    scan(&$0, 1000, 1000)
                    $0.memory.ksm.sleepMilliseconds = .unknown(
                        Unknown(.denied, source: Self.folder + "sleep_millisecs"))
                }
            ])
    }
}
