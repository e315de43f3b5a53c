import ArgumentParser
import Quantities

/// `nearmetal guest autostart`.
struct GuestAutostart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autostart", abstract: "Have guests start with the host, or not.",
        discussion: """
            Examples:
              nearmetal guest autostart web1 web2
              nearmetal guest autostart web1 --disable

            Exit status: 0 it is so for all, 2 it could not run.
            """)

    @Flag(help: "Have them not start with the host.")
    var disable = false

    @OptionGroup var options: PowerOptions

    func run() async throws {
        try await options.each { connection, guest, _ in
            if try await connection.isAutostart(guest) == !disable {
                return (
                    true,
                    disable
                        ? Text("does not start with the host already", "本就不随主机启动")
                        : Text("starts with the host already", "本就随主机启动")
                )
            }
            try await connection.setAutostart(!disable, of: guest)
            return (
                true,
                disable
                    ? Text("does not start with the host any more", "不再随主机启动") : Text("starts with the host", "将随主机启动")
            )
        }
    }
}
