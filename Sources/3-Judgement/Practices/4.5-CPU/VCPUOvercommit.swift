import Changes
import HostFacts
import Inventory
import Quantities

/// vCPUs of all running guests against the host's CPUs (guide §4.5.1).
struct VCPUOvercommit: HostPractice {
    var about: About {
        About(
            id: "vcpu-overcommit", section: "4.5.1", scopes: [.host], severities: [.error, .warning], fixes: [.hand],
            title: Text("vCPUs promised against CPUs there", "虚拟 CPU 总数与主机 CPU"),
            why: Text(
                "When guests want more CPUs at once than there are, each waits for the others: latency rises and every guest loses throughput.",
                "所有客户机同时需要的 CPU 超过主机时会互相等待:延迟上升,每个客户机的吞吐量都下降。"),
            tradeOff: Text(
                "Without overcommitment CPUs stand idle while guests are idle; where the load is known to be low it is sound.",
                "不超配时,客户机空闲则 CPU 闲置;若已知负载较低,超配是合理的。"),
            sources: ["guide §4.5.1"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let active = estate.activeGuests
        guard !active.isEmpty else { return .notApplicable(Text("no guest runs", "没有运行中的客户机")) }
        guard case .known(let online) = host.cpu.online else {
            return .unknown(host.cpu.online.reason ?? Unknown(.missing, source: "CPUs"))
        }
        let vcpus = estate.relations.activeVCPUs
        let evidence = [
            Evidence("/sys/devices/system/cpu/online", online.description),
            Evidence("vCPUs of \(active.count) running guests", String(vcpus)),
        ]
        let remedy = Remedy.byHand(
            Text(
                "Give guests fewer vCPUs (start from one), or move some to another host.",
                "减少客户机的虚拟 CPU(从一个开始),或将部分客户机迁移到其他主机。"),
            commands: ["nearmetal check --only vcpu-size --observe 60"], disrupts: .guestRestart)
        if let cores = host.cpu.cores.value, Double(vcpus) > estate.settings.vcpusPerCore * Double(cores) {
            return .finding(
                Finding(
                    .error,
                    Text(
                        "\(vcpus) vCPUs run on \(cores) cores: more than \(Int(estate.settings.vcpusPerCore)) a core endangers the host's stability",
                        "\(cores) 个核心上运行 \(vcpus) 个虚拟 CPU:每核超过 \(Int(estate.settings.vcpusPerCore)) 个会危及主机稳定"),
                    observed: "\(vcpus) vCPUs", expected: "≤ \(Int(estate.settings.vcpusPerCore * Double(cores)))",
                    holds: .running, remedy: remedy,
                    evidence: evidence))
        }
        guard vcpus > online.count else { return .pass }
        var judgement = Judgement()
        judgement.add(host.cpu.cores.reason)
        // Measured load decides where there is one for every guest: load times vCPUs is what they really ask for.
        var wanted = 0.0
        var isMeasured = true
        for guest in active {
            guard let load = guest.statistics.value?.load, let count = guest.definition?.currentVCPUs else {
                isMeasured = false
                break
            }
            wanted += load * Double(count)
        }
        if isMeasured, wanted <= Double(online.count) * estate.settings.loadTarget { return judgement }
        let load = isMeasured ? " (load measured: \(Int(wanted.rounded(.up))) CPUs)" : ""
        let loadChinese = isMeasured ? "(实测负载:\(Int(wanted.rounded(.up))) 个 CPU)" : ""
        judgement.add(
            Finding(
                .warning,
                Text(
                    "\(vcpus) vCPUs of running guests share \(online.count) CPUs\(load)",
                    "运行中客户机的 \(vcpus) 个虚拟 CPU 共用 \(online.count) 个 CPU\(loadChinese)"),
                observed: "\(vcpus) vCPUs", expected: "≤ \(online.count)", holds: .running, remedy: remedy,
                evidence: evidence))
        return judgement
    }

    var examples: Examples {
        @Sendable func guests(_ vcpus: Int...) -> [String] {
            vcpus.enumerated().map { "<name>g\($0.offset)</name><vcpu>\($0.element)</vcpu>" }
        }
        return Examples(
            fires: .host("17 vCPUs on 16 CPUs", expect: .fires(.warning, observed: "17 vCPUs"), guests: guests(16, 1)) {
                _ in
            },
            .host("65 vCPUs on 8 cores", expect: .fires(.error), guests: guests(33, 32)) { _ in },
            .host("64 vCPUs on 8 cores: at the limit", expect: .fires(.warning), guests: guests(32, 32)) { _ in },
            quiet: .host("16 vCPUs on 16 CPUs", expect: .pass, guests: guests(8, 8)) { _ in },
            .host("none runs", expect: .notApplicable, guests: guests(99), active: false) { _ in },
            Example(
                "overcommitted, and measured to be idle", expect: .pass,
                estate: .example(
                    guests: guests(12, 12).map {
                        .example($0) { guest in
                            var statistics = GuestStatistics()
                            statistics.load = 0.1
                            guest.statistics = .known(statistics)
                        }
                    })),
            others: [
                .host("CPUs unreadable", expect: .unknown, guests: guests(2)) {
                    $0.cpu.online = .unknown(Unknown(.denied, source: "online"))
                }
            ])
    }
}
