import Changes
import HostFacts
import Inventory
import Quantities

/// Waivers in the configuration carry an end; one that has passed no longer hides anything and should be decided anew.
struct WaiverExpired: SettingsPractice {
    var about: About {
        About(
            id: "waiver-expired", section: "2", scopes: [.host], severities: [.warning], fixes: [.hand],
            title: Text("Expired waivers", "过期的豁免"),
            why: Text(
                "A waiver accepts a finding for a time; when that time is over somebody has to look again, or the exception becomes the rule.",
                "豁免只在一段时间内接受某个问题;到期后必须重新审视,否则例外就会变成惯例。"),
            tradeOff: Text("None: renewing one takes a new date.", "无:续期只需填写新的日期。"), sources: ["nearmetal.yaml"])
    }

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        let settings = estate.settings
        guard !settings.waivers.isEmpty else { return .notApplicable(Text("there are no waivers", "没有豁免")) }
        let today = CivilDay(secondsSince1970: estate.now)
        var judgement = Judgement()
        for waiver in settings.waivers where waiver.expires < today {
            let subject = waiver.guest.map { " (\($0))" } ?? ""
            judgement.add(
                Finding(
                    .warning, part: waiver.practice + subject,
                    Text(
                        "the waiver of \(waiver.practice)\(subject) ended on \(waiver.expires): \(waiver.reason)",
                        "对 \(waiver.practice)\(subject) 的豁免已于 \(waiver.expires) 到期:\(waiver.reason)"),
                    observed: waiver.expires.description, expected: "≥ \(today)",
                    remedy: .byHand(
                        Text("Mend what it hides, or give it a new `expires`.", "解决被豁免的问题,或填写新的 `expires`。")),
                    evidence: [
                        Evidence(settings.source ?? "nearmetal.yaml", waiver.expires.description, line: waiver.line)
                    ]))
        }
        return judgement
    }

    var examples: Examples {
        func settings(_ expires: String) -> Settings {
            var settings = Settings()
            guard let day = CivilDay(expires) else { return settings }
            settings.waivers = [
                Settings.Waiver(practice: "swappiness", guest: nil, reason: "tested at 60", expires: day, line: 7)
            ]
            return settings
        }
        return Examples(
            fires: .host(
                "ended long ago", expect: .fires(.warning, observed: "2025-12-31"), settings: settings("2025-12-31")
            ) { _ in },
            .host("ended yesterday", expect: .fires(.warning), settings: settings("2026-11-17")) { _ in },
            quiet: .host("ends today: still holds", expect: .pass, settings: settings("2026-11-18")) { _ in },
            .host("no waivers", expect: .notApplicable) { _ in })
    }
}
