import Advisor
import Changes
import DomainXML
import ExampleEstate
import Foresight
import Foundation
import HostFacts
import Inventory
import Planning
import JSONText
import NativeConversion
import Practices
import Quantities
import Testing

@testable import Reports

/// Reports against their schemas, with a validator that is not ours (python3-jsonschema).
///
/// Without it: skipped, with a word.
@Suite struct SchemaTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let hasValidator = run(["python3", "-c", "import jsonschema"]).status == 0
    /// The official schema, see SARIF/NOTICE.md.
    static let sarifSchema = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "SARIF/sarif-schema-2.1.0.json").path

    static func run(_ arguments: [String]) -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        do { try process.run() } catch { return (127, "\(error)") }
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    func validate(_ bytes: [UInt8], schema: String) throws {
        let (passes, errors) = try isValid(bytes, schema: schema)
        #expect(passes, "\(errors)")
    }

    func isValid(_ bytes: [UInt8], schema: String) throws -> (passes: Bool, errors: String) {
        let document = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: document) }
        try Data(bytes).write(to: document)
        let code = """
            import json, sys, jsonschema
            schema = json.load(open(sys.argv[1])); document = json.load(open(sys.argv[2]))
            validator = jsonschema.validators.validator_for(schema)(schema)
            errors = ['/'.join(map(str, e.path)) + ': ' + e.message[:200] for e in validator.iter_errors(document)]
            print('\\n'.join(errors[:5])); sys.exit(bool(errors))
            """
        let (status, output) = Self.run(["python3", "-c", code, schema, document.path])
        return (status == 0, output)
    }

    static func schema(_ name: String) -> String { root.appending(path: "Schemas/\(name).schema.json").path }
    static let noValidator: Comment = "python3-jsonschema is not installed"

    @Test(.enabled(if: hasValidator, noValidator), arguments: Language.allCases)
    func checkJSON(_ language: Language) throws {
        for report in [SampleReport.make(language: language), SampleForecast.make(language: language)] {
            try validate(ReportFormat.json.write(report), schema: Self.schema("check-1"))
        }
    }

    @Test(.enabled(if: hasValidator, noValidator)) func factsJSON() throws {
        for facts in [
            FactsTests.host, .unexamined, ExampleEstate.answer(Settings()).estate.host, HostFacts.read(root: "/"),
        ] {
            try validate(FactsJSON.write(facts), schema: Self.schema("facts-1"))
        }
    }

    @Test(.enabled(if: hasValidator, noValidator), arguments: Language.allCases)
    func practicesJSON(_ language: Language) throws {
        let json = PracticeText.json(Practices.all.map(\.about), language: language)
        try validate(json, schema: Self.schema("practices-1"))
    }

    @Test(.enabled(if: hasValidator, noValidator), arguments: Language.allCases)
    func planJSON(_ language: Language) throws {
        let plan = SampleChanges.plan
        var json = JSONWriter(indent: 1)
        PlanJSON.write(plan, language, diff: { StepText.diff($0.resource, from: $0.before, to: $0.after) }, &json)
        try validate(json.written, schema: Self.schema("plan-1"))
        let read = try PlanJSON.read(String(decoding: json.written, as: UTF8.self))
        #expect(read.steps.map(\.resource) == plan.steps.map(\.resource))
        #expect(
            read.steps.map(\.before) == plan.steps.map(\.before) && read.steps.map(\.after) == plan.steps.map(\.after))
    }

    @Test(.enabled(if: hasValidator, noValidator)) func transactionsJSON() throws {
        try validate(HistoryReport.json(SampleChanges.record), schema: Self.schema("transaction-1"))
        try validate(HistoryReport.json([SampleChanges.record]), schema: Self.schema("history-1"))
        try validate(HistoryReport.json([]), schema: Self.schema("history-1"))
        try validate(HistoryReport.json([], [:]), schema: Self.schema("verify-1"))
    }

    @Test(.enabled(if: hasValidator, noValidator)) func guestsJSON() throws {
        let guests = ExampleEstate.answer(Settings()).estate.guests
        #expect(guests.count > 5)
        for width in [40, 80, 120] {
            let table = GuestList.text(guests, TextStyle(width: width), .chinese)
            let lines = String(decoding: table, as: UTF8.self).split(separator: "\n")
            #expect(
                lines.allSatisfy { Columns.width(String($0)) <= max(80, width) }, "a line is wider than the terminal")
        }
        try validate(GuestList.json(guests), schema: Self.schema("guests-1"))
        try validate(GuestList.json([]), schema: Self.schema("guests-1"))
    }

    @Test(.enabled(if: hasValidator, noValidator)) func commandsAndDisplaysJSON() throws {
        let command = try NativeCommand("LC_ALL=C LC_ALL='x y' /usr/bin/qemu -S -append 'a b' -vnc :0,password=on")
        try validate(command.json(.chinese), schema: Self.schema("argv-1"))
        try validate(NativeCommand("qemu").json(.english), schema: Self.schema("argv-1"))
        let displays = [GuestDisplay(type: "vnc", uri: "vnc://localhost:0")]
        try validate(GuestDisplay.json(displays, of: "a"), schema: Self.schema("displays-1"))
        try validate(GuestDisplay.json([], of: "a"), schema: Self.schema("displays-1"))
    }

    @Test(.enabled(if: hasValidator, noValidator)) func guestsJSON() async throws {
        let unknown = Unknown(.missing, source: "x")
        let inside = InsideFacts(
            schedulers: .known(["vda": "none"]), virtioDrivers: .known(["virtio0": ""]), rngCurrent: .unknown(unknown),
            rngAvailable: .known(["a"]), kernelRelease: .known("6.1"), services: .unknown(unknown))
        try validate(InsideReport.json("a", inside), schema: Self.schema("inside-1"))
        let answers: [(host: String, answer: CPUComparison.Answer)] = [
            ("a", .init(verdict: .incompatible, missing: ["avx2"], reason: "x")), ("b", .init(verdict: .identical)),
        ]
        try validate(CPUReport.json(answers), schema: Self.schema("cpu-compare-1"))
        let cpu = try DomainXML.XMLDocument(
            Array("<cpu><model>Haswell</model><feature policy='require' name='vmx'/></cpu>".utf8), path: "x")
        try validate(CPUReport.json(baseline: cpu), schema: Self.schema("cpu-baseline-1"))
        let verdict = MigrationCheck.Verdict(isMet: nil, part: "cpu", why: Text("a", "b"))
        try validate(MigrationReport.json([verdict], .english), schema: Self.schema("migration-1"))
        let conversion = try NativeConversion(["kvm", "-device", "edu", "-name", "a"], folder: "/")
        try validate(NativeConversionReport.json(conversion, .chinese), schema: Self.schema("from-argv-1"))
        var host = HostFacts.unexamined
        host.numa.nodes = .known([0, 1].map { NUMANode(id: $0, cpus: [$0], memory: .known(ByteCount(gibibytes: 1))) })
        host.processes.qemu = .known([
            QEMUProcess(
                pid: 1, program: "qemu", arguments: [], uuid: "u", memoryByNode: .known([0: ByteCount(mebibytes: 5)]))
        ])
        let domain = try DomainDefinition(xml: "<domain type='kvm'><name>a</name><uuid>u</uuid></domain>", path: "a")
        let running = Guest(name: "a", origin: .example, persistent: nil, live: domain)
        let pages = try PageMigration(of: running, on: host, to: [1])
        let after = [1: ByteCount(mebibytes: 5)]
        try validate(PagesReport.json("a", pages, after: after, left: 0), schema: Self.schema("pages-1"))
        let words = String(
            decoding: PagesReport.text("a", pages, after: after, left: 2, TextStyle(width: 80), .english), as: UTF8.self
        )
        #expect(words.contains("100 % of its memory lay elsewhere") && words.contains("now 0 %"), "\(words)")
        let example = ExampleEstate.answer(Settings())
        for index in example.estate.guests.indices {
            let audit = await Advice().audit([index], of: example.estate)
            let drawing = GuestDrawing(example.estate.guests[index], in: example.estate, audit: audit)
            try validate(drawing.json(.english), schema: Self.schema("guest-1"))
        }
    }

    /// A schema that lets everything pass is none.
    @Test(
        .enabled(if: hasValidator, noValidator),
        arguments: [
            "check-1", "facts-1", "practices-1", "plan-1", "transaction-1", "history-1", "verify-1", "guests-1",
            "argv-1", "displays-1", "inside-1", "cpu-baseline-1", "cpu-compare-1", "guest-1", "migration-1",
            "pages-1", "from-argv-1",
        ])
    func schemaRefusesWhatIsWrong(_ name: String) throws {
        #expect(try !isValid(Array("{\"schemaVersion\":\"one\"}".utf8), schema: Self.schema(name)).passes)
    }

    @Test(.enabled(if: hasValidator, noValidator), arguments: Language.allCases)
    func sarif(_ language: Language) throws {
        for report in [SampleReport.make(language: language), SampleForecast.make(language: language)] {
            try validate(ReportFormat.sarif.write(report), schema: Self.sarifSchema)
        }
    }

    /// Each result names the rule that its index points to.
    @Test func sarifRules() throws {
        for report in [SampleReport.make(), SampleForecast.make(), SampleForecast.make(afterReboot: false)] {
            let object =
                try JSONSerialization.jsonObject(with: Data(ReportFormat.sarif.write(report))) as? [String: Any]
            let run = try #require((object?["runs"] as? [[String: Any]])?.first)
            let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
            let rules = try #require(driver["rules"] as? [[String: Any]]).map { $0["id"] as? String }
            #expect(Set(rules).count == rules.count)
            for result in try #require(run["results"] as? [[String: Any]]) {
                let index = try #require(result["ruleIndex"] as? Int)
                #expect(rules[index] == result["ruleId"] as? String)
            }
        }
    }

    /// SARIF asks for more than its schema can say.
    @Test func sarifKindsAndLevels() throws {
        let object =
            try JSONSerialization.jsonObject(with: Data(ReportFormat.sarif.write(SampleReport.make())))
            as? [String: Any]
        let run = try #require((object?["runs"] as? [[String: Any]])?.first)
        let results = try #require(run["results"] as? [[String: Any]])
        for result in results {
            let kind = try #require(result["kind"] as? String)
            let level = try #require(result["level"] as? String)
            #expect((kind == "fail") == (level != "none"))
        }
        #expect(results.filter { $0["kind"] as? String == "open" }.count == 1)
        #expect(results.filter { $0["kind"] as? String == "notApplicable" }.count == 1)
        #expect(results.filter { $0["suppressions"] != nil }.count == 1)
        let xml = try #require(results.first { $0["ruleId"] as? String == "disk-bus" })
        let location = (xml["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any]
        #expect((location?["region"] as? [String: Any])?["startLine"] as? Int == 17)
        #expect((location?["artifactLocation"] as? [String: Any])?["uri"] as? String == "guests/web%201.xml")
    }
}
