import Foundation
import Testing
import ToolRunning

/// The built program from outside: what it prints where, and how it ends.
@Suite struct CommandTests {
    /// One warning, one piece of advice, no error; facts of the host that it would need are unknown.
    static let guest =
        "<domain type='kvm'><name>web1</name><memory unit='GiB'>1</memory><os><type>hvm</type></os></domain>"

    // MARK: Help and usage

    /// The commands that `--help` lists.
    private func commands() async throws -> [String] {
        let help = try await Nearmetal.run("--help")
        #expect(help.status == 0)
        let lines = help.text.split(separator: "\n")
        let start = try #require(lines.firstIndex(of: "SUBCOMMANDS:"))
        return lines[(start + 1)...].prefix { $0.hasPrefix("  ") }
            .filter { $0.dropFirst(2).first != " " }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
            .filter { $0.allSatisfy(\.isLowercase) }
    }

    @Test func everyCommandHasHelpWithExamples() async throws {
        let commands = try await commands()
        #expect(Set(["check", "facts", "explain", "practices", "xml"]).isSubset(of: commands))
        for command in commands {
            let run = try await Nearmetal.run(command, "--help")
            #expect(run.status == 0)
            #expect(run.errors == "")
            let examples = run.text.split(separator: "Examples:", maxSplits: 1)
            #expect(examples.count == 2, "\(command)")
            #expect(examples.last?.contains("\n  nearmetal \(command)") == true, "\(command)")
        }
    }

    @Test(arguments: [
        ["bogus"], ["check", "--bogus"], ["check", "--only"], ["check", "--format", "yaml"], ["check", "--lang", "de"],
        ["check", "--fail-on", "warnings"], ["check", "--example", "--xml", "x.xml"],
        ["check", "--xml", "x.xml", "--connect", "test:///default"], ["check", "--observe", "0"],
        ["check", "--observe", "nan"], ["explain"], ["explain", "a", "b"], ["facts", "--format", "sarif"],
        ["practices", "--color", "blue"], ["xml"], ["xml", "-", "--in-place"], ["xml", "x.xml", "--set", "/domain"],
    ])
    func usageErrors(_ arguments: [String]) async throws {
        let run = try await Nearmetal.start(arguments).end()
        #expect(run.status == 64, "\(run.errors)")
        #expect(run.text == "")
        #expect(run.errors.hasPrefix("Error: "), "\(run.errors)")
    }

    @Test(arguments: [
        ["explain", "swapiness"], ["check", "--only", "swapiness"], ["check", "--except", "tcg, swapiness"],
    ])
    func unknownPracticesGetTheNearestName(_ arguments: [String]) async throws {
        let run = try await Nearmetal.start(arguments).end()
        #expect(run.status == 64)
        #expect(run.text == "")
        #expect(
            run.errors.hasPrefix("Error: There is no practice \"swapiness\". Did you mean \"swappiness\"?\n"),
            "\(run.errors)")
    }

    @Test func version() async throws {
        let run = try await Nearmetal.run("--version")
        #expect(run.status == 0)
        #expect(run.text.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil, "\(run.text)")
    }

    // MARK: Exit status

    private struct Summary: Decodable {
        struct Report: Decodable { var summary: Summary }
        var error: Int
        var warning: Int
        var advice: Int
        var info: Int
        var unknown: Int
    }

    private func summary(_ run: Run) throws -> Summary {
        try JSONDecoder().decode(Summary.Report.self, from: Data(run.output)).summary
    }

    /// The status is what the report's own counts say.
    @Test func failOn() async throws {
        let input = RunningProgram.Input.bytes(Array(Self.guest.utf8))
        let report = try await Nearmetal.run("check", "--xml", "-", "--format", "json", input: input)
        let counts = try summary(report)
        #expect(counts.error == 0 && counts.warning > 0, "the definition no longer suits this test: \(counts)")
        #expect(report.status == 0)
        #expect(report.errors == "")
        var worse = 0
        for (name, count) in [
            ("error", counts.error), ("warning", counts.warning), ("advice", counts.advice), ("info", counts.info),
        ] {
            worse += count
            let run = try await Nearmetal.run("check", "--xml", "-", "--fail-on", name, input: input)
            #expect(run.status == (worse > 0 ? 1 : 0), "\(name)")
            #expect(run.text.contains("Guest web1"))
        }
        let never = try await Nearmetal.run("check", "--example", "--fail-on", "never", "--format", "json")
        #expect(never.status == 0)
        #expect(try summary(never).error > 0)
        #expect(try await Nearmetal.run("check", "--example").status == 1)
    }

    /// What is unknown fails a strict run only; findings come first.
    @Test func strict() async throws {
        let input = RunningProgram.Input.bytes(Array(Self.guest.utf8))
        let report = try await Nearmetal.run("check", "--xml", "-", "--strict", "--format", "json", input: input)
        #expect(try summary(report).unknown > 0)
        #expect(report.status == 2)
        let both = try await Nearmetal.run("check", "--xml", "-", "--strict", "--fail-on", "warning", input: input)
        #expect(both.status == 1)
    }

    @Test func selection() async throws {
        let input = RunningProgram.Input.bytes(Array(Self.guest.utf8))
        let only = try await Nearmetal.run(
            "check", "--xml", "-", "--only", "rng", "--fail-on", "advice", input: input)
        #expect(only.status == 1)
        #expect(only.text.contains("rng"))
        #expect(!only.text.contains("cpu-model"))
        let except = try await Nearmetal.run(
            "check", "--xml", "-", "--only", "rng,cpu-*", "--except", "rng", "--verbose", input: input)
        #expect(!except.text.contains("random number"))
        #expect(except.text.contains("cpu-model"))
        let none = try await Nearmetal.run("check", "--xml", "-", "--guest", "db*", input: input)
        #expect(none.status == 2)
        #expect(none.text == "")
        #expect(none.errors == "nearmetal: there is no guest db*; there are web1\n")
    }

    // MARK: What cannot be read

    /// One line that names the file, nothing on stdout, status 2, and soon.
    private func isRefused(
        _ run: Run, _ path: String, _ words: String = "", at place: SourceLocation = #_sourceLocation
    ) {
        #expect(run.status == 2, "\(run)", sourceLocation: place)
        #expect(run.text == "", sourceLocation: place)
        #expect(run.errorLines.count == 1, "\(run.errors)", sourceLocation: place)
        #expect(run.errors.hasPrefix("nearmetal: \(path):"), "\(run.errors)", sourceLocation: place)
        if !words.isEmpty { #expect(run.errors.contains(words), "\(run.errors)", sourceLocation: place) }
        #expect(run.seconds < 25, sourceLocation: place)
    }

    @Test func hostileDocuments() async throws {
        try await inTemporaryFolder { folder in
            var bomb = "<!DOCTYPE d [<!ENTITY a0 'lollollol'>"
            for level in 1..<10 {
                bomb += "<!ENTITY a\(level) '" + String(repeating: "&a\(level - 1);", count: 10) + "'>"
            }
            let canary = "\(folder)/canary"
            try put("NOBODY-READS-THIS", canary)
            let documents: [(String, String)] = [
                (bomb + "]><domain><name>&a9;</name></domain>", ""),
                (String(repeating: "<a>", count: 100_000), "more than 256 levels"),
                ("<!DOCTYPE d [<!ENTITY x SYSTEM 'file://\(canary)'>]><domain><name>&x;</name></domain>", "external"),
                ("<!DOCTYPE d SYSTEM 'http://192.0.2.1/d.dtd'><domain/>", "external"),
                ("this is\nnot XML\n", ""),
                ("", "the document is empty"),
                ("<domain>", ""),
                ("\u{0}\u{1}\u{2}", ""),
                ("<network/>", "a domain definition has <domain>"),
            ]
            for (index, document) in documents.enumerated() {
                let path = "\(folder)/\(index).xml"
                try put(document.0, path)
                isRefused(try await Nearmetal.run("check", "--xml", path), path, document.1)
                if document.0 != "<network/>" { isRefused(try await Nearmetal.run("xml", path), path, document.1) }
            }
            isRefused(
                try await Nearmetal.run(
                    "check", "--xml", "-", input: .bytes(Array(bomb.utf8) + Array("]><d>&a9;</d>".utf8))),
                "-")
        }
    }

    @Test func unreadableFiles() async throws {
        try await inTemporaryFolder { folder in
            let missing = "\(folder)/missing.xml"
            isRefused(try await Nearmetal.run("check", "--xml", missing), missing, "there is no such file or folder")
            isRefused(try await Nearmetal.run("xml", missing), missing, "No such file")
            isRefused(try await Nearmetal.run("check", "--xml", "/dev/zero"), "/dev/zero", "not a regular file")
            isRefused(try await Nearmetal.run("xml", folder), folder)
            let fifo = "\(folder)/fifo.xml"
            #expect(mkfifo(fifo, 0o600) == 0)
            isRefused(try await Nearmetal.run("check", "--xml", fifo), fifo, "not a regular file")
            // A hundred megabytes, of which not one is read.
            let large = "\(folder)/large.xml"
            #expect(FileManager.default.createFile(atPath: large, contents: nil))
            #expect(truncate(large, 100 << 20) == 0)
            isRefused(try await Nearmetal.run("check", "--xml", large), large, "104857600 bytes")
            isRefused(
                try await Nearmetal.run(
                    "check", "--xml", "-", input: .bytes([UInt8](repeating: 0x20, count: 11 << 20))),
                "-", "at most 10485760")
            isRefused(
                try await Nearmetal.run("check", "--example", "--config", missing), missing, "Name a readable file")
            isRefused(try await Nearmetal.run("facts", "--host-root", missing), missing, "there is no such folder")
            isRefused(try await Nearmetal.run("check", "--host-root", missing), missing, "there is no such folder")

            let empty = "\(folder)/empty"
            try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
            try put("<network/>", "\(empty)/network.xml")
            try put("<domain/>", "\(empty)/domain.txt")
            isRefused(
                try await Nearmetal.run("check", "--xml", empty), empty, "there is no domain definition in it")
        }
    }

    /// The readable ones are judged all the same; the status tells that some were not.
    @Test func oneBadFileAmongGoodOnes() async throws {
        try await inTemporaryFolder { folder in
            try put(Self.guest, "\(folder)/good.xml")
            try put("<domain", "\(folder)/bad.xml")
            let run = try await Nearmetal.run("check", "--xml", folder, "--fail-on", "warning")
            #expect(run.status == 2)
            #expect(run.text.contains("Guest web1"))
            #expect(run.errorLines.count == 1)
            #expect(run.errors.hasPrefix("nearmetal: \(folder)/bad.xml:1: "), "\(run.errors)")
        }
    }

    /// A name of a file or a guest draws no line of its own and commands no terminal.
    @Test func namesAreNotObeyed() async throws {
        try await inTemporaryFolder { folder in
            let path = "\(folder)/a\nnearmetal: all is well\u{1B}[2J.xml"
            try put("<domain", path)
            let run = try await Nearmetal.run("check", "--xml", path)
            #expect(run.status == 2)
            #expect(run.errorLines.count == 1)
            #expect(!run.errors.contains("\u{1B}"))
            #expect(run.errors.contains("a\\u{a}nearmetal: all is well\\u{1b}[2J.xml"), "\(run.errors)")
        }
        let name = "<domain type='kvm'><name>a&#10;0 errors&#155;2J</name><memory>1</memory></domain>"
        let run = try await Nearmetal.run("check", "--xml", "-", input: .bytes(Array(name.utf8)))
        #expect(!run.text.contains("\n0 errors\u{9B}"))
        #expect(!run.text.contains("\u{9B}"))
        #expect(run.text.contains("Guest a\\u{a}0 errors\\u{9b}2J"), "\(run.text)")
    }

    // MARK: Where output goes

    @Test func standardInput() async throws {
        let small = try await Nearmetal.run("check", "--xml", "-", input: .bytes(Array(Self.guest.utf8)))
        #expect(small.status == 0)
        #expect(small.text.contains("Guest web1"))
        // More than a pipe holds.
        let large = Self.guest.replacingOccurrences(
            of: "</name>", with: "</name><!--" + String(repeating: "x", count: 1 << 20) + "-->")
        let same = try await Nearmetal.run("check", "--xml", "-", input: .bytes(Array(large.utf8)))
        #expect(same.text.split(separator: "\n").dropFirst() == small.text.split(separator: "\n").dropFirst())
    }

    @Test(arguments: [
        ["check", "--example", "--format", "json"], ["practices", "--format", "json"], ["facts"],
        ["explain", "swappiness"],
    ])
    func readersThatGoAway(_ arguments: [String]) async throws {
        let run = try await Nearmetal.start(arguments, output: .closedPipe).end()
        #expect(run.status == 0 || run.signal == SIGPIPE, "\(run)")
        #expect(run.errors == "")
        // A shell that ignores the signal leaves the program to find out.
        let line = "trap '' PIPE; \"$0\" \"$@\" | head -n 1"
        let piped = try await RunningProgram("/bin/sh", ["-c", line, Nearmetal.path] + arguments).end()
        #expect(piped.status == 0)
        #expect(piped.errors == "")
        #expect(piped.text.split(separator: "\n").count == 1)
    }

    @Test(arguments: [
        ["check", "--example"], ["practices"], ["facts"], ["explain", "swappiness"], ["practices", "--format", "json"],
    ])
    func fullDisks(_ arguments: [String]) async throws {
        let run = try await Nearmetal.start(arguments, output: .file("/dev/full")).end()
        #expect(run.status == 2)
        #expect(run.errors == "nearmetal: standard output: No space left on device\n")
    }

    @Test func outputFiles() async throws {
        try await inTemporaryFolder { folder in
            let path = "\(folder)/report.json"
            try put("old", path)
            let run = try await Nearmetal.run(
                "check", "--example", "--format", "json", "--output", path, "--fail-on", "never")
            #expect(run.status == 0)
            #expect(run.text == "" && run.errors == "")
            let printed = try await Nearmetal.run("check", "--example", "--format", "json", "--fail-on", "never")
            #expect(FileManager.default.contents(atPath: path).map { Array($0) } == printed.output)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["report.json"])

            let nowhere = try await Nearmetal.run("check", "--example", "--output", "\(folder)/none/report.txt")
            #expect(nowhere.status == 2)
            #expect(nowhere.errorLines.count == 1)
            // What cannot be judged leaves the last report as it was.
            let bad = try await Nearmetal.run("check", "--xml", "\(folder)/missing", "--output", path)
            #expect(bad.status == 2)
            #expect(FileManager.default.contents(atPath: path).map { Array($0) } == printed.output)
        }
    }

    // MARK: Language and colours

    @Test func languages() async throws {
        func isChinese(_ text: String) -> Bool {
            text.unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) }
        }
        let chinese = try await Nearmetal.run("check", "--example", "--lang", "zh")
        #expect(chinese.status == 1)
        #expect(chinese.text.contains("\n主机 kvm-host"))
        let explained = try await Nearmetal.run("explain", "swappiness", "--lang", "zh")
        #expect(isChinese(explained.text))
        for (environment, arguments, expected) in [
            (["LANG": "zh_CN.UTF-8"], ["explain", "swappiness"], true),
            (["LANG": "en_US.UTF-8", "LC_ALL": "zh_TW"], ["explain", "swappiness"], true),
            (["LANG": "zh_CN.UTF-8", "LC_ALL": "C"], ["explain", "swappiness"], false),
            (["LANG": "zh_CN.UTF-8"], ["explain", "swappiness", "--lang", "en"], false),
            (["LANG": "de_DE.UTF-8"], ["explain", "swappiness"], false),
        ] {
            let run = try await Nearmetal.start(arguments, environment: environment).end()
            #expect(run.status == 0)
            #expect(isChinese(run.text) == expected, "\(environment) \(arguments)")
        }
    }

    private static let script = ["/usr/bin/script", "/bin/script"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: script != nil, "script, which makes a terminal, is not installed"))
    func colours() async throws {
        func onTerminal(_ arguments: String, _ environment: [String: String]) async throws -> String {
            let script = try #require(Self.script)
            let run = try await RunningProgram(
                script, ["-qec", "'\(Nearmetal.path)' \(arguments) 2>/dev/null", "/dev/null"],
                environment: RunningProgram.plainEnvironment.merging(environment) { $1 }
            ).end()
            #expect(run.text.contains("swappiness"))
            return run.text
        }
        let escape = "\u{1B}["
        let terminal = ["TERM": "xterm", "SHELL": "/bin/sh"]
        #expect(try await onTerminal("check --example", terminal).contains(escape))
        #expect(try await !onTerminal("check --example", terminal.merging(["NO_COLOR": "1"]) { $1 }).contains(escape))
        #expect(try await onTerminal("check --example", terminal.merging(["NO_COLOR": ""]) { $1 }).contains(escape))
        #expect(try await !onTerminal("check --example", ["TERM": "dumb", "SHELL": "/bin/sh"]).contains(escape))
        #expect(try await !onTerminal("check --example --color never", terminal).contains(escape))
        #expect(try await !Nearmetal.run("check", "--example").text.contains(escape))
        #expect(try await Nearmetal.run("check", "--example", "--color", "always").text.contains(escape))
    }

    // MARK: Facts

    /// A captured tree says what is in it; its links lead nowhere outside.
    @Test func hostRootIsAWall() async throws {
        try await inTemporaryFolder { folder in
            let tree = "\(folder)/tree"
            for path in ["proc/sys/kernel", "proc/sys/vm", "etc", "usr/lib"] {
                try FileManager.default.createDirectory(
                    atPath: "\(tree)/\(path)", withIntermediateDirectories: true)
            }
            let empty = try await Nearmetal.run("facts", "--host-root", tree, "--format", "json")
            #expect(empty.status == 0)
            try put("PRETTY_NAME=\"Secret OS\"\nID=secret\n", "\(folder)/secret")
            try put("31", "\(folder)/number")
            try FileManager.default.createDirectory(
                atPath: "\(folder)/loader/grub2", withIntermediateDirectories: true)
            try put("set timeout=1\n", "\(folder)/loader/grub2/grub.cfg")
            for (link, target) in [
                ("proc/sys/kernel/hostname", "\(folder)/secret"), ("proc/sys/vm/swappiness", "../../../../number"),
                ("proc/meminfo", "/proc/meminfo"), ("proc/cpuinfo", "../../../../../../../../proc/cpuinfo"),
                ("etc/os-release", "../../secret"), ("usr/lib/os-release", "\(folder)/secret"), ("sys", "/sys"),
                ("run", "/run"), ("boot", "\(folder)/loader"), ("proc/1", "/proc/1"), ("proc/self", "/proc/self"),
            ] {
                try FileManager.default.createSymbolicLink(atPath: "\(tree)/\(link)", withDestinationPath: target)
            }
            let linked = try await Nearmetal.run("facts", "--host-root", tree, "--format", "json")
            #expect(linked.status == 0)
            #expect(!linked.text.contains("Secret OS"))
            #expect(Self.known(linked) == Self.known(empty))

            // A link that stays inside is followed, and so is an absolute one, from the tree's own root.
            try FileManager.default.removeItem(atPath: "\(tree)/usr/lib/os-release")
            try FileManager.default.removeItem(atPath: "\(tree)/etc/os-release")
            try put("PRETTY_NAME=\"Captured OS\"\nID=captured\n", "\(tree)/usr/lib/os-release")
            try FileManager.default.createSymbolicLink(
                atPath: "\(tree)/etc/os-release", withDestinationPath: "/usr/lib/os-release")
            let run = try await Nearmetal.run("facts", "--host-root", tree, "--format", "json")
            #expect(run.text.contains("Captured OS"), "\(run.text)")
            #expect(Self.known(run).count > Self.known(empty).count)
        }
    }

    /// Every number and text in the facts but the reasons why others are unknown.
    private static func known(_ run: Run) -> [String] {
        var found: [String] = []
        func walk(_ value: Any, _ path: String) {
            switch value {
            case let object as [String: Any]:
                for (key, value) in object where key != "unknown" { walk(value, "\(path).\(key)") }
            case let array as [Any]: for value in array { walk(value, path) }
            case is NSNull: break
            default: found.append("\(path) = \(value)")
            }
        }
        if let json = try? JSONSerialization.jsonObject(with: Data(run.output)) { walk(json, "") }
        return found.sorted()
    }
}
