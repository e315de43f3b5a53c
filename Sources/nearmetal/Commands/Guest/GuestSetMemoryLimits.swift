import ArgumentParser
import Changes
import Planning
import Quantities

/// `nearmetal guest set max-memory`.
struct GuestSetMaxMemory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "max-memory", abstract: "Say how far a guest may grow by memory that is plugged in.",
        discussion: """
            It holds from the guest's next start; a NUMA cell is made where it has none, since memory is plugged into one.

            Examples:
              nearmetal guest set max-memory db1 64GiB --slots 16
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("All it may reach, with its unit: 64GiB.", valueName: "size"))
    var size: String

    @Option(help: ArgumentHelp("Slots for DIMMs.", valueName: "count"))
    var slots = 16

    @OptionGroup var options: OperationOptions

    func validate() throws { _ = try Size.required(size) }

    func run() async throws {
        try await options.carryOut(SetMaxMemory(try Size.required(size), slots: slots), on: guest)
    }
}

/// `nearmetal guest set memtune`.
struct GuestSetMemtune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memtune", abstract: "Limit what a guest's processes may take of memory and swap.",
        discussion: """
            The order of the limits is checked, and that the guest fits into them; -1 or unlimited takes one away.

            Examples:
              nearmetal guest set memtune web1 --soft-limit 2GiB
              nearmetal guest set memtune web1 --hard-limit 6GiB --swap-hard-limit 8GiB
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(parsing: .unconditional, help: ArgumentHelp("Of memory.", valueName: "size"))
    var hardLimit: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Of memory, while others want it.", valueName: "size"))
    var softLimit: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Of memory and swap.", valueName: "size"))
    var swapHardLimit: String?

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard try !limits().isEmpty else {
            throw ValidationError("Say which limit: --hard-limit, --soft-limit or --swap-hard-limit")
        }
    }

    private func limits() throws -> [MemoryLimit: ByteCount?] {
        var limits: [MemoryLimit: ByteCount?] = [:]
        for (kind, text) in [(MemoryLimit.hard, hardLimit), (.soft, softLimit), (.swapHard, swapHardLimit)] {
            guard let text else { continue }
            limits.updateValue(["-1", "unlimited"].contains(text) ? nil : try Size.required(text), forKey: kind)
        }
        return limits
    }

    func run() async throws { try await options.carryOut(SetMemtune(try limits()), on: guest) }
}

/// `nearmetal guest set numatune`.
struct GuestSetNUMATune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "numatune", abstract: "Bind a guest's memory to nodes of the host.",
        discussion: """
            The memory of a running guest is moved there, which takes its time.

            Examples:
              nearmetal guest set numatune db1 1
              nearmetal guest set numatune web1 0-1 --mode interleave
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("Nodes, as libvirt writes sets: 0-1,3.", valueName: "nodes"))
    var nodes: String

    @Option(help: ArgumentHelp("strict, interleave, preferred or restrictive.", valueName: "mode"))
    var mode: SetNUMATune.Mode = .strict

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard let set = NodeSet(libvirt: nodes), !set.isEmpty else {
            throw ValidationError("\"\(nodes.prefix(64))\" is no list of nodes: write 0, 0-1 or 0,2")
        }
    }

    func run() async throws {
        try await options.carryOut(SetNUMATune(NodeSet(libvirt: nodes) ?? [], mode), on: guest)
    }
}
