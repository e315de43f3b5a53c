import ArgumentParser
import Inventory
import Planning

/// `nearmetal guest set cpu-model`.
struct GuestSetCPUModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cpu-model", abstract: "Give a guest another CPU, from its next start.",
        discussion: """
            Examples:
              nearmetal guest set cpu-model web1 host-model
              nearmetal guest set cpu-model web1 EPYC-Rome --feature -svm --feature +pcid
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("host-passthrough, host-model, maximum or a model's name.", valueName: "model"))
    var model: String

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A feature more or less: +name, -name; may be given again.", valueName: "feature"))
    var feature: [String] = []

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard Self.isName(model) else { throw ValidationError("\"\(model.prefix(64))\" is no CPU model") }
        _ = try features()
    }

    private func features() throws -> [SetCPUModel.Feature] {
        try feature.map { text in
            let sign = text.first
            let name = sign == "+" || sign == "-" ? String(text.dropFirst()) : text
            guard Self.isName(name) else {
                throw ValidationError("--feature \"\(text.prefix(64))\": write +name or -name")
            }
            return SetCPUModel.Feature(name: name, policy: sign == "-" ? "disable" : "require")
        }
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || $0.properties.numericType != nil
                        || "-_.".unicodeScalars.contains($0))
            }
    }

    func run() async throws { try await options.carryOut(SetCPUModel(model, try features()), on: guest) }
}

/// `nearmetal guest set machine`.
struct GuestSetMachine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "Give a guest another version of its machine type, from its next start.",
        discussion: """
            Examples:
              nearmetal guest set machine web1 q35
              nearmetal guest set machine web1 pc-q35-7.2
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("A machine type of its board; q35 and pc stand for the newest.", valueName: "type"))
    var type: String

    @OptionGroup var options: OperationOptions

    func run() async throws { try await options.carryOut(SetMachine(type), on: guest) }
}

/// `nearmetal guest set workload`.
struct GuestSetWorkload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workload", abstract: "Note in a guest's definition what it is for.",
        discussion: """
            Advice depends on it. A rule in nearmetal.yaml comes after what the definition says.

            Examples:
              nearmetal guest set workload db1 database
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(
        help: ArgumentHelp(
            "general, database, latency, compute, storage, web, homogeneous or single-threaded.", valueName: "workload")
    )
    var workload: Workload

    @OptionGroup var options: OperationOptions

    func run() async throws { try await options.carryOut(SetWorkload(workload), on: guest) }
}

/// `nearmetal guest set keymap`.
struct GuestSetKeymap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keymap", abstract: "Set or take away the keyboard layout of a guest's displays.",
        discussion: """
            None is best: clients then send the keys themselves.

            Examples:
              nearmetal guest set keymap desk1 none
              nearmetal guest set keymap desk1 de
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("A layout of QEMU's, as en-us, or none.", valueName: "keymap"))
    var keymap: String

    @OptionGroup var options: OperationOptions

    func validate() throws {
        let isName =
            (1...16).contains(keymap.utf8.count)
            && keymap.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x2D }
        guard isName else { throw ValidationError("\"\(keymap.prefix(64))\" is no layout: write en-us, de, or none") }
    }

    func run() async throws { try await options.carryOut(SetKeymap(keymap == "none" ? nil : keymap), on: guest) }
}
