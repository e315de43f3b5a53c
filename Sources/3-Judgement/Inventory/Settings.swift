public import Quantities

/// What the administrator set: thresholds, workloads, waivers.
///
/// The defaults are the guide's.
public struct Settings: Sendable, Hashable {
    /// Highest `vm.swappiness` accepted (guide §4.2.1's example).
    public var swappiness = 35
    /// Load of a vCPU to aim at, from 0 to 1 (guide §4.5.1).
    public var loadTarget = 0.70
    /// How far from the target a load may be before it is a finding.
    public var loadTolerance = 0.25
    /// Most vCPUs per physical core before a host is at risk (guide §4.5.1).
    public var vcpusPerCore = 8.0
    /// Memory kept for the host itself: the larger of this share of memory and ``hostReserve``.
    public var hostReserveShare = 0.05
    /// Memory kept for the host itself.
    public var hostReserve = ByteCount(gibibytes: 1)
    /// Size from which a guest is advised to use huge pages.
    public var hugePagesFrom = ByteCount(gibibytes: 4)
    /// Share of pages on other nodes that is accepted, from 0 to 1.
    public var remoteMemory = 0.05
    /// Oldest backup accepted, in days.
    public var backupAgeDays = 7
    /// Pause of ksmd accepted, in milliseconds, and pages of a batch (guide §4.1.4).
    public var ksmSleepMilliseconds: UInt64 = 1000
    /// Pages of a batch to aim at.
    public var ksmPagesToScan: UInt64 = 1000
    /// Deepest chain of backing files accepted.
    public var chainDepth = 8
    /// Workloads by guest-name pattern (shell wildcards `*`, `?`, `[…]`), first match wins.
    public var workloads: [WorkloadRule] = []
    /// Findings that are accepted.
    public var waivers: [Waiver] = []
    /// Practices that are not to be run.
    public var disabled: Set<String> = []
    /// Hosts or capabilities files guests are meant to migrate to.
    public var migrationTargets: [String] = []
    /// Release that live migration is meant to go to (`sles-15-sp7`, `sles-16`).
    public var migrationRelease: String?
    /// Folders in which backups of definitions and disks are found.
    public var backupFolders: [String] = []
    /// Where the settings were read from; `nil` for defaults.
    public var source: String?

    /// The defaults.
    public init() {}

    /// Workload of guests whose name matches a pattern.
    public struct WorkloadRule: Sendable, Hashable {
        /// Shell wildcard.
        public var pattern: String
        /// The workload.
        public var workload: Workload
        /// A rule.
        public init(pattern: String, workload: Workload) {
            self.pattern = pattern
            self.workload = workload
        }
    }

    /// A finding that is accepted, with a reason and an end.
    public struct Waiver: Sendable, Hashable {
        /// The practice, or a wildcard.
        public var practice: String
        /// Guest-name pattern; `nil` for the host and every guest.
        public var guest: String?
        /// Why.
        public var reason: String
        /// The last day it holds, days since 1970-01-01.
        public var expires: CivilDay
        /// Line in the configuration file.
        public var line: Int
        /// A waiver.
        public init(practice: String, guest: String?, reason: String, expires: CivilDay, line: Int = 0) {
            self.practice = practice
            self.guest = guest
            self.reason = reason
            self.expires = expires
            self.line = line
        }
    }
}

/// A day of the calendar (proleptic Gregorian, UTC).
public struct CivilDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    public var daysSince1970: Int
    /// A day by its number.
    public init(daysSince1970: Int) { self.daysSince1970 = daysSince1970 }
    /// The day of a moment.
    public init(secondsSince1970 seconds: Int64) {
        // Rounded down: the second before 1970 was in 1969.
        daysSince1970 = Int(seconds / 86_400) - (seconds % 86_400 < 0 ? 1 : 0)
    }
    /// A day by year, month, day; `nil` if there is no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        // Howard Hinnant's days_from_civil.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        daysSince1970 = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
    /// A day as `2026-11-23`; `nil` if it is written otherwise.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 4, parts[1].count == 2, parts[2].count == 2,
            text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }), let year = Int(parts[0]),
            let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }
    /// `2026-11-23`.
    public var description: String {
        let shifted = daysSince1970 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * index + 2) / 5 + 1
        let month = index + (index < 10 ? 3 : -9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ number: Int, _ width: Int) -> String {
            String(repeating: "0", count: max(0, width - String(number).count)) + String(number)
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
    /// Earlier is less.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.daysSince1970 < rhs.daysSince1970 }

    /// A moment as RFC 3339 has it: `2026-11-23T10:42:48Z`.
    public static func timestamp(secondsSince1970 seconds: Int64) -> String {
        let rest = (seconds % 86_400 + 86_400) % 86_400
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(Self(secondsSince1970: seconds))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
    }
}
