import Foundation
import Testing
import ToolRunning

/// What the README shows is what the program prints.
@Suite struct ReadmeTests {
    @Test func reportIsReal() async throws {
        let text = try String(contentsOf: ManualTests.root.appending(path: "README.md"), encoding: .utf8)
        let blocks = text.components(separatedBy: "```\n")
        try #require(blocks.count == 3)
        let command = try #require(blocks[0].firstMatch(of: /\(`nearmetal (check --example [^`]*)`\)/))
        let words: [String] = command.1.split(separator: " ").map { String($0).replacing("'", with: "") }
        let run = try await Nearmetal.start(words + ["--fail-on", "never", "--lang", "en"]).end()
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text == blocks[1])
    }

    @Test func namesOnlyFilesThatAreThere() throws {
        let text = try String(contentsOf: ManualTests.root.appending(path: "README.md"), encoding: .utf8)
        var names: [String] = []
        for link in text.matches(of: /\]\(([^)]+)\)/) where !link.1.hasPrefix("http") { names.append(String(link.1)) }
        try #require(names.count >= 2)
        for name in names {
            #expect(FileManager.default.fileExists(atPath: ManualTests.root.appending(path: name).path), "\(name)")
        }
    }
}
