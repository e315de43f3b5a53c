import Configuration
import Inventory
import Quantities
import Testing

@Suite struct SettingsTests {
    func parse(_ text: String) throws -> Settings { try Settings.parse(Array(text.utf8), path: "nearmetal.yaml") }

    @Test func everyKeyIsRead() throws {
        let settings = try parse(
            """
            # what our estate is for
            workloads:
              "db-*": database
              "web[0-9]": web
            thresholds:
              swappiness: 10
              load-target: 60 %
              load-tolerance: 0.2
              vcpus-per-core: 4
              host-reserve: 8 GiB
              host-reserve-share: 10%
              huge-pages-from: 16G
              remote-memory: 3%
              ksm-sleep-millisecs: 2000
              ksm-pages-to-scan: 500
              chain-depth: 4
            waivers:
              - practice: swappiness
                guest: "web*"
                reason: measured at 60, no difference
                expires: 2027-01-31
            disable: [host-services]
            migration:
              targets: [other.xml]
              release: sles-15-sp7
            backup:
              folders: [/backup]
              max-age-days: 3
            """)
        #expect(
            settings.workloads == [
                Settings.WorkloadRule(pattern: "db-*", workload: .database),
                Settings.WorkloadRule(pattern: "web[0-9]", workload: .web),
            ])
        #expect(settings.swappiness == 10)
        #expect(settings.loadTarget == 0.6)
        #expect(settings.vcpusPerCore == 4)
        #expect(settings.hostReserve == ByteCount(gibibytes: 8))
        #expect(settings.hugePagesFrom == ByteCount(gibibytes: 16))
        #expect(settings.waivers.first?.expires == CivilDay("2027-01-31"))
        #expect(settings.waivers.first?.line == 18)
        #expect(settings.disabled == ["host-services"])
        #expect(settings.migrationRelease == "sles-15-sp7")
        #expect(settings.backupAgeDays == 3)
    }

    @Test(arguments: [
        (
            "thresholds:\n  swapiness: 3\n",
            "nearmetal.yaml:2:3: thresholds has no \"swapiness\". Did you mean \"swappiness\"?"
        ),
        (
            "workloads:\n  a: databse\n",
            "nearmetal.yaml:2:6: there is no workload \"databse\". Did you mean \"database\"?"
        ),
        ("thresholds:\n  swappiness: many\n", "nearmetal.yaml:2:15: \"many\" is not a whole number from 0 to 200"),
        (
            "waivers:\n- practice: x\n  reason: y\n  expires: 2026-02-30\n",
            "nearmetal.yaml:4:12: \"2026-02-30\" is not a day. Write it as 2027-01-31"
        ),
        (
            "waivers:\n- practice: x\n",
            "nearmetal.yaml:2:3: a waiver needs practice, reason and expires. Without a reason and an end an exception becomes the rule"
        ),
        ("- a\n", "nearmetal.yaml:1:1: the configuration must be `key: value` lines"),
    ]) func errorsSayWhere(_ text: String, _ message: String) {
        #expect(throws: ConfigurationError.self) { try parse(text) }
        do { _ = try parse(text) } catch { #expect("\(error)" == message) }
    }

    @Test func nothingIsTheDefaults() throws {
        for text in ["", "# only a comment\n", "---\n"] {
            var expected = Settings()
            expected.source = "nearmetal.yaml"
            #expect(try parse(text) == expected)
        }
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), String(repeating: "a: {", count: 20_000),
        "a: &a [*a, *a]\n", "x: [1, 2\n", "a: 1\na: 2\n", "\u{0}", "? ? ? ?", "%YAML 9.9\n---\na: b\n",
        "thresholds: &t\n  swappiness: 10\n  <<: *t\n",
    ]) func hostileTextIsOneError(_ text: String) {
        #expect(throws: ConfigurationError.self) { try parse(text) }
    }

    @Test(arguments: [
        ("db-*", "db-1", true), ("db-*", "web", false), ("*", "", true), ("web[0-9]", "web7", true),
        ("web[!0-9]", "web7", false),
        ("a?c", "abc", true), ("a*b*c", "a-b-b-c", true), ("[", "[", true), ("[]]", "]", true),
    ]) func wildcards(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(Wildcard(pattern).matches(name) == expected)
    }
}
