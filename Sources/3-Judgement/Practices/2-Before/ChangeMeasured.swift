import Changes
import HostFacts
import Inventory
import Quantities

/// Every change measured before and after (guide §2.2).
struct ChangeMeasured: HostPractice {
    var about: About {
        About(
            id: "change-measured", section: "2.2", scopes: [.host], severities: [.advice], fixes: [.hand],
            title: Text("Changes are measured", "更改经过测量"),
            why: Text(
                "What helps depends on hardware and workload; a change nobody measured may cost more than it gives.",
                "效果取决于硬件和工作负载;未经测量的更改可能得不偿失。"),
            tradeOff: Text(
                "Measuring takes the time of two runs under the real load, on a system that is not in production.",
                "测量需要在非生产系统上以真实负载运行两次的时间。"),
            sources: ["guide §2.2"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        switch estate.history.unmeasuredChanges {
        case .unknown(let reason):
            return reason.cause == .missing ? .notApplicable(reason.howToRead) : .unknown(reason)
        case .known(let changes):
            var judgement = Judgement()
            for change in changes {
                judgement.add(
                    Finding(
                        .advice, part: change,
                        Text(
                            "Change \(change) was applied, and no measurement from before and after it is on record",
                            "已应用更改 \(change),但没有更改前后的测量记录"),
                        observed: "0 measurements", expected: "before and after",
                        remedy: .byHand(
                            Text(
                                "Run the guest's own workload, or a benchmark like it, with the change and without it, and compare several runs",
                                "在应用和撤销该更改的情况下分别运行客户机的实际负载或类似基准测试,并比较多次结果")),
                        evidence: [Evidence("/var/lib/nearmetal", change)]))
            }
            return judgement
        }
    }

    var examples: Examples {
        Examples(
            fires: Self.example("one change was not measured", expect: .fires(.advice), .known(["2026-11-20-1"])),
            Self.example("two were not", expect: .fires(.advice), .known(["2026-11-20-1", "2026-11-21-1"])),
            quiet: Self.example("all were measured", expect: .pass, .known([])),
            .host("Nearmetal has changed nothing yet", expect: .notApplicable) { _ in },
            others: [
                Self.example(
                    "records that may not be read", expect: .unknown,
                    .unknown(Unknown(.denied, source: "/var/lib/nearmetal")))
            ])
    }

    private static func example(
        _ title: String, expect: Example.Expectation, _ changes: Fact<[String]>, line: Int = #line
    ) -> Example {
        Example(title, expect: expect, line: line, estate: estate(changes))
    }

    private static func estate(_ changes: Fact<[String]>) -> Estate {
        var history = HistoryFacts()
        history.unmeasuredChanges = changes
        return Estate(host: .example, guests: [], now: 1_795_000_000, history: history)
    }
}
