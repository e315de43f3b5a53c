import ArgumentParser
import Planning
import Quantities

/// `nearmetal guest set`.
struct GuestSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change what a guest has, now and at its next start.",
        discussion: """
            Examples:
              nearmetal guest set vcpus web1 4
              nearmetal guest set memory web1 2GiB
            """,
        subcommands: [
            GuestSetVCPUs.self,
            GuestSetMemory.self,
            GuestSetMaxMemory.self,
            GuestSetMemtune.self,
            GuestSetNUMATune.self,
            GuestSetCPUModel.self,
            GuestSetMachine.self,
            GuestSetWorkload.self,
            GuestSetKeymap.self,
        ])
}

/// `nearmetal guest set vcpus`.
struct GuestSetVCPUs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vcpus", abstract: "Change the number of a guest's vCPUs.",
        discussion: """
            A vCPU that is plugged in is taken into use by the guest's agent; one that is unplugged is taken offline inside first. More than
            the running guest's maximum holds after its next start.

            Examples:
              nearmetal guest set vcpus web1 4
              nearmetal guest set vcpus web1 2 --maximum 8 --config
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("vCPUs in use, from 1.", valueName: "count"))
    var count: Int

    @Option(help: ArgumentHelp("How many it may grow to; holds after its next start.", valueName: "count"))
    var maximum: Int?

    @OptionGroup var options: OperationOptions

    func run() async throws { try await options.carryOut(SetVCPUs(count, maximum: maximum), on: guest) }
}

/// `nearmetal guest set memory`.
struct GuestSetMemory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Change what the balloon leaves a guest.",
        discussion: """
            The running guest gives pages back, or takes them; that is waited for.

            Examples:
              nearmetal guest set memory web1 2GiB
              nearmetal guest set memory web1 1536MiB --live
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("How much, with its unit: 2GiB, 512M.", valueName: "size"))
    var size: String

    @OptionGroup var options: OperationOptions

    func validate() throws { _ = try Size.required(size) }

    func run() async throws { try await options.carryOut(SetMemory(try Size.required(size)), on: guest) }
}
