import Foundation
import Testing
import ToolRunning

/// The manual pages against what the program says of itself, and against the formatters that are installed.
@Suite struct ManualTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let folder = root.appending(path: "Documentation")
    static let pages = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".1") || $0.hasSuffix(".5") }.sorted()
    /// Commands that do something: those of a group stand for it, under their whole name (`guest set vcpus`).
    static let commands: [Command] = ((try? help())?.command.subcommands ?? []).flatMap { leaves($0, in: "") }

    static func leaves(_ command: Command, in group: String) -> [Command] {
        if command.commandName == "help" { return [] }
        var command = command
        command.commandName = group + command.commandName
        let inner = (command.subcommands ?? []).flatMap { leaves($0, in: command.commandName + " ") }
        return inner.isEmpty ? [command] : inner
    }

    // MARK: What `--experimental-dump-help` prints

    struct Help: Decodable {
        var command: Command
    }
    struct Command: Decodable, Sendable, CustomTestStringConvertible {
        var commandName: String
        var arguments: [Argument]?
        var subcommands: [Command]?
        var testDescription: String { commandName }
        var page: String { "nearmetal-\(commandName.replacing(" ", with: "-")).1" }
    }
    struct Argument: Decodable, Sendable {
        struct Name: Decodable, Sendable {
            var kind: String
            var name: String
        }
        var kind: String
        var names: [Name]?
        var valueName: String?
        var allValues: [String]?

        /// As a page writes its entry: `Fl c , Fl -connect Ar uri`.
        var entry: String {
            let value = valueName?.replacing("…", with: "...") ?? ""
            if kind == "positional" { return "Ar \(value)" }
            // The short name first, as is usual.
            let flags = (names ?? []).sorted { $0.kind > $1.kind }.map {
                $0.kind == "short" ? "Fl \($0.name)" : "Fl -\($0.name)"
            }
            return flags.joined(separator: " , ") + (kind == "flag" ? "" : " Ar \(value)")
        }
        var isCommon: Bool { (names ?? []).contains { $0.name == "help" || $0.name == "version" } }
    }

    static func help() throws -> Help {
        return try JSONDecoder().decode(Help.self, from: run([Nearmetal.path, "--experimental-dump-help"]).output)
    }

    static func run(_ arguments: [String]) throws -> (status: Int32, output: Data) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    static func isInstalled(_ program: String) -> Bool {
        ["/usr/bin", "/usr/local/bin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    /// The entries of a page's lists of options and arguments.
    static func entries(_ page: String) throws -> [String] {
        try String(contentsOf: folder.appending(path: page), encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix(".It Fl ") || $0.hasPrefix(".It Ar ") }
            .map { String($0.dropFirst(4)).replacing(" ...", with: "") }
    }

    // MARK: Tests

    @Test func everyCommandHasItsPage() throws {
        #expect(!Self.commands.isEmpty)
        let overview = try String(contentsOf: Self.folder.appending(path: "nearmetal.1"), encoding: .utf8)
        for command in Self.commands {
            #expect(Self.pages.contains(command.page))
            #expect(overview.contains(".It Cm \(command.commandName)\n"))
        }
        for page in Self.pages where page.hasPrefix("nearmetal-") {
            #expect(Self.commands.contains { page == $0.page }, "\(page) is of no command")
        }
        let common = try Self.help().command.arguments ?? []
        #expect(try Self.entries("nearmetal.1").sorted() == common.map(\.entry).sorted())
    }

    /// A page has an entry for each option and argument, with its names and value, and for no other.
    @Test(arguments: commands) func everyOptionHasItsEntry(_ command: Command) throws {
        let page = command.page
        let arguments = (command.arguments ?? []).filter { !$0.isCommon }
        #expect(try Self.entries(page).sorted() == arguments.map(\.entry).sorted())
        let text = try String(contentsOf: Self.folder.appending(path: page), encoding: .utf8)
        let synopsis = try #require(text.split(separator: ".Sh DESCRIPTION").first)
        for argument in arguments {
            let short = argument.names?.first { $0.kind == "short" }.map { "Fl \($0.name)" }
            let long = argument.names?.first { $0.kind == "long" }.map { "Fl -\($0.name)" }
            let names = [short, long].compactMap { $0 } + (argument.names == nil ? [argument.entry] : [])
            #expect(
                names.contains { name in
                    synopsis.split(whereSeparator: \.isNewline).contains { "\($0) ".contains("\(name) ") }
                }, "\(names) is not in the synopsis")
            for value in argument.allValues ?? [] {
                #expect(text.contains(value), "the value \(value) of \(names) is not explained")
            }
        }
    }

    /// The keys of the configuration, as its reader knows them.
    @Test func everyKeyOfTheConfigurationIsExplained() throws {
        let parser = Self.root.appending(path: "Sources/4-Edge/Configuration/SettingsParser.swift")
        let keys = try String(contentsOf: parser, encoding: .utf8).matches(
            of: /^ +"([a-z-]+)": \{/.anchorsMatchLineEndings()
        )
        .map { String($0.output.1) }
        #expect(keys.count > 15)
        let page = try String(contentsOf: Self.folder.appending(path: "nearmetal.yaml.5"), encoding: .utf8)
        for key in keys {
            #expect(page.contains(".It Cm \(key)\n") || page.contains(".Ss \(key)\n"), "\(key) is not in the page")
        }
    }

    @Test(.enabled(if: isInstalled("mandoc"), "mandoc is not installed"), arguments: pages)
    func mandocHasNoWarning(_ page: String) throws {
        let (_, output) = try Self.run([
            "mandoc", "-T", "lint", "-W", "warning", Self.folder.appending(path: page).path,
        ])
        #expect(String(decoding: output, as: UTF8.self) == "")
    }

    @Test(.enabled(if: isInstalled("groff"), "groff is not installed"), arguments: pages)
    func groffHasNoWarning(_ page: String) throws {
        let (_, output) = try Self.run([
            "groff", "-mandoc", "-ww", "-z", "-Tutf8", Self.folder.appending(path: page).path,
        ])
        #expect(String(decoding: output, as: UTF8.self) == "")
    }
}
