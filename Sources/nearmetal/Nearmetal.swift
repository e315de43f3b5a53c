import ArgumentParser
import Glibc

/// The command.
@main
struct Nearmetal: AsyncParsableCommand {
    // Names are written out here and in each command: made from the types' names they take a millisecond of every start.
    static let configuration = CommandConfiguration(
        commandName: "nearmetal",
        abstract: "SUSE's Virtualization Best Practices guide, executed: audit a KVM host and its guests.",
        discussion: """
            Examples:
              nearmetal check                       this host, and the guests libvirt knows
              nearmetal check --xml web1.xml        one definition, no libvirt needed
              nearmetal check --after-reboot        would every guest start if the host rebooted now?
              nearmetal explain huge-pages-guest    a rule, its reason and what it costs
            """,
        version: Version.text,
        subcommands: [
            Check.self, MakePlan.self, Apply.self, Rollback.self, History.self, Show.self, Verify.self, Recover.self,
            MakeBackup.self, Restore.self, Facts.self, Explain.self,
            ListPractices.self, XML.self, GuestCommands.self, ImageCommands.self,
        ], defaultSubcommand: nil)

    /// Runs what the command line says; under the name qemu-img that is an image command, and ends as qemu-img does.
    static func main() async {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let isQemuImg = ImageStatus.isQemuImg
        if isQemuImg { arguments.insert("image", at: 0) }
        do {
            var parsed = try parsed(arguments)
            if var parsed = parsed as? any AsyncParsableCommand { try await parsed.run() } else { try parsed.run() }
        } catch {
            guard isQemuImg, exitCode(for: error) == .validationFailure else { exit(withError: error) }
            var message = message(for: error)
            if message.contains("for '--output <form>'") {
                message = "--output must be used with human or json as argument."
            }
            say("qemu-img: \(message)")
            Glibc.exit(1)
        }
    }

    /// The command, where it is one of those that are read without ArgumentParser.
    private static func plain(_ arguments: [String]) -> (any PlainImageCommand)? {
        guard arguments.count > 1, arguments[0] == "image" else { return nil }
        let rest = arguments[2...]
        switch arguments[1] {
        case "info": return ImageInfoCommand(plainly: rest)
        case "check": return ImageCheckCommand(plainly: rest)
        case "map": return ImageMapCommand(plainly: rest)
        default: return nil
        }
    }

    /// The command that is named, with its own arguments: to look at all the others takes longer than some of them run.
    ///
    /// Where anything is wrong, or help is wanted, all are looked at.
    private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
        if let plain = plain(arguments) { return plain }
        var command: any ParsableCommand.Type = self
        var rest = arguments[...]
        while let name = rest.first,
            let next = command.configuration.subcommands.first(where: { $0.configuration.commandName == name })
        {
            command = next
            rest = rest.dropFirst()
        }
        guard command != self, command.configuration.subcommands.isEmpty,
            let parsed = try? command.parseAsRoot(Array(rest))
        else { return try parseAsRoot(arguments) }
        return parsed
    }
}

/// The version of the tool.
enum Version {
    /// As `--version` prints it.
    static let text = "0.1.0"
}
