import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities

/// What the host's release supports at most.
struct SupportLimits: GuestPractice {
    var about: About {
        About(
            id: "support-limits", section: "4.5.1", scopes: [.guest, .host], severities: [.error], fixes: [.hand],
            title: Text("Limits of the release's support", "发行版支持上限"),
            why: Text("Beyond the limits nobody has tested, and the vendor does not help.", "超出上限的配置未经测试,厂商也不提供支持。"),
            tradeOff: Text("Smaller guests, or a newer release.", "缩小客户机,或升级到新版本。"),
            sources: ["SUSE \"Virtualization Limits and Support\", SLES 16"])
    }

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        guard case .known(let distribution) = estate.host.system.distribution else {
            return .unknown(estate.host.system.distribution.reason ?? Unknown(.missing, source: "/etc/os-release"))
        }
        guard let release = ReleaseData.release(of: distribution), let limits = ReleaseData.limits(of: release) else {
            return .notApplicable(
                Text("no limits are on record for \(distribution.name)", "没有 \(distribution.name) 的上限记录"))
        }
        var judgement = Judgement()
        if domain.vcpus > limits.vcpus, let element = domain.root.first("vcpu") {
            judgement.add(
                Finding(
                    .error,
                    Text(
                        "\(domain.vcpus) vCPUs; \(release.name) supports \(limits.vcpus)",
                        "\(domain.vcpus) 个虚拟 CPU;\(release.name) 最多支持 \(limits.vcpus)"),
                    observed: String(domain.vcpus), expected: "≤ \(limits.vcpus)",
                    remedy: .byHand(
                        Text("Give it fewer vCPUs, or split the workload.", "减少虚拟 CPU 或拆分负载。"), disrupts: .guestRestart),
                    evidence: [Evidence(element, String(domain.vcpus))]))
        }
        if let memory = domain.maxMemory ?? domain.memory, memory > limits.memory,
            let element = domain.root.first("memory")
        {
            judgement.add(
                Finding(
                    .error,
                    Text(
                        "\(memory) of memory; \(release.name) supports \(limits.memory)",
                        "内存 \(memory);\(release.name) 最多支持 \(limits.memory)"),
                    observed: memory.description, expected: "≤ \(limits.memory)",
                    remedy: .byHand(
                        Text("Give it less memory, or split the workload.", "减少内存或拆分负载。"), disrupts: .guestRestart),
                    evidence: [Evidence(element, memory.description)]))
        }
        return judgement
    }

    var examples: Examples {
        @Sendable func sles16(_ host: inout HostFacts) {
            host.system.distribution = .known(Distribution(id: "sles", version: "16.0", name: "SLES 16.0"))
        }
        return Examples(
            fires: .guest("800 vCPUs", "<vcpu>800</vcpu>", expect: .fires(.error, observed: "800"), host: sles16),
            .guest("9 TiB", "<memory unit='TiB'>9</memory>", expect: .fires(.error, observed: "9 TiB"), host: sles16),
            quiet: .guest(
                "at both limits", "<vcpu>768</vcpu><memory unit='TiB'>8</memory>", expect: .pass, host: sles16),
            .guest("a release without a record", "<vcpu>800</vcpu>", expect: .notApplicable),
            others: [.guest("host not examined", "", expect: .unknown, host: { $0 = .unexamined })])
    }
}

/// Live migration to the release that is named as its target.
struct MigrationPath: HostPractice {
    var about: About {
        About(
            id: "migration-path", section: "4.5.2.3", scopes: [.host], severities: [.warning, .advice], fixes: [.hand],
            title: Text("Live migration to the next release", "实时迁移到目标版本"),
            why: Text(
                "Between releases that the support matrix does not list, a running guest may fail on arrival or later.",
                "在支持矩阵未列出的版本之间,运行中的客户机可能在到达时或之后失败。"),
            tradeOff: Text("Moving guests that are shut down means an interruption.", "关机迁移意味着业务中断。"),
            sources: ["SUSE \"Virtualization Limits and Support\", SLES 16"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        guard let name = estate.settings.migrationRelease else {
            return .notApplicable(
                Text("no target release is named (migration: release:)", "未指定目标版本(migration: release:)"))
        }
        guard let target = ReleaseData.release(named: name) else {
            return .unknown(
                Unknown(
                    .malformed(name), source: estate.settings.source ?? "nearmetal.yaml",
                    remedy: Text("Write one such as sles-16", "写成 sles-16 之类")))
        }
        guard case .known(let distribution) = host.system.distribution else {
            return .unknown(host.system.distribution.reason ?? Unknown(.missing, source: "/etc/os-release"))
        }
        guard let source = ReleaseData.release(of: distribution) else {
            return .notApplicable(
                Text("\(distribution.name) is not in SUSE's matrix", "\(distribution.name) 不在 SUSE 支持矩阵中"))
        }
        let support = ReleaseData.liveMigration(from: source, to: target)
        guard support != .supported else { return .pass }
        let isListed = support == .withTests
        return .finding(
            Finding(
                isListed ? .advice : .warning,
                isListed
                    ? Text(
                        "live migration from \(source.name) to \(target.name) skips a service pack: test it first",
                        "从 \(source.name) 实时迁移到 \(target.name) 跨越服务包:请先测试")
                    : Text(
                        "live migration from \(source.name) to \(target.name) is not supported",
                        "不支持从 \(source.name) 实时迁移到 \(target.name)"),
                observed: "\(source.name) → \(target.name)", expected: "the same release, or the next service pack",
                remedy: .byHand(
                    Text(
                        "Shut the guests down, move their definitions and images, start them there.",
                        "关闭客户机,迁移定义和映像,再在目标启动。"), disrupts: .guestRestart),
                evidence: [Evidence("/etc/os-release", distribution.name)]))
    }

    var examples: Examples {
        @Sendable func target(_ name: String) -> Settings {
            var settings = Settings()
            settings.migrationRelease = name
            return settings
        }
        return Examples(
            fires: .host("15 SP6 to 16", expect: .fires(.warning), settings: target("sles-16")) { _ in },
            .host("backwards", expect: .fires(.warning), settings: target("sles-15-sp5")) { _ in },
            .host("a service pack is skipped", expect: .fires(.advice), settings: target("sles-15-sp7")) {
                $0.system.distribution = .known(Distribution(id: "sles", version: "15.5"))
            },
            quiet: .host("to the next service pack", expect: .pass, settings: target("sles-15-sp7")) { _ in },
            .host("none named", expect: .notApplicable) { _ in },
            others: [.host("a release nobody knows", expect: .unknown, settings: target("sles-99")) { _ in }])
    }
}
