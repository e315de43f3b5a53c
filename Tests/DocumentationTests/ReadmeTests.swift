import Foundation
import Testing
import ToolRunning

/// What the README shows is what the program prints.
@Suite struct ReadmeTests {
    @Test func reportIsReal() async throws {
        let text = try String(contentsOf: ManualTests.root.appending(path: "README.md"), encoding: .utf8)
        let blocks = text.components(separatedBy: "```\n")
        try #require(blocks.count == 5)
        let command = try #require(blocks[0].firstMatch(of: /\(`nearmetal (check --example [^`]*)`\)/))
        let words: [String] = command.1.split(separator: " ").map { String($0).replacing("'", with: "") }
        let run = try await Nearmetal.start(words + ["--fail-on", "never", "--lang", "en"]).end()
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text == blocks[1])
    }

    @Test func planIsReal() async throws {
        let text = try String(contentsOf: ManualTests.root.appending(path: "README.md"), encoding: .utf8)
        let blocks = text.components(separatedBy: "```\n")
        try #require(blocks.count == 5)
        let command = try #require(
            blocks[3].firstMatch(of: /^\$ nearmetal (plan --xml \/srv\/guests\/web1.xml [^\n]*)\n/))
        try await inTemporaryFolder { folder in
            let definition = """
                <domain type='kvm'>
                  <name>web1</name>
                  <memory unit='GiB'>2</memory>
                  <vcpu>2</vcpu>
                  <os><type arch='x86_64' machine='q35'>hvm</type></os>
                  <features><acpi/></features>
                  <cpu mode='host-passthrough'/>
                  <devices>
                    <interface type='bridge'>
                      <source bridge='br0'/>
                      <model type='e1000'/>
                    </interface>
                    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
                  </devices>
                </domain>

                """
            try Data(definition.utf8).write(to: URL(filePath: folder + "/web1.xml"))
            let words = command.1.split(separator: " ").map { String($0).replacing("/srv/guests", with: folder) }
            let run = try await Nearmetal.start(words + ["--lang", "en"]).end()
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.text.replacing(folder, with: "/srv/guests") == String(blocks[3].dropFirst(command.0.count)))
        }
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
