import ArgumentParser
import Planning

/// `nearmetal guest convert`.
struct GuestConvert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Move a guest from Spice to VNC, or from i440fx to q35, from its next start.",
        discussion: """
            What the guest will notice is told.

            Examples:
              nearmetal guest convert desk1 --to-vnc
              nearmetal guest convert old1 --to-q35 --dry-run
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Flag(help: "VNC instead of Spice, and what came with Spice taken out.")
    var toVnc = false

    @Flag(help: "The q35 board instead of i440fx.")
    var toQ35 = false

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard toVnc != toQ35 else { throw ValidationError("Say what to: --to-vnc or --to-q35") }
    }

    func run() async throws {
        try await options.carryOut(toVnc ? ConvertToVNC() : ConvertToQ35(), on: guest)
    }
}
