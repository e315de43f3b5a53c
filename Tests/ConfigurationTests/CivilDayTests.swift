import Foundation
import Inventory
import Testing

@Suite struct CivilDayTests {
    /// Every day of six centuries against Foundation's calendar.
    @Test func agreesWithTheCalendar() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for number in stride(from: -140_000, through: 80_000, by: 13) {
            let parts = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(number) * 86_400))
            let (year, month, day) = (try #require(parts.year), try #require(parts.month), try #require(parts.day))
            let civil = CivilDay(daysSince1970: number)
            #expect(civil == CivilDay(year: year, month: month, day: day))
            #expect(CivilDay(civil.description) == civil)
        }
    }

    @Test func moments() {
        #expect(CivilDay(secondsSince1970: 0).description == "1970-01-01")
        #expect(CivilDay(secondsSince1970: 86_399).description == "1970-01-01")
        #expect(CivilDay(secondsSince1970: -1).description == "1969-12-31")
        #expect(CivilDay(secondsSince1970: 1_795_435_200).description == "2026-11-23")
        #expect(CivilDay.timestamp(secondsSince1970: 1_795_430_568) == "2026-11-23T10:42:48Z")
        #expect(CivilDay.timestamp(secondsSince1970: -1) == "1969-12-31T23:59:59Z")
        #expect(CivilDay.timestamp(secondsSince1970: .min).hasSuffix("T08:29:52Z"))
        #expect(CivilDay(secondsSince1970: .max).daysSince1970 == 106_751_991_167_300)
        #expect(CivilDay(secondsSince1970: .min).daysSince1970 == -106_751_991_167_301)
    }

    @Test(arguments: [
        "", "2026", "2026-11", "2026-13-01", "2026-00-10", "2026-02-29", "2100-02-29", "2026-11-31", "26-11-23",
        "2026-1-23", "2026-11-023",
        "+026-11-23", "2026-+1-23", "2026/11/23", " 2026-11-23", "2026-11-23 ", "0000-01-01", "２026-11-23",
    ])
    func refused(text: String) {
        #expect(CivilDay(text) == nil)
    }

    @Test func leapDays() {
        #expect(CivilDay("2024-02-29") != nil)
        #expect(CivilDay("2000-02-29") != nil)
        #expect(CivilDay("9999-12-31")?.description == "9999-12-31")
        #expect(CivilDay("0001-01-01")?.description == "0001-01-01")
    }
}
