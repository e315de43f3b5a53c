import Foundation
import Quantities
import Testing
import ToolRunning

/// Guests' command lines, displays and starts with the host.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct GuestNativeTests {
    private let daemon: PrivateDaemon

    init() throws { daemon = try #require(PrivateDaemon.current) }

    private func guest(_ words: String...) async throws -> Run {
        try await Nearmetal.start(["guest"] + words + ["--connect", daemon.uri]).end(within: 240)
    }

    private struct Command: Decodable {
        var argv: [String]
        var environment: [String: String]
        var notes: [String]
    }

    private func definition(_ name: String, _ source: String, _ devices: String = "") -> String {
        """
        <domain type='qemu'><name>\(name)</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
        <os><type arch='x86_64' machine='q35'>hvm</type><kernel>\(source)/vmlinuz</kernel><initrd>\(source)/initrd</initrd>
        <cmdline>console=ttyS0 panic=-1</cmdline></os><features><acpi/></features>
        <devices><serial type='pty'/>\(devices)</devices></domain>
        """
    }

    /// Only what libvirt makes itself is made here: folders, the key; then the monitor is told to go on.
    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(5)))
    func argumentsOfADefinedGuestStartByHand() async throws {
        let source = try TinyGuest.kernel(on: daemon)
        try await daemon.virsh("define", daemon.write(definition("byhand", source), as: "byhand"))
        let run = try await guest("argv", "byhand", "--format", "json", "--as-libvirt")
        #expect(run.status == 0, "\(run.errors)")
        let command = try JSONDecoder().decode(Command.self, from: Data(run.text.utf8))
        #expect(command.notes.contains { $0.hasPrefix("-S") }, "\(command.notes)")
        let folders = try #require(command.notes.first { $0.hasPrefix("folders that have to be there: ") })
        for folder in folders.split(separator: " ") where folder.hasPrefix("/") {
            try FileManager.default.createDirectory(atPath: String(folder), withIntermediateDirectories: true)
        }
        for note in command.notes {
            guard note.contains("32 random bytes"), let file = note.split(separator: ":").first else { continue }
            try Data((0..<32).map { _ in UInt8.random(in: 0...255) }).write(to: URL(filePath: String(file)))
        }
        let said = "\(daemon.folder)/byhand.log"
        let qemu = try RunningProgram(
            "/bin/sh", ["-c", "exec \"$@\" 2>&1", "sh"] + command.argv, environment: command.environment,
            output: .file(
                try {
                    try put("", said); return said
                }()))
        func words() -> String { (try? String(contentsOfFile: said, encoding: .utf8)) ?? "" }
        var terminal: String?
        for _ in 0..<300 where terminal == nil {
            terminal = words().firstMatch(of: /\/dev\/pts\/[0-9]+/).map { String($0.0) }
            try await Task.sleep(for: .milliseconds(100))
        }
        var seen = ""
        if let terminal {
            let line = open(terminal, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
            defer { close(line) }
            let path = try #require(command.argv.firstMatch(after: "path=", suffix: "monitor.sock"))
            let monitor = try Self.connect(path)
            defer { close(monitor) }
            let order = Array("{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"cont\"}\n".utf8)
            #expect(write(monitor, order, order.count) == order.count)
            var chunk = [UInt8](repeating: 0, count: 4_096)
            for _ in 0..<1_200 where !seen.contains("Run /init") {
                let count = read(line, &chunk, chunk.count)
                if count > 0 { seen += String(decoding: chunk[..<count], as: UTF8.self) }
                if count <= 0 { try await Task.sleep(for: .milliseconds(50)) }
            }
        }
        kill(qemu.id, SIGKILL)
        _ = await qemu.end(within: 10)
        #expect(seen.contains("Linux version") && seen.contains("Run /init"), "\(words()) \(seen.suffix(500))")
    }

    private static func connect(_ path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw RunFailure("\(path): \(String(cString: strerror(errno)))") }
        return descriptor
    }

    @Test(.timeLimit(.minutes(5))) func filesNeedNoDaemon() async throws {
        let file = try daemon.write(definition("filed", "/no/such"), as: "filed")
        try await inTemporaryFolder { folder in
            let run = try await Nearmetal.run(
                "guest", "argv", file, "--pretty", environment: ["TMPDIR": folder], within: 240)
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                run.text.contains("-append 'console=ttyS0 panic=-1'") && run.text.contains(" \\\n-m "), "\(run.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(5))) func guestsStartWithTheHostOrNot() async throws {
        try await daemon.virsh("define", daemon.write(definition("early", "/no/such"), as: "early"))
        func isAutostart() async throws -> Bool {
            try await daemon.virsh("dominfo", "early").contains(/Autostart: +enable/)
        }
        let state = "\(daemon.folder)/\(UUID().uuidString)"
        for (words, what, isOn) in [
            ([], "off → on", true), ([], "Nothing to change", true), (["--disable"], "on → off", false),
            (["--disable"], "Nothing to change", false),
        ] as [([String], String, Bool)] {
            let run = try await Nearmetal.start(
                ["guest", "autostart", "early", "--connect", daemon.uri, "--state-dir", state, "--yes"] + words
            ).end()
            #expect(run.status == 0 && run.text.contains(what), "\(run.text) \(run.errors)")
            #expect(try await isAutostart() == isOn)
        }
        let back = try await Nearmetal.start(["rollback", "2", "--yes", "--state-dir", state]).end(within: 60)
        #expect(back.status == 0, "\(back.errors)")
        #expect(try await isAutostart())
        let unknown = try await Nearmetal.start([
            "guest", "autostart", "early", "nobody", "--disable", "--connect", daemon.uri, "--state-dir", state,
            "--yes",
        ]).end()
        #expect(
            unknown.status == 2 && unknown.errors == "nearmetal: there is no guest \"nobody\"\n", "\(unknown.errors)")
        #expect(try await isAutostart(), "none is changed where one is not known")
    }

    @Test(.timeLimit(.minutes(5))) func displaysAreVirshs() async throws {
        let devices =
            "<graphics type='vnc' port='5977' listen='127.0.0.1' passwd='geheim'/><video><model type='vga'/></video>"
        let plain = definition("shown", "x", devices)
            .replacing(/<kernel>.*<\/cmdline>/.dotMatchesNewlines(), with: "")
        try await daemon.virsh("define", daemon.write(plain, as: "shown"))
        let off = try await guest("display", "shown")
        #expect(off.status == 1 && off.errorLines.count == 1 && off.errors.contains("does not run"), "\(off.errors)")
        try await daemon.virsh("start", "shown")
        let run = try await guest("display", "shown", "--all")
        let virsh = try await daemon.virsh("domdisplay", "shown", "--all")
        #expect(run.status == 0 && !run.text.isEmpty, "\(run.errors)")
        #expect(run.text.split(separator: "\n") == virsh.split(separator: "\n"), "\(run.text) \(virsh)")
        let json = try await guest("display", "shown", "--format", "json")
        #expect(json.text.contains("\"vnc\"") && !json.text.contains("geheim"))
        #expect(try await guest("display", "shown", "--type", "spice").status == 1)
        try await daemon.virsh("destroy", "shown")
    }

    /// In a terminal that `script` makes, the escape character is typed.
    @Test(.enabled(if: PrivateDaemon.find("script") != nil, "script is not installed"), .timeLimit(.minutes(5)))
    func consoleConnectsAndIsLeft() async throws {
        // A name that is a number is not the number of another guest.
        let plain = definition("777", "x").replacing(/<kernel>.*<\/cmdline>/.dotMatchesNewlines(), with: "")
        try await daemon.virsh("define", daemon.write(plain, as: "console"))
        let script = try #require(PrivateDaemon.find("script"))
        func inTerminal(_ words: String..., name: String = "777") async throws -> Run {
            let line = ([Nearmetal.path, "guest", "console", name, "--connect", daemon.uri] + words)
                .map(\.shellWord).joined(separator: " ")
            // Typed once it is there, not before the terminal is in order.
            return try await RunningProgram(
                "/bin/sh",
                ["-c", "(sleep 3; printf '\\035'; sleep 1) | \"$1\" -qec \"$2\" /dev/null", "sh", script, line]
            ).end(within: 40)
        }
        let off = try await inTerminal()
        #expect(off.status == 1 && off.text.contains("does not run"), "\(off.text)")
        try await daemon.virsh("start", "777")
        let run = try await inTerminal()
        #expect(run.status == 0 && run.text.contains("Connected to domain '777'"), "\(run.text) \(run.errors)")
        let named = try await inTerminal("--devname", "serial0", "--force")
        #expect(named.status == 0 && named.text.contains("Connected to domain '777'"), "\(named.text)")
        let other = try await inTerminal("--devname", "serial9")
        #expect(other.status == 2 && other.text.contains("there are serial0"), "\(other.text)")
        for name in ["nobody", "a'b\"c", "a\nb", "1", String(repeating: "x", count: 10_000)] {
            let wrong = try await inTerminal(name: name)
            #expect(wrong.status == 2 && wrong.text.contains("there is no guest"), "\(wrong.text.prefix(300))")
            #expect(wrong.text.split(whereSeparator: \.isNewline).count == 1, "\(wrong.text.prefix(300))")
        }
        let piped = try await guest("console", "777")
        #expect(piped.status == 2 && piped.errors.contains("needs a terminal") && piped.errorLines.count == 1)
        try await daemon.virsh("destroy", "777")
    }

    @Test(.timeLimit(.minutes(5))) func wrongWordsChangeNothing() async throws {
        let broken = try daemon.write("<domain", as: "broken")
        let other = try daemon.write("<network/>", as: "other")
        let noMemory = try daemon.write("<domain type='qemu'><name>n</name></domain>", as: "nomemory")
        let before = try await daemon.virsh("list", "--all", "--name")
        for verb in ["argv", "autostart", "display"] {
            for name in ["nobody", "a'b\"c", "a\nb", String(repeating: "x", count: 10_000), ""] {
                let run = try await guest(verb, name)
                #expect(run.status == 2 && run.output.isEmpty, "\(verb) \(name.prefix(20)): \(run.errors.prefix(300))")
                #expect(
                    run.errorLines.count == 1 && run.errors.contains("there is no guest"), "\(run.errors.prefix(300))")
                #expect(run.errors.utf8.count < 400)
            }
        }
        for file in ["/no/such.xml", "/tmp", broken, other, noMemory, "/" + String(repeating: "x", count: 10_000)] {
            let run = try await guest("argv", file)
            #expect(run.status == 2 && run.output.isEmpty, "\(file.prefix(40)): \(run.errors.prefix(300))")
            #expect(run.errorLines.count == 1, "\(run.errors.prefix(300))")
        }
        #expect(try await daemon.virsh("list", "--all", "--name") == before)
    }
}

extension [String] {
    /// The value of a key in the word that ends so.
    fileprivate func firstMatch(after key: String, suffix: String) -> String? {
        for word in self {
            guard let start = word.firstRange(of: key), let end = word.firstRange(of: suffix) else { continue }
            return String(word[start.upperBound..<end.upperBound])
        }
        return nil
    }
}
