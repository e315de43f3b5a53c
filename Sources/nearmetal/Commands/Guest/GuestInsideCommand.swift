import ArgumentParser
import Inventory
import Quantities
import Reports
import Survey

/// `nearmetal guest inside`.
struct GuestInsideCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inside", abstract: "Ask a guest's agent how it looks inside.",
        discussion: """
            Kernel, random numbers, I/O schedulers, drivers of virtio devices, services. `nearmetal check --inside` judges them.

            Examples:
              nearmetal guest inside web1
              nearmetal guest inside web1 --format json

            Exit status: 0 it answered, 2 it did not.
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func run() async throws {
        let progress = Progress(language: display.language)
        let inside: InsideFacts
        do {
            let uri = connect ?? "qemu:///system"
            progress.say(Text("\(guest): asking its agent", "\(guest):正在查询其 agent"))
            switch try await GuestInside.read(guest, uri: uri) {
            case .known(let value): inside = value
            case .unknown(let reason):
                let remedy = reason.remedy.map { ". \($0[display.language])" } ?? ""
                throw Failure("guest \(guest): \(reason.why[display.language])\(remedy)")
            }
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        switch format {
        case .text: try print(InsideReport.text(guest, inside, display.style(), display.language))
        case .json: try print(InsideReport.json(guest, inside))
        }
    }
}
