import ArgumentParser
import Planning

/// `nearmetal guest add memory`.
struct GuestAddMemory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Plug memory into a guest.",
        discussion: """
            Examples:
              nearmetal guest add memory db1 4GiB
              nearmetal guest add memory db1 8GiB --model virtio-mem --node 1
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("How much, in blocks of 128 MiB: 4GiB, 512M.", valueName: "size"))
    var size: String

    @Option(help: ArgumentHelp("dimm or virtio-mem.", valueName: "model"))
    var model: AddMemory.Model = .dimm

    @Option(help: ArgumentHelp("The guest's NUMA cell that gets it.", valueName: "cell"))
    var node = 0

    @OptionGroup var options: OperationOptions

    func validate() throws { _ = try Size.required(size) }

    func run() async throws {
        try await options.carryOut(AddMemory(try Size.required(size), model: model, cell: node), on: guest)
    }
}
