import ArgumentParser
import Libvirt
import Quantities
import Transactions

/// Options of the commands that start and stop guests.
struct PowerOptions: ParsableArguments {
    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Argument(help: ArgumentHelp("Guests.", valueName: "guest"), completion: GuestNames.completion)
    var guests: [String]

    @OptionGroup var display: OutputOptions

    /// Does something to each guest in turn, and tells of it; all are known before any is touched.
    ///
    /// - Throws: status 2 where a guest is not known, status 1 where it was not done to each.
    func each(_ act: (Connection, String, Progress) async throws -> (isDone: Bool, words: Text)) async throws {
        let progress = Progress(language: display.language)
        var isWhole = true
        do {
            let connection = Connection(uri: connect ?? "qemu:///system")
            try await connection.open()
            for guest in guests {
                guard try await connection.knows(guest) else {
                    throw Failure("there is no guest \"\(guest.prefix(80))\"")
                }
            }
            for guest in guests {
                let outcome = try await act(connection, guest, progress)
                progress.finish()
                let line = "\(guest): \(outcome.words[display.language])"
                if outcome.isDone { try print(line: line) } else { say("nearmetal: \(line)") }
                isWhole = isWhole && outcome.isDone
            }
        } catch {
            progress.finish()
            throw failing(error)
        }
        guard isWhole else { throw ExitCode(1) }
    }
}

/// Options of the commands that stop guests.
struct StopOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("How long a guest may take; it goes on running if it does not end.", valueName: "seconds"))
    var timeout = 120

    @Flag(help: "Cut the power of a guest that does not shut down in time.")
    var destroy = false

    func validate() throws {
        guard timeout > 0 else { throw ValidationError("--timeout: a number of seconds from 1 is needed") }
    }

    /// Shuts a guest down in order; why it runs still, or `nil`.
    func stop(_ guest: String, _ connection: Connection, _ progress: Progress) async -> String? {
        await GuestRestart(connection, limit: timeout, cutsPower: destroy).shutDown(guest) { seconds in
            progress.say(Text("\(guest): shutting down, \(seconds) s", "\(guest):正在关闭,\(seconds) 秒"))
        }
    }
}

/// `nearmetal guest start`.
struct GuestStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start guests.",
        discussion: """
            Examples:
              nearmetal guest start web1 web2

            Exit status: 0 all run, 1 one does not, 2 it could not run.
            """)

    @OptionGroup var options: PowerOptions

    func run() async throws {
        try await options.each { connection, guest, progress in
            guard try await !connection.isActive(guest) else { return (true, Text("runs already", "已在运行")) }
            progress.say(Text("\(guest): starting", "\(guest):正在启动"))
            let why = await GuestRestart(connection, limit: 1, cutsPower: false).start(guest)
            return why.map { (false, Text("does not start: \($0)", "无法启动:\($0)")) } ?? (true, Text("started", "已启动"))
        }
    }
}

/// `nearmetal guest stop`.
struct GuestStop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Shut guests down in order.",
        discussion: """
            Each is asked by its agent or by ACPI, and waited for. None loses its power, unless --destroy says so.

            Examples:
              nearmetal guest stop web1
              nearmetal guest stop web1 --timeout 30 --destroy

            Exit status: 0 all are off, 1 one still runs, 2 it could not run.
            """)

    @OptionGroup var stopping: StopOptions
    @OptionGroup var options: PowerOptions

    func run() async throws {
        try await options.each { connection, guest, progress in
            guard try await connection.isActive(guest) else { return (true, Text("is off already", "已关闭")) }
            let why = await stopping.stop(guest, connection, progress)
            return why.map { (false, Text("still runs: \($0)", "仍在运行:\($0)")) } ?? (true, Text("is off", "已关闭"))
        }
    }
}

/// `nearmetal guest restart`.
struct GuestRestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Shut guests down in order and start them, one at a time.",
        discussion: """
            A guest starts with its definition as it is now, which a reboot from within does not.

            Examples:
              nearmetal guest restart web1

            Exit status: 0 all run anew, 1 one does not, 2 it could not run.
            """)

    @OptionGroup var stopping: StopOptions
    @OptionGroup var options: PowerOptions

    func run() async throws {
        try await options.each { connection, guest, progress in
            if let why = await stopping.stop(guest, connection, progress) {
                return (false, Text("goes on running as it was: \(why)", "仍按原样运行:\(why)"))
            }
            let why = await GuestRestart(connection, limit: 1, cutsPower: false).start(guest)
            return why.map { (false, Text("is off, and does not start: \($0)", "已关闭且无法启动:\($0)")) }
                ?? (true, Text("restarted", "已重启"))
        }
    }
}
