import Foundation
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
    static let sarifSchema = [
        ProcessInfo.processInfo.environment["NEARMETAL_SARIF_SCHEMA"],
        root.appending(path: ".build/test-data/sarif-schema-2.1.0.json").path,
    ].compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0) }

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
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: hasValidator, "python3-jsonschema is not installed"), arguments: Language.allCases)
    func checkJSON(_ language: Language) throws {
        try validate(
            ReportFormat.json.write(SampleReport.make(language: language)),
            schema: Self.root.appending(path: "Schemas/check-1.schema.json").path)
    }

    @Test(
        .enabled(if: hasValidator && sarifSchema != nil, "python3-jsonschema or the official SARIF schema is not there")
    )
    func sarif() throws {
        let schema = try #require(Self.sarifSchema)
        try validate(ReportFormat.sarif.write(SampleReport.make()), schema: schema)
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
